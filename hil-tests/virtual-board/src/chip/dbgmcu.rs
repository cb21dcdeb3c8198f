//! DBGMCU: who the chip is, and what stops under a debugger (RM0440 47.16). Storage.

use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register};
use crate::core::bus::{Effect, Refused};

static REGISTERS: [Register; 5] = [
    // Device 0x469 (category 3), revision X.
    Register::read_only(0x00, "IDCODE", 0x2003_0469),
    Register::new(0x04, "CR", 0, 0xE7),
    Register::new(0x08, "APB1FZR1", 0, 0xC060_1C3F),
    Register::new(0x0C, "APB1FZR2", 0, 0x0000_0002),
    Register::new(0x10, "APB2FZR", 0, 0x0417_2800),
];

/// The block; a power-on clears it, a system reset does not.
#[derive(Debug, Clone)]
pub(crate) struct Dbgmcu {
    registers: Bank,
}

impl Dbgmcu {
    /// After power-on.
    pub(crate) fn new() -> Self {
        Self { registers: Bank::new(&REGISTERS) }
    }
}

impl Peripheral for Dbgmcu {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        self.registers.write(offset, value)?;
        Ok(Effect::None)
    }

    fn reset(&mut self) {}
}
