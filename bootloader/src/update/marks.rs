//! What a transfer has finished, told by flash itself: marks behind the manifest, in the slot's first page.
//!
//! A word that was torn by a loss of power may read right today and wrong tomorrow (`fault:P3`, `fault:P4`). So a
//! transfer that goes on after a loss of power believes nothing because it reads well, only because a mark says that
//! the writing of it had come to its end: a mark is written after what it speaks of was written and read back.
//!
//! | offset in the slot | word | says |
//! |---|---|---|
//! | 1024 | tag of the image | this page was erased to its end, and what follows is about that image |
//! | 1032 + 8 n | hash of page n | page n was written to its end; it is not erased again before its mark is gone |
//! | 1728 + 8 n | tag of the image | the manifest was written to its end: one seal of eight ([`crate::seal`]) |
//!
//! What the marks of pages say is for transfers only. A boot asks for a seal where there is any mark.

use protocol::boot_record::ImageRef;
use protocol::digest::{ImageTag, PageHash};
use protocol::layout::{ERASED, IMAGE_PAGES, MARKS_IN_SLOT, SEAL_PLACES, SEALS_IN_SLOT, Slot, WORD_SIZE};
use protocol::manifest::{Manifest, SIGNED_SIZE};

use super::{BackgroundFlash, Stager};
use crate::flash::{CheckedRead, Flash, FlashError};
use crate::seal::{self, BLANK, word};

const OPENED: u32 = MARKS_IN_SLOT;
const PAGES: u32 = OPENED + WORD_SIZE;

const _: () = assert!(SIGNED_SIZE <= OPENED as usize && PAGES + IMAGE_PAGES * WORD_SIZE == SEALS_IN_SLOT);

/// The marks of one image in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    slot: Slot,
    tag: ImageTag,
}

