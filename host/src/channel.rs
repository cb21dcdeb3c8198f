//! The four channels of a unit, by its registers: what they are at, and what a technician may ask of them.
//!
//! A unit whose master is silent for a second stops all channels, so whoever starts one has to keep asking: [`watch`].

mod error;
mod view;

use protocol::channel::{Amplitude, ChannelId};
use protocol::modbus::exception::Exception;
use protocol::registers::{ChannelRegister, RegisterId};

use crate::bus::{Bus, BusError, UnitId};

pub use error::{ChannelError, WhyNot};
pub use view::{ChannelView, SystemView, read_all, read_system, watch};

/// Starts a channel. It comes on at once, or within two seconds when others were started just before.
///
/// # Errors
/// [`ChannelError::Refused`] with the unit's reason, or what the bus says.
pub async fn start(bus: &Bus, unit: UnitId, channel: ChannelId) -> Result<(), ChannelError> {
    match set(bus, unit, channel, ChannelRegister::StartStop, 1).await {
        Err(BusError::Exception { exception: Exception::DeviceFailure | Exception::Busy, .. }) => {
            let why = WhyNot::of(&read_system(bus, unit).await?, &read_all(bus, unit).await?[channel.index()]);
            Err(ChannelError::Refused { unit, channel, why })
        }
        other => Ok(other?),
    }
}

/// Stops a channel. Always allowed.
///
/// # Errors
/// What the bus says.
pub async fn stop(bus: &Bus, unit: UnitId, channel: ChannelId) -> Result<(), ChannelError> {
    Ok(set(bus, unit, channel, ChannelRegister::StartStop, 0).await?)
}

/// Sets a channel's amplitude; what runs follows at once.
///
/// # Errors
/// What the bus says.
pub async fn set_amplitude(
    bus: &Bus,
    unit: UnitId,
    channel: ChannelId,
    amplitude: Amplitude,
) -> Result<(), ChannelError> {
    Ok(set(bus, unit, channel, ChannelRegister::AmplitudeSetPoint, amplitude.percent().into()).await?)
}

/// Gives a channel that stands in a fault its reset pulse. Starts nothing.
///
/// # Errors
/// What the bus says.
pub async fn reset(bus: &Bus, unit: UnitId, channel: ChannelId) -> Result<(), ChannelError> {
    Ok(set(bus, unit, channel, ChannelRegister::OverloadReset, 1).await?)
}

/// Stops all channels of a unit, and keeps them off until it is lifted.
///
/// # Errors
/// What the bus says.
pub async fn emergency_stop(bus: &Bus, unit: UnitId) -> Result<(), ChannelError> {
    Ok(bus.write_single(unit, RegisterId::EmergencyStop.address(), 1).await?)
}

/// Lifts an emergency stop. Starts nothing.
///
/// # Errors
/// What the bus says.
pub async fn lift_emergency_stop(bus: &Bus, unit: UnitId) -> Result<(), ChannelError> {
    Ok(bus.write_single(unit, RegisterId::EmergencyStop.address(), 0).await?)
}

async fn set(
    bus: &Bus,
    unit: UnitId,
    channel: ChannelId,
    register: ChannelRegister,
    value: u16,
) -> Result<(), BusError> {
    bus.write_single(unit, RegisterId::Channel(channel, register).address(), value).await
}
