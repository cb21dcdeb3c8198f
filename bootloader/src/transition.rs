//! How the boot state changes on purpose: activate, confirm, roll back. The firmware calls these and appends the result;
//! what the loader does by itself is in [`crate::decide`].
//!
//! Pure: a state goes in, the next one comes out. None of them looks at flash: the caller has verified the images that it
//! names ([`crate::verify::verify_image`]).

use protocol::boot_record::{BootState, ImageRef, Phase, Switch};
use protocol::layout::Slot;
use protocol::semver::Version;
use thiserror::Error;

/// Why a staged image was not activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ActivateError {
    /// A trial is pending (`fault:S7`).
    #[error("{} in slot {} is still on trial; confirm it or roll back first", .active.version, .active.slot)]
    TrialPending {
        /// The image on trial.
        active: ImageRef,
    },
    /// The staged image is in the slot that runs.
    #[error("slot {slot} is the one that runs; stage into the other one")]
    RunningSlot {
        /// That slot.
        slot: Slot,
    },
    /// Its version is below the floor.
    #[error("version {image} is below the floor {floor}; choose a newer release")]
    BelowFloor {
        /// The unit's floor.
        floor: Version,
        /// Version of the staged image.
        image: Version,
    },
}

/// Makes the staged image the trial, with the running one to fall back on. `log` is the newest state, if there is one.
///
/// A trial that has nothing to fall back on may be followed by another one; any other is to be ended first.
///
/// # Errors
/// [`ActivateError`]; nothing has changed then.
pub fn activate(log: Option<BootState>, running: ImageRef, staged: ImageRef) -> Result<BootState, ActivateError> {
    let floor = floor_of(log);
    match log {
        Some(BootState { active, phase: Phase::Trial { fallback, .. }, .. })
            if active != running || fallback.is_some() =>
        {
            Err(ActivateError::TrialPending { active })
        }
        _ if staged.slot == running.slot => Err(ActivateError::RunningSlot { slot: running.slot }),
        _ if staged.version < floor => Err(ActivateError::BelowFloor { floor, image: staged.version }),
        _ => Ok(BootState {
            active: staged,
            // What runs on trial itself has not been seen to work: it is gone back to as a trial, if at all.
            phase: Phase::Trial { attempts: 0, fallback: log.map_or(Some(running), proven_image) },
            floor,
            floor_order: floor_order_of(log),
            last_switch: Switch::Activated { from: running.version },
        }),
    }
}

/// The image that was confirmed last, by a state that says so: the active one, or what a trial falls back on.
#[must_use]
pub fn proven_image(state: BootState) -> Option<ImageRef> {
    match state.phase {
        Phase::Confirmed => Some(state.active),
        Phase::Trial { fallback, .. } => fallback,
    }
}

/// Makes an image that came in by recovery the trial. What was confirmed before stays the fallback, unless the image took
/// its place: should it turn out to verify after all, it is the one to go back to.
///
/// # Errors
/// [`ActivateError::BelowFloor`]; nothing has changed then.
pub fn recover(log: Option<BootState>, staged: ImageRef) -> Result<BootState, ActivateError> {
    let floor = floor_of(log);
    if staged.version < floor {
        return Err(ActivateError::BelowFloor { floor, image: staged.version });
    }
    let fallback = log.and_then(proven_image).filter(|image| image.slot != staged.slot);
    let from = log.map_or(Version::ZERO, |state| state.active.version);
    Ok(BootState {
        active: staged,
        phase: Phase::Trial { attempts: 0, fallback },
        floor,
        floor_order: log.map_or(0, |state| state.floor_order),
        last_switch: Switch::Activated { from },
    })
}

/// What a confirmation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Append this state.
    Append(BootState),
    /// Nothing to do: it is confirmed already.
    Already,
}

/// Why the running image was not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConfirmError {
    /// Another image is the active one: the running one is on its way out.
    #[error("{} in slot {} is the active image, not the running {} in slot {}; restart the unit",
        .active.version, .active.slot, .running.version, .running.slot)]
    NotActive {
        /// What the boot log says.
        active: ImageRef,
        /// What runs.
        running: ImageRef,
    },
}

/// Confirms the running image. Only here the floor rises, and only to the security floor that the running image's own
/// manifest names (`boot:B8`).
///
/// # Errors
/// [`ConfirmError`]; nothing has changed then.
pub fn confirm(
    log: Option<BootState>,
    running: ImageRef,
    security_floor: Version,
) -> Result<Confirmation, ConfirmError> {
    let floor = floor_of(log).max(security_floor);
    let last_switch = log.map_or(Switch::Factory, |state| state.last_switch);
    let floor_order = floor_order_of(log);
    let confirmed = BootState { active: running, phase: Phase::Confirmed, floor, floor_order, last_switch };
    match log {
        Some(BootState { active, .. }) if active != running => Err(ConfirmError::NotActive { active, running }),
        Some(BootState { phase: Phase::Confirmed, .. }) => Ok(Confirmation::Already),
        Some(BootState { phase: Phase::Trial { .. }, .. }) | None => Ok(Confirmation::Append(confirmed)),
    }
}

/// Why the unit was not rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RollBackError {
    /// The image to go back to is in the slot that runs.
    #[error("slot {slot} is the one that runs; there is nothing to go back to in it")]
    RunningSlot {
        /// That slot.
        slot: Slot,
    },
    /// Its version is below the floor.
    #[error("version {image} in the other slot is below the floor {floor}; update to a newer release instead")]
    BelowFloor {
        /// The unit's floor.
        floor: Version,
        /// Version of the other image.
        image: Version,
    },
    /// Another image is already chosen for the next start.
    #[error("{} in slot {} is already chosen for the next start; restart the unit", .active.version, .active.slot)]
    SwitchPending {
        /// That image.
        active: ImageRef,
    },
}

/// Goes back to the image in the other slot, which the caller has verified.
///
/// An image that the log shows to have been confirmed before - the fallback of a trial, or the version that the last
/// switch came from - is confirmed at once. Any other valid image (staged and never run, or one that the loader gave up
/// on) goes on trial like an update, with the running image to fall back on.
///
/// # Errors
/// [`RollBackError`]; nothing has changed then.
pub fn roll_back(log: Option<BootState>, running: ImageRef, other: ImageRef) -> Result<BootState, RollBackError> {
    let floor = floor_of(log);
    if other.slot == running.slot {
        return Err(RollBackError::RunningSlot { slot: running.slot });
    }
    if other.version < floor {
        return Err(RollBackError::BelowFloor { floor, image: other.version });
    }
    let proven = match log {
        Some(BootState { active, .. }) if active != running => return Err(RollBackError::SwitchPending { active }),
        Some(BootState { phase: Phase::Trial { fallback, .. }, .. }) => fallback == Some(other),
        Some(BootState {
            phase: Phase::Confirmed,
            last_switch: Switch::Activated { from } | Switch::RolledBack { from },
            ..
        }) => from == other.version,
        _ => false,
    };
    let phase = if proven { Phase::Confirmed } else { Phase::Trial { attempts: 0, fallback: Some(running) } };
    let last_switch = Switch::RolledBack { from: running.version };
    Ok(BootState { active: other, phase, floor, floor_order: floor_order_of(log), last_switch })
}

/// The lowest version that may run; nothing is shut out before a first record.
#[must_use]
pub fn floor_of(log: Option<BootState>) -> Version {
    log.map_or(Version::ZERO, |state| state.floor)
}

fn floor_order_of(log: Option<BootState>) -> u16 {
    log.map_or(0, |state| state.floor_order)
}

#[cfg(test)]
mod tests;
