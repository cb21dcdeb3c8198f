//! Arms a transfer (`boot:U1`): the manifest is judged as the loader will judge it, before anything is erased.

use protocol::boot_record::{BootState, Phase};
use protocol::manifest::SignedManifest;
use protocol::message::{Began, Refusal};

use bootloader::transition::{self, Confirmation, floor_of};
use bootloader::unit::Criteria;
use bootloader::update::refusals;
use bootloader::verify::verify_image;

use super::{BackgroundFlash, Shared, Worker, idle_slot};

impl<F: BackgroundFlash> Worker<F> {
    pub(super) fn begin(&mut self, shared: &impl Shared, signed: &SignedManifest) -> Result<Began, Refusal> {
        let criteria = self.criteria(shared);
        let alone = self.on_trial_alone(shared, &criteria)?;
        let manifest = self.stager.judge(signed, &criteria)?;
        if manifest.slot != idle_slot(shared) {
            return Err(Refusal::SlotRuns { slot: manifest.slot });
        }
        self.keep_running_image(shared)?;
        if let Some(state) = alone {
            self.append(shared, state)?;
        }
        self.stager.arm(shared, signed, &manifest, &criteria)
    }

    /// An update is refused while a trial is pending, for the sake of the image that it falls back on (`fault:S7`). When
    /// the other slot holds none, that would only leave a unit whose trial does not go well without a way out. Then the
    /// state to append, which names no fallback any more, if it still named one.
    fn on_trial_alone(&mut self, shared: &impl Shared, criteria: &Criteria) -> Result<Option<BootState>, Refusal> {
        let (log, running) = self.stand(shared);
        let Some(state @ BootState { active, phase: Phase::Trial { attempts, fallback }, .. }) = log else {
            return Ok(None);
        };
        if active != running || verify_image(self.flash(), idle_slot(shared), criteria).is_ok() {
            return Err(Refusal::TrialPending { running: active.version });
        }
        let phase = Phase::Trial { attempts, fallback: None };
        Ok(fallback.map(|_| BootState { phase, ..state }))
    }

    /// A new unit has no log, and without one the loader tries the better of two images that verify: it would start the
    /// staged image although nobody activated it. So what runs is on record before a second image can be whole.
    fn keep_running_image(&mut self, shared: &impl Shared) -> Result<(), Refusal> {
        let (log, running) = self.stand(shared);
        if log.is_some() {
            return Ok(());
        }
        match transition::confirm(log, running, floor_of(log)).map_err(refusals::confirm)? {
            Confirmation::Append(state) => self.keep(shared, state),
            Confirmation::Already => Ok(()),
        }
    }
}
