//! CRC: the calculation unit (RM0440 chapter 16).

use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register};
use crate::core::bus::{Effect, Refused, Width};

/// The data register: the only one where the width of an access matters.
pub(crate) const DR: u32 = 0x00;
const CR: u32 = 0x08;
const INIT: u32 = 0x10;
const POL: u32 = 0x14;
const RESET: u32 = 1;
const REV_OUT: u32 = 1 << 7;

static REGISTERS: [Register; 5] = [
    Register::new(DR, "DR", 0xFFFF_FFFF, 0xFFFF_FFFF),
    Register::new(0x04, "IDR", 0, 0xFFFF_FFFF),
    Register::new(CR, "CR", 0, 0xF8).hardware(RESET),
    Register::new(INIT, "INIT", 0xFFFF_FFFF, 0xFFFF_FFFF),
    Register::new(POL, "POL", 0x04C1_1DB7, 0xFFFF_FFFF),
];

/// The unit.
#[derive(Debug, Clone)]
pub(crate) struct Crc {
    registers: Bank,
}

impl Crc {
    /// After reset.
    pub(crate) fn new() -> Self {
        Self { registers: Bank::new(&REGISTERS) }
    }

    /// Data of some width goes in.
    pub(crate) fn feed(&mut self, value: u32, width: Width) {
        let bits = match width {
            Width::Byte => 8,
            Width::Half => 16,
            Width::Word => 32,
        };
        let size = self.size();
        let (top, mask) = (1u64 << (size - 1), (1u64 << size) - 1);
        let polynomial = u64::from(self.registers.get(POL)) & mask;
        let mut remainder = u64::from(self.registers.get(DR)) & mask;
        let value = self.reverse_input(value, bits);
        for bit in (0..bits).rev() {
            let carry = (remainder & top != 0) != (value >> bit & 1 != 0);
            remainder = remainder << 1 & mask;
            if carry {
                remainder ^= polynomial;
            }
        }
        self.registers.set(DR, remainder as u32);
    }

    /// CR.POLYSIZE in bits.
    fn size(&self) -> u32 {
        [32, 16, 8, 7][(self.registers.get(CR) >> 3 & 3) as usize]
    }

    /// CR.REV_IN: bits reversed within bytes, half words or words, as far as the access is wide.
    fn reverse_input(&self, value: u32, bits: u32) -> u32 {
        let unit = match self.registers.get(CR) >> 5 & 3 {
            0 => return value,
            1 => 8,
            2 => bits.min(16),
            _ => bits,
        };
        let mask = if unit == 32 { u32::MAX } else { (1 << unit) - 1 };
        (0..bits / unit).fold(0, |all, part| {
            let piece = value >> (part * unit) & mask;
            all | (piece.reverse_bits() >> (32 - unit)) << (part * unit)
        })
    }
}

impl Peripheral for Crc {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        let value = self.registers.read(offset)?;
        let reversed = offset == DR && self.registers.get(CR) & REV_OUT != 0;
        Ok(if reversed { value.reverse_bits() >> (32 - self.size()) } else { value })
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        if offset == DR {
            self.feed(value, Width::Word);
            return Ok(Effect::None);
        }
        self.registers.write(offset, value)?;
        if offset == CR && value & RESET != 0 || offset == INIT {
            self.registers.set(DR, self.registers.get(INIT));
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
    fn the_reset_state_gives_crc_32_mpeg_2() {
        let mut crc = Crc::new();
        b"123456789".iter().for_each(|&byte| crc.feed(byte.into(), Width::Byte));
        assert_eq!(crc.read(DR, &moment(0)), Ok(0x0376_E6E7));
    }

    #[test]
    fn reversed_in_and_out_it_gives_the_crc_of_ethernet() {
        let mut crc = Crc::new();
        crc.write(CR, 1 << 5 | REV_OUT | RESET, &moment(0)).unwrap();
        b"123456789".iter().for_each(|&byte| crc.feed(byte.into(), Width::Byte));
        assert_eq!(crc.read(DR, &moment(0)).map(|value| value ^ u32::MAX), Ok(0xCBF4_3926));
    }

    #[test]
    fn sixteen_bits_wide_it_gives_modbus() {
        let mut crc = Crc::new();
        for (offset, value) in [(POL, 0x8005), (INIT, 0xFFFF), (CR, 1 << 3 | 1 << 5 | REV_OUT | RESET)] {
            crc.write(offset, value, &moment(0)).unwrap();
        }
        b"123456789".iter().for_each(|&byte| crc.feed(byte.into(), Width::Byte));
        assert_eq!(crc.read(DR, &moment(0)), Ok(0x4B37));
    }
}
