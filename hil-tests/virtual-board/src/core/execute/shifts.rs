//! The barrel shifter (A2.2.1).

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, shift};

/// `value` shifted by `amount` (0-255), and the carry that falls out; an amount of 0 leaves `carry`.
/// `ROR` by 0 is not `RRX` here.
#[inline(always)]
fn shift_with_carry(kind: u8, value: u32, amount: u32, carry: bool) -> (u32, bool) {
    if amount == 0 {
        return (value, carry);
    }
    match kind {
        shift::LSL => {
            let wide = u64::from(value) << amount.min(33);
            (wide as u32, wide >> 32 & 1 != 0)
        }
        shift::LSR => {
            let wide = (u64::from(value) << 1) >> amount.min(34);
            ((wide >> 1) as u32, wide & 1 != 0)
        }
        shift::ASR => {
            let wide = (i64::from(value as i32) << 1) >> amount.min(40);
            ((wide >> 1) as u32, wide & 1 != 0)
        }
        _ => {
            let rotated = value.rotate_right(amount & 31);
            (rotated, rotated >> 31 != 0)
        }
    }
}

impl<C: Chip> Core<C> {
    /// The shifted second operand and its carry; `ROR` by 0 is `RRX`.
    #[inline(always)]
    pub(super) fn shifted(&self, x: &Instruction) -> (u32, bool) {
        let value = self.rm(x);
        if x.variant == shift::ROR && x.immediate == 0 {
            return (u32::from(self.flags.carry) << 31 | value >> 1, value & 1 != 0);
        }
        shift_with_carry(x.variant, value, x.immediate, self.flags.carry)
    }

    #[inline(always)]
    pub(super) fn shift_left_immediate(&mut self, x: &Instruction) {
        let (value, carry) = shift_with_carry(shift::LSL, self.rm(x), x.immediate, self.flags.carry);
        self.logical(x, value, carry);
    }

    #[inline(always)]
    pub(super) fn shift_right_immediate(&mut self, x: &Instruction) {
        let (value, carry) = shift_with_carry(shift::LSR, self.rm(x), x.immediate, self.flags.carry);
        self.logical(x, value, carry);
    }

    #[inline(always)]
    pub(super) fn shift_arithmetic_immediate(&mut self, x: &Instruction) {
        let (value, carry) = shift_with_carry(shift::ASR, self.rm(x), x.immediate, self.flags.carry);
        self.logical(x, value, carry);
    }

    #[inline(always)]
    pub(super) fn rotate_immediate(&mut self, x: &Instruction) {
        let (value, carry) = shift_with_carry(shift::ROR, self.rm(x), x.immediate, self.flags.carry);
        self.logical(x, value, carry);
    }

    /// `RRX`: right by one through the carry.
    pub(super) fn rotate_with_carry(&mut self, x: &Instruction) {
        let value = self.rm(x);
        self.logical(x, u32::from(self.flags.carry) << 31 | value >> 1, value & 1 != 0);
    }

    /// Shifts by the low byte of a register.
    #[inline(always)]
    pub(super) fn shift_by_register(&mut self, x: &Instruction, kind: u8) {
        let (value, carry) = shift_with_carry(kind, self.rn(x), self.rm(x) & 0xFF, self.flags.carry);
        self.logical(x, value, carry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One bit at a time, as the manual's definitions read.
    fn slowly(kind: u8, value: u32, amount: u32, carry: bool) -> (u32, bool) {
        let (mut value, mut carry) = (value, carry);
        for _ in 0..amount {
            let out = if kind == shift::LSL { value >> 31 } else { value & 1 };
            value = match kind {
                shift::LSL => value << 1,
                shift::LSR => value >> 1,
                shift::ASR => (value as i32 >> 1) as u32,
                _ => value.rotate_right(1),
            };
            carry = out != 0;
        }
        (value, carry)
    }

    proptest! {
        #[test]
        fn every_shift_is_repeated_single_shifts(kind in 0..4u8, value: u32, amount in 0..256u32, carry: bool) {
            prop_assert_eq!(shift_with_carry(kind, value, amount, carry), slowly(kind, value, amount, carry));
        }
    }
}
