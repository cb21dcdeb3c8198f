//! SYSCFG: memory remap, EXTI sources (RM0440 chapter 10). Storage, but for what would change the memory map.

use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused};

const MEMRMP: u32 = 0x00;
const EXTICR: u32 = 0x08;

static REGISTERS: [Register; 10] = [
    Register::new(MEMRMP, "MEMRMP", 0, 0x0000_0107),
    Register::new(0x04, "CFGR1", 0x7C00_0001, 0xFDFF_0301),
    Register::new(EXTICR, "EXTICR1", 0, 0xFFFF),
    Register::new(0x0C, "EXTICR2", 0, 0xFFFF),
    Register::new(0x10, "EXTICR3", 0, 0xFFFF),
    Register::new(0x14, "EXTICR4", 0, 0xFFFF),
    Register::new(0x18, "SCSR", 0, 0).hardware(3),
    Register::new(0x1C, "CFGR2", 0, 0xF).hardware(0x100),
    Register::new(0x20, "SWPR", 0, 0x3FF),
    Register::new(0x24, "SKR", 0, 0).hardware(0xFF),
];

/// The registers of SYSCFG.
#[derive(Debug, Clone)]
pub(crate) struct Syscfg {
    registers: Bank,
}

impl Syscfg {
    /// After power-on.
    pub(crate) fn new() -> Self {
        Self { registers: Bank::new(&REGISTERS) }
    }

    /// The port (0 = A) whose pin `line` (0-15) feeds that EXTI line.
    pub(crate) fn exti_port(&self, line: usize) -> usize {
        (self.registers.get(EXTICR + line as u32 / 4 * 4) >> (line % 4 * 4) & 0xF) as usize
    }
}

impl Peripheral for Syscfg {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        if offset == MEMRMP && value != 0 {
            return unmodelled(format!("MEMRMP: {value:#x}, another memory at 0 or swapped banks"));
        }
        self.registers.write(offset, value)?;
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}
