//! The copies of the key set in flash, one page each, one per bank.
//!
//! - A copy is set, note and seal, in this order; the seal is written when the rest was read back. Without its seal a
//!   copy does not count: power was lost while it was written, and what reads well today may not tomorrow (`fault:P3`).
//! - A copy is erased only while the other one holds, under its seal, what is to be kept. So at each instant the set
//!   before or the new one is whole; with none before, none or the new one.
//! - Two erases and two copies of words a write, however often power is lost: nothing writes but a request (`fault:P13`).
//!
//! Says nothing about signatures: [`super::Trust`] does.

use protocol::key_set::{AcceptanceNote, KeySet, NOTE_OFFSET, NOTE_SIZE, SEAL, SEAL_OFFSET, SIGNED_SIZE, SignedKeySet};
use protocol::layout::KEY_SET_OFFSETS;
use thiserror::Error;

use crate::flash::{CheckedRead, FlashError};
use crate::update::BackgroundFlash;

/// The two copies and the rules between them. Holds nothing: flash is the state.
#[derive(Debug, Clone, Copy)]
pub struct KeyStore;

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
    /// The set that a copy holds under its seal, well formed; whether anybody signed it is another question.
    pub fn read_copy<F: CheckedRead>(flash: &mut F, copy: usize) -> Option<(SignedKeySet, KeySet)> {
        let mut seal = [0; SEAL.len()];
        let mut signed = SignedKeySet([0; SIGNED_SIZE]);
        flash.read(KEY_SET_OFFSETS[copy] + SEAL_OFFSET, &mut seal).ok()?;
        if seal != SEAL {
            return None;
        }
        flash.read(KEY_SET_OFFSETS[copy], &mut signed.0).ok()?;
        let set = KeySet::parse(signed.body()).ok()?;
        Some((signed, set))
    }

    /// The note of a copy, if it is about the set with that number.
    pub fn read_note<F: CheckedRead>(flash: &mut F, copy: usize, number: u16) -> Option<AcceptanceNote> {
        let mut note = [0; NOTE_SIZE];
        flash.read(KEY_SET_OFFSETS[copy] + NOTE_OFFSET, &mut note).ok()?;
        AcceptanceNote::parse(&note).filter(|note| note.number == number)
    }

    /// Which copies hold exactly this set.
    pub fn holding<F: CheckedRead>(flash: &mut F, set: &SignedKeySet) -> [bool; 2] {
        [0, 1].map(|copy| Self::read_copy(flash, copy).is_some_and(|(there, _)| there == *set))
    }

    /// Writes a set to both copies. `kept` is the set in force, which stays whole until the new one is; `None` when there
    /// is none to lose. The same set as both: writes again the copy that does not hold it, if there is one.
    ///
    /// # Errors
    /// [`InstallError`], which says whether the set is in force.
    pub async fn install<F: BackgroundFlash>(
        flash: &mut F,
        set: &SignedKeySet,
        note: &AcceptanceNote,
        kept: Option<&SignedKeySet>,
    ) -> Result<(), InstallError> {
        let holds_kept = kept.map_or([false; 2], |kept| Self::holding(flash, kept));
        let first = if holds_kept == [true, false] { 1 } else { 0 };
        let second = 1 - first;
        if kept == Some(set) {
            return match holds_kept {
                [true, true] => Ok(()),
                _ => write_copy(flash, first, set, note, kept)
                    .await
                    .map_err(|error| InstallError::OneCopy { copy: first, error }),
            };
        }
        write_copy(flash, first, set, note, kept).await.map_err(|error| InstallError::NoCopy { error })?;
        write_copy(flash, second, set, note, Some(set))
            .await
            .map_err(|error| InstallError::OneCopy { copy: second, error })
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
    if let Some(keeper) = keeper
        && !KeyStore::holding(flash, keeper)[1 - copy]
    {
        return Err(FlashError::Protected { offset: page });
    }
    flash.erase_page(page).await?;
    flash.write_words(page, &set.0).await?;
    flash.write_words(page + NOTE_OFFSET, &note.emit()).await?;
    // Read back as a whole before the seal says that it is there (`boot:U6`).
    let mut there = [0; SIGNED_SIZE];
    flash.read(page, &mut there)?;
    if there != set.0 || KeyStore::read_note(flash, copy, note.number) != Some(*note) {
        return Err(FlashError::ReadBack { offset: page });
    }
    flash.write_words(page + SEAL_OFFSET, &SEAL).await
}
