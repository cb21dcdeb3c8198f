//! Which image runs, and why: one pure function of the boot log, the slots and the reset.
//!
//! - Only an image that verifies is ever run.
//! - Whatever the log says, if there is such an image one is run. One exception: the only one there is was on trial and
//!   crashed until its starts were used up. Then the unit stays in recovery; after a reset that nobody blames on the
//!   image, a power cycle for one, it is started again.
//! - A trial is counted when it starts to run (`boot:B7`): [`Run::record`] is appended as the last thing before the jump.
//! - A confirmed image that verifies runs without a write, so a boot loop wears nothing (`fault:P13`).
//!
//! Slots are verified only when their answer matters: an ordinary boot looks at one.

use protocol::boot_record::{BootState, FallbackCause, ImageRef, Phase, Switch};
use protocol::handover::BootReason;
use protocol::layout::Slot;
use protocol::recovery::{RecoveryReason, SlotTrouble};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use crate::transition::proven_image;

/// Starts of a trial that end in a failure of its own before the other image is taken back. One could be chance (a
/// disturbance in the very minute of the update); three in a row are not, and cost some seconds.
pub const MAX_ATTEMPTS: u8 = 3;

/// Starts of a trial, whatever ended them. A reset that is nobody's fault (power, pin, debugger, a command) does not end
/// a trial (`fault:S2`, `fault:S4`), but this often it does: an image that pulls the supply down looks just like
/// that, an unconfirmed image must not stay for ever (`fault:S3`), and each start costs a record of flash.
pub const MAX_STARTS: u8 = 10;

/// Verifies a slot when asked.
pub trait Images {
    /// The image in the slot, when it may run.
    ///
    /// # Errors
    /// Why it may not.
    fn verify(&mut self, slot: Slot) -> Result<ImageRef, SlotTrouble>;
}

/// What the loader does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Run an image.
    Run(Run),
    /// There is nothing to run, or nothing that is worth another start: stay up, outputs off.
    Recovery {
        /// Why.
        why: RecoveryReason,
        /// Why not slot A and slot B.
        slots: [SlotTrouble; 2],
    },
}

/// An image to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// It: the slot has verified.
    pub image: ImageRef,
    /// Why it.
    pub reason: BootReason,
    /// Starts of the trial, this one included; 0 when it is none.
    pub attempts: u8,
    /// The state to append just before the jump, if it changes.
    pub record: Option<BootState>,
}

/// Whether a reset speaks against the image that ran before it.
#[must_use]
pub const fn blames_image(reset: ResetCause) -> bool {
    match reset {
        ResetCause::Panic
        | ResetCause::Watchdog
        | ResetCause::WindowWatchdog
        | ResetCause::LowPower
        | ResetCause::Unknown => true,
        ResetCause::PowerOn
        | ResetCause::BrownOut
        | ResetCause::Pin
        | ResetCause::Requested
        | ResetCause::OptionBytes
        | ResetCause::Debugger => false,
    }
}

/// Decides. `log` is the state in force, if there is one; `reset` what ended the run before.
pub fn decide(log: Option<BootState>, images: &mut impl Images, reset: ResetCause) -> Decision {
    match log {
        None => without_log(images),
        Some(state) => match state.phase {
            Phase::Confirmed => confirmed(state, images, reset),
            Phase::Trial { attempts, fallback } => trial(state, attempts, fallback, images, reset),
        },
    }
}

fn confirmed(state: BootState, images: &mut impl Images, reset: ResetCause) -> Decision {
    let here = match images.verify(state.active.slot) {
        Ok(image) if image == state.active => return run(image, BootReason::Confirmed, None),
        other => other,
    };
    match (images.verify(state.active.slot.other()), here) {
        (Ok(image), _) => {
            let record = fallen_back(state, image, FallbackCause::ImageInvalid, reset);
            run(image, BootReason::ConfirmedInvalid, Some(record))
        }
        // Not the image that was confirmed, but the only one.
        (Err(_), Ok(image)) => run(image, BootReason::OnlyImage, None),
        (Err(there), Err(here)) => recovery(RecoveryReason::NoImage, state.active.slot, here, there),
    }
}

