//! Flash in the hand of whoever holds the chip.

use std::ops::RangeInclusive;

use crate::chip::{BANK_BYTES, ContentsError, FLASH_BYTES, Oddity, PAGE_BYTES, Stm32g474, WORD_BYTES};
use crate::core::Core;

/// Changes flash cells without the controller: for factory images, for tests that damage something.
pub struct FlashAccess<'a> {
    core: &'a mut Core<Stm32g474>,
}

impl<'a> FlashAccess<'a> {
    pub(super) fn new(core: &'a mut Core<Stm32g474>) -> Self {
        Self { core }
    }

    /// Writes bytes at `offset` from the start of flash; what lies beyond its end is dropped.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let start = offset.min(FLASH_BYTES);
        let bytes = &bytes[..bytes.len().min(FLASH_BYTES - start)];
        self.core.chip.flash_controller_mut().array_mut().overwrite(start, bytes);
        self.core.flash_changed(start, bytes.len());
    }

    /// Erases the page (2 KB) that holds `offset`.
    pub fn erase_page(&mut self, offset: usize) {
        let page = offset.min(FLASH_BYTES - 1) / PAGE_BYTES;
        self.core.chip.flash_controller_mut().array_mut().erase_page(page);
        self.core.flash_changed(page * PAGE_BYTES, PAGE_BYTES);
    }

    /// Makes the double word at `offset` one that faults on read (`fault:P5`).
    pub fn poison(&mut self, offset: usize) {
        self.make_odd(offset, Oddity::Poisoned);
    }

    /// Makes the bits under `mask` of the double word at `offset` read differently from one read to the next
    /// (`fault:P3`).
    pub fn make_unstable(&mut self, offset: usize, mask: u64) {
        self.make_odd(offset, Oddity::Unstable { mask });
    }

    /// Write-protects pages of a bank (0 or 1) as its option bytes would; `area` 0 or 1. An empty range protects none.
    pub fn write_protect(&mut self, bank: usize, area: usize, pages: RangeInclusive<u32>) {
        let last = (BANK_BYTES / PAGE_BYTES) as u32 - 1;
        let (first, end) = if pages.is_empty() { (last, 0) } else { (*pages.start(), (*pages.end()).min(last)) };
        self.core.chip.flash_controller_mut().protect(bank, area, first, end);
    }

    /// Makes `FLASH_OPTR` read like that (`fault:P12`). Only what software is told: the cells stay in dual-bank mode.
    pub fn set_option_register(&mut self, value: u32) {
        self.core.chip.flash_controller_mut().set_options(value);
    }

    /// Makes the chip say that it has that much flash (`fault:P12`). It keeps what it has.
    pub fn set_size_register(&mut self, kilobytes: u16) {
        self.core.chip.system_memory_mut().set_flash_size(kilobytes);
    }

    pub(super) fn restore(&mut self, file: &[u8]) -> Result<(), ContentsError> {
        self.core.chip.flash_controller_mut().restore(file)?;
        self.core.flash_changed(0, FLASH_BYTES);
        Ok(())
    }

    fn make_odd(&mut self, offset: usize, oddity: Oddity) {
        let word = offset.min(FLASH_BYTES - 1) / WORD_BYTES;
        let array = self.core.chip.flash_controller_mut().array_mut();
        let value = array.word(word);
        array.set(word, value, Some(oddity));
        self.core.flash_changed(word * WORD_BYTES, WORD_BYTES);
    }
}
