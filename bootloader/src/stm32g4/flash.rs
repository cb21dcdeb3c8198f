//! The flash controller of the STM32G474 in dual-bank mode (RM0440 chapter 3), keeping the contract of [`crate::flash`].
//!
//! - Erase and program can be split into start and finish, so that a firmware awaits instead of spinning; while a bank
//!   is busy only code in the other one runs on.
//! - Sticky error flags of whoever was here before are cleared first (`fault:P6`); caches are off while flash changes
//!   and flushed after it (`fault:P8`, erratum 2.2.2); the controller is unlocked for one operation at a time.
//! - Writes only where its [`WriteScope`] says, and refuses a chip of another geometry (`fault:P12`).
#![expect(unsafe_code, reason = "flash is read and programmed through its addresses")]

use core::marker::PhantomData;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use protocol::layout::{BANK_SIZE, FLASH_BASE, FLASH_SIZE, PAGE_SIZE, WORD_SIZE};
use stm32_metapac::FLASH;
use stm32_metapac::flash::regs::{Cr, Sr};

use super::background::{Pause, Spin};
use super::ecc;
use crate::flash::{FlashError, WriteScope, check_erase, check_read, check_write};

const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
/// Flash size in KB (RM0440 section 49.2).
const SIZE_REGISTER: *const u16 = 0x1FFF_75E0 as *const u16;
const ERASED_WORD: [u8; WORD_SIZE as usize] = [protocol::layout::ERASED; WORD_SIZE as usize];

/// The flash of this chip. Make one and pass it around: two at once would take each other's operations for their own.
///
/// `P` is how its awaited operations wait ([`super::background`]).
#[derive(Debug)]
pub struct ChipFlash<P = Spin> {
    scope: WriteScope,
    pending: Option<Operation>,
    pause: PhantomData<P>,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Erase { page: u32 },
    Program { offset: u32, word: [u8; WORD_SIZE as usize] },
}

impl ChipFlash {
    /// Takes charge of flash, to write within `scope` only.
    ///
    /// # Errors
    /// [`FlashError::Geometry`] when the chip is not in dual-bank mode with 512 KB, or may start from bank 2: then what
    /// lies at an address depends on which bank it started from.
    pub fn open(scope: WriteScope) -> Result<Self, FlashError> {
        let option = FLASH.optr().read();
        // SAFETY: a read-only half word that every STM32G4 has at this address, outside of anything Rust knows of.
        let kilobytes = unsafe { SIZE_REGISTER.read_volatile() };
        if !option.dbank() || option.bfb2() || u32::from(kilobytes) * 1024 != FLASH_SIZE {
            return Err(FlashError::Geometry { option: option.0 });
        }
        Ok(Self { scope, pending: None, pause: PhantomData })
    }

    /// The same flash, waiting in another way.
    #[must_use]
    pub fn with_pause<P: Pause>(self) -> ChipFlash<P> {
        ChipFlash { scope: self.scope, pending: self.pending, pause: PhantomData }
    }
}

impl<P> ChipFlash<P> {
    /// Starts the erase of one page; [`Self::finish`] ends it. Some 22 ms.
    ///
    /// # Errors
    /// [`FlashError`]; nothing was started then.
    pub fn start_erase(&mut self, page: u32) -> Result<(), FlashError> {
        check_erase(page, page.saturating_add(PAGE_SIZE))?;
        self.prepare(page, PAGE_SIZE)?;
        self.pending = Some(Operation::Erase { page });
        let mut control = Cr(0);
        control.set_per(true);
        control.set_bker(page >= BANK_SIZE);
        control.set_pnb((page % BANK_SIZE / PAGE_SIZE) as u8);
        FLASH.cr().write_value(control);
        control.set_strt(true);
        FLASH.cr().write_value(control);
        cortex_m::asm::dsb();
        Ok(())
    }

    /// Starts the programming of one word; [`Self::finish`] ends it. Some 85 us.
    ///
    /// # Errors
    /// [`FlashError`]; nothing was started then.
    pub fn start_program(&mut self, offset: u32, word: [u8; WORD_SIZE as usize]) -> Result<(), FlashError> {
        check_write(offset, word.len())?;
        self.prepare(offset, WORD_SIZE)?;
        self.pending = Some(Operation::Program { offset, word });
        FLASH.cr().write(|control| control.set_pg(true));
        let [b0, b1, b2, b3, b4, b5, b6, b7] = word;
        let target = (FLASH_BASE + offset) as *mut u32;
        // SAFETY: `prepare` has checked that the word lies in the write scope, which holds nothing that runs or that a
        // reference points to; the controller takes the two halves, in this order, as one word (RM0440 section 3.3.7).
        unsafe {
            target.write_volatile(u32::from_le_bytes([b0, b1, b2, b3]));
            cortex_m::asm::isb();
            target.add(1).write_volatile(u32::from_le_bytes([b4, b5, b6, b7]));
        }
        cortex_m::asm::dsb();
        Ok(())
    }

