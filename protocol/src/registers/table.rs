//! The table itself.

use super::{Access, Register, Unit};
use crate::channel::ChannelId;

/// First address of channel 1 in map C; the next channel's is 0x20 further.
const CHANNELS: u16 = 0x0100;
/// First address of what is new of channel 1; the next channel's is 0x10 further.
const MORE: u16 = 0x0600;

/// Turns entries into an array of registers: those of the unit, or those of one channel, at a base.
macro_rules! block {
    (unit $($id:ident $name:literal $address:literal $words:literal $access:ident $unit:ident
        max $maximum:literal default $default:literal since $since:literal: $text:literal;)+) => {
        [$(Register {
            id: RegisterId::$id, address: $address, words: $words, access: Access::$access,
            unit: Unit::$unit, maximum: $maximum, default: $default, since: $since,
            #[cfg(not(target_os = "none"))]
            name: $name,
            #[cfg(not(target_os = "none"))]
            text: $text,
        },)+]
    };
    ($channel:ident $prefix:literal $base:expr, $($id:ident $name:literal $address:literal $words:literal $access:ident
        $unit:ident max $maximum:literal default $default:literal since $since:literal: $text:literal;)+) => {
        [$(Register {
            id: RegisterId::Channel(ChannelId::$channel, ChannelRegister::$id), address: $base + $address,
            words: $words, access: Access::$access,
            unit: Unit::$unit, maximum: $maximum, default: $default, since: $since,
            #[cfg(not(target_os = "none"))]
            name: concat!($prefix, $name),
            #[cfg(not(target_os = "none"))]
            text: $text,
        },)+]
    };
}

/// Declares [`RegisterId`], [`ChannelRegister`] and [`REGISTERS`] from one list, in ascending order of addresses. Those of a
/// channel are counted from its base.
macro_rules! registers {
    (
        system { $($system:tt)+ }
        channel { $($channel:tt)+ }
        unit { $($unit:tt)+ }
        more { $($more:tt)+ }
    ) => {
        ids! { unit [] $($system)+ $($unit)+ }
        ids! { channel [] $($channel)+ $($more)+ }

        const BLOCKS: [&[Register]; 10] = [
            &block!(unit $($system)+),
            &block!(One "CH1_" CHANNELS, $($channel)+),
            &block!(Two "CH2_" CHANNELS + 0x20, $($channel)+),
            &block!(Three "CH3_" CHANNELS + 0x40, $($channel)+),
            &block!(Four "CH4_" CHANNELS + 0x60, $($channel)+),
            &block!(unit $($unit)+),
            &block!(One "CH1_" MORE, $($more)+),
            &block!(Two "CH2_" MORE + 0x10, $($more)+),
            &block!(Three "CH3_" MORE + 0x20, $($more)+),
            &block!(Four "CH4_" MORE + 0x30, $($more)+),
        ];
    };
}

/// Declares the names of a list.
macro_rules! ids {
    (unit [] $($id:ident $name:literal $address:literal $words:literal $access:ident $unit:ident
        max $maximum:literal default $default:literal since $since:literal: $text:literal;)+) => {
        /// Names a register in code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RegisterId {
            $(#[doc = $text] $id,)+
            /// One of a channel's.
            Channel(ChannelId, ChannelRegister),
        }
    };
    (channel [] $($id:ident $name:literal $address:literal $words:literal $access:ident $unit:ident
        max $maximum:literal default $default:literal since $since:literal: $text:literal;)+) => {
        /// Names a register that each channel has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ChannelRegister {
            $(#[doc = $text] $id,)+
        }

        impl ChannelRegister {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$id,)+];
        }
    };
}

