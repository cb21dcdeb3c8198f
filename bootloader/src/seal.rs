//! Seals: what says that an image was written to its end, for whoever is to start it or to rely on it.
//!
//! A transfer leaves marks behind the manifest ([`crate::update::marks`]), and a seal when manifest and image are whole. A
//! manifest that power was lost in may read well for some days (`fault:P4`): its signature holds, and it has no seal. So
//!
//! - an image under marks is started only with a seal. One without any mark came by other ways, a probe for one, and is
//!   started as it is;
//! - a manifest without a seal is spoilt before its page is erased: an erase that power is lost in may leave the manifest
//!   and take the marks;
//! - before an image goes on record as confirmed it gets one more seal, written in one go: a seal may have been torn too.
//!   It is begun only after the manifest was finished, so whoever finds one may add one.
//!
//! A seal is the tag of the image. There are [`SEAL_PLACES`] places: one that was torn is passed over.

use protocol::digest::ImageTag;
use protocol::layout::{ERASED, MARKS_IN_SLOT, SEAL_PLACES, SEALS_IN_SLOT, Slot, WORD_SIZE};

use crate::flash::{CheckedRead, Flash, FlashError, write_words};

pub(crate) type Word = [u8; WORD_SIZE as usize];
pub(crate) const BLANK: Word = [ERASED; WORD_SIZE as usize];

/// Whether an image that verifies was written to its end.
pub(crate) fn is_finished<F: CheckedRead>(flash: &mut F, slot: Slot, tag: ImageTag) -> bool {
    count(flash, slot, tag) > 0 || is_unmarked(flash, slot)
}

/// How many seals of this image there are.
pub(crate) fn count<F: CheckedRead>(flash: &mut F, slot: Slot, tag: ImageTag) -> usize {
    places(slot).filter(|&place| reads_as(flash, place, tag.0)).count()
}

/// Adds a seal.
///
/// # Errors
/// [`FlashError`] when no place takes it. Without a place left two seals are enough.
pub(crate) fn add<F: Flash>(flash: &mut F, slot: Slot, tag: ImageTag) -> Result<(), FlashError> {
    let mut failed = FlashError::NotErased { offset: slot.offset() + SEALS_IN_SLOT };
    let mut is_full = true;
    for offset in places(slot) {
        if reads_as(flash, offset, BLANK) {
            // Torn before, a place may read as erased and not take the word.
            match write_words(flash, offset, &tag.0) {
                Ok(()) => return Ok(()),
                Err(error) => (failed, is_full) = (error, false),
            }
        }
    }
    if is_full && count(flash, slot, tag) > 1 { Ok(()) } else { Err(failed) }
}

/// Sees that an image which was found with a seal stays one, also when that seal was torn.
///
/// # Errors
/// As for [`add`].
#[inline(never)]
pub(crate) fn rely_on<F: Flash>(flash: &mut F, slot: Slot, tag: ImageTag) -> Result<(), FlashError> {
    if count(flash, slot, tag) > 1 { Ok(()) } else { add(flash, slot, tag) }
}

/// Sees that an image stays one that may be started. To be called before it goes on record as confirmed.
///
/// # Errors
/// [`FlashError`]: it must not be confirmed then.
pub fn keep<F: Flash>(flash: &mut F, slot: Slot, tag: ImageTag) -> Result<(), FlashError> {
    if is_unmarked(flash, slot) { Ok(()) } else { add(flash, slot, tag) }
}

/// Makes a manifest that was not finished one that never verifies. To be called before its page is erased.
pub(crate) fn spoil_unfinished<F: Flash>(flash: &mut F, slot: Slot) {
    let opened = word(flash, slot.offset() + MARKS_IN_SLOT);
    let is_sealed = opened.is_some_and(|tag| count(flash, slot, ImageTag(tag)) > 0);
    if opened != Some(BLANK) && !is_sealed && !reads_as(flash, slot.offset(), BLANK) {
        // All zeros go over anything. Should they not, the erase is still to come.
        let _erased_next = write_words(flash, slot.offset(), &[0; WORD_SIZE as usize]);
    }
}

/// Whether no transfer has opened the slot's first page. All marks are looked at: some of them may have been torn.
fn is_unmarked<F: CheckedRead>(flash: &mut F, slot: Slot) -> bool {
    is_blank(flash, slot.offset() + MARKS_IN_SLOT, SEALS_IN_SLOT - MARKS_IN_SLOT)
}

/// Where the seals of a slot's image are.
pub(crate) fn places(slot: Slot) -> impl Iterator<Item = u32> {
    (slot.offset() + SEALS_IN_SLOT..).step_by(WORD_SIZE as usize).take(SEAL_PLACES as usize)
}

/// Whether all words of a range read as erased.
#[inline(never)]
pub(crate) fn is_blank<F: CheckedRead>(flash: &mut F, offset: u32, length: u32) -> bool {
    (offset..offset + length).step_by(WORD_SIZE as usize).all(|place| reads_as(flash, place, BLANK))
}

#[inline(never)]
fn reads_as<F: CheckedRead>(flash: &mut F, offset: u32, value: Word) -> bool {
    word(flash, offset) == Some(value)
}

/// What a word reads as; `None` when it is poisoned.
#[inline(never)]
pub(crate) fn word<F: CheckedRead>(flash: &mut F, offset: u32) -> Option<Word> {
    let mut word = BLANK;
    flash.read(offset, &mut word).ok().map(|()| word)
}

#[cfg(test)]
mod tests;
