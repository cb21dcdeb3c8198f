//! FLASH: the cells of both banks and their controller (RM0440 chapter 3, category 3 device in dual-bank mode).
//!
//! Does not model: fast programming, option byte changes, PCROP, single-bank mode. The first two and a change of PCROP
//! stop the machine. Caches hold nothing here; what is noted is whether silicon's could hold something old.

mod array;
mod contents;
mod errors;
mod operation;
mod tear;

use array::FlashArray;
pub(crate) use array::Oddity;
pub use contents::ContentsError;
use errors::*;
pub(crate) use operation::Operation;
pub use tear::Tear;

use super::lines::Lines;
use super::noise::Noise;
use super::peripheral::{Due, Moment, Peripheral};
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused, Width};
use crate::time::VirtualTime;

/// Bytes of flash.
pub const FLASH_BYTES: usize = 512 * 1024;
/// Bytes of one bank.
pub const BANK_BYTES: usize = FLASH_BYTES / 2;
/// Bytes of one page, the unit of erase.
pub const PAGE_BYTES: usize = 2048;
/// Bytes of one double word, the unit of programming.
pub const WORD_BYTES: usize = 8;

/// Time to program a double word: 81.7 to 83.35 us in the datasheet (DS12288 table 53).
pub const PROGRAM_TIME: VirtualTime = VirtualTime::from_nanos(82_500);
/// Time to erase a page or a bank (DS12288 table 53).
pub const ERASE_TIME: VirtualTime = VirtualTime::from_micros(22_100);

/// Interrupt line of the controller.
const FLASH_IRQ: usize = 4;

const ACR: u32 = 0x00;
const KEYR: u32 = 0x08;
const OPTKEYR: u32 = 0x0C;
const SR: u32 = 0x10;
const CR: u32 = 0x14;
const ECCR: u32 = 0x18;
const OPTR: u32 = 0x20;
const WRP: [[u32; 2]; 2] = [[0x2C, 0x30], [0x4C, 0x50]];

const DCEN: u32 = 1 << 10;
const DCRST: u32 = 1 << 12;

const PG: u32 = 1 << 0;
const PER: u32 = 1 << 1;
const MER1: u32 = 1 << 2;
const BKER: u32 = 1 << 11;
const MER2: u32 = 1 << 15;
const STRT: u32 = 1 << 16;
const OPTSTRT: u32 = 1 << 17;
const FSTPG: u32 = 1 << 18;
const EOPIE: u32 = 1 << 24;
const ERRIE: u32 = 1 << 25;
const OBL_LAUNCH: u32 = 1 << 27;
const OPTLOCK: u32 = 1 << 30;
const LOCK: u32 = 1 << 31;

const ECCIE: u32 = 1 << 24;
const ECCD: u32 = 1 << 31;
/// Address, bank and system-flash bits of a caught ECC error.
const ECC_PLACE: u32 = 0x0067_FFFF;
const ECC_FLAGS: u32 = 0xF000_0000;

/// A write protection area that covers nothing: it starts behind its end.
const NO_AREA: u32 = 0x0000_007F;

static REGISTERS: [Register; 18] = [
    Register::new(ACR, "ACR", 0x0004_0600, 0x0004_7F0F),
    Register::new(0x04, "PDKEYR", 0, 0),
    Register::new(KEYR, "KEYR", 0, 0),
    Register::new(OPTKEYR, "OPTKEYR", 0, 0),
    Register::new(SR, "SR", 0, 0).hardware(ALL_ERRORS | EOP | BSY),
    Register::new(CR, "CR", LOCK | OPTLOCK, 0xFF07_8BFF),
    Register::new(ECCR, "ECCR", 0, ECCIE).hardware(ECC_PLACE | ECC_FLAGS),
    Register::read_only(OPTR, "OPTR", 0xFFEF_F8AA),
    Register::read_only(0x24, "PCROP1SR", 0x0000_7FFF),
    Register::read_only(0x28, "PCROP1ER", 0),
    Register::read_only(0x2C, "WRP1AR", NO_AREA),
    Register::read_only(0x30, "WRP1BR", NO_AREA),
    Register::read_only(0x44, "PCROP2SR", 0x0000_7FFF),
    Register::read_only(0x48, "PCROP2ER", 0),
    Register::read_only(0x4C, "WRP2AR", NO_AREA),
    Register::read_only(0x50, "WRP2BR", NO_AREA),
    Register::read_only(0x70, "SEC1R", 0),
    Register::read_only(0x74, "SEC2R", 0),
];

