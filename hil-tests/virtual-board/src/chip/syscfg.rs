//! SYSCFG: memory remap, EXTI sources, breaks for the timers (RM0440 chapter 10). Stops the
//! machine: what would change the memory map.

use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused};

const MEMRMP: u32 = 0x00;
const EXTICR: u32 = 0x08;
const CFGR2: u32 = 0x1C;

/// Lockup and the voltage monitor as breaks of the timers.
const CLL: u32 = 1 << 0;
const PVDL: u32 = 1 << 2;

static REGISTERS: [Register; 10] = [
    Register::new(MEMRMP, "MEMRMP", 0, 0x0000_0107),
    Register::new(0x04, "CFGR1", 0x7C00_0001, 0xFDFF_0301),
    Register::new(EXTICR, "EXTICR1", 0, 0xFFFF),
    Register::new(0x0C, "EXTICR2", 0, 0xFFFF),
    Register::new(0x10, "EXTICR3", 0, 0xFFFF),
    Register::new(0x14, "EXTICR4", 0, 0xFFFF),
    Register::new(0x18, "SCSR", 0, 0).hardware(3),
    Register::new(CFGR2, "CFGR2", 0, 0xF).hardware(0x100),
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

    /// Whether a lockup of the core breaks the timers' outputs.
    pub(crate) fn lockup_breaks(&self) -> bool {
        self.registers.get(CFGR2) & CLL != 0
    }

    /// Whether the voltage monitor breaks the timers' outputs, and its settings are locked.
    pub(crate) fn monitor_breaks(&self) -> bool {
        self.registers.get(CFGR2) & PVDL != 0
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
        // What connects a break stays connected until a reset.
        let kept = if offset == CFGR2 { self.registers.get(CFGR2) & 0xF } else { 0 };
        self.registers.write(offset, value | kept)?;
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}
