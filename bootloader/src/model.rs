//! A model of the chip's flash for tests on the host: stricter than silicon, and able to lose power inside an operation.
//!
//! Keeps the contract of [`crate::flash`] and plays every trick that it allows: torn words that read as garbage, fault,
//! or read differently each time; torn erases; pages that do not erase; words that do not take. A clone shares its pages
//! until they are written, so that a sweep can start each cut from the same state at no cost.

pub mod fixture;
pub mod key_sets;
mod page;
pub mod release;
mod tear;

use std::collections::BTreeSet;
use std::sync::Arc;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use protocol::layout::{FLASH_SIZE, PAGE_SIZE, WORD_SIZE};

pub use self::tear::Tear;

use self::page::{Page, Word};
use crate::flash::{FlashError, check_erase, check_read, check_write};
use crate::update::BackgroundFlash;

/// The flash of one chip.
#[derive(Debug, Clone)]
pub struct FlashModel {
    pages: Vec<Arc<Page>>,
    operations: u64,
    cut: Option<Cut>,
    is_off: bool,
    lost_in: Option<u32>,
    /// Pages with words that may be weak: looked for when power comes back.
    weak: BTreeSet<u32>,
    reads: u64,
    stuck: BTreeSet<u32>,
    worn: BTreeSet<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Cut {
    at: u64,
    tear: Tear,
}

impl FlashModel {
    /// What every operation answers once power is gone.
    pub const POWER_LOST: FlashError = FlashError::Controller { status: u32::MAX };

    /// A chip that was never written.
    #[must_use]
    pub fn erased() -> Self {
        let page = Arc::new(Page::ERASED);
        Self {
            pages: vec![page; (FLASH_SIZE / PAGE_SIZE) as usize],
            operations: 0,
            cut: None,
            is_off: false,
            lost_in: None,
            weak: BTreeSet::new(),
            reads: 0,
            stuck: BTreeSet::new(),
            worn: BTreeSet::new(),
        }
    }

    /// Word programs and page erases so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Loses power in the operation that follows `after` more whole ones.
    pub fn plan_cut(&mut self, after: u64, tear: Tear) {
        self.cut = Some(Cut { at: self.operations + after, tear });
    }

    /// Whether power was lost.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// Power comes back. Weak words whose time is over have decayed by now; a cut that was not reached is forgotten.
    pub fn power_on(&mut self) {
        (self.is_off, self.cut) = (false, None);
        let pages = &mut self.pages;
        self.weak.retain(|&page| {
            let words = &mut Arc::make_mut(&mut pages[(page / PAGE_SIZE) as usize]).words;
            words.iter_mut().for_each(Word::decay);
            words.iter().any(|word| word.is_weak())
        });
    }

    /// Whether a word may still decay at a later power-on.
    #[must_use]
    pub fn may_decay(&self) -> bool {
        !self.weak.is_empty()
    }

    /// Where the operation was that power was lost in last: a word, or the start of a page.
    #[must_use]
    pub fn lost_in(&self) -> Option<u32> {
        self.lost_in
    }

    /// Puts bytes there as a programmer at the factory does: no rules, no operations counted. Whole words.
    ///
    /// # Panics
    /// Outside flash, or for less than whole words.
    pub fn place(&mut self, offset: u32, bytes: &[u8]) {
        check_write(offset, bytes.len()).expect("whole words inside flash");
        for (index, word) in (0..).zip(bytes.as_chunks::<8>().0) {
            *self.word_mut(offset + index * WORD_SIZE) = Word::Written(u64::from_le_bytes(*word));
        }
    }

    /// Erases pages the same way.
    ///
    /// # Panics
    /// Outside flash, or for less than whole pages.
    pub fn wipe(&mut self, from: u32, to: u32) {
        check_erase(from, to).expect("whole pages inside flash");
        for page in (from..to).step_by(PAGE_SIZE as usize) {
            self.pages[(page / PAGE_SIZE) as usize] = Arc::new(Page::ERASED);
        }
    }

    /// Gives the word at `offset` a double ECC error.
    pub fn poison(&mut self, offset: u32) {
        *self.word_mut(offset) = Word::Poisoned;
    }

    /// Flips one bit, `bit` counted from the byte at `offset`.
    pub fn flip_bit(&mut self, offset: u32, bit: u32) {
        let place = offset + bit / 8;
        let shift = place % WORD_SIZE * 8 + bit % 8;
        let word = self.word_mut(place);
        let value = match *word {
            Word::Written(value) => value,
            _ => u64::MAX,
        };
        *word = Word::Written(value ^ 1 << shift);
    }