/// How far software came with a pair of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    Locked,
    FirstSeen,
    Open,
    /// A wrong key: nothing opens before the next reset.
    Barred,
}

/// An operation in progress; the cells already are as it leaves them.
#[derive(Debug, Clone)]
struct Busy {
    operation: Operation,
    /// The cells as they were, for when the operation is cut short.
    before: Vec<(usize, u64, Option<Oddity>)>,
    until: VirtualTime,
}

/// The data cache, as far as it could hold what flash held before.
#[derive(Debug, Clone, Copy, Default)]
struct DataCache {
    /// Flash changed since it was last flushed.
    is_old: bool,
    /// It was on while flash changed, or turned on while old.
    was_stale: bool,
}

/// The cells and their controller.
#[derive(Debug, Clone)]
pub(crate) struct Flash {
    array: FlashArray,
    registers: Bank,
    keys: Keys,
    option_keys: Keys,
    option_keys_offered: u64,
    data_cache: DataCache,
    /// The low half of a double word, waiting for the high half: index of the double word, value.
    latch: Option<(usize, u32)>,
    busy: Option<Busy>,
    /// When an access that had to wait for the controller was served.
    resume: Option<VirtualTime>,
    operations: u64,
    planned: Option<(u64, Tear)>,
    noise: Noise,
}

