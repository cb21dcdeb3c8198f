//! Single precision arithmetic as the FPU does it: exact in integers, then rounded once, with all cumulative flags (A2.5).
//!
//! Slower than the host's own floats, but it has every rounding mode, flush-to-zero, default NaN, and ARM's choice of NaN.

mod convert;
mod round;

pub(super) use convert::FixedPoint;
use round::{Magnitude, SINGLE, round};

/// FPSCR bits.
pub(super) mod fpscr {
    /// Invalid operation.
    pub(in crate::core) const IOC: u32 = 1;
    /// Division by zero.
    pub(in crate::core) const DZC: u32 = 1 << 1;
    /// Overflow.
    pub(in crate::core) const OFC: u32 = 1 << 2;
    /// Underflow.
    pub(in crate::core) const UFC: u32 = 1 << 3;
    /// Inexact.
    pub(in crate::core) const IXC: u32 = 1 << 4;
    /// A denormal input was flushed to zero.
    pub(in crate::core) const IDC: u32 = 1 << 7;
    /// Flush denormals to zero.
    pub(in crate::core) const FZ: u32 = 1 << 24;
    /// Every NaN result is the default NaN.
    pub(in crate::core) const DN: u32 = 1 << 25;
    /// Alternative half precision: no NaN or infinity.
    pub(in crate::core) const AHP: u32 = 1 << 26;
}

const DEFAULT_NAN: u32 = 0x7FC0_0000;
const QUIET: u32 = 1 << 22;
const SIGN: u32 = 1 << 31;
const INFINITY: u32 = 0x7F80_0000;

/// Which way an inexact result goes (FPSCR.RMode).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    Nearest,
    Up,
    Down,
    Zero,
}

/// One operation under an FPSCR; the flags it raises are collected in `status`.
pub(super) struct Arithmetic {
    /// FPSCR
    pub(super) status: u32,
}

/// An operand taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Nan,
    Infinity,
    Zero,
    Finite(Magnitude),
}

fn is_nan(bits: u32) -> bool {
    bits & !SIGN > INFINITY
}

fn is_signaling(bits: u32) -> bool {
    is_nan(bits) && bits & QUIET == 0
}

fn negative(bits: u32) -> bool {
    bits & SIGN != 0
}

fn signed(sign: bool, bits: u32) -> u32 {
    if sign { bits | SIGN } else { bits }
}

impl Arithmetic {
    /// An operation with the modes of `status`.
    pub(super) fn new(status: u32) -> Self {
        Arithmetic { status }
    }

    fn raise(&mut self, flag: u32) {
        self.status |= flag;
    }

    pub(super) fn rounding(&self) -> Rounding {
        match self.status >> 22 & 3 {
            0 => Rounding::Nearest,
            1 => Rounding::Up,
            2 => Rounding::Down,
            _ => Rounding::Zero,
        }
    }

    /// Takes an operand apart; denormals become zero under FZ.
    fn class(&mut self, bits: u32) -> Class {
        let (exponent, fraction) = (bits >> 23 & 0xFF, bits & 0x7F_FFFF);
        match (exponent, fraction) {
            (0, 0) => Class::Zero,
            (0, _) if self.status & fpscr::FZ != 0 => {
                self.raise(fpscr::IDC);
                Class::Zero
            }
            (0, _) => Class::Finite(Magnitude { digits: fraction.into(), exponent: -149 }),
            (0xFF, 0) => Class::Infinity,
            (0xFF, _) => Class::Nan,
            _ => Class::Finite(Magnitude { digits: (fraction | 1 << 23).into(), exponent: exponent as i32 - 150 }),
        }
    }

    fn invalid(&mut self) -> u32 {
        self.raise(fpscr::IOC);
        DEFAULT_NAN
    }

    /// The NaN that comes out when one of `operands` is one: signaling ones first.
    fn nan_of(&mut self, operands: &[u32]) -> u32 {
        let signaling = operands.iter().find(|&&bits| is_signaling(bits));
        if signaling.is_some() {
            self.raise(fpscr::IOC);
        }
        let chosen = signaling.or_else(|| operands.iter().find(|&&bits| is_nan(bits)));
        let chosen = *chosen.expect("called only when an operand is a NaN");
        if self.status & fpscr::DN != 0 { DEFAULT_NAN } else { chosen | QUIET }
    }

    /// A sum that is exactly zero is negative only when rounding down.
    fn exact_zero(&self) -> u32 {
        signed(self.rounding() == Rounding::Down, 0)
    }

    /// Rounds to a single under the modes of FPSCR.
    fn finish(&mut self, sign: bool, magnitude: Magnitude) -> u32 {
        round(self, &SINGLE, self.rounding(), sign, magnitude)
    }

    pub(super) fn add(&mut self, a: u32, b: u32) -> u32 {
        let (class_a, class_b) = (self.class(a), self.class(b));
        match (class_a, class_b) {
            (Class::Nan, _) | (_, Class::Nan) => self.nan_of(&[a, b]),
            (Class::Infinity, Class::Infinity) if negative(a) != negative(b) => self.invalid(),
            (Class::Infinity, _) => a,
            (_, Class::Infinity) => b,
            _ => self.add_finite((negative(a), class_a), (negative(b), class_b)),
        }
    }

