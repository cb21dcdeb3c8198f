//! Looks at the slots: what they hold, and the hashes of their pages.

use protocol::digest::PageHash;
use protocol::layout::{PAGE_SIZE, Slot};
use protocol::message::{MAX_PAGE_HASHES, PageMap, Refusal, SlotContent, SlotReport};

use crate::verify::{InvalidImage, verify_image};

use super::transfer::State;
use super::{BackgroundFlash, Shared, Stager, Updatable as _};
use crate::unit::Criteria;

impl<F: BackgroundFlash> Stager<F> {
    /// What a slot holds, judged by `criteria`.
    pub fn slot_report(&mut self, slot: Slot, criteria: &Criteria) -> SlotReport {
        let content = match verify_image(&mut self.flash, slot, criteria) {
            Ok(image) => SlotContent::Bootable { image: image.image_ref(), build_id: image.manifest().build_id },
            Err(InvalidImage::Empty { .. }) => SlotContent::Empty,
            Err(_) => SlotContent::Invalid,
        };
        SlotReport { slot, content }
    }

    /// Hashes of the pages as they are in flash (`boot:U2`). Over whole pages: the last one counts with what stands
    /// behind the image's end, which the host sends as `0xFF`.
    ///
    /// # Errors
    /// Without a transfer, or beyond its last page.
    pub fn page_map(&mut self, shared: &impl Shared, first: u8) -> Result<PageMap, Refusal> {
        let (slot, pages) = shared.with(|unit| match unit.update().transfer.state() {
            State::Idle => Err(Refusal::NoTransfer),
            State::Receiving(receiving) => Ok((receiving.manifest().slot, receiving.pages())),
            State::Staged(staged) => Ok((staged.image().slot, staged.pages())),
        })?;
        if first >= pages {
            return Err(Refusal::NoSuchPage { page: first, pages });
        }
        let hashes = (first..pages).take(MAX_PAGE_HASHES).map(|page| self.page_hash(slot, page)).collect();
        Ok(PageMap { first, hashes })
    }

    /// A page torn by a loss of power may be poisoned: it has to be sent again (`boot:B3`).
    fn page_hash(&mut self, slot: Slot, page: u8) -> PageHash {
        let offset = slot.image_offset() + u32::from(page) * PAGE_SIZE;
        match self.flash.read(offset, &mut self.page) {
            Ok(()) => PageHash::of(&self.page),
            Err(_) => PageHash::UNREADABLE,
        }
    }
}
