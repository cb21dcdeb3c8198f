//! How an update fails without an outcome.

use std::time::Duration;

use super::choose::ChooseError;
use crate::bus::UnitId;
use crate::failure::{Class, Failure};
use crate::session::SessionError;

/// Why an update or a rollback came to no end.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The release does not fit this unit; nothing was sent.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// The unit refused, or could not be asked.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The same pages were wrong, however often they were sent.
    #[error(
        "unit {unit}: {pages} pages are still wrong after {rounds} rounds; the line damages data or the flash does not hold it: look at the line, then run the update again"
    )]
    Unstable {
        /// The unit.
        unit: UnitId,
        /// Pages still wrong.
        pages: usize,
        /// Rounds of sending.
        rounds: u32,
    },
    /// The unit had no room for chunks for too long.
    #[error("unit {unit} took no image data for {} s; look at it with: sonde status, then run the update again", waited.as_secs())]
    Stuck {
        /// The unit.
        unit: UnitId,
        /// How long it said busy.
        waited: Duration,
    },
    /// The unit did not restart into the other image.
    #[error("unit {unit} did not restart into the other image within {} s; look at it with: sonde status, then run the command again", waited.as_secs())]
    NotActivated {
        /// The unit.
        unit: UnitId,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The unit did not come back from its restart.
    #[error(
        "unit {unit} did not come back within {} s after its restart; it may still fall back by itself: look at it with: sonde status, or give it longer with --trial-timeout",
        waited.as_secs()
    )]
    NoReturn {
        /// The unit.
        unit: UnitId,
        /// How long it was waited for.
        waited: Duration,
    },
}

impl Failure for UpdateError {
    fn class(&self) -> Class {
        match self {
            Self::Choose(error) => error.class(),
            Self::Session(error) => error.class(),
            _ => Class::Bus,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Choose(error) => error.kind(),
            Self::Session(error) => error.kind(),
            Self::Unstable { .. } => "update.unstable",
            Self::Stuck { .. } => "update.stuck",
            Self::NotActivated { .. } => "update.not_activated",
            Self::NoReturn { .. } => "update.no_return",
        }
    }
}
