//! The register map, answered: one arm for each register of [`protocol::registers::REGISTERS`].

use protocol::manifest::PRODUCT;
use protocol::modbus::exception::Exception;
use protocol::registers::{MAP_VERSION, Register, RegisterId, SYSTEM_RESET_KEY};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use bootloader::transition::floor_of;
use bootloader::unit::UNKNOWN_REVISION;

use crate::unit::Unit;

/// What a master has set. Kept in RAM only: a reset is the way back to the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Controls {
    /// 0 keeps every channel off.
    pub global_enable: u16,
    /// Any number but 0: stopped, until 0 is written.
    pub emergency_stop: u16,
    /// Channels that refuse to start, bit 0 = channel 1.
    pub start_inhibit: u16,
}

impl Default for Controls {
    fn default() -> Self {
        Self { global_enable: 1, emergency_stop: 0, start_inhibit: 0 }
    }
}

/// Bits of `SYSTEM_STATUS` (`facts/controller.md` section 2.3).
mod status_bit {
    pub(super) const OK: u16 = 1 << 0;
    pub(super) const FAULT: u16 = 1 << 1;
    pub(super) const EMERGENCY_STOP: u16 = 1 << 2;
}

/// Word `word` of a register.
#[must_use]
pub fn read(unit: &Unit, id: RegisterId, word: u16) -> u16 {
    let (facts, live, controls, counters) = (unit.facts(), &unit.live, &unit.controls, &unit.counters);
    match id {
        RegisterId::SystemStatus => system_status(unit),
        RegisterId::ActiveCount => live.outputs.start.count_ones() as u16,
        RegisterId::ActiveMask => u16::from(live.outputs.start),
        RegisterId::WatchdogStatus => u16::from(unit.health.overdue(live.uptime_ms).is_none()),
        RegisterId::CommErrors => counters.communication_errors,
        // No image of this map starts a channel, so none ever ran before a shutdown.
        RegisterId::PrevActiveMask => 0,
        RegisterId::LastShutdownReason => last_shutdown(facts.reset()),
        // The one number whose low word comes first, as map C has it.
        RegisterId::SystemUptime => ((live.uptime_ms / 1000) >> (16 * u32::from(word))) as u16,
        RegisterId::GlobalEnable => controls.global_enable,
        RegisterId::EmergencyStop => controls.emergency_stop,
        RegisterId::SystemReset => 0,
        RegisterId::TestStartInhibit => controls.start_inhibit,
        RegisterId::MapVersion => MAP_VERSION,
        RegisterId::FirmwareVersion => part(facts.version, word),
        RegisterId::HardwareRevision => match facts.hardware_revision() {
            UNKNOWN_REVISION => 0,
            revision => u16::from(revision),
        },
        RegisterId::Product => pair(&PRODUCT.to_be_bytes(), word),
        RegisterId::Serial => pair(facts.serial().bytes(), word),
        RegisterId::BuildId => facts.manifest.as_ref().map_or(0, |manifest| pair(&manifest.build_id, word)),
        RegisterId::RunningSlot => u16::from(facts.slot.code()),
        RegisterId::TrialAttempts => facts.report.map_or(0, |report| u16::from(report.attempts)),
        RegisterId::ResetCause => u16::from(facts.reset().code()),
        RegisterId::BootReason => u16::from(facts.boot_reason().code()),
        RegisterId::SelfTestFailures => live.self_test.failed,
        RegisterId::LoaderVersion => part(facts.loader(), word),
        RegisterId::SecurityFloor => part(floor_of(unit.log()), word),
        RegisterId::FramesReceived => counters.frames,
        RegisterId::ExceptionsSent => counters.exceptions,
    }
}

/// Whether `value` may be written to a register.
///
/// # Errors
/// Exception 3 for a value out of range.
pub fn check(register: &Register, value: u16) -> Result<(), Exception> {
    let in_range = match register.id {
        RegisterId::SystemReset => value == SYSTEM_RESET_KEY,
        _ => value <= register.maximum,
    };
    if in_range { Ok(()) } else { Err(Exception::IllegalDataValue) }
}

/// Writes a value that [`check`] has let pass; only registers that the map lets be written do anything.
pub fn write(unit: &mut Unit, id: RegisterId, value: u16) {
    match id {
        RegisterId::GlobalEnable => unit.controls.global_enable = value,
        RegisterId::EmergencyStop => unit.controls.emergency_stop = value,
        RegisterId::SystemReset => unit.plan_restart(),
        RegisterId::TestStartInhibit => unit.controls.start_inhibit = value,
        _ => {}
    }
}

fn system_status(unit: &Unit) -> u16 {
    let fault = if unit.live.self_test.failed != 0 { status_bit::FAULT } else { 0 };
    let stopped = if unit.controls.emergency_stop != 0 { status_bit::EMERGENCY_STOP } else { 0 };
    match fault | stopped {
        0 => status_bit::OK,
        bad => bad,
    }
}

/// Map C's codes: 0 normal, 1 watchdog, 2 power loss, 3 emergency stop, 4 fault. An emergency stop stops channels, not
/// the unit, so 3 is never the reason that a unit started again.
fn last_shutdown(reset: ResetCause) -> u16 {
    match reset {
        ResetCause::Watchdog | ResetCause::WindowWatchdog => 1,
        ResetCause::PowerOn | ResetCause::BrownOut => 2,
        ResetCause::Panic | ResetCause::LowPower => 4,
        ResetCause::Unknown
        | ResetCause::Pin
        | ResetCause::Requested
        | ResetCause::OptionBytes
        | ResetCause::Debugger => 0,
    }
}

fn part(version: Version, word: u16) -> u16 {
    match word {
        0 => version.major,
        1 => version.minor,
        _ => version.patch,
    }
}

/// Two bytes of a longer field, as one register.
fn pair(bytes: &[u8], word: u16) -> u16 {
    let at = usize::from(word) * 2;
    match bytes.get(at..at + 2) {
        Some(pair) => u16::from_be_bytes([pair[0], pair[1]]),
        None => 0,
    }
}

#[cfg(test)]
mod tests;
