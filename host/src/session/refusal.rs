//! What a unit's refusal means on this side: a stable name, a class, a next step.

use protocol::message::Refusal;

use crate::failure::Class;

/// Stable name for scripts.
pub(super) fn kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotUnderstood => "refused.not_understood",
        Refusal::OtherSession { .. } => "refused.other_session",
        Refusal::OutOfSequence { .. } => "refused.out_of_sequence",
        Refusal::UnknownKey { .. } => "refused.unknown_key",
        Refusal::DevelopmentKey { .. } => "refused.development_key",
        Refusal::BadSignature => "refused.bad_signature",
        Refusal::BadManifest => "refused.bad_manifest",
        Refusal::WrongProduct { .. } => "refused.wrong_product",
        Refusal::WrongHardware { .. } => "refused.wrong_hardware",
        Refusal::SlotRuns { .. } => "refused.slot_runs",
        Refusal::BelowFloor { .. } => "refused.below_floor",
        Refusal::LoaderTooOld { .. } => "refused.loader_too_old",
        Refusal::TrialPending { .. } => "refused.trial_pending",
        Refusal::ChannelsRunning { .. } => "refused.channels_running",
        Refusal::NoTransfer => "refused.no_transfer",
        Refusal::NoSuchPage { .. } => "refused.no_such_page",
        Refusal::ImageDiffers => "refused.image_differs",
        Refusal::BadVectors => "refused.bad_vectors",
        Refusal::NothingStaged => "refused.nothing_staged",
        Refusal::NothingToRollBackTo => "refused.nothing_to_roll_back_to",
        Refusal::FailedItsTrial { .. } => "refused.failed_its_trial",
        Refusal::NotOnTrial => "refused.not_on_trial",
        Refusal::SelfTestFailed { .. } => "refused.self_test_failed",
        Refusal::FlashFailed { .. } => "refused.flash_failed",
        Refusal::Busy => "refused.busy",
        Refusal::InRecovery => "refused.in_recovery",
        Refusal::RevokedKey { .. } => "refused.revoked_key",
        Refusal::ExpiredKey { .. } => "refused.expired_key",
        Refusal::NoRoots => "refused.no_roots",
        Refusal::BadKeySet => "refused.bad_key_set",
        Refusal::KeySetIncomplete { .. } => "refused.key_set_incomplete",
        Refusal::KeySetSignatures { .. } => "refused.key_set_signatures",
        Refusal::KeySetOld { .. } => "refused.key_set_old",
        Refusal::KeySetAhead { .. } => "refused.key_set_ahead",
        Refusal::WouldNotBoot { .. } => "refused.would_not_boot",
        Refusal::NoSuchValue { .. } => "refused.no_such_value",
        Refusal::ValueOutOfRange { .. } => "refused.value_out_of_range",
        Refusal::ValueTwice { .. } => "refused.value_twice",
        Refusal::NoRoomWhileRunning { .. } => "refused.no_room_while_running",
    }
}

/// A broken unit or conversation is no answer to the question that was asked.
pub(super) fn class(refusal: &Refusal) -> Class {
    match refusal {
        Refusal::FlashFailed { .. } | Refusal::NotUnderstood | Refusal::OutOfSequence { .. } => Class::Bus,
        _ => Class::No,
    }
}

/// The next step.
pub(super) fn advice(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotUnderstood => "use the sonde release that came with its firmware",
        Refusal::OtherSession { .. } | Refusal::Busy => "wait until the other client is done, then try again",
        Refusal::OutOfSequence { .. } | Refusal::NoTransfer => "it was restarted or taken over meanwhile; start again",
        Refusal::UnknownKey { .. } => {
            "sign the release with a key that it believes, or, while it runs an image, bring it a key set that adds this one: sonde key install"
        }
        Refusal::DevelopmentKey { .. } => "sign the release with the production key",
        Refusal::BadSignature => "the release was changed after it was signed; fetch it again",
        Refusal::BadManifest => "build the release with a sonde version that fits this unit's loader",
        Refusal::WrongProduct { .. } | Refusal::WrongHardware { .. } => "use a release built for this hardware",
        Refusal::SlotRuns { .. } => "the running slot is never written; start again",
        Refusal::BelowFloor { .. } => "use a newer release: versions below the floor are known to be bad",
        Refusal::LoaderTooOld { .. } => "use a release that this loader can boot",
        Refusal::TrialPending { .. } => "run `sonde confirm` or `sonde rollback` first",
        Refusal::ChannelsRunning { .. } => "stop the channels first",
        Refusal::NoSuchPage { .. } => "the unit expects another image; start again",
        Refusal::ImageDiffers => "start again: only what differs is sent",
        Refusal::BadVectors => "the release was linked wrongly; build it again",
        Refusal::NothingStaged => "run `sonde update` first",
        Refusal::NothingToRollBackTo => "name a release with: sonde rollback --to BUNDLE",
        Refusal::FailedItsTrial { .. } => "name a good release with: sonde rollback --to BUNDLE",
        Refusal::NotOnTrial => "nothing needs to be confirmed",
        Refusal::SelfTestFailed { .. } => "see which checks failed with: sonde status; then: sonde rollback",
        Refusal::InRecovery => "revive the unit first with: sonde update URL BUNDLE",
        Refusal::RevokedKey { .. } => {
            "sign the release again with a key that it believes; while it runs an image, it lists them: sonde key list --to URL"
        }
        Refusal::ExpiredKey { .. } => {
            "sign the release again with a key that it believes, or, while it runs an image, bring it a key set with a later expiry: sonde key install"
        }
        Refusal::NoRoots => {
            "provision it with an anchors page that names them, over SWD; make one with: sonde key root anchors"
        }
        Refusal::BadKeySet => "build the key set with a sonde version that fits this unit",
        Refusal::KeySetIncomplete { .. } => "the unit was restarted or taken over meanwhile; send the key set again",
        Refusal::KeySetSignatures { .. } => "have more root holders sign it with: sonde key sign",
        Refusal::KeySetOld { .. } => {
            "make the next set from the one the unit has with: sonde key rotate, and have it signed"
        }
        Refusal::KeySetAhead { .. } => "make the next set with: sonde key rotate, and have it signed",
        Refusal::WouldNotBoot { .. } => {
            "update it to a release by a key that stays believed first, or give that image up with --give-up-running-image"
        }
        Refusal::NoSuchValue { .. } => "its firmware does not have it; see what it has with: sonde config show",
        Refusal::ValueOutOfRange { .. } => "name a number that is allowed; see them with: sonde config show",
        Refusal::ValueTwice { .. } => "name each value once",
        Refusal::NoRoomWhileRunning { .. } => "stop the channels first; one change makes room for many",
        Refusal::FlashFailed { .. } => "its flash may be worn out; try once more, then replace the unit",
    }
}