registers! {
    system {
        SystemStatus "SYSTEM_STATUS" 0x0000 1 ReadOnly Bits max 0x001F default 1 since 1:
            "bit 0 ok, 1 fault, 2 emergency stop, 3 communication fault, 4 over-temperature";
        ActiveCount "ACTIVE_COUNT" 0x0001 1 ReadOnly None max 4 default 0 since 1: "channels running";
        ActiveMask "ACTIVE_MASK" 0x0002 1 ReadOnly Bits max 0x000F default 0 since 1: "channels running, bit 0 = channel 1";
        WatchdogStatus "WATCHDOG_STATUS" 0x0003 1 ReadOnly Code max 1 default 1 since 1: "1 = all tasks report in time";
        CommErrors "COMM_ERRORS" 0x0004 1 ReadOnly Count max 0xFFFF default 0 since 1:
            "frames with a wrong CRC or a line error since start";
        PrevActiveMask "PREV_ACTIVE_MASK" 0x0005 1 ReadOnly Bits max 0x000F default 0 since 1:
            "channels that ran before the last shutdown";
        LastShutdownReason "LAST_SHUTDOWN_REASON" 0x0006 1 ReadOnly Code max 4 default 0 since 1:
            "0 normal, 1 watchdog, 2 power loss, 3 emergency stop, 4 fault";
        SystemUptime "SYSTEM_UPTIME" 0x0007 2 ReadOnly Seconds max 0xFFFF default 0 since 1:
            "seconds since start, low word first as map C has it";
        GlobalEnable "GLOBAL_ENABLE" 0x0010 1 ReadWrite Code max 1 default 1 since 1: "0 keeps every channel off";
        EmergencyStop "EMERGENCY_STOP" 0x0011 1 ReadWrite Code max 0xFFFF default 0 since 1:
            "any number but 0 stops every channel and keeps it off until 0 is written";
        SystemReset "SYSTEM_RESET" 0x0012 1 ReadWrite Code max 0xFFFF default 0 since 1:
            "0xA5C3 restarts the unit; reads 0, any other number is refused";
        TestStartInhibit "TEST_START_INHIBIT" 0x0013 1 ReadWrite Bits max 0x000F default 0 since 1:
            "channels that refuse to start, bit 0 = channel 1";
        GlobalAmplitude "GLOBAL_AMPLITUDE" 0x0014 1 ReadWrite Percent max 100 default 50 since 2:
            "amplitude of all four channels at once, clamped to 20-100; reads what was written last";
    }
    channel {
        StartStop "START_STOP" 0x00 1 ReadWrite Code max 1 default 0 since 2:
            "1 starts, 0 stops; reads 1 while the channel is to run. A start that is not allowed now is exception 4";
        AmplitudeSetPoint "AMPLITUDE_SP" 0x01 1 ReadWrite Percent max 100 default 50 since 2:
            "amplitude, clamped to 20-100";
        OverloadReset "OVERLOAD_RESET" 0x02 1 ReadWrite Code max 1 default 0 since 2:
            "1 gives the reset pulse to a channel that is stopped by a fault; reads 1 while the pulse lasts";
        Power "POWER" 0x10 1 ReadOnly None max 1023 default 0 since 2:
            "power as the first controller's converter gave it: counts, W = counts * 5 / 1023 / 0.00544, full at 919 W";
        Frequency "FREQ" 0x11 1 ReadOnly DecaHertz max 0xFFFF default 0 since 2:
            "frequency divided by ten; 0 when there is no signal";
        StatusFlags "STATUS_FLAGS" 0x12 1 ReadOnly Bits max 0x003F default 0 since 2:
            "bit 0 running, 1 overload, 2 frequency lock, 3 communication fault, 4 over-temperature, 5 fault";
        AmplitudeActual "AMPLITUDE_ACT" 0x13 1 ReadOnly Percent max 100 default 0 since 2:
            "amplitude that the output drives; 0 while the channel is off";
        PrevState "PREV_STATE" 0x14 1 ReadOnly Code max 6 default 0 since 2:
            "state before the last change: 0 stopped, 1 starting, 2 running, 3 stopping, 4 overload, 5 fault, 6 unknown";
        PersistedAmplitude "PERSISTED_AMPLITUDE" 0x15 1 ReadOnly Percent max 100 default 50 since 2:
            "amplitude that the channel has after a start of the unit";
        LastFaultCode "LAST_FAULT_CODE" 0x16 1 ReadOnly Code max 10 default 0 since 2:
            "why the unit last stopped the channel: 0 never, 1 communication silence, 3 overload, 4 lock lost, 5 power, 6 output stage, 9 emergency stop, 10 temperature";
        LastStateTimestamp "LAST_STATE_TIMESTAMP_LO" 0x17 1 ReadOnly Seconds max 0xFFFF default 0 since 2:
            "uptime at the last change of state, low 16 bits";
    }
    unit {
        MapVersion "MAP_VERSION" 0x0500 1 ReadOnly None max 0xFFFF default 2 since 1: "version of this register map";
        FirmwareVersion "FIRMWARE_VERSION" 0x0501 3 ReadOnly None max 0xFFFF default 0 since 1:
            "version of the running image: major, minor, patch";
        HardwareRevision "HARDWARE_REVISION" 0x0504 1 ReadOnly None max 31 default 0 since 1: "revision of the board";
        Product "PRODUCT" 0x0505 2 ReadOnly Bytes max 0xFFFF default 0 since 1: "product code";
        Serial "SERIAL" 0x0508 8 ReadOnly Text max 0xFFFF default 0 since 1: "serial number";
        BuildId "BUILD_ID" 0x0510 10 ReadOnly Bytes max 0xFFFF default 0 since 1: "build the running image came from";
        RunningSlot "RUNNING_SLOT" 0x0540 1 ReadOnly Code max 1 default 0 since 1: "slot of the running image: 0 = A, 1 = B";
        TrialAttempts "TRIAL_ATTEMPTS" 0x0541 1 ReadOnly None max 0xFF default 0 since 1:
            "times the image on trial was started; 0 = confirmed";
        ResetCause "RESET_CAUSE" 0x0542 1 ReadOnly Code max 10 default 0 since 1:
            "0 unknown, 1 power-on, 2 brown-out, 3 pin, 4 requested, 5 panic, 6 watchdog, 7 window watchdog, 8 low-power, 9 option bytes, 10 debugger";
        BootReason "BOOT_REASON" 0x0543 1 ReadOnly Code max 5 default 1 since 1:
            "1 confirmed, 2 trial, 3 fell back, 4 only image, 5 confirmed image invalid";
        SelfTestFailures "SELF_TEST_FAILURES" 0x0544 1 ReadOnly Bits max 0xFFFF default 0 since 1:
            "checks of the self-test that failed";
        LoaderVersion "LOADER_VERSION" 0x0545 3 ReadOnly None max 0xFFFF default 0 since 1: "major, minor, patch";
        SecurityFloor "SECURITY_FLOOR" 0x0548 3 ReadOnly None max 0xFFFF default 0 since 1:
            "lowest version that may run: major, minor, patch";
        FramesReceived "FRAMES_RECEIVED" 0x0550 1 ReadOnly Count max 0xFFFF default 0 since 1: "frames for this unit";
        ExceptionsSent "EXCEPTIONS_SENT" 0x0551 1 ReadOnly Count max 0xFFFF default 0 since 1: "exception answers";
        SilenceTrips "SILENCE_TRIPS" 0x0552 1 ReadOnly Count max 0xFFFF default 0 since 2:
            "times that channels were stopped because the master was silent";
        Temperature "TEMPERATURE" 0x0553 1 ReadOnly Celsius max 0xFFFF default 0 since 2:
            "temperature of the chip, signed; -32768 when it is not known";
        LoopMax "LOOP_MAX" 0x0554 1 ReadOnly Microseconds max 0xFFFF default 0 since 2:
            "longest time between two looks at the inputs since start";
        StackFree "STACK_FREE" 0x0555 1 ReadOnly Bytes max 0xFFFF default 0 since 2:
            "bytes of the stack that were never used since start";
    }
    more {
        Watts "POWER_W" 0x00 1 ReadOnly Watts max 0xFFFF default 0 since 2: "power";
        State "STATE" 0x01 1 ReadOnly Code max 5 default 0 since 2:
            "0 stopped, 1 starting, 2 running, 3 stopping, 4 overload, 5 fault";
        RunSeconds "RUN_SECONDS" 0x02 2 ReadOnly Seconds max 0xFFFF default 0 since 2:
            "seconds that the channel emitted power since start, high word first";
        Overloads "OVERLOADS" 0x04 1 ReadOnly Count max 0xFFFF default 0 since 2: "overloads since start";
    }
}

const COUNT: usize = count(&BLOCKS);
static ALL: [Register; COUNT] = joined(&BLOCKS);

/// The map, in ascending order of addresses.
pub static REGISTERS: &[Register] = &ALL;

const fn count(blocks: &[&[Register]]) -> usize {
    let (mut count, mut block) = (0, 0);
    while block < blocks.len() {
        count += blocks[block].len();
        block += 1;
    }
    count
}

const fn joined<const COUNT: usize>(blocks: &[&[Register]]) -> [Register; COUNT] {
    let mut all = [blocks[0][0]; COUNT];
    let (mut next, mut block) = (0, 0);
    while block < blocks.len() {
        let mut index = 0;
        while index < blocks[block].len() {
            all[next] = blocks[block][index];
            (next, index) = (next + 1, index + 1);
        }
        block += 1;
    }
    all
}
