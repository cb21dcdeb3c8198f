//! A chip for tests, and a machine that runs halfwords written by hand.

use crate::core::bus::{Chip, Effect, Refused, Signals, Width};
use crate::core::{Core, FLASH_START, RAM_START, Stop};

/// Writing a byte here appends it to [`TestChip::console`].
pub(super) const CONSOLE: u32 = 0x4000_0000;
/// Reads as [`TestChip::port`]; a write of a number raises that line, with bit 31 it lowers it.
pub(super) const PORT: u32 = 0x4000_0004;
/// A write stores the value as the chip's next deadline, counted from now.
pub(super) const TIMER: u32 = 0x4000_0008;
/// A write raises NMI.
pub(super) const NMI: u32 = 0x4000_000C;
/// Any access stops the machine as unmodelled.
pub(super) const UNKNOWN: u32 = 0x4000_0010;
/// A write of `n` stalls the core for `n` cycles.
pub(super) const STALL: u32 = 0x4000_0014;
/// A write: 1 loses power, 2 resets, 3 asks for a reset by signal.
pub(super) const POWER: u32 = 0x4000_0018;

/// Where [`machine`] puts the program.
pub(super) const PROGRAM: u32 = 0x0800_0400;
/// Top of the main stack.
pub(super) const STACK_TOP: u32 = RAM_START + 0x8000;

/// Plain flash, a console, and registers that pull the core's wires.
pub(super) struct TestChip {
    pub(super) flash: Vec<u8>,
    /// Offset of a word of flash that raises NMI when it is read.
    pub(super) poisoned: Option<u32>,
    pub(super) console: Vec<u8>,
    pub(super) port: u32,
    pub(super) deadline: u64,
    /// Line raised when the deadline comes.
    pub(super) timer_line: usize,
    pub(super) ticks: usize,
}

impl Chip for TestChip {
    fn flash(&self) -> &[u8] {
        &self.flash
    }

    fn flash_is_clean(&self) -> bool {
        self.poisoned.is_none()
    }

    fn read(&mut self, address: u32, width: Width, signals: &mut Signals) -> Result<u32, Refused> {
        match address {
            PORT => Ok(self.port),
            UNKNOWN => Err(Refused::Unmodelled("the unknown register".into())),
            FLASH_START.. if ((address - FLASH_START) as usize) < self.flash.len() => {
                let offset = address - FLASH_START;
                if self.poisoned == Some(offset & !7) {
                    signals.nmi = true;
                }
                let bytes = match width {
                    Width::Byte => 1,
                    Width::Half => 2,
                    Width::Word => 4,
                };
                let range = offset as usize..offset as usize + bytes;
                Ok(self.flash[range].iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)))
            }
            _ => Err(Refused::BusFault),
        }
    }

    fn write(&mut self, address: u32, _: Width, value: u32, signals: &mut Signals) -> Result<Effect, Refused> {
        match address {
            CONSOLE => self.console.push(value as u8),
            PORT => signals.irq.set((value & 0x7F) as usize, value >> 31 == 0),
            TIMER => self.deadline = signals.cycles + u64::from(value),
            NMI => signals.nmi = true,
            STALL => signals.stall = value.into(),
            POWER if value == 1 => return Ok(Effect::PowerLost),
            POWER if value == 2 => return Ok(Effect::Reset),
            POWER => signals.reset = true,
            FLASH_START.. if ((address - FLASH_START) as usize) < self.flash.len() => {
                let offset = (address - FLASH_START) as usize;
                self.flash[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
                return Ok(Effect::FlashChanged { offset, length: 4 });
            }
            _ => return Err(Refused::BusFault),
        }
        Ok(Effect::None)
    }

    fn tick(&mut self, signals: &mut Signals) -> u64 {
        self.ticks += 1;
        if signals.cycles >= self.deadline {
            self.deadline = u64::MAX;
            signals.irq.set(self.timer_line, true);
        }
        self.deadline
    }

    fn reset(&mut self) {
        self.deadline = u64::MAX;
    }
}

/// A machine after reset whose program is `halfwords` at [`PROGRAM`]; every vector leads to a `BKPT` at `PROGRAM - 2`.
pub(super) fn machine(halfwords: &[u16]) -> Core<TestChip> {
    let mut flash = vec![0xFF; 0x1_0000];
    let handler = PROGRAM - 2;
    for vector in 0..256 {
        put(&mut flash, vector * 4, handler | 1);
    }
    put(&mut flash, 0, STACK_TOP);
    put(&mut flash, 4, PROGRAM | 1);
    let start = (handler - FLASH_START) as usize;
    for (place, half) in flash[start..].chunks_exact_mut(2).zip([0xBE00].iter().chain(halfwords)) {
        place.copy_from_slice(&half.to_le_bytes());
    }
    let chip =
        TestChip { flash, poisoned: None, console: Vec::new(), port: 0, deadline: u64::MAX, timer_line: 0, ticks: 0 };
    let mut core = Core::new(chip, 0x1_0000);
    core.reset();
    core
}

/// Puts a word into flash.
pub(super) fn put(flash: &mut [u8], offset: usize, word: u32) {
    flash[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
}

/// Puts a handler for exception `number` at `PROGRAM + offset`.
pub(super) fn handler(core: &mut Core<TestChip>, number: usize, offset: u32, halfwords: &[u16]) {
    let flash = &mut core.chip.flash;
    put(flash, number * 4, (PROGRAM + offset) | 1);
    let start = (PROGRAM + offset - FLASH_START) as usize;
    for (place, half) in flash[start..].chunks_exact_mut(2).zip(halfwords) {
        place.copy_from_slice(&half.to_le_bytes());
    }
    core.flash_changed(0, 0x1_0000);
}

/// Runs to the `BKPT` that ends a test program.
pub(super) fn run(core: &mut Core<TestChip>) {
    let stop = core.run_until(core.cycles() + 10_000);
    assert_eq!(stop, Stop::Bkpt, "at {:08X}", core.registers()[15]);
}

/// Runs one program to its `BKPT`, which is added, and gives the machine back.
pub(super) fn after(halfwords: &[u16]) -> Core<TestChip> {
    let mut core = machine(&[halfwords, &[0xBE00]].concat());
    run(&mut core);
    core
}

/// The word at `address` in SRAM.
pub(super) fn word(core: &Core<TestChip>, address: u32) -> u32 {
    let offset = (address - RAM_START) as usize;
    u32::from_le_bytes(core.ram()[offset..offset + 4].try_into().unwrap())
}