    /// Whether an operation is still going on.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        FLASH.sr().read().bsy()
    }

    /// Ends what was started: waits for it, locks, flushes the caches, reads back. `Ok` when nothing was started.
    ///
    /// # Errors
    /// [`FlashError`]: what the controller says, or what reading back shows (`boot:U6`).
    pub fn finish(&mut self) -> Result<(), FlashError> {
        let Some(operation) = self.pending.take() else { return Ok(()) };
        while self.is_busy() {}
        let status = FLASH.sr().read();
        lock();
        enable_caches();
        match operation {
            Operation::Erase { page } => {
                judge(status, page)?;
                for offset in (page..page + PAGE_SIZE).step_by(WORD_SIZE as usize) {
                    if self.word(offset)? != ERASED_WORD {
                        return Err(FlashError::EraseDidNothing { offset: page });
                    }
                }
            }
            Operation::Program { offset, word } => {
                judge(status, offset)?;
                if self.word(offset)? != word {
                    return Err(FlashError::ReadBack { offset });
                }
            }
        }
        Ok(())
    }

    fn prepare(&mut self, offset: u32, length: u32) -> Result<(), FlashError> {
        if !self.scope.permits(offset, length) {
            return Err(FlashError::Protected { offset });
        }
        self.finish()?;
        while self.is_busy() {}
        FLASH.sr().write_value(FLASH.sr().read());
        if FLASH.cr().read().lock() {
            let [first, second] = KEYS;
            FLASH.keyr().write_value(first);
            FLASH.keyr().write_value(second);
        }
        if FLASH.cr().read().lock() {
            return Err(FlashError::Locked);
        }
        FLASH.acr().modify(|access| access.set_dcen(false));
        Ok(())
    }

    fn word(&mut self, offset: u32) -> Result<[u8; WORD_SIZE as usize], FlashError> {
        let mut word = [0; WORD_SIZE as usize];
        self.read(offset, &mut word)?;
        Ok(word)
    }
}

fn lock() {
    let mut control = Cr(0);
    control.set_lock(true);
    FLASH.cr().write_value(control);
}

/// Flushes both caches and turns them on. A cache can only be reset while it is off.
#[inline(never)]
fn enable_caches() {
    FLASH.acr().modify(|access| {
        access.set_icen(false);
        access.set_dcen(false);
    });
    FLASH.acr().modify(|access| {
        access.set_icrst(true);
        access.set_dcrst(true);
    });
    FLASH.acr().modify(|access| {
        access.set_icrst(false);
        access.set_dcrst(false);
    });
    FLASH.acr().modify(|access| {
        access.set_icen(true);
        access.set_dcen(true);
    });
}

/// What the controller says about an operation at `offset`.
fn judge(status: Sr, offset: u32) -> Result<(), FlashError> {
    /// Everything but end-of-operation and busy.
    const ERRORS: u32 = 0xC3FA;
    if status.wrperr() {
        Err(FlashError::Protected { offset })
    } else if status.progerr() {
        Err(FlashError::NotErased { offset })
    } else if status.0 & ERRORS != 0 {
        Err(FlashError::Controller { status: status.0 })
    } else {
        Ok(())
    }
}

impl<P> ErrorType for ChipFlash<P> {
    type Error = FlashError;
}

impl<P> ReadNorFlash for ChipFlash<P> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(offset, bytes.len())?;
        self.finish()?;
        let source = FLASH_BASE + offset;
        ecc::watch(|| copy(source, bytes)).ok_or_else(|| {
            // The poisoned line must not stay in the cache, or the next read would not notice.
            enable_caches();
            FlashError::Poisoned { offset }
        })
    }

    fn capacity(&self) -> usize {
        FLASH_SIZE as usize
    }
}

/// Copies from flash, a whole word at a time where it can: hashing an image is most of a boot.
fn copy(mut source: u32, bytes: &mut [u8]) {
    let lead = (source.wrapping_neg() % WORD_SIZE) as usize;
    let (head, rest) = bytes.split_at_mut(lead.min(bytes.len()));
    let (words, tail) = rest.as_chunks_mut::<{ WORD_SIZE as usize }>();
    for byte in head {
        *byte = load_byte(&mut source);
    }
    // Four at a time: the loop around a word takes longer than the word.
    let (fours, words) = words.as_chunks_mut::<4>();
    for [first, second, third, fourth] in fours {
        *first = load_word(&mut source);
        *second = load_word(&mut source);
        *third = load_word(&mut source);
        *fourth = load_word(&mut source);
    }
    for word in words {
        *word = load_word(&mut source);
    }
    for byte in tail {
        *byte = load_byte(&mut source);
    }
}

fn load_word(source: &mut u32) -> [u8; WORD_SIZE as usize] {
    // SAFETY: `read` has checked that the range is inside flash, which is always mapped; `copy` comes here with `source` a
    // multiple of 8. Volatile, since flash changes behind the compiler's back.
    let word = unsafe { (*source as *const u64).read_volatile() };
    *source += WORD_SIZE;
    word.to_le_bytes()
}

fn load_byte(source: &mut u32) -> u8 {
    // SAFETY: as for words; a byte has no alignment.
    let byte = unsafe { (*source as *const u8).read_volatile() };
    *source += 1;
    byte
}

impl<P> NorFlash for ChipFlash<P> {
    const WRITE_SIZE: usize = WORD_SIZE as usize;
    const ERASE_SIZE: usize = PAGE_SIZE as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(from, to)?;
        for page in (from..to).step_by(PAGE_SIZE as usize) {
            self.start_erase(page)?;
            self.finish()?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(offset, bytes.len())?;
        let (words, _) = bytes.as_chunks::<{ WORD_SIZE as usize }>();
        for (index, word) in (0..).zip(words) {
            self.start_program(offset + index * WORD_SIZE, *word)?;
            self.finish()?;
        }
        Ok(())
    }
}
