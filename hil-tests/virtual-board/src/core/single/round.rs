//! Exact magnitudes, and the one rounding at the end of each operation (`FPRound`).

use super::{Arithmetic, Rounding, fpscr};

/// `digits * 2^exponent`; digits are never zero where a magnitude is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Magnitude {
    pub(super) digits: u128,
    pub(super) exponent: i32,
}

/// Room below the digits of the larger summand; what lies deeper cannot change a rounding except by being there.
const GUARD: i32 = 64;

impl Magnitude {
    pub(super) fn times(self, other: Self) -> Self {
        Magnitude { digits: self.digits * other.digits, exponent: self.exponent + other.exponent }
    }

    /// The quotient to 64 bits and more; a remainder leaves a one behind.
    pub(super) fn divided_by(self, other: Self) -> Self {
        let dividend = self.digits << GUARD;
        let quotient = dividend / other.digits;
        let sticky = u128::from(!dividend.is_multiple_of(other.digits));
        Magnitude { digits: quotient << 1 | sticky, exponent: self.exponent - other.exponent - GUARD - 1 }
    }

    /// The root to 40 bits and more; a remainder leaves a one behind.
    pub(super) fn square_root(self) -> Self {
        let odd = self.exponent & 1;
        let radicand = self.digits << (GUARD + odd);
        let root = radicand.isqrt();
        let sticky = u128::from(root * root != radicand);
        Magnitude { digits: root << 1 | sticky, exponent: (self.exponent - odd - GUARD) / 2 - 1 }
    }

    /// Exponent of the leading one.
    fn order(self) -> i32 {
        self.exponent + 127 - self.digits.leading_zeros() as i32
    }
}

/// Adds signed magnitudes of at most 48 digits; `None` is an exact zero.
pub(super) fn sum(a: (bool, Magnitude), b: (bool, Magnitude)) -> Option<(bool, Magnitude)> {
    let ((sign_high, high), (sign_low, low)) = if a.1.order() >= b.1.order() { (a, b) } else { (b, a) };
    let exponent = high.exponent.min(low.exponent).max(high.exponent - GUARD);
    let high_digits = high.digits << (high.exponent - exponent);
    let low_digits = if low.exponent >= exponent {
        low.digits << (low.exponent - exponent)
    } else {
        let shift = (exponent - low.exponent).min(127);
        let kept = low.digits >> shift;
        kept | u128::from(kept << shift != low.digits)
    };
    let (sign, digits) = if sign_high == sign_low {
        (sign_high, high_digits + low_digits)
    } else if high_digits >= low_digits {
        (sign_high, high_digits - low_digits)
    } else {
        (sign_low, low_digits - high_digits)
    };
    (digits != 0).then_some((sign, Magnitude { digits, exponent }))
}

/// A binary format: bits of its fraction, and the range of its exponents.
pub(super) struct Format {
    pub(super) fraction_bits: u32,
    pub(super) smallest_exponent: i32,
    /// Greatest exponent of a finite number.
    pub(super) greatest_exponent: i32,
    /// Whether the exponent above the greatest means infinity.
    pub(super) has_infinity: bool,
    /// FPSCR.FZ applies to results.
    pub(super) flushes: bool,
}

pub(super) const SINGLE: Format =
    Format { fraction_bits: 23, smallest_exponent: -126, greatest_exponent: 127, has_infinity: true, flushes: true };

/// Integer part of `digits / 2^shift`, and whether what is cut off is nothing, less than, exactly, or more than half.
pub(super) fn cut(digits: u128, shift: i32) -> (u128, Cut) {
    if shift <= 0 {
        return (digits << -shift, Cut::Nothing);
    }
    if shift > 127 {
        return (0, Cut::BelowHalf);
    }
    let kept = digits >> shift;
    let half = 1u128 << (shift - 1);
    let cut = match digits & ((half << 1).wrapping_sub(1)) {
        0 => Cut::Nothing,
        rest if rest < half => Cut::BelowHalf,
        rest if rest == half => Cut::Half,
        _ => Cut::AboveHalf,
    };
    (kept, cut)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Nothing,
    BelowHalf,
    Half,
    AboveHalf,
}

impl Cut {
    /// Whether the magnitude grows by one in its last place.
    pub(super) fn rounds_up(self, rounding: Rounding, sign: bool, odd: bool) -> bool {
        match (rounding, self) {
            (_, Cut::Nothing) | (Rounding::Zero, _) => false,
            (Rounding::Nearest, Cut::Half) => odd,
            (Rounding::Nearest, _) => self == Cut::AboveHalf,
            (Rounding::Up, _) => !sign,
            (Rounding::Down, _) => sign,
        }
    }
}

/// The bits of the number nearest to the exact one, in `format`; raises the flags on `arithmetic`.
pub(super) fn round(
    arithmetic: &mut Arithmetic,
    format: &Format,
    rounding: Rounding,
    sign: bool,
    magnitude: Magnitude,
) -> u32 {
    let sign_bit = u32::from(sign) << (32 - format.leading_zeros());
    let order = magnitude.order();
    let tiny = order < format.smallest_exponent;
    if tiny && format.flushes && arithmetic.status & fpscr::FZ != 0 {
        arithmetic.raise(fpscr::UFC);
        return sign_bit;
    }
    let scale = order.max(format.smallest_exponent);
    let (mut digits, cut) = cut(magnitude.digits, scale - format.fraction_bits as i32 - magnitude.exponent);
    if cut != Cut::Nothing && tiny {
        arithmetic.raise(fpscr::UFC);
    }
    if cut.rounds_up(rounding, sign, digits & 1 == 1) {
        digits += 1;
    }
    // A carry out of the fraction moves into the exponent by itself; a denormal that fills up becomes normal the same way.
    let exponent = if tiny { 0 } else { (scale - format.smallest_exponent) as u32 };
    let bits = (exponent << format.fraction_bits) + digits as u32;
    if bits > format.greatest_finite() {
        return sign_bit | format.overflow(arithmetic, rounding, sign);
    }
    if cut != Cut::Nothing {
        arithmetic.raise(fpscr::IXC);
    }
    sign_bit | bits
}

impl Format {
    fn leading_zeros(&self) -> u32 {
        if self.fraction_bits == SINGLE.fraction_bits { 1 } else { 17 }
    }

    fn greatest_finite(&self) -> u32 {
        let exponent = (self.greatest_exponent - self.smallest_exponent + 1) as u32;
        exponent << self.fraction_bits | ((1 << self.fraction_bits) - 1)
    }

    fn overflow(&self, arithmetic: &mut Arithmetic, rounding: Rounding, sign: bool) -> u32 {
        if !self.has_infinity {
            arithmetic.raise(fpscr::IOC);
            return self.greatest_finite();
        }
        arithmetic.raise(fpscr::OFC | fpscr::IXC);
        let to_infinity = match rounding {
            Rounding::Nearest => true,
            Rounding::Up => !sign,
            Rounding::Down => sign,
            Rounding::Zero => false,
        };
        self.greatest_finite() + u32::from(to_infinity)
    }
}
