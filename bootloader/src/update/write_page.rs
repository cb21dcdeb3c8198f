//! A page of the image: erased, written, read back, marked as written.

use protocol::digest::PageHash;
use protocol::layout::PAGE_SIZE;

use crate::flash::FlashError;

use super::refusals::place_of;
use super::transfer::PageJob;
use super::{BackgroundFlash, Shared, Stager, Updatable};

impl<F: BackgroundFlash> Stager<F> {
    /// Writes the page that was taken for `job`. Before the first page of a transfer the old manifest goes: from then on
    /// the slot is invalid until the new image is whole (`fault:S1`).
    pub(super) async fn write_page(&mut self, shared: &impl Shared<Unit: Updatable>, job: PageJob) {
        let result = self.put_into_flash(shared, job).await;
        shared.with(|unit| unit.update().transfer.page_ended(&job, result.map_err(place_of)));
    }

    async fn put_into_flash(&mut self, shared: &impl Shared<Unit: Updatable>, job: PageJob) -> Result<(), FlashError> {
        if job.open_slot && !job.marks.are_open(&mut self.flash) {
            self.open(job.marks, None).await?;
        }
        shared.with(|unit| unit.update().transfer.slot_opened());
        self.unmark(job.marks, job.page).await?;
        let offset = job.slot.image_offset() + u32::from(job.page) * PAGE_SIZE;
        self.flash.erase_page(offset).await?;
        self.flash.write_words(offset, &self.page).await?;
        self.mark(job.marks, job.page, PageHash::of(&self.page)).await
    }
}
