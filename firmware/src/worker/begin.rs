//! Arms a transfer (`boot:U1`): the manifest is judged as the loader will judge it, before anything is erased.

use protocol::boot_record::{BootState, Phase};
use protocol::layout::Slot;
use protocol::manifest::{SIGNED_SIZE, SignedManifest};
use protocol::message::{Began, Refusal};

use bootloader::transition::{self, Confirmation, floor_of};
use bootloader::unit::Criteria;
use bootloader::verify::{verify_image, verify_manifest};

use super::{BackgroundFlash, Shared, Worker, idle_slot, refusals};
use crate::transfer::Event;

impl<F: BackgroundFlash> Worker<F> {
    pub(super) fn begin(&mut self, shared: &impl Shared, signed: SignedManifest) -> Result<Began, Refusal> {
        if let Some(BootState { active, phase: Phase::Trial { .. }, .. }) = shared.with(|unit| unit.log()) {
            return Err(Refusal::TrialPending { running: active.version });
        }
        let criteria = self.criteria(shared);
        let manifest = verify_manifest(&signed, &criteria).map_err(refusals::manifest)?;
        let idle = idle_slot(shared);
        if manifest.slot != idle {
            return Err(Refusal::SlotRuns { slot: manifest.slot });
        }
        self.keep_running_image(shared)?;
        let event = if self.holds(idle, &signed, &criteria) {
            Event::Whole { manifest }
        } else {
            Event::Armed { signed, manifest }
        };
        shared.with(|unit| {
            unit.transfer.on(event);
            unit.transfer.began().ok_or(Refusal::NoTransfer)
        })
    }

    /// A new unit has no log, and without one the loader tries the better of two images that verify: it would start the
    /// staged image although nobody activated it. So what runs is on record before a second image can be whole.
    fn keep_running_image(&mut self, shared: &impl Shared) -> Result<(), Refusal> {
        let (log, running) = shared.with(|unit| (unit.log(), unit.facts().running()));
        if log.is_some() {
            return Ok(());
        }
        match transition::confirm(log, running, floor_of(log)).map_err(refusals::confirm)? {
            Confirmation::Append(state) => self.append(shared, state),
            Confirmation::Already => Ok(()),
        }
    }

    /// Whether the slot holds this very image, whole.
    fn holds(&mut self, slot: Slot, signed: &SignedManifest, criteria: &Criteria) -> bool {
        let mut there = [0; SIGNED_SIZE];
        let read = self.flash.read(slot.offset(), &mut there);
        read.is_ok() && there == signed.0 && verify_image(&mut self.flash, slot, criteria).is_ok()
    }
}
