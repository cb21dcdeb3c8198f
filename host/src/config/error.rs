//! How a question about settings fails.

use thiserror::Error;

use crate::bus::UnitId;
use crate::failure::{Class, Failure};
use crate::session::SessionError;

use super::AssignmentError;

/// Why settings were not read or not changed.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Not a change.
    #[error("{0}")]
    Assignment(#[from] AssignmentError),
    /// The unit has no settings.
    #[error("unit {unit} has no settings: its firmware is too old, or its loader is in recovery; update it first")]
    UnitTooOld {
        /// The unit.
        unit: UnitId,
    },
    /// Nothing to change.
    #[error("nothing to set; write NAME=VALUE, see the names with: sonde config show")]
    Nothing,
    /// Settings and calibration together.
    #[error("settings and calibration are two records; change them one after the other")]
    BothKinds,
    /// A change that nobody said yes to.
    #[error("nothing was changed: {why}")]
    NotMeant {
        /// What to do instead.
        why: &'static str,
    },
    /// The unit was not heard over its new line.
    #[error(
        "unit {unit} was not heard over its new line; 30 s after the change it is back on the old one with its old settings: look at the line's other end, then try again"
    )]
    LineNotHeard {
        /// Its new address.
        unit: UnitId,
    },
    /// The session failed, or the unit refuses.
    #[error("{0}")]
    Session(#[from] SessionError),
}

impl Failure for ConfigError {
    fn class(&self) -> Class {
        match self {
            Self::Assignment(_) | Self::Nothing | Self::BothKinds | Self::NotMeant { .. } => Class::Usage,
            Self::UnitTooOld { .. } | Self::LineNotHeard { .. } => Class::No,
            Self::Session(error) => error.class(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Assignment(AssignmentError::NoValue { .. }) => "config.no_value",
            Self::Assignment(AssignmentError::UnknownName { .. }) => "config.unknown_name",
            Self::Assignment(AssignmentError::NotUnderstood { .. }) => "config.not_understood",
            Self::Assignment(AssignmentError::OutOfRange { .. }) => "config.out_of_range",
            Self::UnitTooOld { .. } => "config.unit_too_old",
            Self::Nothing => "config.nothing",
            Self::BothKinds => "config.both_kinds",
            Self::NotMeant { .. } => "config.not_meant",
            Self::LineNotHeard { .. } => "config.line_not_heard",
            Self::Session(error) => error.kind(),
        }
    }
}