impl Marks {
    /// Those of the image that a manifest describes.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        Self { slot: manifest.slot, tag: manifest.tag() }
    }

    /// Those of that image.
    pub(crate) fn of_image(image: ImageRef) -> Self {
        Self { slot: image.slot, tag: image.tag }
    }

    /// Every mark that stands when all pages of `image` are written and the manifest is not, with its offset: to fill a
    /// unit with.
    pub fn of_pages(self, image: &[u8]) -> impl Iterator<Item = (u32, [u8; 8])> {
        let pages = image.chunks(super::PAGE).map(|page| {
            let mut whole = [ERASED; super::PAGE];
            whole[..page.len()].copy_from_slice(page);
            PageHash::of(&whole).0
        });
        let pages = (self.page_offset(0)..).step_by(WORD_SIZE as usize).zip(pages);
        pages.chain([(self.slot.offset() + OPENED, self.tag.0)])
    }

    /// Every mark that a whole transfer of `image` leaves, with its offset.
    pub fn of_whole(self, image: &[u8]) -> impl Iterator<Item = (u32, [u8; 8])> {
        self.of_pages(image).chain([(self.slot.offset() + SEALS_IN_SLOT, self.tag.0)])
    }

    /// The slot.
    pub(crate) fn slot(self) -> Slot {
        self.slot
    }

    /// The image.
    pub(crate) fn tag(self) -> ImageTag {
        self.tag
    }

    /// Where the first mark and the marks of the pages are.
    pub(crate) fn places(self) -> [u32; 2] {
        [OPENED, PAGES].map(|place| self.slot.offset() + place)
    }

    /// Makes the slot's first page ready to be erased: takes along the marks of pages that stay, but for that of page
    /// `again`, and lets no manifest survive that was not finished.
    pub(crate) fn set_aside<F: Flash>(self, flash: &mut F, again: Option<u8>) -> [[u8; 8]; IMAGE_PAGES as usize] {
        seal::spoil_unfinished(flash, self.slot);
        let mut kept = [BLANK; IMAGE_PAGES as usize];
        if self.are_ours(flash) {
            for (page, place) in (0..).zip(&mut kept).filter(|&(page, _)| Some(page) != again) {
                *place = self.page(flash, page).map_or(BLANK, |hash| hash.0);
            }
        }
        kept
    }

    pub(crate) fn page_offset(self, page: u8) -> u32 {
        self.slot.offset() + PAGES + u32::from(page) * WORD_SIZE
    }

    /// Whether the slot's first page is about this image.
    #[inline(never)]
    pub(crate) fn are_ours<F: CheckedRead>(self, flash: &mut F) -> bool {
        word(flash, self.slot.offset() + OPENED) == Some(self.tag.0)
    }

    /// Whether the image in the slot, which verifies, is this one and stays finished.
    pub(crate) fn are_relied_on<F: Flash>(self, flash: &mut F) -> bool {
        self.are_ours(flash) && seal::rely_on(flash, self.slot, self.tag).is_ok()
    }

    /// Says that manifest and image were written to their end.
    pub(crate) fn seal<F: Flash>(self, flash: &mut F) -> Result<(), FlashError> {
        seal::add(flash, self.slot, self.tag)
    }

    /// Whether the manifest can be written as the first page is now.
    pub(crate) fn are_open<F: CheckedRead>(self, flash: &mut F) -> bool {
        self.are_ours(flash)
            && seal::is_blank(flash, self.slot.offset(), SIGNED_SIZE as u32)
            && seal::is_blank(flash, self.slot.offset() + SEALS_IN_SLOT, SEAL_PLACES * WORD_SIZE)
    }

    /// What the page's mark says; `None` when nothing was written there. A torn mark says something wrong.
    pub(crate) fn page<F: CheckedRead>(self, flash: &mut F, page: u8) -> Option<PageHash> {
        match word(flash, self.page_offset(page)) {
            Some(BLANK) => None,
            Some(hash) => Some(PageHash(hash)),
            None => Some(PageHash::UNREADABLE),
        }
    }

    /// Whether that page was written to its end, and holds what it held then.
    pub(crate) fn vouch_for<F: CheckedRead>(self, flash: &mut F, page: u8, hash: PageHash) -> bool {
        self.are_ours(flash) && self.page(flash, page) == Some(hash)
    }

    /// Whether each of the first `pages` pages was written to its end.
    pub(crate) fn are_complete<F: CheckedRead>(self, flash: &mut F, pages: u8) -> bool {
        let good = |mark| !matches!(mark, None | Some(PageHash::UNREADABLE));
        self.are_ours(flash) && (0..pages).all(|page| good(self.page(flash, page)))
    }
}

impl<F: BackgroundFlash> Stager<F> {
    /// Makes the slot's first page one that the marks and the manifest of this image can be written to. The slot is
    /// invalid from then on (`fault:S1`). Marks of the same image stay, but for that of page `again`.
    pub(super) async fn open(&mut self, marks: Marks, again: Option<u8>) -> Result<(), FlashError> {
        let kept = marks.set_aside(&mut self.flash, again);
        let page = marks.slot.offset();
        self.flash.erase_page(page).await?;
        self.flash.write_words(page + OPENED, &marks.tag.0).await?;
        self.flash.write_words(page + PAGES, kept.as_flattened()).await
    }

    /// Takes back the mark of a page that is to be written, if it has one.
    pub(super) async fn unmark(&mut self, marks: Marks, page: u8) -> Result<(), FlashError> {
        match marks.page(&mut self.flash, page) {
            None => Ok(()),
            Some(_) => self.open(marks, Some(page)).await,
        }
    }

    /// Marks a page that was written to its end.
    pub(super) async fn mark(&mut self, marks: Marks, page: u8, hash: PageHash) -> Result<(), FlashError> {
        let offset = marks.page_offset(page);
        if self.flash.write_words(offset, &hash.0).await.is_ok() {
            return Ok(());
        }
        // The place had been torn, and read as erased just before.
        self.open(marks, Some(page)).await?;
        self.flash.write_words(offset, &hash.0).await
    }
}
