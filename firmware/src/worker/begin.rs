//! Arms a transfer (`boot:U1`): the manifest is judged as the loader will judge it, before anything is erased.

use protocol::boot_record::{BootState, Phase};
use protocol::manifest::SignedManifest;
use protocol::message::{Began, Refusal};

use bootloader::transition::{self, Confirmation, floor_of};
use bootloader::update::refusals;

use super::{BackgroundFlash, Shared, Worker, idle_slot};

impl<F: BackgroundFlash> Worker<F> {
    pub(super) fn begin(&mut self, shared: &impl Shared, signed: SignedManifest) -> Result<Began, Refusal> {
        if let Some(BootState { active, phase: Phase::Trial { .. }, .. }) = shared.with(|unit| unit.log()) {
            return Err(Refusal::TrialPending { running: active.version });
        }
        let criteria = self.criteria(shared);
        let manifest = self.stager.judge(&signed, &criteria)?;
        if manifest.slot != idle_slot(shared) {
            return Err(Refusal::SlotRuns { slot: manifest.slot });
        }
        self.keep_running_image(shared)?;
        self.stager.arm(shared, signed, manifest, &criteria)
    }

    /// A new unit has no log, and without one the loader tries the better of two images that verify: it would start the
    /// staged image although nobody activated it. So what runs is on record before a second image can be whole.
    fn keep_running_image(&mut self, shared: &impl Shared) -> Result<(), Refusal> {
        let (log, running) = self.stand(shared);
        if log.is_some() {
            return Ok(());
        }
        match transition::confirm(log, running, floor_of(log)).map_err(refusals::confirm)? {
            Confirmation::Append(state) => self.append(shared, state),
            Confirmation::Already => Ok(()),
        }
    }
}
