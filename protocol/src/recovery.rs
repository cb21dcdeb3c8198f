//! What a loader in recovery says of itself (`boot:B9`).

use crate::coded::coded;

coded! {
    /// Why the loader stays up instead of running an image.
    RecoveryReason {
        /// Neither slot holds an image that may run.
        NoImage = 1, "no slot holds an image that may run";
        /// An image on trial crashed as often as a trial may be started, and there is nothing to fall back on.
        TrialCrashed = 2, "the image on trial keeps crashing and there is nothing to fall back on";
        /// The recovery pin was held at reset.
        Pin = 3, "the recovery pin was held";
        /// The firmware was asked for it and left a mark.
        Requested = 4, "asked for over the bus";
    }
}

coded! {
    /// What is wrong with a slot, in one word.
    SlotTrouble {
        /// Nothing: its image would boot.
        None = 0, "holds an image that would boot";
        /// No manifest.
        Empty = 1, "empty";
        /// A word of it is poisoned, or cannot be read for another reason.
        Unreadable = 2, "cannot be read";
        /// Signed by a key that the unit does not know.
        UnknownKey = 3, "signed by a key that the unit does not know";
        /// Signed by a development key.
        DevelopmentKey = 4, "signed by a development key";
        /// Signed by a key that was revoked.
        RevokedKey = 5, "signed by a revoked key";
        /// Signed by a key that the floor has left behind.
        ExpiredKey = 6, "signed by an expired key";
        /// The signature does not hold.
        BadSignature = 7, "its signature does not hold";
        /// Signed, but not a manifest that this loader understands.
        BadManifest = 8, "its manifest is not understood";
        /// For another product or another hardware revision.
        OtherHardware = 9, "for other hardware";
        /// Below the floor.
        BelowFloor = 10, "below the floor";
        /// Needs a newer loader.
        LoaderTooOld = 11, "needs a newer loader";
        /// Its manifest is for the other slot.
        OtherSlot = 12, "its manifest is for the other slot";
        /// The image is not the one that was signed.
        ImageDiffers = 13, "its image is not the one that was signed";
        /// The vector table is nonsense.
        BadVectors = 14, "its vector table is nonsense";
        /// It verifies, but crashed on trial until its starts were used up.
        CrashedOnTrial = 15, "its image crashed on trial";
    }
}
