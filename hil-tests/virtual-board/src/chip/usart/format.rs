//! How long the bits and characters of a port are.

use super::table::{DEAT, DEDT, M0, M1, OVER8, PCE, STOP};
use crate::chip::registers::unmodelled;
use crate::core::bus::Refused;
use crate::time::VirtualTime;

/// The shape of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    /// Kernel clock before its prescaler.
    clock: u64,
    /// Kernel clock periods in half a bit, times two when oversampling by 8: see [`Format::half_bits`].
    divider: u64,
    /// Two while oversampling by 8, else one.
    rate: u64,
    /// Half bits in a character, start and stop bits included.
    length: u64,
    /// Data bits, parity included.
    pub(super) data_bits: u32,
    /// Whether the last data bit is parity.
    pub(super) parity: bool,
    deat: u64,
    dedt: u64,
}

impl Format {
    /// From the clock in hertz and the registers; refuses dividers that the manual forbids.
    pub(super) fn new(clock: u64, presc: u32, brr: u32, cr1: u32, cr2: u32) -> Result<Self, Refused> {
        let over8 = cr1 & OVER8 != 0;
        if over8 && brr & 8 != 0 {
            return unmodelled(format!("BRR: {brr:#06x} with OVER8: bit 3 must stay clear"));
        }
        let usartdiv = if over8 { brr & 0xFFF0 | (brr & 7) << 1 } else { brr };
        if usartdiv < 16 {
            return unmodelled(format!("BRR: USARTDIV of {usartdiv}, less than 16"));
        }
        let data_bits = match (cr1 & M1 != 0, cr1 & M0 != 0) {
            (false, false) => 8,
            (false, true) => 9,
            (true, false) => 7,
            (true, true) => return unmodelled("CR1: M1 and M0 both set"),
        };
        let stop_halves = [2, 1, 4, 3][((cr2 & STOP) >> 12) as usize];
        Ok(Self {
            clock,
            divider: u64::from(usartdiv) * prescaler(presc),
            rate: if over8 { 2 } else { 1 },
            length: u64::from(2 + data_bits * 2 + stop_halves),
            data_bits,
            parity: cr1 & PCE != 0,
            deat: u64::from((cr1 & DEAT) >> 21),
            dedt: u64::from((cr1 & DEDT) >> 16),
        })
    }

    /// One character, start and stop bits included.
    pub(super) fn character(&self) -> VirtualTime {
        self.half_bits(self.length)
    }

    /// `count` bits.
    pub(super) fn bits(&self, count: u64) -> VirtualTime {
        self.half_bits(count * 2)
    }

    /// One sample: a sixteenth of a bit, or an eighth with OVER8.
    pub(super) fn sample(&self) -> VirtualTime {
        self.samples(1)
    }

    /// Driver enable before the start bit.
    pub(super) fn assertion(&self) -> VirtualTime {
        self.samples(self.deat)
    }

    /// Driver enable after the last stop bit.
    pub(super) fn deassertion(&self) -> VirtualTime {
        self.samples(self.dedt)
    }

    fn half_bits(&self, count: u64) -> VirtualTime {
        VirtualTime::of_periods(count * self.divider, self.clock * 2 * self.rate)
    }

    fn samples(&self, count: u64) -> VirtualTime {
        let per_bit = 16 / self.rate;
        VirtualTime::of_periods(count * self.divider, self.clock * per_bit * self.rate)
    }
}

/// The prescaler behind a code of PRESC (RM0440 37.8.15); codes above 11 are reserved and count as 256.
fn prescaler(code: u32) -> u64 {
    [1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256].get((code & 0xF) as usize).copied().unwrap_or(256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_8n1_is_ten_bits_exactly() {
        let format = Format::new(170_000_000, 0, 1476, 0, 0).unwrap();
        assert_eq!(format.character(), VirtualTime::of_periods(14_760, 170_000_000));
        assert_eq!(format.character().as_nanos(), 86_823);
    }

    #[test]
    fn oversampling_by_eight_halves_the_bit() {
        // USARTDIV 0x2D5 -> 2 * 170 MHz / 0x2D5 is what BRR 0x2D2 asks for with OVER8.
        let format = Format::new(170_000_000, 0, 0x2D2, OVER8, 0).unwrap();
        assert_eq!(format.bits(10), VirtualTime::of_periods(0x2D4 * 10, 340_000_000));
    }

    #[test]
    fn nine_data_bits_and_two_stop_bits_make_twelve() {
        let format = Format::new(16_000_000, 1, 160, M0, 2 << 12).unwrap();
        assert_eq!(format.character(), VirtualTime::from_micros(12 * 20));
    }

    #[test]
    fn forbidden_dividers_are_named() {
        assert!(Format::new(16_000_000, 0, 15, 0, 0).is_err());
        assert!(Format::new(16_000_000, 0, 0x28, OVER8, 0).is_err());
    }
}
