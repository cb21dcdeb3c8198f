//! How an order to a channel fails.

use protocol::channel::{ChannelFault, ChannelId, ChannelState};
use thiserror::Error;

use super::view::{ChannelView, SystemView};
use crate::bus::{BusError, UnitId};
use crate::failure::{Class, Failure};

/// Why a channel did not do as it was told.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// The unit did not start it.
    #[error("unit {unit} does not start channel {channel}: {why}")]
    Refused {
        /// The unit.
        unit: UnitId,
        /// The channel.
        channel: ChannelId,
        /// Its reason.
        why: WhyNot,
    },
    /// It was started and stopped by itself.
    #[error("channel {channel} of unit {unit} stopped after {ran_s} s: {why}")]
    Stopped {
        /// The unit.
        unit: UnitId,
        /// The channel.
        channel: ChannelId,
        /// How long it ran, seconds.
        ran_s: u64,
        /// The unit's reason.
        why: WhyNot,
    },
    /// The bus failed.
    #[error("{0}")]
    Bus(#[from] BusError),
}

/// Why a channel is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WhyNot {
    /// The emergency stop is not lifted.
    #[error("the emergency stop is on; see why, then lift it with: sonde estop --lift")]
    EmergencyStop,
    /// `GLOBAL_ENABLE` is 0.
    #[error("GLOBAL_ENABLE is 0; whoever set it, usually the PLC, has to set it to 1")]
    Disabled,
    /// `TEST_START_INHIBIT` names the channel.
    #[error("TEST_START_INHIBIT names the channel; whoever set it has to take it back")]
    Inhibited,
    /// The unit is too hot.
    #[error("the unit is too hot; let it cool down and look at its ventilation")]
    TooHot,
    /// The self-test failed.
    #[error("the unit's self-test failed; see which check with: sonde status")]
    Unfit,
    /// A fault stands.
    #[error("it stands in a fault: {}; find the cause, then: sonde channel reset", told(*.0))]
    Fault(Option<ChannelFault>),
    /// It was stopped a moment ago.
    #[error("it was stopped a moment ago, or the unit has just started; try again in a second")]
    TooSoon,
    /// The unit stopped it.
    #[error("{}", told(Some(*.0)))]
    Stopped(ChannelFault),
    /// Somebody told it to stop.
    #[error("another master on this bus stopped it")]
    ByAnother,
}

impl WhyNot {
    /// The first reason that applies, in the order in which the unit asks.
    pub(super) fn of(system: &SystemView, channel: &ChannelView) -> Self {
        match () {
            () if system.emergency_stop => Self::EmergencyStop,
            () if !system.enabled => Self::Disabled,
            () if system.inhibited.contains(&channel.channel) => Self::Inhibited,
            () if system.too_hot => Self::TooHot,
            () if matches!(channel.state(), Some(ChannelState::Overload | ChannelState::Fault)) => {
                Self::Fault(channel.last_fault())
            }
            () if !system.self_test_passed => Self::Unfit,
            () => Self::TooSoon,
        }
    }
}

/// A fault in words.
fn told(fault: Option<ChannelFault>) -> &'static str {
    match fault {
        None => "none is on record",
        Some(ChannelFault::Silence) => "the unit heard no master for a second",
        Some(ChannelFault::Overload) => "the sonicator signals an overload",
        Some(ChannelFault::LockLost) => "the sonicator is not locked onto its frequency",
        Some(ChannelFault::Power) => "it took more than 2000 W",
        Some(ChannelFault::Hardware) => "the output stage was switched off by the hardware",
        Some(ChannelFault::EmergencyStop) => "an emergency stop",
        Some(ChannelFault::Temperature) => "the unit is too hot",
    }
}

impl Failure for ChannelError {
    fn class(&self) -> Class {
        match self {
            Self::Refused { .. } | Self::Stopped { .. } => Class::No,
            Self::Bus(error) => error.class(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "channel.refused",
            Self::Stopped { .. } => "channel.stopped",
            Self::Bus(error) => error.kind(),
        }
    }
}