    pub(super) fn subtract(&mut self, a: u32, b: u32) -> u32 {
        // A NaN keeps its sign through a subtraction.
        if is_nan(b) { self.add(a, b) } else { self.add(a, b ^ SIGN) }
    }

    /// Adds zeros and finite numbers.
    fn add_finite(&mut self, a: (bool, Class), b: (bool, Class)) -> u32 {
        match (a, b) {
            ((sign_a, Class::Finite(a)), (sign_b, Class::Finite(b))) => match round::sum((sign_a, a), (sign_b, b)) {
                Some((sign, magnitude)) => self.finish(sign, magnitude),
                None => self.exact_zero(),
            },
            ((sign, Class::Finite(only)), _) | (_, (sign, Class::Finite(only))) => self.finish(sign, only),
            ((sign_a, _), (sign_b, _)) if sign_a == sign_b => signed(sign_a, 0),
            _ => self.exact_zero(),
        }
    }

    pub(super) fn multiply(&mut self, a: u32, b: u32) -> u32 {
        let sign = negative(a) != negative(b);
        match (self.class(a), self.class(b)) {
            (Class::Nan, _) | (_, Class::Nan) => self.nan_of(&[a, b]),
            (Class::Infinity, Class::Zero) | (Class::Zero, Class::Infinity) => self.invalid(),
            (Class::Infinity, _) | (_, Class::Infinity) => signed(sign, INFINITY),
            (Class::Finite(a), Class::Finite(b)) => self.finish(sign, a.times(b)),
            _ => signed(sign, 0),
        }
    }

    pub(super) fn divide(&mut self, a: u32, b: u32) -> u32 {
        let sign = negative(a) != negative(b);
        match (self.class(a), self.class(b)) {
            (Class::Nan, _) | (_, Class::Nan) => self.nan_of(&[a, b]),
            (Class::Infinity, Class::Infinity) | (Class::Zero, Class::Zero) => self.invalid(),
            (Class::Infinity, _) => signed(sign, INFINITY),
            (Class::Finite(_), Class::Zero) => {
                self.raise(fpscr::DZC);
                signed(sign, INFINITY)
            }
            (Class::Finite(a), Class::Finite(b)) => self.finish(sign, a.divided_by(b)),
            _ => signed(sign, 0),
        }
    }

    /// `addend + a * b` with one rounding.
    pub(super) fn fused_multiply_add(&mut self, addend: u32, a: u32, b: u32) -> u32 {
        let (class_c, class_a, class_b) = (self.class(addend), self.class(a), self.class(b));
        let impossible = matches!((class_a, class_b), (Class::Infinity, Class::Zero) | (Class::Zero, Class::Infinity));
        if [class_c, class_a, class_b].contains(&Class::Nan) {
            let result = self.nan_of(&[addend, a, b]);
            return if impossible && !is_signaling(addend) { self.invalid() } else { result };
        }
        let sign = negative(a) != negative(b);
        let product_infinite = class_a == Class::Infinity || class_b == Class::Infinity;
        if impossible || (product_infinite && class_c == Class::Infinity && sign != negative(addend)) {
            return self.invalid();
        }
        if product_infinite {
            return signed(sign, INFINITY);
        }
        if class_c == Class::Infinity {
            return addend;
        }
        let product = match (class_a, class_b) {
            (Class::Finite(a), Class::Finite(b)) => Class::Finite(a.times(b)),
            _ => Class::Zero,
        };
        self.add_finite((sign, product), (negative(addend), class_c))
    }

    pub(super) fn square_root(&mut self, a: u32) -> u32 {
        match self.class(a) {
            Class::Nan => self.nan_of(&[a]),
            Class::Zero => a & SIGN,
            _ if negative(a) => self.invalid(),
            Class::Infinity => a,
            Class::Finite(magnitude) => self.finish(false, magnitude.square_root()),
        }
    }

    /// NZCV of a comparison; `quiet` comparisons complain about signaling NaNs only.
    pub(super) fn compare(&mut self, a: u32, b: u32, quiet: bool) -> u32 {
        let (class_a, class_b) = (self.class(a), self.class(b));
        if class_a == Class::Nan || class_b == Class::Nan {
            if !quiet || is_signaling(a) || is_signaling(b) {
                self.raise(fpscr::IOC);
            }
            return 0b0011;
        }
        let ordered = |bits: u32, class: Class| match class {
            Class::Zero => 0,
            _ if negative(bits) => -i64::from(bits & !SIGN),
            _ => i64::from(bits),
        };
        match ordered(a, class_a).cmp(&ordered(b, class_b)) {
            std::cmp::Ordering::Less => 0b1000,
            std::cmp::Ordering::Equal => 0b0110,
            std::cmp::Ordering::Greater => 0b0010,
        }
    }
}

#[cfg(test)]
mod tests;
