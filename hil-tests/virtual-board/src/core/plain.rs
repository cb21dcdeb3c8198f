//! A chip that is nothing but flash: for benchmarks, and for comparing the core with another one.

use super::bus::{Chip, Effect, Refused, Signals, Width};

/// Flash that cannot be written, and no peripherals: every other access is a bus fault.
#[derive(Debug, Clone)]
pub struct PlainChip {
    flash: Vec<u8>,
}

impl PlainChip {
    /// A chip that holds `flash`.
    #[must_use]
    pub fn new(flash: Vec<u8>) -> Self {
        PlainChip { flash }
    }
}

impl Chip for PlainChip {
    fn flash(&self) -> &[u8] {
        &self.flash
    }

    fn flash_is_clean(&self) -> bool {
        true
    }

    fn read(&mut self, _: u32, _: Width, _: &mut Signals) -> Result<u32, Refused> {
        Err(Refused::BusFault)
    }

    fn write(&mut self, _: u32, _: Width, _: u32, _: &mut Signals) -> Result<Effect, Refused> {
        Err(Refused::BusFault)
    }

    fn tick(&mut self, _: &mut Signals) -> u64 {
        u64::MAX
    }

    fn reset(&mut self) {}
}
