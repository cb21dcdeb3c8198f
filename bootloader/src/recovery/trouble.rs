//! What is wrong with a slot, in one word.

use protocol::recovery::SlotTrouble;

use crate::verify::{InvalidImage, Refusal};

/// The word for it.
#[must_use]
pub fn trouble(invalid: &InvalidImage) -> SlotTrouble {
    match invalid {
        // As before the manifest is written: what is there of an image does not count yet.
        InvalidImage::Empty { .. } | InvalidImage::Unfinished { .. } => SlotTrouble::Empty,
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
