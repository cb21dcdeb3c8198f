//! The copies of the key set in flash, one page each, one per bank.
//!
//! - A copy is set, note and seals, in this order; the first seal is written when the rest was read back. Without one a
//!   copy does not count: power was lost while it was written.
//! - A copy is erased only while the other one is sure to stay. So at each instant the set before or the new one is whole;
//!   with none before, none or the new one.
//! - Two erases and two copies of words a write, however often power is lost: nothing writes but a request (`fault:P13`).
//!
//! A word that power was lost in may read well today and not tomorrow (`fault:P3`, `fault:P4`), a page as well. Which of
//! two copies is sure to stay follows from the seals:
//!
//! - The newer one has one seal: power may have been lost in that very word. Then the erase of the older one, which comes
//!   after the second seal, has not begun: the older one stays.
//! - The newer one has two: the first was finished. The older one may be a page that power was lost in while it was
//!   erased: the newer one stays.
//! - A copy gets one more seal before the other one is erased for its sake, so that it has two also when one of them was
//!   such a word.
//!
//! Says nothing about signatures: the caller says which copies count.

use protocol::key_set::{
    AcceptanceNote, KeySet, NOTE_OFFSET, NOTE_SIZE, SEAL, SEAL_OFFSET, SEAL_PLACES, SIGNED_SIZE, SignedKeySet,
};
use protocol::layout::{ERASED, KEY_SET_OFFSETS, WORD_SIZE};
use thiserror::Error;

use crate::flash::{CheckedRead, FlashError};
use crate::update::BackgroundFlash;

/// The two copies and the rules between them. Holds nothing: flash is the state.
#[derive(Debug, Clone, Copy)]
pub struct KeyStore;

/// What the copies hold, of sets that count.
pub type Known = [Option<SignedKeySet>; 2];

/// Why a key set did not reach both copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InstallError {
    /// Only one copy holds it. It is in force all the same.
    #[error("copy {copy} of the key set was not written, the other one was: {error}; have the unit looked at")]
    OneCopy {
        /// The copy that was not, 0 or 1.
        copy: usize,
        /// What flash said.
        error: FlashError,
    },
    /// No copy holds it; what was in force still is.
    #[error("no copy of the key set was written: {error}; have the unit looked at")]
    NoCopy {
        /// What flash said.
        error: FlashError,
    },
}

/// How often an install looks again. A torn word may read well when it is decided what to keep, and badly just before the
/// erase that relies on it; then the erase is not done. Such a word is not relied on twice for long.
pub const LOOKS: usize = 3;

impl InstallError {
    /// Whether nothing was done because what is to be kept was not there any more.
    #[must_use]
    pub const fn keeper_changed(self) -> bool {
        matches!(
            self,
            Self::NoCopy { error: FlashError::Protected { .. } }
                | Self::OneCopy { error: FlashError::Protected { .. }, .. }
        )
    }
}

impl KeyStore {
    /// The set that a copy holds under a seal, well formed; whether anybody signed it is another question.
    #[inline(never)]
    pub fn read_copy<F: CheckedRead>(flash: &mut F, copy: usize) -> Option<(SignedKeySet, KeySet)> {
        let mut signed = SignedKeySet([0; SIGNED_SIZE]);
        flash.read(KEY_SET_OFFSETS[copy], &mut signed.0).ok()?;
        let set = KeySet::parse(signed.body()).ok()?;
        seals(flash, copy).next().map(|()| (signed, set))
    }

    /// The note of a copy, if it is about the set with that number.
    pub fn read_note<F: CheckedRead>(flash: &mut F, copy: usize, number: u16) -> Option<AcceptanceNote> {
        let mut note = [0; NOTE_SIZE];
        flash.read(KEY_SET_OFFSETS[copy] + NOTE_OFFSET, &mut note).ok()?;
        AcceptanceNote::parse(&note).filter(|note| note.number == number)
    }

    /// Which copies hold exactly this set, finished.
    pub fn holding<F: CheckedRead>(flash: &mut F, set: &SignedKeySet) -> [bool; 2] {
        [0, 1].map(|copy| {
            seals(flash, copy).nth(1).is_some() && Self::read_copy(flash, copy).is_some_and(|(there, _)| there == *set)
        })
    }