fn trial(
    state: BootState,
    attempts: u8,
    fallback: Option<ImageRef>,
    images: &mut impl Images,
    reset: ResetCause,
) -> Decision {
    let limit = if blames_image(reset) { MAX_ATTEMPTS } else { MAX_STARTS };
    if attempts < limit {
        match images.verify(state.active.slot) {
            Ok(image) if image == state.active => {
                let attempts = attempts + 1;
                let record = BootState { phase: Phase::Trial { attempts, fallback }, ..state };
                Decision::Run(Run { image, reason: BootReason::Trial, attempts, record: Some(record) })
            }
            other => give_up(state, FallbackCause::ImageInvalid, Some(other), images, reset),
        }
    } else {
        give_up(state, FallbackCause::AttemptsUsed, None, images, reset)
    }
}

/// Ends a trial. `here` is the answer about its slot, if that was asked already.
fn give_up(
    state: BootState,
    cause: FallbackCause,
    here: Option<Result<ImageRef, SlotTrouble>>,
    images: &mut impl Images,
    reset: ResetCause,
) -> Decision {
    let slot = state.active.slot;
    let there = match images.verify(slot.other()) {
        Ok(image) if may_go_to_the_other(state, cause) => return go_to(state, image, cause, reset),
        Ok(_) => SlotTrouble::CrashedOnTrial,
        Err(there) => there,
    };
    // Nothing to fall back on.
    match here.unwrap_or_else(|| images.verify(slot)) {
        // It would only crash again, and the line would be dead meanwhile: better to be told what to run (`fault:S5`).
        Ok(image) if image == state.active && blames_image(reset) => {
            recovery(RecoveryReason::TrialCrashed, slot, SlotTrouble::CrashedOnTrial, there)
        }
        // Nobody blames it, so it may be what the host is about to confirm; no more writes (`fault:S6`).
        Ok(image) if image == state.active => {
            Decision::Run(Run { image, reason: BootReason::Trial, attempts: MAX_STARTS, record: None })
        }
        Ok(image) => run(image, BootReason::OnlyImage, None),
        Err(here) => recovery(RecoveryReason::NoImage, slot, here, there),
    }
}

/// Whatever verifies in the other slot will do, the fallback that the log names or not. But where nothing was ever
/// confirmed, two images that both crash must not take turns for ever, with a record each time (`fault:P13`).
fn may_go_to_the_other(state: BootState, cause: FallbackCause) -> bool {
    proven_image(state).is_some()
        || cause == FallbackCause::ImageInvalid
        || !matches!(state.last_switch, Switch::FellBack { .. })
}

/// Runs the other image instead of the trial. Where nothing was ever confirmed, this image was not either: it is tried.
fn go_to(state: BootState, image: ImageRef, cause: FallbackCause, reset: ResetCause) -> Decision {
    let record = fallen_back(state, image, cause, reset);
    if proven_image(state).is_some() {
        return run(image, BootReason::FellBack, Some(record));
    }
    let record = BootState { phase: Phase::Trial { attempts: 1, fallback: None }, ..record };
    Decision::Run(Run { image, reason: BootReason::FellBack, attempts: 1, record: Some(record) })
}

fn without_log(images: &mut impl Images) -> Decision {
    match (images.verify(Slot::A), images.verify(Slot::B)) {
        (Ok(a), Ok(b)) => {
            let (image, fallback) = if b.version > a.version { (b, a) } else { (a, b) };
            let record = BootState {
                active: image,
                phase: Phase::Trial { attempts: 1, fallback: Some(fallback) },
                floor: Version::ZERO,
                floor_order: 0,
                last_switch: Switch::Factory,
            };
            Decision::Run(Run { image, reason: BootReason::Trial, attempts: 1, record: Some(record) })
        }
        (Ok(image), Err(_)) | (Err(_), Ok(image)) => run(image, BootReason::OnlyImage, None),
        (Err(a), Err(b)) => recovery(RecoveryReason::NoImage, Slot::A, a, b),
    }
}

fn fallen_back(state: BootState, to: ImageRef, cause: FallbackCause, reset: ResetCause) -> BootState {
    BootState {
        active: to,
        phase: Phase::Confirmed,
        floor: state.floor,
        floor_order: state.floor_order,
        last_switch: Switch::FellBack { from: state.active.version, cause, reset },
    }
}

fn run(image: ImageRef, reason: BootReason, record: Option<BootState>) -> Decision {
    Decision::Run(Run { image, reason, attempts: 0, record })
}

fn recovery(why: RecoveryReason, slot: Slot, here: SlotTrouble, there: SlotTrouble) -> Decision {
    let slots = match slot {
        Slot::A => [here, there],
        Slot::B => [there, here],
    };
    Decision::Recovery { why, slots }
}

#[cfg(test)]
mod tests;
