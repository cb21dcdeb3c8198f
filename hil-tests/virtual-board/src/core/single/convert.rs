//! Conversions between singles, integers, fixed point and half precision.

use super::round::{Cut, Format, Magnitude, cut, round};
use super::{Arithmetic, Class, DEFAULT_NAN, QUIET, Rounding, SIGN, SINGLE, fpscr, is_signaling, negative, signed};

const HALF: Format =
    Format { fraction_bits: 10, smallest_exponent: -14, greatest_exponent: 15, has_infinity: true, flushes: false };

/// The alternative format spends infinity's exponent on numbers.
const ALTERNATIVE_HALF: Format = Format { greatest_exponent: 16, has_infinity: false, ..HALF };

const HALF_INFINITY: u32 = 0x7C00;

/// A fixed point number in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::core) struct FixedPoint {
    /// 16 or 32.
    pub(in crate::core) bits: u32,
    pub(in crate::core) fraction_bits: u32,
    pub(in crate::core) unsigned: bool,
}

impl FixedPoint {
    fn limits(self) -> (i64, i64) {
        if self.unsigned { (0, (1 << self.bits) - 1) } else { (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1) }
    }
}

impl Arithmetic {
    /// An integer or fixed point number to a single.
    pub(in crate::core) fn fixed_to_single(&mut self, value: u32, fixed: FixedPoint, rounding: Rounding) -> u32 {
        let unused = 32 - fixed.bits;
        let value = if fixed.unsigned {
            i64::from(value << unused >> unused)
        } else {
            i64::from((value << unused) as i32 >> unused)
        };
        if value == 0 {
            return 0;
        }
        let magnitude = Magnitude { digits: value.unsigned_abs().into(), exponent: -(fixed.fraction_bits as i32) };
        round(self, &SINGLE, rounding, value < 0, magnitude)
    }

    /// A single to an integer or fixed point number, saturating; narrow results are extended to the register.
    pub(in crate::core) fn single_to_fixed(&mut self, value: u32, fixed: FixedPoint, rounding: Rounding) -> u32 {
        let (low, high) = fixed.limits();
        let sign = negative(value);
        let magnitude = match self.class(value) {
            Class::Zero => return 0,
            Class::Nan => {
                self.raise(fpscr::IOC);
                return 0;
            }
            Class::Infinity => {
                self.raise(fpscr::IOC);
                return if sign { low } else { high } as u32;
            }
            Class::Finite(magnitude) => magnitude,
        };
        let exponent = magnitude.exponent + fixed.fraction_bits as i32;
        // Beyond 2^64 everything saturates alike.
        let (digits, cut) = if exponent > 40 { (1 << 64, Cut::Nothing) } else { cut(magnitude.digits, -exponent) };
        let grown = digits + u128::from(cut.rounds_up(rounding, sign, digits & 1 == 1));
        let exact = if sign { -(grown as i128) } else { grown as i128 };
        let clamped = exact.clamp(low.into(), high.into());
        if clamped != exact {
            self.raise(fpscr::IOC);
        } else if cut != Cut::Nothing {
            self.raise(fpscr::IXC);
        }
        clamped as u32
    }

    /// A half in the low 16 bits to a single.
    pub(in crate::core) fn half_to_single(&mut self, half: u32) -> u32 {
        let sign = half & 0x8000 != 0;
        let (exponent, fraction) = (half >> 10 & 0x1F, half & 0x3FF);
        let alternative = self.status & fpscr::AHP != 0;
        if exponent == 0x1F && !alternative {
            if fraction == 0 {
                return signed(sign, super::INFINITY);
            }
            let nan = signed(sign, super::INFINITY | fraction << 13);
            return self.nan_of(&[nan]);
        }
        let digits = if exponent == 0 { fraction } else { fraction | 0x400 };
        if digits == 0 {
            return signed(sign, 0);
        }
        let magnitude = Magnitude { digits: digits.into(), exponent: exponent.max(1) as i32 - 25 };
        // Always exact, and never small enough to be flushed.
        round(self, &SINGLE, Rounding::Nearest, sign, magnitude)
    }

    /// A single to a half.
    pub(in crate::core) fn single_to_half(&mut self, value: u32) -> u32 {
        let sign = if negative(value) { 0x8000 } else { 0 };
        let alternative = self.status & fpscr::AHP != 0;
        match self.class(value) {
            Class::Zero => sign,
            Class::Nan if alternative => {
                self.raise(fpscr::IOC);
                sign
            }
            Class::Nan => self.nan_to_half(value, sign),
            Class::Infinity if alternative => {
                self.raise(fpscr::IOC);
                sign | 0x7FFF
            }
            Class::Infinity => sign | HALF_INFINITY,
            Class::Finite(magnitude) => {
                let format = if alternative { &ALTERNATIVE_HALF } else { &HALF };
                round(self, format, self.rounding(), negative(value), magnitude)
            }
        }
    }

    fn nan_to_half(&mut self, value: u32, sign: u32) -> u32 {
        if is_signaling(value) {
            self.raise(fpscr::IOC);
        }
        if self.status & fpscr::DN != 0 {
            return (DEFAULT_NAN >> 13) & 0x7FFF & !SIGN | HALF_INFINITY;
        }
        sign | HALF_INFINITY | ((value | QUIET) >> 13 & 0x3FF)
    }
}
