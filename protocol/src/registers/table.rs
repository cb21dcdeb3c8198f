//! The table itself.

use super::{Access, Register, Unit};

/// Declares [`RegisterId`] and [`REGISTERS`] from one list, in ascending order of addresses.
macro_rules! registers {
    ($($id:ident $name:literal $address:literal $words:literal $access:ident $unit:ident
        max $maximum:literal default $default:literal since $since:literal: $text:literal;)+) => {
        /// Names a register in code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RegisterId {
            $(#[doc = $text] $id,)+
        }

        /// The map, in ascending order of addresses.
        pub static REGISTERS: &[Register] = &[$(Register {
            id: RegisterId::$id,
            address: $address,
            words: $words,
            name: $name,
            access: Access::$access,
            unit: Unit::$unit,
            maximum: $maximum,
            default: $default,
            since: $since,
            text: $text,
        },)+];
    };
}

registers! {
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
    MapVersion "MAP_VERSION" 0x0500 1 ReadOnly None max 0xFFFF default 1 since 1: "version of this register map";
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
}
