//! EXTI: edges on pins become interrupts (RM0440 chapter 15). Lines above 15 are storage.

use super::lines::Lines;
use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register};
use crate::core::bus::{Effect, Refused};

const IMR1: u32 = 0x00;
const RTSR1: u32 = 0x08;
const FTSR1: u32 = 0x0C;
const SWIER1: u32 = 0x10;
const PR1: u32 = 0x14;
const PR2: u32 = 0x34;

static REGISTERS: [Register; 12] = [
    Register::new(IMR1, "IMR1", 0x1F84_0000, 0xFFFF_FFFF),
    Register::new(0x04, "EMR1", 0, 0xFFFF_FFFF),
    Register::new(RTSR1, "RTSR1", 0, 0xE07F_FFFF),
    Register::new(FTSR1, "FTSR1", 0, 0xE07F_FFFF),
    Register::new(SWIER1, "SWIER1", 0, 0).hardware(0xE07F_FFFF),
    Register::new(PR1, "PR1", 0, 0).hardware(0xE07F_FFFF),
    Register::new(0x20, "IMR2", 0x0000_003C, 0x0000_0FFF),
    Register::new(0x24, "EMR2", 0, 0x0000_0FFF),
    Register::new(0x28, "RTSR2", 0, 0x0000_0303),
    Register::new(0x2C, "FTSR2", 0, 0x0000_0303),
    Register::new(0x30, "SWIER2", 0, 0).hardware(0x0000_0303),
    Register::new(PR2, "PR2", 0, 0).hardware(0x0000_0303),
];

/// Interrupt lines of EXTI lines 0-15.
const LINES: [(u32, usize); 7] = [(0x1, 6), (0x2, 7), (0x4, 8), (0x8, 9), (0x10, 10), (0x03E0, 23), (0xFC00, 40)];

/// The registers, and the levels they saw last.
#[derive(Debug, Clone)]
pub(crate) struct Exti {
    registers: Bank,
    levels: u32,
}

impl Exti {
    /// After power-on.
    pub(crate) fn new() -> Self {
        Self { registers: Bank::new(&REGISTERS), levels: 0 }
    }

    /// The levels of the sixteen pins that SYSCFG selects.
    pub(crate) fn watch(&mut self, levels: u32) {
        let rising = levels & !self.levels & self.registers.get(RTSR1);
        let falling = !levels & self.levels & self.registers.get(FTSR1);
        self.registers.set_bits(PR1, rising | falling, true);
        self.levels = levels;
    }
}

impl Peripheral for Exti {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        self.registers.write(offset, value)?;
        match offset {
            SWIER1 => self.registers.set_bits(PR1, value & self.registers.get(IMR1), true),
            PR1 | PR2 => self.registers.set_bits(offset, value, false),
            _ => {}
        }
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }

    fn interrupts(&self, lines: &mut Lines) {
        let pending = self.registers.get(PR1) & self.registers.get(IMR1);
        for (mask, line) in LINES {
            lines.raise(line, pending & mask != 0);
        }
    }
}
