//! Why a unit in recovery does not run what is in a slot.

use protocol::recovery::SlotTrouble;
use thiserror::Error;

use crate::verify::{InvalidImage, Refusal};

/// Why a slot is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotRun {
    /// It holds no image that may run.
    #[error("{0}")]
    Invalid(#[from] InvalidImage),
    /// Its image was on trial and crashed until its starts were used up.
    #[error("its image verifies but crashed on trial; send another one, or power the unit off and on to try again")]
    CrashedOnTrial,
    /// Only because recovery was asked for.
    #[error("its image verifies; recovery was asked for")]
    Bootable,
}

impl NotRun {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> SlotTrouble {
        match self {
            Self::Invalid(invalid) => word(invalid),
            Self::CrashedOnTrial => SlotTrouble::CrashedOnTrial,
            Self::Bootable => SlotTrouble::None,
        }
    }
}

fn word(invalid: &InvalidImage) -> SlotTrouble {
    match invalid {
        InvalidImage::Empty { .. } => SlotTrouble::Empty,
        InvalidImage::Unreadable(_) => SlotTrouble::Unreadable,
        InvalidImage::Refused(refusal) => refused(refusal),
        InvalidImage::Slot { .. } => SlotTrouble::OtherSlot,
        InvalidImage::Hash { .. } => SlotTrouble::ImageDiffers,
        InvalidImage::Vectors(_) => SlotTrouble::BadVectors,
    }
}

fn refused(refusal: &Refusal) -> SlotTrouble {
    match refusal {
        // An anchor that is no key believes nobody.
        Refusal::UnknownKey { .. } | Refusal::UnusableKey { .. } => SlotTrouble::UnknownKey,
        Refusal::DevelopmentKey { .. } => SlotTrouble::DevelopmentKey,
        Refusal::RevokedKey { .. } => SlotTrouble::RevokedKey,
        Refusal::ExpiredKey { .. } => SlotTrouble::ExpiredKey,
        Refusal::Signature { .. } => SlotTrouble::BadSignature,
        Refusal::Malformed(_) => SlotTrouble::BadManifest,
        Refusal::Product { .. } | Refusal::Revision { .. } => SlotTrouble::OtherHardware,
        Refusal::BelowFloor { .. } => SlotTrouble::BelowFloor,
        Refusal::Loader { .. } => SlotTrouble::LoaderTooOld,
    }
}
