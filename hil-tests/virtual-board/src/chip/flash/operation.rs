//! What the controller can do to the cells.

use std::ops::Range;

use super::array::FlashArray;
use super::{BANK_BYTES, ERASE_TIME, PAGE_BYTES, PROGRAM_TIME, WORD_BYTES};
use crate::time::VirtualTime;

/// One program or erase operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Program a double word.
    Program {
        /// Its index.
        word: usize,
        /// Its new value.
        value: u64,
    },
    /// Erase a page, by number over both banks.
    ErasePage {
        /// 0-255.
        page: usize,
    },
    /// Erase whole banks.
    EraseBanks {
        /// 0 or 1.
        first: usize,
        /// 1 or 2.
        count: usize,
    },
}

impl Operation {
    /// The bytes it touches.
    pub(crate) fn range(self) -> Range<usize> {
        match self {
            Operation::Program { word, .. } => word * WORD_BYTES..(word + 1) * WORD_BYTES,
            Operation::ErasePage { page } => page * PAGE_BYTES..(page + 1) * PAGE_BYTES,
            Operation::EraseBanks { first, count } => first * BANK_BYTES..(first + count) * BANK_BYTES,
        }
    }

    /// How long its bank is busy.
    pub(crate) fn duration(self) -> VirtualTime {
        match self {
            Operation::Program { .. } => PROGRAM_TIME,
            Operation::ErasePage { .. } | Operation::EraseBanks { .. } => ERASE_TIME,
        }
    }

    /// Leaves the cells as a whole operation does.
    pub(crate) fn complete(self, array: &mut FlashArray) {
        match self {
            Operation::Program { word, value } => array.program(word, value),
            Operation::ErasePage { page } => array.erase_page(page),
            Operation::EraseBanks { first, count } => (first..first + count).for_each(|bank| array.erase_bank(bank)),
        }
    }
}
