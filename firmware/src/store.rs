//! A record that survives resets, updates and lost power: settings, calibration and the like, each in two pages of its own,
//! one per bank.
//!
//! - A record is the whole value; the newest valid one is in force. There is nothing to replay.
//! - A record is written to the next place of one copy, then of the other, and read back. Power lost in between leaves
//!   the old value or the new one, never a mixture.
//! - A page is erased only when it is full or in doubt, and only while the other copy holds the newest record, read back. The
//!   two pages are never let become full at the same time, so the record that an erase relies on was just written.
//! - A page is erased only when the [`EraseGate`] lets it: an erase of the bank that the code runs from stops the core for
//!   22 ms, and a channel may need it meanwhile.
//! - A place that is torn or poisoned is passed over. Reading never writes (`fault:P13`); an append erases each page once
//!   at most.
//!
//! A page is in doubt when it looks like a torn erase: no record while the other copy has some, a hole before a used
//! place, more than one record behind, or behind with torn places. What such a page reads as today it may not read as tomorrow.
//!
//! A word that power was lost in may read well now and not at the next start (`fault:P3`). So whoever is about to tell
//! somebody a value settles it first ([`Store::settle`]): what was told once is not taken back by an old tear.
//!
//! These are the rules of the boot log (`boot:B2`). Why it has code of its own: `docs/decisions/settings-store.md`.

mod copy;
mod gate;
mod pages;
mod place;

use core::marker::PhantomData;

use bootloader::flash::{CheckedRead, FlashError};
use bootloader::update::BackgroundFlash;
use thiserror::Error;

pub use copy::CopyHealth;
pub use gate::{EraseGate, Ungated};
pub use place::MAX_SIZE;

use pages::{Found, Pages};

/// A value that a store keeps.
pub trait Record: Sized {
    /// Its two pages, one per bank.
    const PAGES: [u32; 2];
    /// What each of its records starts with, so that no other kind is taken for it.
    const MAGIC: [u8; 4];
    /// Most bytes of it, [`MAX_SIZE`] at most. A page holds 2048 / (this + 16) records, and is erased after as many changes.
    const SIZE: usize;

    /// Writes its bytes; how many.
    fn emit(&self, bytes: &mut [u8]) -> usize;

    /// Reads it from bytes whose checksum holds; `None` when they are none that this firmware understands.
    fn parse(bytes: &[u8]) -> Option<Self>;
}

/// The pages of one kind of record and the rules between them. Holds nothing: flash is the state.
#[derive(Debug, Clone, Copy)]
pub struct Store<R>(PhantomData<R>);

/// What a store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View<R> {
    /// The record in force.
    pub newest: Newest<R>,
    /// Its number; 0 when there is none.
    pub sequence: u32,
    /// How each copy reads.
    pub copies: [CopyHealth; 2],
}

/// The record in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest<R> {
    /// There is none: nothing was ever stored, or both copies are lost.
    Nothing,
    /// This one.
    Known(R),
    /// One that this firmware does not understand. Older ones are not in force for that.
    Unknown,
}

impl<R> Newest<R> {
    /// The record, if there is one that this firmware understands.
    pub fn known(self) -> Option<R> {
        match self {
            Self::Known(record) => Some(record),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

impl<R> View<R> {
    /// Which copies hold the record in force. Both, where nothing was ever stored and there is none to hold.
    #[must_use]
    pub fn copies_good(&self) -> [bool; 2] {
        if self.copies == [CopyHealth::Empty; 2] { [true; 2] } else { self.copies.map(CopyHealth::is_good) }
    }
}

/// Why a record did not reach both copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppendError {
    /// A page would have to be erased that may not be now. Nothing was changed.
    #[error("the page at {page:#x} is full, and is not erased while a channel may emit power; stop the channels first")]
    NotNow {
        /// The page.
        page: u32,
    },
    /// Only one copy holds it. The record is in force all the same.
    #[error("copy {copy} did not take the record, the other one did: {error}; have the unit looked at")]
    OneCopy {
        /// The copy that did not take it, 0 or 1.
        copy: usize,
        /// What flash said.
        error: FlashError,
    },
    /// No copy took it; what was in force before still is.
    #[error("no copy took the record: {error}; have the unit looked at")]
    NoCopy {
        /// What flash said, of the copy tried last.
        error: FlashError,
    },
}

impl<R: Record> Store<R> {
    const LAYOUT: Pages = Pages::new(R::PAGES, R::MAGIC, R::SIZE);

    /// Reads both copies. Whatever they hold, there is an answer.
    pub fn read<F: CheckedRead>(flash: &mut F) -> View<R> {
        let mut bytes = [0; MAX_SIZE];
        let found = Self::LAYOUT.read(flash, &mut bytes);
        Self::view(&found, &bytes)
    }

    /// Makes `record` the one in force: writes it to both copies and reads them back; its number.
    ///
    /// # Errors
    /// [`AppendError`], which says whether the record is in force.
    pub async fn append<F: BackgroundFlash>(
        flash: &mut F,
        record: &R,
        gate: &impl EraseGate,
    ) -> Result<u32, AppendError> {
        let mut bytes = [0; MAX_SIZE];
        let length = record.emit(&mut bytes[..R::SIZE]);
        Self::LAYOUT.append(flash, &bytes[..length], gate).await
    }

    /// Makes sure that what is in force now stays so, whatever tear it was read through, and says what it is: writes it again
    /// unless both copies are beyond doubt. To be done before a value is told, once a start at most (`fault:P13`).
    ///
    /// Where no record can be read nothing is written, and nothing is erased.
    ///
    /// # Errors
    /// [`AppendError`]; what is in force is as it was.
    pub async fn settle<F: BackgroundFlash>(flash: &mut F, gate: &impl EraseGate) -> Result<View<R>, AppendError> {
        let mut bytes = [0; MAX_SIZE];
        let found = Self::LAYOUT.read(flash, &mut bytes);
        let is_sound = found.copies.iter().all(|copy| matches!(copy, CopyHealth::Current { bad_places: 0 }));
        if let Some(length) = found.length
            && !is_sound
        {
            Self::LAYOUT.append(flash, &bytes[..length], gate).await?;
            return Ok(Self::read(flash));
        }
        Ok(Self::view(&found, &bytes))
    }

    fn view(found: &Found, bytes: &[u8; MAX_SIZE]) -> View<R> {
        let newest = match found.length {
            Some(length) => R::parse(&bytes[..length]).map_or(Newest::Unknown, Newest::Known),
            None => Newest::Nothing,
        };
        View { newest, sequence: found.sequence, copies: found.copies }
    }
}

#[cfg(test)]
mod tests;
