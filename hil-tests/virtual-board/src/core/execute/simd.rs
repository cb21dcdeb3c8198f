//! Saturation, and arithmetic on two halves or four bytes at once (A4.4.5, A4.4.7).

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, Operation};

/// What the prefix of a parallel instruction makes of a lane's exact result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// `S`: wraps, GE says "not negative".
    Signed,
    /// `Q`: saturates.
    SignedSaturating,
    /// `SH`: halves.
    SignedHalving,
    /// `U`: wraps, GE says "carry" or "no borrow".
    Unsigned,
    /// `UQ`: saturates.
    UnsignedSaturating,
    /// `UH`: halves.
    UnsignedHalving,
}

impl Prefix {
    fn from_operand(operand: u32) -> Self {
        match operand {
            0 => Prefix::Signed,
            1 => Prefix::SignedSaturating,
            2 => Prefix::SignedHalving,
            4 => Prefix::Unsigned,
            5 => Prefix::UnsignedSaturating,
            _ => Prefix::UnsignedHalving,
        }
    }

    fn is_signed(self) -> bool {
        matches!(self, Prefix::Signed | Prefix::SignedSaturating | Prefix::SignedHalving)
    }

    /// One lane of `width` bits: the result and its GE flag.
    fn lane(self, a: u32, b: u32, width: u32, subtract: bool) -> (u32, bool) {
        let mask = (1u32 << width) - 1;
        let extend = |value: u32| {
            let value = (value & mask) as i32;
            if self.is_signed() { value << (32 - width) >> (32 - width) } else { value }
        };
        let exact = if subtract { extend(a) - extend(b) } else { extend(a) + extend(b) };
        let half_range = 1i32 << (width - 1);
        let result = match self {
            Prefix::Signed | Prefix::Unsigned => exact,
            Prefix::SignedHalving | Prefix::UnsignedHalving => exact >> 1,
            Prefix::SignedSaturating => exact.clamp(-half_range, half_range - 1),
            Prefix::UnsignedSaturating => exact.clamp(0, mask as i32),
        };
        let greater_equal = match self {
            Prefix::Unsigned if !subtract => exact > mask as i32,
            _ => exact >= 0,
        };
        (result as u32 & mask, greater_equal)
    }
}

/// `value` clamped to a signed number of `width` bits (1-32).
fn saturate_signed(value: i64, width: u8) -> i64 {
    let limit = 1i64 << (width - 1);
    value.clamp(-limit, limit - 1)
}

/// `value` clamped to an unsigned number of `width` bits (0-31).
fn saturate_unsigned(value: i64, width: u8) -> i64 {
    value.clamp(0, (1i64 << width) - 1)
}

impl<C: Chip> Core<C> {
    /// `SADD8` and its family.
    pub(super) fn parallel(&mut self, x: &Instruction) {
        let prefix = Prefix::from_operand(x.immediate);
        let (n, m) = (self.rn(x), self.rm(x));
        let (result, flags) = match x.variant {
            0 | 4 => Self::four_bytes(prefix, n, m, x.variant == 4),
            1 | 5 => Self::two_halves(prefix, n, m, [x.variant == 5; 2]),
            // ASX: bottom is a difference, top a sum; SAX the other way round. Both exchange rm's halves.
            2 => Self::two_halves(prefix, n, m.rotate_left(16), [true, false]),
            _ => Self::two_halves(prefix, n, m.rotate_left(16), [false, true]),
        };
        self.set_rd(x, result);
        if matches!(prefix, Prefix::Signed | Prefix::Unsigned) {
            self.flags.greater_equal = flags;
        }
    }

    fn four_bytes(prefix: Prefix, n: u32, m: u32, subtract: bool) -> (u32, u8) {
        (0..4).fold((0, 0), |(result, flags), lane| {
            let (value, flag) = prefix.lane(n >> (8 * lane), m >> (8 * lane), 8, subtract);
            (result | value << (8 * lane), flags | u8::from(flag) << lane)
        })
    }

    fn two_halves(prefix: Prefix, n: u32, m: u32, subtract: [bool; 2]) -> (u32, u8) {
        let (low, low_flag) = prefix.lane(n, m, 16, subtract[0]);
        let (high, high_flag) = prefix.lane(n >> 16, m >> 16, 16, subtract[1]);
        (low | high << 16, (u8::from(low_flag) * 0b0011) | (u8::from(high_flag) * 0b1100))
    }

    /// `SEL`: each byte from rn where its GE flag is set, from rm where not.
    pub(super) fn select_bytes(&mut self, x: &Instruction) {
        let (n, m) = (self.rn(x).to_le_bytes(), self.rm(x).to_le_bytes());
        let flags = self.flags.greater_equal;
        let chosen = std::array::from_fn(|lane| if flags >> lane & 1 != 0 { n[lane] } else { m[lane] });
        self.set_rd(x, u32::from_le_bytes(chosen));
    }

    /// `QADD`, `QDADD`, `QSUB`, `QDSUB` (variants 0-3): rm plus or minus rn, which may be doubled first.
    pub(super) fn saturating_add(&mut self, x: &Instruction) {
        let (m, n) = (i64::from(self.rm(x) as i32), i64::from(self.rn(x) as i32));
        let wanted = if x.variant & 1 != 0 { 2 * n } else { n };
        let operand = saturate_signed(wanted, 32);
        let exact = if x.variant & 2 != 0 { m - operand } else { m + operand };
        let result = saturate_signed(exact, 32);
        self.flags.saturated |= operand != wanted || result != exact;
        self.set_rd(x, result as u32);
    }

    /// `SSAT`, `USAT`: rn shifted (`ra` 1: arithmetically right), then clamped to `variant` bits.
    pub(super) fn saturate(&mut self, x: &Instruction) {
        let value = self.rn(x) as i32;
        let shifted = i64::from(if x.ra == 1 { value >> x.immediate } else { value << x.immediate });
        let result = if x.operation == Operation::SignedSaturate {
            saturate_signed(shifted, x.variant)
        } else {
            saturate_unsigned(shifted, x.variant)
        };
        self.flags.saturated |= result != shifted;
        self.set_rd(x, result as u32);
    }

    /// `SSAT16`, `USAT16`
    pub(super) fn saturate_halves(&mut self, x: &Instruction) {
        let source = self.rn(x);
        let mut clamp = |half: u32| {
            let value = i64::from(half as i16);
            let result = if x.operation == Operation::SignedSaturateHalves {
                saturate_signed(value, x.variant)
            } else {
                saturate_unsigned(value, x.variant)
            };
            self.flags.saturated |= result != value;
            result as u32 & 0xFFFF
        };
        let (low, high) = (clamp(source), clamp(source >> 16));
        self.set_rd(x, low | high << 16);
    }
}