impl Flash {
    /// Cells with these bytes.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            array: FlashArray::new(bytes),
            registers: Bank::new(&REGISTERS),
            keys: Keys::Locked,
            option_keys: Keys::Locked,
            option_keys_offered: 0,
            data_cache: DataCache::default(),
            latch: None,
            busy: None,
            resume: None,
            operations: 0,
            planned: None,
            noise: Noise::new(0xF1A5),
        }
    }

    /// The bytes of an undisturbed read.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.array.bytes()
    }

    /// The cells, for whoever holds the chip in hand.
    pub(crate) fn array_mut(&mut self) -> &mut FlashArray {
        &mut self.array
    }

    /// The cells.
    pub(crate) fn array(&self) -> &FlashArray {
        &self.array
    }

    /// The cells become those of a file.
    pub(crate) fn restore(&mut self, file: &[u8]) -> Result<(), ContentsError> {
        self.array = FlashArray::from_contents(file)?;
        self.busy = None;
        Ok(())
    }

    /// Whether reads need not pass the controller: no bank is busy, no word is odd.
    pub(crate) fn reads_pass(&self) -> bool {
        self.busy.is_none() && self.array.is_clean()
    }

    /// Program and erase operations that were started, ever.
    pub(crate) fn operations(&self) -> u64 {
        self.operations
    }

    /// Power goes at the `count`-th operation from now (1 is the next one).
    pub(crate) fn plan_power_cut(&mut self, count: u64, tear: Tear) {
        self.planned = Some((self.operations + count.max(1), tear));
    }

    /// Power stays.
    pub(crate) fn cancel_power_cut(&mut self) {
        self.planned = None;
    }

    /// Write-protects pages `first..=last` of `bank` (0 or 1) with one of its two areas, as option bytes would.
    pub(crate) fn protect(&mut self, bank: usize, area: usize, first: u32, last: u32) {
        self.registers.set(WRP[bank % 2][area % 2], first & 0x7F | (last & 0x7F) << 16);
    }

    /// What the option bytes say. The cells stay those of dual-bank mode.
    pub(crate) fn set_options(&mut self, value: u32) {
        self.registers.set(OPTR, value);
    }

    /// Keys for the option bytes that software wrote, ever.
    pub(crate) fn option_keys_offered(&self) -> u64 {
        self.option_keys_offered
    }

    /// Whether the data cache could ever have answered with what flash held before.
    pub(crate) fn data_cache_was_stale(&self) -> bool {
        self.data_cache.was_stale
    }

    /// When the core may go on after an access that had to wait for the controller.
    pub(crate) fn take_resume(&mut self) -> Option<VirtualTime> {
        self.resume.take()
    }

    /// Until when the operation in progress blocks the byte at `offset`, if it does.
    pub(crate) fn blocks(&self, offset: usize) -> Option<VirtualTime> {
        let busy = self.busy.as_ref()?;
        let range = busy.operation.range();
        (range.start / BANK_BYTES..=(range.end - 1) / BANK_BYTES).contains(&(offset / BANK_BYTES)).then_some(busy.until)
    }

    /// Wait states for flash reads.
    pub(crate) fn latency(&self) -> u32 {
        self.registers.get(ACR) & 0xF
    }

    /// The core reads flash with reads not passing by: the value, and whether ECC raised NMI.
    pub(crate) fn read_cells(&mut self, offset: usize, width: Width) -> (u32, bool) {
        let word = offset / WORD_BYTES;
        let mut value = self.array.word(word);
        let mut nmi = false;
        match self.array.oddity(word) {
            Some(Oddity::Poisoned) => {
                value ^= self.noise.next_u64();
                self.catch_ecc_error(word);
                nmi = true;
            }
            Some(Oddity::Unstable { mask }) => value ^= mask & self.noise.next_u64(),
            Some(Oddity::ProgrammedBlank) | None => {}
        }
        (narrow(value, offset, width), nmi)
    }

    /// The core writes to the flash range.
    pub(crate) fn write_cells(&mut self, offset: usize, width: Width, value: u32, at: &Moment) -> Effect {
        let begin = self.wait_while_busy(at);
        let cr = self.registers.get(CR);
        if self.registers.get(SR) & ALL_ERRORS != 0 || cr & PG == 0 || cr & LOCK != 0 {
            return self.fail(PGSERR);
        }
        if width != Width::Word {
            return self.fail(SIZERR);
        }
        let word = offset / WORD_BYTES;
        match self.latch.take() {
            None if offset.is_multiple_of(WORD_BYTES) => {
                self.latch = Some((word, value));
                Effect::None
            }
            Some((first, low)) if first == word && !offset.is_multiple_of(WORD_BYTES) => {
                let value = u64::from(value) << 32 | u64::from(low);
                self.start(Operation::Program { word, value }, begin)
            }
            _ => self.fail(PGAERR),
        }
    }

    /// Power goes, or a reset comes: an operation in progress is torn.
    pub(crate) fn interrupt(&mut self) -> Option<std::ops::Range<usize>> {
        let busy = self.busy.take()?;
        for (word, value, oddity) in busy.before {
            self.array.set(word, value, oddity);
        }
        Tear::Garbage(self.operations).apply(&mut self.array, busy.operation);
        Some(busy.operation.range())
    }

    /// An access that the controller serves only when idle: finishes what is going on and says when the access begins.
    fn wait_while_busy(&mut self, at: &Moment) -> VirtualTime {
        match self.busy.as_ref().map(|busy| busy.until) {
            Some(until) => {
                self.complete();
                self.resume = Some(until);
                until.max(at.time())
            }
            None => at.time(),
        }
    }

    fn start(&mut self, operation: Operation, begin: VirtualTime) -> Effect {
        if let Operation::Program { word, value } = operation
            && value != 0
            && !self.array.is_erased(word)
        {
            return self.fail(PROGERR);
        }
        if self.is_protected(operation) {
            return self.fail(WRPERR);
        }
        self.operations += 1;
        self.data_cache.is_old = true;
        self.data_cache.was_stale |= self.registers.get(ACR) & DCEN != 0;
        if let Some((_, tear)) = self.planned.take_if(|(count, _)| *count == self.operations) {
            tear.apply(&mut self.array, operation);
            return Effect::PowerLost;
        }
        let range = operation.range();
        let words = range.start / WORD_BYTES..range.end / WORD_BYTES;
        let before = words.map(|word| (word, self.array.word(word), self.array.oddity(word))).collect();
        operation.complete(&mut self.array);
        let until = begin + operation.duration();
        self.busy = Some(Busy { operation, before, until });
        self.registers.set_bits(SR, BSY, true);
        Effect::FlashChanged { offset: range.start, length: range.len() }
    }

    fn complete(&mut self) {
        self.busy = None;
        self.registers.set_bits(SR, BSY, false);
        self.registers.set_bits(CR, STRT, false);
        if self.registers.get(CR) & EOPIE != 0 {
            self.registers.set_bits(SR, EOP, true);
        }
    }

    fn fail(&mut self, flag: u32) -> Effect {
        self.latch = None;
        self.registers.set_bits(SR, flag, true);
        self.registers.set_bits(CR, STRT, false);
        if self.registers.get(CR) & ERRIE != 0 {
            self.registers.set_bits(SR, OPERR, true);
        }
        Effect::None
    }

    fn is_protected(&self, operation: Operation) -> bool {
        let range = operation.range();
        (range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES)).any(|page| {
            let (bank, page) = (page * PAGE_BYTES / BANK_BYTES, page % (BANK_BYTES / PAGE_BYTES));
            WRP[bank].iter().any(|&area| {
                let area = self.registers.get(area);
                (area as usize & 0x7F..=(area >> 16) as usize & 0x7F).contains(&page)
            })
        })
    }

    fn catch_ecc_error(&mut self, word: usize) {
        let old = self.registers.get(ECCR);
        if old & ECC_FLAGS == 0 {
            let offset = word * WORD_BYTES;
            let place = (offset % BANK_BYTES) as u32 | ((offset / BANK_BYTES) as u32) << 21;
            self.registers.set(ECCR, old & ECCIE | place | ECCD);
        }
    }

    fn write_keyr(&mut self, value: u32) -> Result<Effect, Refused> {
        self.keys = match (self.keys, value) {
            (Keys::Locked, 0x4567_0123) => Keys::FirstSeen,
            (Keys::FirstSeen, 0xCDEF_89AB) => {
                self.registers.set_bits(CR, LOCK, false);
                Keys::Open
            }
            (Keys::Open, _) => return unmodelled("KEYR: a key while CR.LOCK is already clear"),
            _ => {
                self.keys = Keys::Barred;
                return Err(Refused::BusFault);
            }
        };
        Ok(Effect::None)
    }

    fn write_optkeyr(&mut self, value: u32) -> Result<Effect, Refused> {
        self.option_keys_offered += 1;
        self.option_keys = match (self.option_keys, value) {
            _ if self.registers.get(CR) & LOCK != 0 => return unmodelled("OPTKEYR: a key while CR.LOCK is set"),
            (Keys::Locked, 0x0819_2A3B) => Keys::FirstSeen,
            (Keys::FirstSeen, 0x4C5D_6E7F) => {
                self.registers.set_bits(CR, OPTLOCK, false);
                Keys::Open
            }
            (Keys::Open, _) => return unmodelled("OPTKEYR: a key while CR.OPTLOCK is already clear"),
            _ => {
                self.option_keys = Keys::Barred;
                return Err(Refused::BusFault);
            }
        };
        Ok(Effect::None)
    }

    fn write_cr(&mut self, value: u32, at: &Moment) -> Result<Effect, Refused> {
        let begin = self.wait_while_busy(at);
        if self.registers.get(CR) & LOCK != 0 {
            return Ok(Effect::None); // the write is lost without a sign (`fault:P7`)
        }
        if value & FSTPG != 0 {
            return unmodelled("CR: FSTPG, fast programming");
        }
        if value & OPTSTRT != 0 {
            return unmodelled("CR: OPTSTRT, a change of option bytes");
        }
        if value & OBL_LAUNCH != 0 {
            return unmodelled("CR: OBL_LAUNCH, a reload of option bytes");
        }
        let locks = value & (LOCK | OPTLOCK) | self.registers.get(CR) & (LOCK | OPTLOCK);
        self.registers.write(CR, value & !(LOCK | OPTLOCK) | locks)?;
        if value & LOCK != 0 {
            self.keys = Keys::Locked;
        }
        if locks & OPTLOCK != 0 {
            self.option_keys = Keys::Locked;
        }
        if value & PG == 0 {
            self.latch = None;
        }
        if value & STRT == 0 { Ok(Effect::None) } else { self.start_erase(value, begin) }
    }

    fn start_erase(&mut self, cr: u32, begin: VirtualTime) -> Result<Effect, Refused> {
        let kinds = cr & (PER | MER1 | MER2);
        if self.registers.get(SR) & ALL_ERRORS != 0 || cr & PG != 0 || kinds & PER != 0 && kinds != PER {
            return Ok(self.fail(PGSERR));
        }
        match kinds {
            0 => unmodelled("CR: STRT without PER, MER1 or MER2"),
            PER => {
                let bank = usize::from(cr & BKER != 0);
                let page = (cr >> 3 & 0x7F) as usize;
                Ok(self.start(Operation::ErasePage { page: bank * (BANK_BYTES / PAGE_BYTES) + page }, begin))
            }
            MER1 => Ok(self.start(Operation::EraseBanks { first: 0, count: 1 }, begin)),
            MER2 => Ok(self.start(Operation::EraseBanks { first: 1, count: 1 }, begin)),
            _ => Ok(self.start(Operation::EraseBanks { first: 0, count: 2 }, begin)),
        }
    }

    fn write_acr(&mut self, value: u32) -> Result<Effect, Refused> {
        /// Power-down in run mode: the next fetch would fail.
        const RUN_PD: u32 = 1 << 13;
        if value & RUN_PD != 0 {
            return unmodelled("ACR: RUN_PD, flash power-down");
        }
        self.registers.write(ACR, value)?;
        // A cache can be flushed only while it is off (RM0440, FLASH_ACR.DCRST).
        if value & (DCRST | DCEN) == DCRST {
            self.data_cache.is_old = false;
        }
        self.data_cache.was_stale |= value & DCEN != 0 && self.data_cache.is_old;
        Ok(Effect::None)
    }
}

