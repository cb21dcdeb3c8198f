//! GPIO: one port of sixteen pins (RM0440 chapter 9).

use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register};
use crate::core::bus::{Effect, Refused};

const MODER: u32 = 0x00;
const OTYPER: u32 = 0x04;
const PUPDR: u32 = 0x0C;
/// The levels on the pins.
pub(crate) const IDR: u32 = 0x10;
const ODR: u32 = 0x14;
const BSRR: u32 = 0x18;
const LCKR: u32 = 0x1C;
const AFRL: u32 = 0x20;
const BRR: u32 = 0x28;

/// A port's registers; only the reset values of A and B differ, for their debug pins.
const fn registers(moder: u32, ospeedr: u32, pupdr: u32) -> [Register; 11] {
    [
        Register::new(MODER, "MODER", moder, 0xFFFF_FFFF),
        Register::new(OTYPER, "OTYPER", 0, 0xFFFF),
        Register::new(0x08, "OSPEEDR", ospeedr, 0xFFFF_FFFF),
        Register::new(PUPDR, "PUPDR", pupdr, 0xFFFF_FFFF),
        Register::read_only(IDR, "IDR", 0),
        Register::new(ODR, "ODR", 0, 0xFFFF),
        Register::new(BSRR, "BSRR", 0, 0).hardware(0xFFFF_FFFF),
        Register::new(LCKR, "LCKR", 0, 0x1_FFFF),
        Register::new(AFRL, "AFRL", 0, 0xFFFF_FFFF),
        Register::new(0x24, "AFRH", 0, 0xFFFF_FFFF),
        Register::new(BRR, "BRR", 0, 0).hardware(0xFFFF),
    ]
}

static PORT_A: [Register; 11] = registers(0xABFF_FFFF, 0x0C00_0000, 0x6400_0000);
static PORT_B: [Register; 11] = registers(0xFFFF_FEBF, 0x0000_00C0, 0x0000_0100);
static OTHER_PORT: [Register; 11] = registers(0xFFFF_FFFF, 0, 0);

/// What a pin is set to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Input,
    Output,
    /// With its alternate function number.
    Alternate(u32),
    Analog,
}

/// One port.
#[derive(Debug, Clone)]
pub(crate) struct Gpio {
    registers: Bank,
    /// What the world drives, per pin; `None` where it leaves the pin alone.
    driven: [Option<bool>; 16],
    /// What a timer drives where a pin is its output.
    alternate: [Option<bool>; 16],
}

impl Gpio {
    /// Port number `index` (0 = A) after power-on, nothing connected.
    pub(crate) fn new(index: usize) -> Self {
        let table = match index {
            0 => &PORT_A,
            1 => &PORT_B,
            _ => &OTHER_PORT,
        };
        Self { registers: Bank::new(table), driven: [None; 16], alternate: [None; 16] }
    }

    /// The world drives a pin, or lets go of it.
    pub(crate) fn drive(&mut self, pin: usize, level: Option<bool>) {
        self.driven[pin] = level;
    }

    /// What a timer does to a pin that is its output.
    pub(crate) fn put_alternate(&mut self, pin: usize, level: Option<bool>) {
        self.alternate[pin] = level;
    }

    /// What a pin is set to do.
    pub(crate) fn mode(&self, pin: usize) -> Mode {
        match self.registers.get(MODER) >> (pin * 2) & 3 {
            0 => Mode::Input,
            1 => Mode::Output,
            2 => Mode::Alternate(self.registers.get(AFRL + pin as u32 / 8 * 4) >> (pin % 8 * 4) & 0xF),
            _ => Mode::Analog,
        }
    }

    /// Whether the chip itself makes the pin high: as an output, not by a pull-up.
    pub(crate) fn is_driven_high(&self, pin: usize) -> bool {
        let bit = 1 << pin;
        self.mode(pin) == Mode::Output && self.registers.get(ODR) & bit != 0 && self.registers.get(OTYPER) & bit == 0
    }

    /// The level on the pin.
    pub(crate) fn level(&self, pin: usize) -> bool {
        let bit = 1 << pin;
        let released = || self.driven[pin].unwrap_or(self.registers.get(PUPDR) >> (pin * 2) & 3 == 1);
        match self.mode(pin) {
            Mode::Output if self.registers.get(OTYPER) & bit == 0 => self.registers.get(ODR) & bit != 0,
            Mode::Output => self.registers.get(ODR) & bit != 0 && released(),
            Mode::Alternate(_) => self.alternate[pin].unwrap_or_else(released),
            _ => released(),
        }
    }

    fn input(&self) -> u32 {
        (0..16).filter(|&pin| self.mode(pin) != Mode::Analog && self.level(pin)).fold(0, |all, pin| all | 1 << pin)
    }
}

impl Peripheral for Gpio {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        if offset == IDR { Ok(self.input()) } else { self.registers.read(offset) }
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        self.registers.write(offset, value)?;
        match offset {
            BSRR => {
                // Set wins where a pin is in both halves.
                self.registers.set_bits(ODR, value >> 16, false);
                self.registers.set_bits(ODR, value & 0xFFFF, true);
            }
            BRR => self.registers.set_bits(ODR, value, false),
            _ => {}
        }
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::testing::moment;

    #[test]
    fn set_wins_over_reset_and_only_outputs_drive() {
        let mut port = Gpio::new(2);
        port.write(BSRR, 1 << 13 | 1 << (16 + 13), &moment(0)).unwrap();
        assert!(!port.is_driven_high(13), "still analog");
        port.write(MODER, 0xF7FF_FFFF, &moment(0)).unwrap();
        assert!(port.is_driven_high(13));
        port.write(BRR, 1 << 13, &moment(0)).unwrap();
        assert!(!port.level(13));
    }

    #[test]
    fn an_input_reads_the_world_or_its_pull_up() {
        let mut port = Gpio::new(2);
        port.write(MODER, 0, &moment(0)).unwrap();
        port.write(PUPDR, 1 << 2, &moment(0)).unwrap();
        assert_eq!(port.read(IDR, &moment(0)), Ok(2));
        port.drive(1, Some(false));
        port.drive(4, Some(true));
        assert_eq!(port.read(IDR, &moment(0)), Ok(0x10));
    }
}
