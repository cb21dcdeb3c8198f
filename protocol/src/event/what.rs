//! What happened, and its 12 bytes.

use crate::boot_record::FallbackCause;
use crate::channel::{ChannelFault, ChannelId};
use crate::coded::coded;
use crate::digest::KeyId;
use crate::event::kind::{RestartCause, StopCause};
use crate::event::{EVENT_DATA, find_kind};
use crate::fields::{Reader, Writer};
use crate::handover::BootReason;
use crate::layout::Slot;
use crate::reset::ResetCause;
use crate::semver::Version;

coded! {
    /// A part of flash that was put right.
    FlashPart {
        /// The boot log.
        BootLog = 1, "boot log";
        /// The event log.
        EventLog = 2, "event log";
        /// The key set.
        KeySet = 3, "key set";
    }
}

/// An event. Masks have bit 0 for channel 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the table of kinds, which says what they mean")]
pub enum Event {
    /// The unit has started.
    Boot { reset: ResetCause, reason: BootReason, slot: Slot, attempts: u8, version: Version, untold: u16 },
    /// A START output went high.
    ChannelStarted { channel: ChannelId, percent: u8 },
    /// A START output went low.
    ChannelStopped { channel: ChannelId, cause: StopCause, percent: u8, on_s: u32 },
    /// A channel that was not on went into a fault.
    ChannelFault { channel: ChannelId, fault: ChannelFault },
    /// A reset pulse ended a fault.
    FaultReset { channel: ChannelId },
    /// The emergency stop was set.
    EmergencyStop { value: u16, stopped: u8 },
    /// The emergency stop was lifted.
    EmergencyStopLifted,
    /// The master was silent.
    Silence { stopped: u8 },
    /// The chip is too hot.
    TooHot { celsius: i16, stopped: u8 },
    /// It has cooled down.
    CoolAgain { celsius: i16 },
    /// The hardware took the outputs back.
    OutputsLost { stopped: u8 },
    /// The unit restarts by order.
    Restart { cause: RestartCause },
    /// A staged image was made the trial.
    Activated { slot: Slot, version: Version },
    /// The trial was kept.
    Confirmed { slot: Slot, version: Version },
    /// The unit went back.
    RolledBack { slot: Slot, version: Version },
    /// The loader gave up on a trial.
    FellBack { from: Version, cause: FallbackCause, reset: ResetCause },
    /// A key set was installed.
    KeySet { number: u16 },
    /// The firmware crashed in the run before.
    Crash { kind: u8, exception: u16, program_counter: u32, number: u32 },
    /// Records that power was lost in were put right.
    FlashRepaired { part: FlashPart },
    /// A task did not report in time: 1 bus, 2 worker, 3 control.
    WatchdogLate { task: u8 },
    /// Events that found no room.
    EventsLost { count: u32 },
    /// The self-test failed.
    SelfTestFailed { failed: u16 },
    /// A setting was changed.
    SettingsChanged { setting: u16, value: u32 },
    /// A calibration was written.
    CalibrationChanged { channel: ChannelId },
    /// Settings were made anew.
    SettingsRestored { why: u8 },
    /// An operator was added.
    OperatorAdded { key: KeyId, role: u8 },
    /// An operator was removed.
    OperatorRemoved { key: KeyId },
    /// An operator opened a session.
    OperatorLoggedIn { key: KeyId, role: u8 },
    /// Somebody could not open a session.
    LoginFailed { why: u8, key: KeyId },
    /// The overload counters were cleared.
    CountersCleared { key: KeyId },
    /// The unit took its first operator.
    Provisioned { how: u8 },
    /// A kind, or data of a kind, that this build does not know: kept as it is.
    Other { kind: u8, data: [u8; EVENT_DATA] },
}

