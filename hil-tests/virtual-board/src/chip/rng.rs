//! RNG: random numbers (RM0440 chapter 26) that are the same in every run, for a test must be repeatable.

use super::lines::Lines;
use super::noise::Noise;
use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused};

const CR: u32 = 0x00;
const SR: u32 = 0x04;
const DR: u32 = 0x08;
const RNGEN: u32 = 1 << 2;
const IE: u32 = 1 << 3;
const RNG_IRQ: usize = 90;

static REGISTERS: [Register; 3] = [
    Register::new(CR, "CR", 0, RNGEN | IE | 1 << 5),
    Register::new(SR, "SR", 0, 0).hardware(0x67),
    Register::read_only(DR, "DR", 0),
];

/// The generator; a number is always ready while it is on.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    registers: Bank,
    noise: Noise,
}

impl Rng {
    /// A chip's own numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self { registers: Bank::new(&REGISTERS), noise: Noise::new(seed) }
    }

    fn is_on(&self) -> bool {
        self.registers.get(CR) & RNGEN != 0
    }
}

impl Peripheral for Rng {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        match offset {
            SR => Ok(u32::from(self.is_on())),
            DR if !self.is_on() => unmodelled("DR: read while RNGEN is clear"),
            DR => Ok(self.noise.next_u64() as u32),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
        if offset == CR && value & RNGEN != 0 && !(at.tree.hsi48 && at.tree.ccipr >> 26 & 3 == 0) {
            return unmodelled("CR: RNGEN without a 48 MHz clock; turn on HSI48 and select it in RCC_CCIPR.CLK48SEL");
        }
        self.registers.write(offset, value)?;
        Ok(Effect::None)
    }

    /// The numbers go on: a reset must not repeat them.
    fn reset(&mut self) {
        self.registers.reset();
    }

    fn interrupts(&self, lines: &mut Lines) {
        lines.raise(RNG_IRQ, self.is_on() && self.registers.get(CR) & IE != 0);
    }
}
