//! Writes what comes in, step by step as [`crate::update::stager`] does for the firmware. Nobody waits for this flash
//! but its own main loop, so it is simply waited for.

use protocol::digest::PageHash;
use protocol::layout::PAGE_SIZE;
use protocol::manifest::{Manifest, SignedManifest};

use super::Recovery;
use super::worker::Worker;
use crate::flash::{Flash, FlashError, write_words};
use crate::update::Shared;
use crate::update::marks::Marks;
use crate::update::refusals::place_of;
use crate::update::transfer::PageJob;

impl<F: Flash> Worker<F> {
    /// Writes the page that was taken for `job`. Before the first page of a transfer the old manifest goes: from then on
    /// the slot is invalid until the new image is whole (`fault:S1`).
    pub(super) fn write_page(&mut self, shared: &impl Shared<Unit = Recovery>, job: &PageJob) {
        let result = self.put_into_flash(shared, job).map_err(place_of);
        shared.with(|unit| {
            unit.transfer.page_ended(job, result);
            unit.note_work();
        });
    }

    fn put_into_flash(&mut self, shared: &impl Shared<Unit = Recovery>, job: &PageJob) -> Result<(), FlashError> {
        if job.open_slot && !job.marks.are_open(&mut self.flash) {
            self.open(job.marks, None)?;
        }
        shared.with(|unit| unit.transfer.slot_opened());
        if job.marks.page(&mut self.flash, job.page).is_some() {
            self.open(job.marks, Some(job.page))?;
        }
        let offset = job.slot.image_offset() + u32::from(job.page) * PAGE_SIZE;
        self.flash.erase(offset, offset + PAGE_SIZE)?;
        write_words(&mut self.flash, offset, &self.page)?;
        let hash = PageHash::of(&self.page);
        let mark = job.marks.page_offset(job.page);
        if write_words(&mut self.flash, mark, &hash.0).is_ok() {
            return Ok(());
        }
        // The place had been torn, and read as erased just before.
        self.open(job.marks, Some(job.page))?;
        write_words(&mut self.flash, mark, &hash.0)
    }

    /// Makes the slot's first page one that marks and manifest of this image can be written to.
    pub(super) fn open(&mut self, marks: Marks, again: Option<u8>) -> Result<(), FlashError> {
        let kept = marks.set_aside(&mut self.flash, again);
        let page = marks.slot().offset();
        self.flash.erase(page, page + PAGE_SIZE)?;
        let [opened, pages] = marks.places();
        write_words(&mut self.flash, opened, &marks.tag().0)?;
        write_words(&mut self.flash, pages, kept.as_flattened())
    }

    /// Writes the manifest: that makes the slot valid, so it comes last.
    pub(super) fn write_manifest(
        &mut self,
        shared: &impl Shared<Unit = Recovery>,
        manifest: &Manifest,
        signed: &SignedManifest,
    ) -> Result<(), FlashError> {
        let marks = Marks::of(manifest);
        let closed = shared.with(|unit| unit.transfer.receiving().is_some_and(|receiving| receiving.is_slot_closed()));
        if closed && !marks.are_open(&mut self.flash) {
            self.open(marks, None)?;
        }
        // Should the write fail, the page is to be erased before the next try.
        shared.with(|unit| unit.transfer.slot_closed());
        if self.put_manifest(marks, signed).is_ok() {
            return Ok(());
        }
        // A place had been torn, and read as erased just before.
        self.open(marks, None)?;
        self.put_manifest(marks, signed)
    }

    fn put_manifest(&mut self, marks: Marks, signed: &SignedManifest) -> Result<(), FlashError> {
        write_words(&mut self.flash, marks.slot().offset(), &signed.0)?;
        marks.seal(&mut self.flash)
    }
}
