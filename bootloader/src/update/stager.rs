//! Stages an image: judged first, then written page by page, then verified where it lies. One piece of work at a time,
//! in the background of the bus.
//!
//! Pages that are whole go before the request that waits: what was sent is in flash before a question about it is
//! answered.

use protocol::boot_record::BootState;
use protocol::manifest::{Manifest, SIGNED_SIZE, SignedManifest};
use protocol::message::{Began, Refusal};
use protocol::semver::Version;

use super::keys::Keys;
use super::marks::Marks;
use super::transfer::{Event, PAGE};
use super::{BackgroundFlash, Shared, Step, Updatable, refusals};
use crate::unit::Criteria;
use crate::verify::{verify_image, verify_manifest};

/// The one that works on flash.
#[derive(Debug)]
pub struct Stager<F> {
    pub(super) flash: F,
    pub(super) page: [u8; PAGE],
    keys: Keys,
}

impl<F: BackgroundFlash> Stager<F> {
    /// A stager on this flash.
    pub fn new(flash: F) -> Self {
        Self { flash, page: [0; PAGE], keys: Keys::new() }
    }

    /// The flash it works on.
    pub fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    /// What an image is judged against now, as the next boot will judge it.
    pub fn criteria(&mut self, log: Option<BootState>, loader: Version) -> Criteria {
        self.keys.criteria(&mut self.flash, log, loader)
    }

    /// The keys, and the flash that they are in.
    pub fn keys(&mut self) -> (&mut Keys, &mut F) {
        (&mut self.keys, &mut self.flash)
    }

    /// Writes a page that has come in, if there is one.
    pub async fn step(&mut self, shared: &impl Shared<Unit: Updatable>) -> Step {
        match shared.with(|unit| unit.update().transfer.take_page(&mut self.page)) {
            Some(job) => {
                self.write_page(shared, job).await;
                Step::Worked
            }
            None => Step::Idle,
        }
    }

    /// Judges a manifest as the loader will judge it, before anything is erased (`boot:U1`).
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(&mut self, signed: &SignedManifest, criteria: &Criteria) -> Result<Manifest, Refusal> {
        verify_manifest(signed, criteria).map_err(refusals::manifest)
    }

    /// Arms the transfer of a manifest that was judged.
    ///
    /// # Errors
    /// Never, as long as a transfer that was armed is one.
    pub fn arm(
        &mut self,
        shared: &impl Shared<Unit: Updatable>,
        signed: &SignedManifest,
        manifest: &Manifest,
        criteria: &Criteria,
    ) -> Result<Began, Refusal> {
        let event = if self.holds(manifest, signed, criteria) {
            Event::Whole { manifest }
        } else {
            Event::Armed { signed, manifest }
        };
        shared.with(|unit| {
            let transfer = &mut unit.update().transfer;
            transfer.on(event);
            transfer.began().ok_or(Refusal::NoTransfer)
        })
    }

    /// Whether the slot holds this very image, whole, written to its end.
    fn holds(&mut self, manifest: &Manifest, signed: &SignedManifest, criteria: &Criteria) -> bool {
        let mut there = [0; SIGNED_SIZE];
        let read = self.flash.read(manifest.slot.offset(), &mut there);
        read.is_ok()
            && there == signed.0
            && verify_image(&mut self.flash, manifest.slot, criteria).is_ok()
            && Marks::of(manifest).are_relied_on(&mut self.flash)
    }
}
