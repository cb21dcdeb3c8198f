//! How asking a unit fails.

use std::time::Duration;

use protocol::message::{RecoveryReason, Refusal};

use super::refusal;
use crate::bus::{BusError, UnitId};
use crate::failure::{Class, Failure};

/// Why a request brought no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The unit says no.
    #[error("unit {unit} refuses: {refusal}; {}", refusal::advice(refusal))]
    Refused {
        /// The unit asked.
        unit: UnitId,
        /// Its reason.
        refusal: Refusal,
    },
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The unit speaks versions that we do not.
    #[error(
        "unit {unit} speaks message versions {} to {}, this sonde {} to {}; use the sonde release that came with its firmware",
        speaks.0, speaks.1, ours.0, ours.1
    )]
    Version {
        /// The unit asked.
        unit: UnitId,
        /// Oldest and newest version of the unit.
        speaks: (u16, u16),
        /// Oldest and newest version of this program.
        ours: (u16, u16),
    },
    /// The loader answers, and what was asked needs firmware.
    #[error("unit {unit} is in recovery and runs no image: {why}; revive it with: sonde update URL BUNDLE")]
    InRecovery {
        /// The unit asked.
        unit: UnitId,
        /// Why it is.
        why: RecoveryReason,
    },
    /// The response window holds no message.
    #[error(
        "unit {unit} answered with bytes that are no message; is it a sonde unit, and no gateway that changes data?"
    )]
    Malformed {
        /// The unit asked.
        unit: UnitId,
    },
    /// A message, but not an answer to what was asked.
    #[error(
        "unit {unit} answered something else than what was asked: {found}; use the sonde release that came with its firmware"
    )]
    OtherAnswer {
        /// The unit asked.
        unit: UnitId,
        /// What it answered.
        found: String,
    },
    /// The unit did not come to an end.
    #[error("unit {unit} was still at work after {} s; look at it with: sonde status", waited.as_secs())]
    StillPending {
        /// The unit asked.
        unit: UnitId,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The mailbox shows somebody else's conversation.
    #[error(
        "unit {unit} does not take up the request: it was restarted, or another client talks to it; make sure you are alone, then try again"
    )]
    Overtaken {
        /// The unit asked.
        unit: UnitId,
    },
    /// The request does not fit the mailbox. A mistake in this program.
    #[error("the request is longer than the mailbox; please report this")]
    TooLong,
}

impl Failure for SessionError {
    fn class(&self) -> Class {
        match self {
            Self::Refused { refusal, .. } => refusal::class(refusal),
            Self::Bus(error) => error.class(),
            Self::Version { .. } | Self::InRecovery { .. } => Class::No,
            _ => Class::Bus,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal::kind(refusal),
            Self::Bus(error) => error.kind(),
            Self::Version { .. } => "session.version",
            Self::InRecovery { .. } => "session.in_recovery",
            Self::Malformed { .. } => "session.malformed",
            Self::OtherAnswer { .. } => "session.other_answer",
            Self::StillPending { .. } => "session.still_pending",
            Self::Overtaken { .. } => "session.overtaken",
            Self::TooLong => "session.too_long",
        }
    }
}
