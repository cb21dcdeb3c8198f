//! One boot, from the log to the image to jump to: reads, decides, writes the record. The loader's `main.rs` and the
//! power-cut tests run exactly this.

use protocol::boot_record::{BootState, ImageRef, Phase};
use protocol::handover::{BootReport, Mark, MarkKind};
use protocol::layout::Slot;
use protocol::recovery::{RecoveryReason, SlotTrouble};
use protocol::reset::ResetCause;

use crate::boot_log::{AppendError, BootLog};
use crate::decide::{Decision, Images, Run, decide};
use crate::flash::Flash;
use crate::recovery::trouble;
use crate::trust::Trust;
use crate::unit::{Criteria, LOADER_VERSION};
use crate::verify::{InvalidImage, VerifiedImage, look_again, verify_image};

/// What came out of a boot.
#[derive(Debug, PartialEq, Eq)]
pub enum Boot {
    /// Jump to this image. Its record, if it has one, is in flash already.
    Run {
        /// The image.
        image: VerifiedImage,
        /// What to leave for it; the time is still zero.
        report: BootReport,
    },
    /// Stay up with all outputs off and serve [`crate::recovery`].
    Recovery {
        /// Why.
        why: RecoveryReason,
        /// Why not slot A and slot B.
        slots: [SlotTrouble; 2],
    },
}

/// What somebody asked this boot to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: decide.
    Nothing,
    /// Stay in recovery: somebody holds the pin.
    PinHeld,
    /// Stay in recovery: the firmware was told to ask for it (`boot:B9`).
    MarkLeft,
}

impl Asked {
    /// What pin and mark ask for. A mark counts only right after the reset that it was left for: RAM that an old mark has
    /// survived in asks for nothing.
    #[must_use]
    pub fn by(pin_is: PinLevel, mark: Option<Mark>, reset: ResetCause) -> Self {
        match (pin_is, mark) {
            (PinLevel::Held, _) => Self::PinHeld,
            (PinLevel::Free, Some(Mark { kind: MarkKind::Recovery, .. })) if reset == ResetCause::Requested => {
                Self::MarkLeft
            }
            (PinLevel::Free, _) => Self::Nothing,
        }
    }

    fn reason(self) -> Option<RecoveryReason> {
        match self {
            Self::Nothing => None,
            Self::PinHeld => Some(RecoveryReason::Pin),
            Self::MarkLeft => Some(RecoveryReason::Requested),
        }
    }
}

/// How the recovery pin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinLevel {
    /// Pulled up.
    Free,
    /// Held down, all the time that it was looked at.
    Held,
}

/// Boots a unit from its flash. `reset` is why it reset, `mark` what the firmware left before that.
pub fn boot<F: Flash>(flash: &mut F, reset: ResetCause, mark: Option<Mark>, asked: Asked) -> Boot {
    let view = BootLog::read(flash);
    let trust = Trust::read(flash);
    let criteria = Criteria::of(flash, trust, view.state(), LOADER_VERSION);
    // Whatever is appended from here on carries the floor that holds.
    let log = view.state().map(|state| criteria.settle(state));
    let mut slots = Slots { flash, criteria: &criteria, verified: [None, None] };
    if let Some(why) = asked.reason() {
        let slots = Slot::ALL.map(|slot| slots.verify(slot).err().unwrap_or(SlotTrouble::None));
        return Boot::Recovery { why, slots };
    }
    let decision = match decide(log, &mut slots, reset) {
        Decision::Run(run) => commit(&mut slots, log, run, reset),
        recovery => recovery,
    };
    let run = match decision {
        Decision::Run(run) => run,
        Decision::Recovery { why, slots } => return Boot::Recovery { why, slots },
    };
    let report = BootReport {
        slot: run.image.slot,
        reason: run.reason,
        reset,
        attempts: run.attempts,
        log_copies_good: view.copies_good(),
        loader: LOADER_VERSION,
        boot_us: 0,
        mark_detail: mark.map_or(0, |mark| mark.detail),
    };
    Boot::Run { image: slots.take(run.image.slot), report }
}

/// Appends the record of a run, as late as possible. A trial whose start cannot be counted is not started: it could
/// crash for ever. Everything else runs even so.
fn commit<F: Flash>(slots: &mut Slots<'_, F>, log: Option<BootState>, run: Run, reset: ResetCause) -> Decision {
    let Some(record) = run.record.map(|record| slots.criteria.stamp(record)) else { return Decision::Run(run) };
    let due = slots.criteria.trust.numbered_reset();
    let counted = !matches!(BootLog::append_under(slots.flash, record, due), Err(AppendError::NoCopy { .. }));
    let Phase::Trial { fallback, .. } = record.phase else { return Decision::Run(run) };
    if counted {
        return Decision::Run(run);
    }
    let used_up = BootState { phase: Phase::Trial { attempts: u8::MAX, fallback }, ..log.unwrap_or(record) };
    match decide(Some(used_up), slots, reset) {
        // The slots have changed since the first look: keep what was verified then.
        Decision::Recovery { why: RecoveryReason::NoImage, .. } => Decision::Run(run),
        instead => instead,
    }
}

/// The slots in flash, judged by the unit's criteria.
struct Slots<'a, F> {
    flash: &'a mut F,
    criteria: &'a Criteria,
    /// What verified.
    verified: [Option<VerifiedImage>; 2],
}

impl<F: Flash> Slots<'_, F> {
    fn look(&mut self, slot: Slot) -> Result<VerifiedImage, InvalidImage> {
        let image = verify_image(self.flash, slot, self.criteria)?;
        // A single disturbed instruction must not be enough: keys, floor and hardware come from flash again.
        let trust = Trust::read_again(self.flash, &self.criteria.trust);
        let log = BootLog::read(self.flash).state();
        let criteria = Criteria::of(self.flash, trust, log, LOADER_VERSION);
        look_again(self.flash, &image, &criteria)?;
        Ok(image)
    }

    /// The proof that what was decided to run may run.
    fn take(&mut self, slot: Slot) -> VerifiedImage {
        self.verified[usize::from(slot.code())].take().expect("only an image that verified is decided to run")
    }
}

impl<F: Flash> Images for Slots<'_, F> {
    fn verify(&mut self, slot: Slot) -> Result<ImageRef, SlotTrouble> {
        let image = self.look(slot).map_err(|invalid| trouble(&invalid))?;
        Ok(self.verified[usize::from(slot.code())].insert(image).image_ref())
    }
}

#[cfg(test)]
mod tests;
