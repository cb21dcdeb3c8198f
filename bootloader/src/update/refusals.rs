//! What the judge of flash says, in the words of the protocol.

use protocol::message::Refusal;

use crate::boot_log::AppendError;
use crate::flash::FlashError;
use crate::transition::{ActivateError, ConfirmError, RollBackError};
use crate::verify;

use crate::unit::UNKNOWN_REVISION;

/// Why a manifest is refused.
#[must_use]
pub fn manifest(refusal: verify::Refusal) -> Refusal {
    match refusal {
        // An anchor that is no key believes nobody.
        verify::Refusal::UnknownKey { key } | verify::Refusal::UnusableKey { key } => Refusal::UnknownKey { key },
        verify::Refusal::DevelopmentKey { key } => Refusal::DevelopmentKey { key },
        verify::Refusal::RevokedKey { key } => Refusal::RevokedKey { key },
        verify::Refusal::ExpiredKey { key, expires_at_floor, floor } => {
            Refusal::ExpiredKey { key, expires_at_floor, floor }
        }
        verify::Refusal::Signature { .. } => Refusal::BadSignature,
        verify::Refusal::Malformed(_) => Refusal::BadManifest,
        verify::Refusal::Product { unit, image } => Refusal::WrongProduct { unit, image },
        verify::Refusal::Revision { unit, image } => {
            Refusal::WrongHardware { unit: unit.unwrap_or(UNKNOWN_REVISION), image: image.0 }
        }
        verify::Refusal::BelowFloor { floor, image } => Refusal::BelowFloor { floor, image },
        verify::Refusal::Loader { loader, needed } => Refusal::LoaderTooOld { unit: loader, needed },
    }
}

/// Why a staged image was not activated.
#[must_use]
pub fn activate(error: ActivateError) -> Refusal {
    match error {
        ActivateError::TrialPending { active } => Refusal::TrialPending { running: active.version },
        ActivateError::RunningSlot { slot } => Refusal::SlotRuns { slot },
        ActivateError::BelowFloor { floor, image } => Refusal::BelowFloor { floor, image },
    }
}

/// Why the running image was not confirmed.
#[must_use]
pub fn confirm(error: ConfirmError) -> Refusal {
    match error {
        ConfirmError::NotActive { .. } => Refusal::NotOnTrial,
    }
}

/// Why the unit was not rolled back.
#[must_use]
pub fn roll_back(error: RollBackError) -> Refusal {
    match error {
        RollBackError::RunningSlot { .. } => Refusal::NothingToRollBackTo,
        RollBackError::BelowFloor { floor, image } => Refusal::BelowFloor { floor, image },
        // The unit is about to restart into it.
        RollBackError::SwitchPending { .. } => Refusal::Busy,
    }
}

/// A record that one copy of the boot log took is in force; only when none did, nothing has happened.
///
/// # Errors
/// The refusal, when no copy took it.
pub fn append(error: AppendError) -> Result<(), Refusal> {
    match error {
        AppendError::OneCopy { .. } => Ok(()),
        AppendError::NoCopy { error } => Err(Refusal::FlashFailed { offset: place_of(error) }),
    }
}

/// Where flash failed; 0 when it does not say.
#[must_use]
pub fn place_of(error: FlashError) -> u32 {
    match error {
        FlashError::Poisoned { offset }
        | FlashError::NotErased { offset }
        | FlashError::ReadBack { offset }
        | FlashError::EraseDidNothing { offset }
        | FlashError::Protected { offset }
        | FlashError::Range { offset }
        | FlashError::Alignment { offset } => offset,
        FlashError::Geometry { .. } | FlashError::Locked | FlashError::Controller { .. } => 0,
    }
}
