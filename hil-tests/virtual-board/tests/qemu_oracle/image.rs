//! Guest images made of halfwords.

use virtual_board::core::{FLASH_START, RAM_START};

/// Bytes of SRAM that both machines have.
pub(crate) const RAM_BYTES: usize = 128 * 1024;
/// Top of the main stack, and where dumps of state grow down from.
pub(crate) const STACK_TOP: u32 = RAM_START + RAM_BYTES as u32;
const FLASH_BYTES: usize = 512 * 1024;
/// Code begins after a vector table of 256 words.
const CODE: u32 = 0x400;

/// A flash image under construction.
pub(crate) struct Image {
    flash: Vec<u8>,
    next: usize,
}

impl Image {
    /// An image whose exceptions all end the run, and whose code begins at the entry point.
    pub(crate) fn new() -> Self {
        let mut image = Image { flash: vec![0xFF; FLASH_BYTES], next: CODE as usize };
        let ending = image.here();
        image.end();
        for number in 0..256 {
            image.set_vector(number, ending);
        }
        image.set_word(0, STACK_TOP);
        let entry = image.here();
        image.set_vector(1, entry);
        image.enable_float();
        image
    }

    /// An image that was assembled elsewhere, vector table included.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut flash = vec![0xFF; FLASH_BYTES];
        flash[..bytes.len()].copy_from_slice(bytes);
        Image { flash, next: bytes.len() }
    }

    /// Address of the next halfword.
    pub(crate) fn here(&self) -> u32 {
        FLASH_START + self.next as u32
    }

    pub(crate) fn code(&mut self, halfwords: &[u16]) {
        for half in halfwords {
            self.flash[self.next..self.next + 2].copy_from_slice(&half.to_le_bytes());
            self.next += 2;
        }
    }

    pub(crate) fn words(&mut self, words: &[u32]) {
        assert!(self.next.is_multiple_of(4), "data is aligned by align()");
        for &word in words {
            self.set_word(self.next, word);
            self.next += 4;
        }
    }

    /// `NOP` up to a multiple of four.
    pub(crate) fn align(&mut self) {
        if !self.next.is_multiple_of(4) {
            self.code(&[0xBF00]);
        }
    }

    fn set_word(&mut self, offset: usize, word: u32) {
        self.flash[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
    }

    pub(crate) fn set_vector(&mut self, number: usize, handler: u32) {
        self.set_word(number * 4, handler | 1);
    }

    /// `MOVW` and `MOVT` of a constant.
    pub(crate) fn load_constant(&mut self, register: u16, value: u32) {
        for (opcode, half) in [(0xF240, value & 0xFFFF), (0xF2C0, value >> 16)] {
            let half = half as u16;
            let first = opcode | half >> 12 | (half >> 11 & 1) << 10;
            self.code(&[first, (half >> 8 & 7) << 12 | register << 8 | half & 0xFF]);
        }
    }

    /// Stores a constant; destroys r0 and r1.
    pub(crate) fn poke(&mut self, address: u32, value: u32) {
        self.load_constant(0, address);
        self.load_constant(1, value);
        self.code(&[0x6001]); // str r1, [r0]
    }

    fn enable_float(&mut self) {
        self.poke(0xE000_ED88, 0x00F0_0000);
        self.code(&[0xF3BF, 0x8F4F, 0xF3BF, 0x8F6F]); // dsb; isb
    }

    /// Ends the run by a system reset, at which both machines stop.
    pub(crate) fn end(&mut self) {
        self.poke(0xE000_ED0C, 0x05FA_0004);
        self.code(&[0xE7FE]); // b .
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.flash
    }
}
