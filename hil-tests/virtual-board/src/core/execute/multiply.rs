//! Multiplication and division.

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, Operation};
use crate::core::scb::ccr;
use crate::core::trap::Trap;

/// The accumulator field when nothing is added.
const NO_ACCUMULATOR: u8 = 15;

/// The top or bottom half of a word as a number.
fn half(word: u32, top: bool) -> i32 {
    if top { word as i32 >> 16 } else { i32::from(word as i16) }
}

impl<C: Chip> Core<C> {
    #[inline(always)]
    pub(super) fn multiply(&mut self, x: &Instruction) {
        let product = self.rn(x).wrapping_mul(self.rm(x));
        self.set_rd(x, product);
        if x.sets_flags() {
            self.flags.set_nz(product);
        }
    }

    #[inline(always)]
    pub(super) fn unsigned_product(&self, x: &Instruction) -> u64 {
        u64::from(self.rn(x)) * u64::from(self.rm(x))
    }

    #[inline(always)]
    pub(super) fn signed_product(&self, x: &Instruction) -> i64 {
        i64::from(self.rn(x) as i32) * i64::from(self.rm(x) as i32)
    }

    /// The 64-bit accumulator `rd:ra`.
    #[inline(always)]
    pub(super) fn long(&self, x: &Instruction) -> u64 {
        u64::from(self.rd(x)) << 32 | u64::from(self.ra(x))
    }

    #[inline(always)]
    pub(super) fn set_long(&mut self, x: &Instruction, value: u64) {
        self.registers[usize::from(x.ra & 15)] = value as u32;
        self.set_rd(x, (value >> 32) as u32);
    }

    /// `UMAAL`: both accumulators are words; the sum always fits.
    #[inline(always)]
    pub(super) fn multiply_add_twice(&mut self, x: &Instruction) {
        self.set_long(x, self.unsigned_product(x) + u64::from(self.rd(x)) + u64::from(self.ra(x)));
    }

    /// Division rounds towards zero; by zero it gives 0, or traps.
    pub(super) fn divide(&mut self, x: &Instruction) -> Result<(), Trap> {
        let (dividend, divisor) = (self.rn(x), self.rm(x));
        if divisor == 0 && self.system.configuration & ccr::DIV_0_TRP != 0 {
            return Err(Trap::DivideByZero);
        }
        let quotient = match (divisor, x.operation) {
            (0, _) => 0,
            (_, Operation::SignedDivide) => (dividend as i32).wrapping_div(divisor as i32) as u32,
            _ => dividend / divisor,
        };
        self.set_rd(x, quotient);
        Ok(())
    }

    /// Adds the accumulator if there is one; Q when the sum does not fit a word.
    fn set_accumulated(&mut self, x: &Instruction, value: i64) {
        let accumulator = if x.ra == NO_ACCUMULATOR { 0 } else { i64::from(self.ra(x) as i32) };
        let sum = value + accumulator;
        if i64::from(sum as i32) != sum {
            self.flags.saturated = true;
        }
        self.set_rd(x, sum as u32);
    }

    /// `SMULxy`, `SMLAxy`
    pub(super) fn multiply_halves(&mut self, x: &Instruction) {
        let product = half(self.rn(x), x.variant & 2 != 0) * half(self.rm(x), x.variant & 1 != 0);
        self.set_accumulated(x, i64::from(product));
    }

    /// `SMULWy`, `SMLAWy`: the upper 32 of 48 bits.
    pub(super) fn multiply_word_by_half(&mut self, x: &Instruction) {
        let product = i64::from(self.rn(x) as i32) * i64::from(half(self.rm(x), x.variant & 1 != 0));
        self.set_accumulated(x, product >> 16);
    }

    /// `SMMUL`, `SMMLA`, `SMMLS`: the upper word of a 64-bit sum, rounded when bit 0 says so.
    pub(super) fn multiply_top(&mut self, x: &Instruction) {
        let accumulator = if x.ra == NO_ACCUMULATOR { 0 } else { i64::from(self.ra(x) as i32) << 32 };
        let product = self.signed_product(x);
        let sum = if x.operation == Operation::MultiplyTopSubtract {
            accumulator.wrapping_sub(product)
        } else {
            accumulator.wrapping_add(product)
        };
        let rounding = if x.variant & 1 != 0 { 0x8000_0000 } else { 0 };
        self.set_rd(x, (sum.wrapping_add(rounding) >> 32) as u32);
    }

    /// `SMLALxy`
    pub(super) fn multiply_halves_long(&mut self, x: &Instruction) {
        let product = half(self.rn(x), x.variant & 2 != 0) * half(self.rm(x), x.variant & 1 != 0);
        self.set_long(x, self.long(x).wrapping_add(i64::from(product) as u64));
    }

    /// Both products of halves, added or (bit 1) subtracted; bit 0 exchanges the halves of rm.
    fn dual_product(&self, x: &Instruction) -> i64 {
        let (rn, rm) = (self.rn(x), self.rm(x).rotate_left(if x.variant & 1 != 0 { 16 } else { 0 }));
        let bottom = i64::from(half(rn, false) * half(rm, false));
        let top = i64::from(half(rn, true) * half(rm, true));
        if x.variant & 2 != 0 { bottom - top } else { bottom + top }
    }

    /// `SMUAD`, `SMUSD`, `SMLAD`, `SMLSD`
    pub(super) fn multiply_dual(&mut self, x: &Instruction) {
        self.set_accumulated(x, self.dual_product(x));
    }

    /// `SMLALD`, `SMLSLD`
    pub(super) fn multiply_dual_long(&mut self, x: &Instruction) {
        self.set_long(x, self.long(x).wrapping_add(self.dual_product(x) as u64));
    }

    /// `USAD8`, `USADA8`
    pub(super) fn sum_of_absolute_differences(&mut self, x: &Instruction) {
        let accumulator = if x.ra == NO_ACCUMULATOR { 0 } else { self.ra(x) };
        let pairs = self.rn(x).to_le_bytes().into_iter().zip(self.rm(x).to_le_bytes());
        let sum: u32 = pairs.map(|(n, m)| u32::from(n.abs_diff(m))).sum();
        self.set_rd(x, accumulator.wrapping_add(sum));
    }
}
