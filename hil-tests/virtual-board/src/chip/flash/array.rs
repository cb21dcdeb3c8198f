//! The flash cells: bytes, and per double word what silicon knows beyond the bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BANK_BYTES, FLASH_BYTES, PAGE_BYTES, WORD_BYTES};

/// A double word whose bytes do not tell the whole truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// Programmed, though every byte reads 0xFF: it cannot be programmed again.
    ProgrammedBlank,
    /// Two bits are beyond what ECC corrects: a read raises NMI and gives garbage (`fault:P5`).
    Poisoned,
    /// Cells are at the edge: bits under the mask may read either way, each time anew (`fault:P3`, `fault:P4`).
    Unstable {
        /// Bits that flip.
        mask: u64,
    },
}

/// The cells of both banks.
#[derive(Debug, Clone)]
pub(crate) struct FlashArray {
    /// Shared by the clones of a board until one of them writes.
    bytes: Arc<[u8]>,
    odd: BTreeMap<usize, Oddity>,
    faulty: usize,
}

impl FlashArray {
    /// Cells with these bytes, missing ones erased. A double word of all 0xFF is an erased one.
    pub(crate) fn new(mut bytes: Vec<u8>) -> Self {
        bytes.resize(FLASH_BYTES, 0xFF);
        Self { bytes: bytes.into(), odd: BTreeMap::new(), faulty: 0 }
    }

    /// What an undisturbed read gives.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether these are the cells of a board that this one is a clone of, or the other way, and neither wrote since.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bytes, &other.bytes) && self.is_clean() && other.is_clean()
    }

    /// Whether every double word reads the same each time and without an ECC error.
    pub(crate) fn is_clean(&self) -> bool {
        self.faulty == 0
    }

    /// The double word at index `word` (byte offset divided by eight).
    pub(crate) fn word(&self, word: usize) -> u64 {
        let start = word * WORD_BYTES;
        let mut value = [0; WORD_BYTES];
        value.copy_from_slice(&self.bytes[start..start + WORD_BYTES]);
        u64::from_le_bytes(value)
    }

    /// What is odd about it.
    pub(crate) fn oddity(&self, word: usize) -> Option<Oddity> {
        self.odd.get(&word).copied()
    }

    /// All odd double words.
    pub(crate) fn oddities(&self) -> impl ExactSizeIterator<Item = (usize, Oddity)> + '_ {
        self.odd.iter().map(|(&word, &oddity)| (word, oddity))
    }

    /// Whether it may be programmed with anything but zero.
    pub(crate) fn is_erased(&self, word: usize) -> bool {
        self.word(word) == u64::MAX && !self.odd.contains_key(&word)
    }

    /// The cells take this value by a whole program operation.
    pub(crate) fn program(&mut self, word: usize, value: u64) {
        self.set_bytes(word, value);
        self.set_oddity(word, (value == u64::MAX).then_some(Oddity::ProgrammedBlank));
    }

    /// The cells take this value, whatever they were, with this oddity.
    pub(crate) fn set(&mut self, word: usize, value: u64, oddity: Option<Oddity>) {
        self.set_bytes(word, value);
        self.set_oddity(word, oddity);
    }

    /// A page, by number over both banks, becomes erased.
    pub(crate) fn erase_page(&mut self, page: usize) {
        self.erase_range(page * PAGE_BYTES, PAGE_BYTES);
    }

    /// A bank becomes erased.
    pub(crate) fn erase_bank(&mut self, bank: usize) {
        self.erase_range(bank * BANK_BYTES, BANK_BYTES);
    }

    /// Copies bytes over any range; double words touched only in part keep their other bytes. Oddities there go.
    pub(crate) fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
        if !bytes.is_empty() {
            for word in offset / WORD_BYTES..=(offset + bytes.len() - 1) / WORD_BYTES {
                self.set_oddity(word, None);
            }
        }
    }

    fn erase_range(&mut self, offset: usize, length: usize) {
        self.bytes_mut()[offset..offset + length].fill(0xFF);
        let words: Vec<usize> =
            self.odd.range(offset / WORD_BYTES..(offset + length) / WORD_BYTES).map(|(&word, _)| word).collect();
        for word in words {
            self.set_oddity(word, None);
        }
    }

    fn set_bytes(&mut self, word: usize, value: u64) {
        let start = word * WORD_BYTES;
        self.bytes_mut()[start..start + WORD_BYTES].copy_from_slice(&value.to_le_bytes());
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        Arc::make_mut(&mut self.bytes)
    }

    fn set_oddity(&mut self, word: usize, oddity: Option<Oddity>) {
        let before = match oddity {
            Some(oddity) => self.odd.insert(word, oddity),
            None => self.odd.remove(&word),
        };
        self.faulty -= usize::from(before.is_some_and(faults));
        self.faulty += usize::from(oddity.is_some_and(faults));
    }
}

/// Whether a read of such a word differs from its bytes.
fn faults(oddity: Oddity) -> bool {
    !matches!(oddity, Oddity::ProgrammedBlank)
}
