//! One boot, from the log to the image to jump to: reads, decides, writes the record. The loader's `main.rs` and the
//! power-cut tests run exactly this.

use protocol::boot_record::{BootState, Phase};
use protocol::handover::{BootReport, Mark};
use protocol::layout::Slot;
use protocol::reset::ResetCause;

use crate::boot_log::{AppendError, BootLog};
use crate::decide::{Decision, Images, Run, decide};
use crate::flash::Flash;
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
    /// Stay up with all outputs off.
    Recovery {
        /// Why not slot A.
        a: InvalidImage,
        /// Why not slot B.
        b: InvalidImage,
    },
}

/// Boots a unit from its flash. `reset` is why it reset, `mark` what the firmware left before that.
pub fn boot<F: Flash>(flash: &mut F, reset: ResetCause, mark: Option<Mark>) -> Boot {
    let view = BootLog::read(flash);
    let trust = Trust::read(flash);
    let criteria = Criteria::of(flash, trust, view.state(), LOADER_VERSION);
    // Whatever is appended from here on carries the floor that holds.
    let log = view.state().map(|state| criteria.settle(state));
    let run = match decide(log, &mut Slots { flash, criteria: &criteria }, reset) {
        Decision::Run(run) => commit(flash, &criteria, log, run, reset),
        Decision::Recovery { a, b } => return Boot::Recovery { a, b },
    };
    let report = BootReport {
        slot: run.image.manifest().slot,
        reason: run.reason,
        reset,
        attempts: run.attempts,
        log_copies_good: view.copies_good(),
        loader: LOADER_VERSION,
        boot_us: 0,
        mark_detail: mark.map_or(0, |mark| mark.detail),
    };
    Boot::Run { image: run.image, report }
}

/// Appends the record of a run, as late as possible. A trial whose start cannot be counted is not started: it could
/// crash for ever. Everything else runs even so.
fn commit<F: Flash>(
    flash: &mut F,
    criteria: &Criteria,
    log: Option<BootState>,
    run: Run<VerifiedImage>,
    reset: ResetCause,
) -> Run<VerifiedImage> {
    let Some(record) = run.record.map(|record| criteria.stamp(record)) else { return run };
    let counted = !matches!(BootLog::append(flash, record), Err(AppendError::NoCopy { .. }));
    let Phase::Trial { fallback, .. } = record.phase else { return run };
    if counted {
        return run;
    }
    let used_up = BootState { phase: Phase::Trial { attempts: u8::MAX, fallback }, ..log.unwrap_or(record) };
    match decide(Some(used_up), &mut Slots { flash, criteria }, reset) {
        Decision::Run(instead) => instead,
        // The slots have changed since the first look: keep what was verified then.
        Decision::Recovery { .. } => run,
    }
}

/// The slots in flash, judged by the unit's criteria.
struct Slots<'a, F> {
    flash: &'a mut F,
    criteria: &'a Criteria,
}

impl<F: Flash> Images for Slots<'_, F> {
    type Image = VerifiedImage;

    fn verify(&mut self, slot: Slot) -> Result<VerifiedImage, InvalidImage> {
        let image = verify_image(self.flash, slot, self.criteria)?;
        // A single disturbed instruction must not be enough: keys, floor and hardware come from flash again.
        let trust = Trust::read_again(self.flash, &self.criteria.trust);
        let log = BootLog::read(self.flash).state();
        let criteria = Criteria::of(self.flash, trust, log, LOADER_VERSION);
        look_again(self.flash, &image, &criteria)?;
        Ok(image)
    }
}

#[cfg(test)]
mod tests;
