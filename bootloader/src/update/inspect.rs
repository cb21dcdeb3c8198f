//! Looks at the slots: what they hold, and the hashes of their pages.

use protocol::digest::PageHash;
use protocol::layout::{PAGE_SIZE, Slot};
use protocol::message::{MAX_PAGE_HASHES, PageMap, Refusal, SlotContent, SlotReport};

use crate::verify::{InvalidImage, verify_image};

use super::marks::Marks;
use super::transfer::State;
use super::{BackgroundFlash, Shared, Stager, Updatable};
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

    /// Hashes of the pages as they are in flash (`boot:U2`), [`PageHash::UNREADABLE`] for one that has to be sent. Over whole pages: the last one counts with what stands
    /// behind the image's end, which the host sends as `0xFF`.
    ///
    /// # Errors
    /// Without a transfer, or beyond its last page.
    pub fn page_map(&mut self, shared: &impl Shared<Unit: Updatable>, first: u8) -> Result<PageMap, Refusal> {
        let (subject, believed) = shared.with(|unit| match unit.update().transfer.state() {
            State::Idle => Err(Refusal::NoTransfer),
            State::Receiving(receiving) => {
                let subject = receiving.subject();
                Ok((*subject, Believed::When(Marks::of_image(subject.image()))))
            }
            State::Staged(subject) => Ok((*subject, Believed::All)),
        })?;
        let (slot, pages) = (subject.image().slot, subject.pages());
        if first >= pages {
            return Err(Refusal::NoSuchPage { page: first, pages });
        }
        let hashes = (first..pages).take(MAX_PAGE_HASHES).map(|page| self.page_hash(slot, page, believed)).collect();
        Ok(PageMap { first, hashes })
    }

    /// A page that was not written to its end has to be sent again, whatever it reads as; so has one that cannot be read
    /// (`boot:B3`).
    fn page_hash(&mut self, slot: Slot, page: u8, believed: Believed) -> PageHash {
        let offset = slot.image_offset() + u32::from(page) * PAGE_SIZE;
        let Ok(()) = self.flash.read(offset, &mut self.page) else { return PageHash::UNREADABLE };
        let hash = PageHash::of(&self.page);
        match believed {
            Believed::When(marks) if !marks.vouch_for(&mut self.flash, page, hash) => PageHash::UNREADABLE,
            Believed::When(_) | Believed::All => hash,
        }
    }
}

/// Which pages are told as they read.
#[derive(Debug, Clone, Copy)]
enum Believed {
    /// The image was verified as a whole.
    All,
    /// Those that the marks vouch for.
    When(Marks),
}