impl Peripheral for Flash {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
        match offset {
            ACR => return self.write_acr(value),
            KEYR => return self.write_keyr(value),
            OPTKEYR => return self.write_optkeyr(value),
            CR => return self.write_cr(value, at),
            SR => {
                self.registers.write(SR, value)?;
                self.registers.set_bits(SR, value & (ALL_ERRORS | EOP), false);
            }
            ECCR => {
                self.registers.write(ECCR, value)?;
                self.registers.set_bits(ECCR, value & ECC_FLAGS, false);
            }
            _ => return unmodelled(format!("{}: a write of {value:#010x}", self.registers.name(offset))),
        }
        Ok(Effect::None)
    }

    /// Option bytes, and with them write protection, outlive a reset.
    fn reset(&mut self) {
        let protection = WRP.map(|bank| bank.map(|area| self.registers.get(area)));
        let options = self.registers.get(OPTR);
        self.registers.reset();
        self.registers.set(OPTR, options);
        self.data_cache.is_old = false;
        for (bank, areas) in WRP.iter().zip(protection) {
            for (&offset, value) in bank.iter().zip(areas) {
                self.registers.set(offset, value);
            }
        }
        self.keys = Keys::Locked;
        self.option_keys = Keys::Locked;
        self.latch = None;
    }

    fn tick(&mut self, at: &Moment) -> Due {
        let Some(until) = self.busy.as_ref().map(|busy| busy.until) else { return Due::Never };
        if at.time() < until {
            return Due::Time(until);
        }
        self.complete();
        Due::Never
    }

    fn interrupts(&self, lines: &mut Lines) {
        let (sr, cr) = (self.registers.get(SR), self.registers.get(CR));
        lines.raise(FLASH_IRQ, sr & EOP != 0 && cr & EOPIE != 0 || sr & OPERR != 0 && cr & ERRIE != 0);
    }
}

/// The part of a double word that an access of this width at this offset sees.
fn narrow(value: u64, offset: usize, width: Width) -> u32 {
    let shifted = (value >> (offset % WORD_BYTES * 8)) as u32;
    match width {
        Width::Byte => shifted & 0xFF,
        Width::Half => shifted & 0xFFFF,
        Width::Word => shifted,
    }
}

#[cfg(test)]
mod tests;
