//! The registers that each channel has.

use protocol::channel::{Amplitude, ChannelFault, ChannelId, ChannelState};
use protocol::modbus::exception::Exception;
use protocol::registers::ChannelRegister;

use crate::channels::{Channels, StartRefused};
use crate::shutdown::Shutdown;
use crate::unit::Unit;

/// Bits of `STATUS_FLAGS` (`facts/controller.md` section 2.3).
mod flag {
    pub(super) const RUNNING: u16 = 1 << 0;
    pub(super) const OVERLOAD: u16 = 1 << 1;
    pub(super) const LOCKED: u16 = 1 << 2;
    pub(super) const COMMUNICATION_FAULT: u16 = 1 << 3;
    pub(super) const OVER_TEMPERATURE: u16 = 1 << 4;
    pub(super) const FAULT: u16 = 1 << 5;
}

/// Word `word` of a channel's register.
///
/// Until its state changes for the first time, what is told of the last change is that of the run before.
pub(super) fn read(
    channels: &Channels,
    before: &Shutdown,
    channel: ChannelId,
    register: ChannelRegister,
    word: u16,
) -> u16 {
    let (it, before) = (channels.get(channel), before.channels[channel.index()]);
    match register {
        ChannelRegister::StartStop => it.state().is_to_run().into(),
        ChannelRegister::AmplitudeSetPoint => it.amplitude.percent().into(),
        ChannelRegister::OverloadReset => it.state().is_resetting().into(),
        ChannelRegister::Power => it.power().map_c_counts(),
        ChannelRegister::Frequency => it.frequency().deca_hertz(),
        ChannelRegister::StatusFlags => flags(channels, channel),
        ChannelRegister::AmplitudeActual => it.driven_percent().into(),
        ChannelRegister::PrevState => it.previous().unwrap_or(before.state).code(),
        ChannelRegister::PersistedAmplitude => match before.percent {
            0 => channels.amplitude_at_start().percent().into(),
            percent => percent.into(),
        },
        ChannelRegister::LastFaultCode => it.last_fault().or(before.fault).map_or(0, ChannelFault::code),
        ChannelRegister::LastStateTimestamp if it.previous().is_none() => before.changed_s,
        ChannelRegister::LastStateTimestamp => (it.changed_ms() / 1000) as u16,
        ChannelRegister::Watts => it.power().watts(),
        ChannelRegister::State => it.state().told().code(),
        ChannelRegister::RunSeconds => ((it.ran_ms() / 1000) >> (16 * (1 - u32::from(word.min(1))))) as u16,
        ChannelRegister::Overloads => it.overloads(),
    }
}

/// Whether a channel may be started now.
///
/// # Errors
/// Exception 6 when a moment later will do, 4 when something has to be put right first.
pub(super) fn check_start(unit: &Unit, channel: ChannelId) -> Result<(), Exception> {
    unit.channels.may_start(channel).map_err(|refused| match refused {
        StartRefused::Stopping | StartRefused::NotReady => Exception::Busy,
        StartRefused::EmergencyStop
        | StartRefused::Disabled
        | StartRefused::Inhibited
        | StartRefused::Fault
        | StartRefused::TooHot => Exception::DeviceFailure,
    })
}

/// Writes a value that was checked.
pub(super) fn write(channels: &mut Channels, channel: ChannelId, register: ChannelRegister, value: u16, now_ms: u64) {
    match register {
        ChannelRegister::StartStop if value == 0 => channels.stop(channel, now_ms),
        // It was checked; what an earlier register of the same request has changed since, it refuses by itself.
        ChannelRegister::StartStop => drop(channels.start(channel, now_ms)),
        ChannelRegister::AmplitudeSetPoint => channels.set_amplitude(channel, Amplitude::clamped(value)),
        ChannelRegister::OverloadReset if value == 1 => channels.reset(channel, now_ms),
        _ => {}
    }
}

fn flags(channels: &Channels, channel: ChannelId) -> u16 {
    let it = channels.get(channel);
    let told = it.state().told();
    let holds = [
        (it.state().is_on(), flag::RUNNING),
        (it.is_overloaded() || told == ChannelState::Overload, flag::OVERLOAD),
        (it.is_locked(), flag::LOCKED),
        (channels.is_silent(), flag::COMMUNICATION_FAULT),
        (channels.is_too_hot(), flag::OVER_TEMPERATURE),
        (matches!(told, ChannelState::Overload | ChannelState::Fault), flag::FAULT),
    ];
    holds.into_iter().filter(|&(holds, _)| holds).fold(0, |all, (_, bit)| all | bit)
}

#[cfg(test)]
mod tests;
