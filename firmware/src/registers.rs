//! The register map, answered: one arm for each register of [`protocol::registers::REGISTERS`].

use protocol::channel::Amplitude;
use protocol::event::RestartCause;
use protocol::manifest::PRODUCT;
use protocol::modbus::exception::Exception;
use protocol::registers::{ChannelRegister, MAP_VERSION, Register, RegisterId, SYSTEM_RESET_KEY};
use protocol::semver::Version;

use bootloader::transition::floor_of;
use bootloader::unit::UNKNOWN_REVISION;

use crate::unit::Unit;

mod channel;

/// Bits of `SYSTEM_STATUS` (`facts/controller.md` section 2.3).
mod status_bit {
    pub(super) const OK: u16 = 1 << 0;
    pub(super) const FAULT: u16 = 1 << 1;
    pub(super) const EMERGENCY_STOP: u16 = 1 << 2;
    pub(super) const COMMUNICATION_FAULT: u16 = 1 << 3;
    pub(super) const OVER_TEMPERATURE: u16 = 1 << 4;
}

/// Word `word` of a register.
#[must_use]
pub fn read(unit: &Unit, id: RegisterId, word: u16) -> u16 {
    let (facts, live, counters, channels) = (unit.facts(), &unit.live, &unit.counters, &unit.channels);
    let controls = channels.controls();
    match id {
        RegisterId::SystemStatus => system_status(unit),
        RegisterId::ActiveCount => live.outputs.start.count_ones() as u16,
        RegisterId::ActiveMask => u16::from(live.outputs.start),
        RegisterId::WatchdogStatus => u16::from(unit.health.overdue(live.uptime_ms).is_none()),
        RegisterId::CommErrors => counters.communication_errors,
        RegisterId::PrevActiveMask => unit.shutdown.active.into(),
        RegisterId::LastShutdownReason => unit.shutdown.reason as u16,
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
        RegisterId::GlobalAmplitude => controls.global_amplitude.percent().into(),
        RegisterId::SilenceTrips => channels.silence_trips(),
        RegisterId::Temperature => channels.temperature_c().unwrap_or(i16::MIN).cast_unsigned(),
        RegisterId::LoopMax => live.loop_max_us,
        RegisterId::StackFree => live.stack_free,
        RegisterId::Channel(channel, register) => channel::read(channels, &unit.shutdown, channel, register, word),
    }
}

/// Whether `value` may be written to a register.
///
/// # Errors
/// Exception 3 for a value out of range, 4 for a start that is not allowed now, 6 for one that comes too soon.
pub fn check(unit: &Unit, register: &Register, value: u16) -> Result<(), Exception> {
    let in_range = match register.id {
        RegisterId::SystemReset => value == SYSTEM_RESET_KEY,
        // Clamped, as map C has it.
        RegisterId::GlobalAmplitude | RegisterId::Channel(_, ChannelRegister::AmplitudeSetPoint) => true,
        _ => value <= register.maximum,
    };
    if !in_range {
        return Err(Exception::IllegalDataValue);
    }
    match register.id {
        RegisterId::Channel(channel, ChannelRegister::StartStop) if value == 1 => channel::check_start(unit, channel),
        _ => Ok(()),
    }
}

/// Writes a value that [`check`] has let pass; only registers that the map lets be written do anything.
pub fn write(unit: &mut Unit, id: RegisterId, value: u16) {
    let now_ms = unit.live.uptime_ms;
    match id {
        RegisterId::GlobalEnable => unit.channels.set_global_enable(value, now_ms),
        RegisterId::EmergencyStop => unit.channels.set_emergency_stop(value, now_ms),
        RegisterId::SystemReset => unit.plan_restart(RestartCause::SystemReset),
        RegisterId::TestStartInhibit => unit.channels.set_start_inhibit(value, now_ms),
        RegisterId::GlobalAmplitude => unit.channels.set_all_amplitudes(Amplitude::clamped(value)),
        RegisterId::Channel(channel, register) => {
            channel::write(&mut unit.channels, channel, register, value, now_ms);
        }
        _ => {}
    }
}

fn system_status(unit: &Unit) -> u16 {
    let channels = &unit.channels;
    let bad = [
        (unit.live.self_test.failed != 0 || channels.any_fault(), status_bit::FAULT),
        (channels.controls().emergency_stop != 0, status_bit::EMERGENCY_STOP),
        (channels.is_silent(), status_bit::COMMUNICATION_FAULT),
        (channels.is_too_hot(), status_bit::OVER_TEMPERATURE),
    ];
    match bad.into_iter().filter(|&(holds, _)| holds).fold(0, |all, (_, bit)| all | bit) {
        0 => status_bit::OK,
        bad => bad,
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