    /// From now on the erase of this page does nothing (`fault:P7`).
    pub fn make_stuck(&mut self, page: u32) {
        self.stuck.insert(page);
    }

    /// From now on no word of this page takes what is written to it.
    pub fn make_worn(&mut self, page: u32) {
        self.worn.insert(page);
    }

    fn word(&self, offset: u32) -> Word {
        let place = (offset / WORD_SIZE) as usize % Page::WORDS;
        self.pages[(offset / PAGE_SIZE) as usize].words[place]
    }

    fn word_mut(&mut self, offset: u32) -> &mut Word {
        let place = (offset / WORD_SIZE) as usize % Page::WORDS;
        &mut Arc::make_mut(&mut self.pages[(offset / PAGE_SIZE) as usize]).words[place]
    }

    /// Counts an operation; `Some` when power is lost in it.
    fn begin(&mut self, offset: u32) -> Result<Option<Tear>, FlashError> {
        if self.is_off {
            return Err(Self::POWER_LOST);
        }
        let cut = self.cut.filter(|cut| cut.at == self.operations);
        self.operations += 1;
        if cut.is_some() {
            (self.is_off, self.lost_in) = (true, Some(offset));
        }
        if let Some(Cut { tear: Tear::Weak(_), .. }) = cut {
            self.weak.insert(offset / PAGE_SIZE * PAGE_SIZE);
        }
        Ok(cut.map(|cut| cut.tear))
    }

    fn program(&mut self, offset: u32, value: u64) -> Result<(), FlashError> {
        let tear = self.begin(offset)?;
        let is_worn = self.worn.contains(&(offset / PAGE_SIZE * PAGE_SIZE));
        let word = self.word_mut(offset);
        if let Some(tear) = tear {
            *word = tear.program(*word, value);
            return Err(Self::POWER_LOST);
        }
        *word = match *word {
            // The one exception that the chip makes; it leaves no bit that could drift.
            _ if value == 0 => Word::Written(0),
            Word::Erased => Word::Written(value),
            Word::Weak(holds) => Word::Decaying(value, holds),
            _ => return Err(FlashError::NotErased { offset }),
        };
        if is_worn {
            *word = Word::Written(value | 1 << (offset % 64));
            if value | 1 << (offset % 64) != value {
                return Err(FlashError::ReadBack { offset });
            }
        }
        Ok(())
    }

    fn erase_page(&mut self, page: u32) -> Result<(), FlashError> {
        let tear = self.begin(page)?;
        let is_stuck = self.stuck.contains(&page);
        let words = &mut Arc::make_mut(&mut self.pages[(page / PAGE_SIZE) as usize]).words;
        match tear {
            Some(tear) => {
                tear.erase(words);
                Err(Self::POWER_LOST)
            }
            None if is_stuck && words.iter().any(|word| *word != Word::Erased) => {
                Err(FlashError::EraseDidNothing { offset: page })
            }
            None => {
                *words = Page::ERASED.words;
                Ok(())
            }
        }
    }
}

impl ErrorType for FlashModel {
    type Error = FlashError;
}

impl ReadNorFlash for FlashModel {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(offset, bytes.len())?;
        if self.is_off {
            return Err(Self::POWER_LOST);
        }
        self.reads += 1;
        let mut place = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let start = place / WORD_SIZE * WORD_SIZE;
            let value = self.word(start).read(self.reads).ok_or(FlashError::Poisoned { offset: start })?;
            let word = value.to_le_bytes();
            let from = &word[(place - start) as usize..];
            let count = from.len().min(rest.len());
            let (head, tail) = rest.split_at_mut(count);
            head.copy_from_slice(&from[..count]);
            rest = tail;
            place += count as u32;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        FLASH_SIZE as usize
    }
}

impl NorFlash for FlashModel {
    const WRITE_SIZE: usize = WORD_SIZE as usize;
    const ERASE_SIZE: usize = PAGE_SIZE as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(from, to)?;
        (from..to).step_by(PAGE_SIZE as usize).try_for_each(|page| self.erase_page(page))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(offset, bytes.len())?;
        (offset..)
            .step_by(WORD_SIZE as usize)
            .zip(bytes.as_chunks::<8>().0)
            .try_for_each(|(offset, word)| self.program(offset, u64::from_le_bytes(*word)))
    }
}

/// In the model every operation is over at once.
impl BackgroundFlash for FlashModel {}

#[cfg(test)]
mod tests;