impl Event {
    /// Its number.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Boot { .. } => 1,
            Self::ChannelStarted { .. } => 2,
            Self::ChannelStopped { .. } => 3,
            Self::ChannelFault { .. } => 4,
            Self::FaultReset { .. } => 5,
            Self::EmergencyStop { .. } => 6,
            Self::EmergencyStopLifted => 7,
            Self::Silence { .. } => 8,
            Self::TooHot { .. } => 9,
            Self::CoolAgain { .. } => 10,
            Self::OutputsLost { .. } => 11,
            Self::Restart { .. } => 12,
            Self::Activated { .. } => 13,
            Self::Confirmed { .. } => 14,
            Self::RolledBack { .. } => 15,
            Self::FellBack { .. } => 16,
            Self::KeySet { .. } => 17,
            Self::Crash { .. } => 18,
            Self::FlashRepaired { .. } => 19,
            Self::WatchdogLate { .. } => 20,
            Self::EventsLost { .. } => 21,
            Self::SelfTestFailed { .. } => 22,
            Self::SettingsChanged { .. } => 32,
            Self::CalibrationChanged { .. } => 33,
            Self::SettingsRestored { .. } => 34,
            Self::OperatorAdded { .. } => 48,
            Self::OperatorRemoved { .. } => 49,
            Self::OperatorLoggedIn { .. } => 50,
            Self::LoginFailed { .. } => 51,
            Self::CountersCleared { .. } => 52,
            Self::Provisioned { .. } => 53,
            Self::Other { kind, .. } => *kind,
        }
    }

    /// Its name, for scripts; "unknown" for a kind that this build does not know.
    #[must_use]
    pub fn name(&self) -> &'static str {
        find_kind(self.kind()).map_or("unknown", |row| row.name)
    }

    /// Its data.
    #[must_use]
    pub fn data(&self) -> [u8; EVENT_DATA] {
        let mut data = [0; EVENT_DATA];
        self.write(&mut Writer::new(&mut data));
        data
    }

    fn write(&self, to: &mut Writer<'_>) {
        match *self {
            Self::Boot { reset, reason, slot, attempts, version, untold } => {
                to.u8(reset.code()).u8(reason.code()).u8(slot.code()).u8(attempts);
                version.write(to);
                to.u16(untold)
            }
            Self::ChannelStarted { channel, percent } => to.u8(channel.number()).u8(percent),
            Self::ChannelStopped { channel, cause, percent, on_s } => {
                to.u8(channel.number()).u8(cause.code()).u8(percent).zeros(1).u32(on_s)
            }
            Self::ChannelFault { channel, fault } => to.u8(channel.number()).u8(fault.code() as u8),
            Self::FaultReset { channel } | Self::CalibrationChanged { channel } => to.u8(channel.number()),
            Self::EmergencyStop { value, stopped } => to.u16(value).u8(stopped),
            Self::EmergencyStopLifted => to,
            Self::Silence { stopped } | Self::OutputsLost { stopped } => to.u8(stopped),
            Self::TooHot { celsius, stopped } => to.u16(celsius.cast_unsigned()).u8(stopped),
            Self::CoolAgain { celsius } => to.u16(celsius.cast_unsigned()),
            Self::Restart { cause } => to.u8(cause.code()),
            Self::Activated { slot, version }
            | Self::Confirmed { slot, version }
            | Self::RolledBack { slot, version } => {
                to.u8(slot.code());
                version.write(to);
                to
            }
            Self::FellBack { from, cause, reset } => {
                from.write(to);
                to.u8(cause.code()).u8(reset.code())
            }
            Self::KeySet { number } => to.u16(number),
            Self::Crash { kind, exception, program_counter, number } => {
                to.u8(kind).u16(exception).zeros(1).u32(program_counter).u32(number)
            }
            Self::FlashRepaired { part } => to.u8(part.code()),
            Self::WatchdogLate { task: byte }
            | Self::SettingsRestored { why: byte }
            | Self::Provisioned { how: byte } => to.u8(byte),
            Self::EventsLost { count } => to.u32(count),
            Self::SelfTestFailed { failed } => to.u16(failed),
            Self::SettingsChanged { setting, value } => to.u16(setting).u32(value),
            Self::OperatorAdded { key, role } | Self::OperatorLoggedIn { key, role } => to.array(&key.0).u8(role),
            Self::OperatorRemoved { key } | Self::CountersCleared { key } => to.array(&key.0),
            Self::LoginFailed { why, key } => to.u8(why).array(&key.0),
            Self::Other { data, .. } => to.array(&data),
        };
    }

    /// The event of that kind with that data. Whatever they are, they are kept.
    #[must_use]
    pub fn read(kind: u8, data: [u8; EVENT_DATA]) -> Self {
        // A reading that does not give the same bytes back has not understood them.
        let known = Self::known(kind, &mut Reader::new(&data));
        known.filter(|event| event.data() == data).unwrap_or(Self::Other { kind, data })
    }

    fn known(kind: u8, from: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            1 => {
                let (reset, reason) = (ResetCause::from_code(from.u8())?, BootReason::from_code(from.u8())?);
                let (slot, attempts) = (Slot::from_code(from.u8())?, from.u8());
                Self::Boot { reset, reason, slot, attempts, version: Version::read(from), untold: from.u16() }
            }
            2 => Self::ChannelStarted { channel: channel(from)?, percent: from.u8() },
            3 => {
                let (channel, cause) = (channel(from)?, StopCause::from_code(from.u8())?);
                let (percent, _zero) = (from.u8(), from.u8());
                Self::ChannelStopped { channel, cause, percent, on_s: from.u32() }
            }
            4 => Self::ChannelFault { channel: channel(from)?, fault: ChannelFault::from_code(from.u8().into())? },
            5 => Self::FaultReset { channel: channel(from)? },
            6 => Self::EmergencyStop { value: from.u16(), stopped: from.u8() },
            7 => Self::EmergencyStopLifted,
            8 => Self::Silence { stopped: from.u8() },
            9 => Self::TooHot { celsius: from.u16().cast_signed(), stopped: from.u8() },
            10 => Self::CoolAgain { celsius: from.u16().cast_signed() },
            11 => Self::OutputsLost { stopped: from.u8() },
            12 => Self::Restart { cause: RestartCause::from_code(from.u8())? },
            13 => Self::Activated { slot: Slot::from_code(from.u8())?, version: Version::read(from) },
            14 => Self::Confirmed { slot: Slot::from_code(from.u8())?, version: Version::read(from) },
            15 => Self::RolledBack { slot: Slot::from_code(from.u8())?, version: Version::read(from) },
            16 => {
                let from_version = Version::read(from);
                let (cause, reset) = (FallbackCause::from_code(from.u8())?, ResetCause::from_code(from.u8())?);
                Self::FellBack { from: from_version, cause, reset }
            }
            17 => Self::KeySet { number: from.u16() },
            18 => {
                let (kind, exception, _zero) = (from.u8(), from.u16(), from.u8());
                Self::Crash { kind, exception, program_counter: from.u32(), number: from.u32() }
            }
            19 => Self::FlashRepaired { part: FlashPart::from_code(from.u8())? },
            20 => Self::WatchdogLate { task: from.u8() },
            21 => Self::EventsLost { count: from.u32() },
            22 => Self::SelfTestFailed { failed: from.u16() },
            _ => return Self::of_others(kind, from),
        })
    }

    /// Those of settings and operators.
    fn of_others(kind: u8, from: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            32 => Self::SettingsChanged { setting: from.u16(), value: from.u32() },
            33 => Self::CalibrationChanged { channel: channel(from)? },
            34 => Self::SettingsRestored { why: from.u8() },
            48 => Self::OperatorAdded { key: KeyId(from.array()), role: from.u8() },
            49 => Self::OperatorRemoved { key: KeyId(from.array()) },
            50 => Self::OperatorLoggedIn { key: KeyId(from.array()), role: from.u8() },
            51 => Self::LoginFailed { why: from.u8(), key: KeyId(from.array()) },
            52 => Self::CountersCleared { key: KeyId(from.array()) },
            53 => Self::Provisioned { how: from.u8() },
            _ => return None,
        })
    }
}

fn channel(from: &mut Reader<'_>) -> Option<ChannelId> {
    ChannelId::from_number(from.u8())
}