    /// Writes a set to each copy that does not hold it. `known` is what the copies hold now and what counts of it: one of
    /// the two stays whole until the new one is.
    ///
    /// # Errors
    /// [`InstallError`], which says whether the set is in force.
    pub async fn install<F: BackgroundFlash>(
        flash: &mut F,
        set: &SignedKeySet,
        note: &AcceptanceNote,
        known: &Known,
    ) -> Result<(), InstallError> {
        let holding = Self::holding(flash, set);
        let keeper = keeper(flash, known);
        let (first, second) = match keeper {
            Some((keeper, _)) => (1 - keeper, keeper),
            None => (0, 1),
        };
        let relies_on = [keeper.map(|(_, kept)| kept), Some(set)];
        for (copy, keeper) in [first, second].into_iter().zip(relies_on) {
            if holding[copy] {
                continue;
            }
            write_copy(flash, copy, set, note, keeper).await.map_err(|error| {
                match copy == first && !holding[second] {
                    true => InstallError::NoCopy { error },
                    false => InstallError::OneCopy { copy, error },
                }
            })?;
        }
        Ok(())
    }
}

/// The copy that is sure to stay, as the seals tell; the module's text says why.
fn keeper<'a, F: CheckedRead>(flash: &mut F, known: &'a Known) -> Option<(usize, &'a SignedKeySet)> {
    match known {
        [None, None] => None,
        [Some(only), None] => Some((0, only)),
        [None, Some(only)] => Some((1, only)),
        [Some(zero), Some(one)] => {
            let number = |signed: &SignedKeySet| KeySet::parse(signed.body()).map_or(0, |set| set.number());
            // Equal ones are erased in this order too, so the same holds for them.
            let newer = usize::from(number(one) >= number(zero));
            let keeper = if seals(flash, newer).nth(1).is_some() { newer } else { 1 - newer };
            Some((keeper, [zero, one][keeper]))
        }
    }
}

/// Writes one copy, while the other one holds `keeper`.
async fn write_copy<F: BackgroundFlash>(
    flash: &mut F,
    copy: usize,
    set: &SignedKeySet,
    note: &AcceptanceNote,
    keeper: Option<&SignedKeySet>,
) -> Result<(), FlashError> {
    let page = KEY_SET_OFFSETS[copy];
    if let Some(keeper) = keeper {
        rely_on(flash, 1 - copy, keeper).await?;
    }
    flash.erase_page(page).await?;
    flash.write_words(page, &set.0).await?;
    flash.write_words(page + NOTE_OFFSET, &note.emit()).await?;
    // Read back as a whole before the seals say that it is there (`boot:U6`).
    let mut there = [0; SIGNED_SIZE];
    flash.read(page, &mut there)?;
    if there != set.0 || KeyStore::read_note(flash, copy, note.number) != Some(*note) {
        return Err(FlashError::ReadBack { offset: page });
    }
    flash.write_words(page + SEAL_OFFSET, &SEAL).await?;
    flash.write_words(page + SEAL_OFFSET + WORD_SIZE, &SEAL).await
}

/// Gives a copy one more seal, so that it stays whatever becomes of the words before. One with no place for it was relied
/// on often enough.
async fn rely_on<F: BackgroundFlash>(flash: &mut F, copy: usize, keeper: &SignedKeySet) -> Result<(), FlashError> {
    for offset in seal_places(copy) {
        let mut word = SEAL;
        let is_blank = flash.read(offset, &mut word).is_ok() && word == [ERASED; SEAL.len()];
        if is_blank && flash.write_words(offset, &SEAL).await.is_ok() {
            break;
        }
    }
    match KeyStore::read_copy(flash, copy) {
        Some((there, _)) if there == *keeper => Ok(()),
        _ => Err(FlashError::Protected { offset: KEY_SET_OFFSETS[copy] }),
    }
}

/// One item for each seal that reads as one.
fn seals<F: CheckedRead>(flash: &mut F, copy: usize) -> impl Iterator<Item = ()> {
    seal_places(copy).filter_map(move |offset| {
        let mut word = [0; SEAL.len()];
        flash.read(offset, &mut word).ok().filter(|()| word == SEAL)
    })
}

fn seal_places(copy: usize) -> impl Iterator<Item = u32> {
    (KEY_SET_OFFSETS[copy] + SEAL_OFFSET..).step_by(WORD_SIZE as usize).take(SEAL_PLACES as usize)
}
