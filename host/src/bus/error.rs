//! How a call on a bus fails.

use std::time::Duration;

use protocol::modbus::exception::Exception;

use super::UnitId;
use crate::failure::{Class, Failure};

/// Why a call brought no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Nothing came, however often it was asked.
    #[error(
        "unit {unit} did not answer: {attempts} attempts of {} ms each; check that it is powered, its id (--unit) and the line settings, or give it more time with --timeout",
        waited.as_millis()
    )]
    NoAnswer {
        /// The unit asked.
        unit: UnitId,
        /// How long each attempt waited.
        waited: Duration,
        /// Attempts made.
        attempts: u32,
    },
    /// Another unit answered, the one asked did not.
    #[error(
        "asked unit {asked}, but unit {answered} answered; check the unit ids on this bus, and that no other master uses it"
    )]
    OtherUnit {
        /// The unit asked.
        asked: UnitId,
        /// The address in the answer.
        answered: u8,
    },
    /// The unit answered something else.
    #[error(
        "asked unit {unit} for function {asked}, but it answered function {answered} or another length; check that it is a sonde unit and that no other master uses the bus"
    )]
    OtherAnswer {
        /// The unit asked.
        unit: UnitId,
        /// The function asked for.
        asked: u8,
        /// The function in the answer.
        answered: u8,
    },
    /// The unit, or a gateway on the way, answered with an exception.
    #[error("unit {unit} answered function {function} with {exception}; {}", advice(*exception))]
    Exception {
        /// The unit asked.
        unit: UnitId,
        /// The function asked for.
        function: u8,
        /// The exception.
        exception: Exception,
    },
    /// The port or connection went away, and did not come back or did not stay.
    #[error("{endpoint} went away ({reason}); plug it in again, or check the network and the device server")]
    Gone {
        /// The endpoint.
        endpoint: String,
        /// What was noticed.
        reason: String,
    },
    /// More than a Modbus frame carries; nothing was sent.
    #[error("{found} {what}, a frame carries 1 to {most}; ask for less at a time")]
    OutOfRange {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: usize,
        /// The most there may be.
        most: u16,
    },
    /// The bus was closed while the call waited.
    #[error("the bus was closed; open it again")]
    Closed,
}

fn advice(exception: Exception) -> &'static str {
    match exception {
        Exception::IllegalFunction | Exception::IllegalDataAddress => {
            "is it a sonde unit that runs firmware, not something else with this id?"
        }
        Exception::IllegalDataValue => "the unit does not accept the value",
        Exception::Busy => "try again in a moment",
        Exception::GatewayTargetFailed => "check that the unit is powered and its id (--unit)",
        Exception::DeviceFailure | Exception::Other(_) => "look at its status with: sonde status",
    }
}

impl Failure for BusError {
    fn class(&self) -> Class {
        match self {
            Self::OutOfRange { .. } => Class::Usage,
            _ => Class::Bus,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::NoAnswer { .. } => "bus.no_answer",
            Self::OtherUnit { .. } => "bus.other_unit",
            Self::OtherAnswer { .. } => "bus.other_answer",
            Self::Exception { .. } => "bus.exception",
            Self::Gone { .. } => "bus.gone",
            Self::OutOfRange { .. } => "bus.out_of_range",
            Self::Closed => "bus.closed",
        }
    }
}
