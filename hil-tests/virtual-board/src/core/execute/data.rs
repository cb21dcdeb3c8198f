//! Logic, sums, moves and bit fields.

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, immediate_carry};

/// `width` ones at the bottom of a word (1-32).
#[inline(always)]
pub(super) fn low_bits(width: u8) -> u32 {
    u32::MAX >> ((32 - u32::from(width)) & 31)
}

impl<C: Chip> Core<C> {
    /// Writes a logical result; N, Z and the shifter's carry when the instruction sets flags.
    #[inline(always)]
    pub(super) fn logical(&mut self, x: &Instruction, value: u32, carry: bool) {
        self.set_rd(x, value);
        if x.sets_flags() {
            self.flags.set_nz(value);
            self.flags.carry = carry;
        }
    }

    /// Writes a logical result whose second operand was a modified immediate.
    #[inline(always)]
    pub(super) fn logical_immediate(&mut self, x: &Instruction, value: u32) {
        self.logical(x, value, self.immediate_carry(x));
    }

    #[inline(always)]
    pub(super) fn test_immediate(&mut self, x: &Instruction, value: u32) {
        self.flags.set_nz(value);
        self.flags.carry = self.immediate_carry(x);
    }

    #[inline(always)]
    fn immediate_carry(&self, x: &Instruction) -> bool {
        if x.variant == immediate_carry::UNCHANGED { self.flags.carry } else { x.variant == immediate_carry::SET }
    }

    #[inline(always)]
    pub(super) fn logical_shifted(&mut self, x: &Instruction, combine: impl FnOnce(u32, u32) -> u32) {
        let (operand, carry) = self.shifted(x);
        self.logical(x, combine(self.rn(x), operand), carry);
    }

    pub(super) fn test_shifted(&mut self, x: &Instruction, combine: impl FnOnce(u32, u32) -> u32) {
        let (operand, carry) = self.shifted(x);
        self.flags.set_nz(combine(self.rn(x), operand));
        self.flags.carry = carry;
    }

    /// Writes `a + b + carry`; subtraction comes as the complement with carry.
    #[inline(always)]
    pub(super) fn add(&mut self, x: &Instruction, a: u32, b: u32, carry: bool) {
        self.set_rd(x, a.wrapping_add(b).wrapping_add(u32::from(carry)));
        if x.sets_flags() {
            self.flags.set_sum(a, b, carry);
        }
    }

    /// A sum into SP: its two low bits do not exist.
    pub(super) fn stack_arithmetic(&mut self, x: &Instruction) {
        let subtract = x.variant & 1 != 0;
        let operand =
            if x.ra == 1 { self.shifted(&Instruction { variant: x.variant >> 1, ..*x }).0 } else { x.immediate };
        self.add(x, self.rn(x), if subtract { !operand } else { operand }, subtract);
        self.registers[13] &= !3;
    }

    /// A register operand of the encodings that may name PC: it reads four ahead.
    #[inline(always)]
    pub(super) fn high_operand(&self, number: u8, pc: u32) -> u32 {
        if number == 15 { pc.wrapping_add(4) } else { self.registers[usize::from(number & 15)] }
    }

    #[inline(always)]
    pub(super) fn add_high(&mut self, x: &Instruction, pc: u32) {
        self.write_high(x, self.high_operand(x.rn, pc).wrapping_add(self.high_operand(x.rm, pc)));
    }

    /// Writes any register; PC branches, SP loses its low bits.
    #[inline(always)]
    pub(super) fn write_high(&mut self, x: &Instruction, value: u32) {
        self.registers[usize::from(x.rd & 15)] = match x.rd {
            13 => value & !3,
            15 => value & !1,
            _ => value,
        };
        if x.sets_flags() {
            self.flags.set_nz(value);
        }
    }

    #[inline(always)]
    pub(super) fn insert_bits(&mut self, x: &Instruction, source: u32) {
        let low = x.immediate & 31;
        let mask = low_bits(x.variant) << low;
        self.set_rd(x, self.rd(x) & !mask | source << low & mask);
    }

    pub(super) fn signed_extract(&mut self, x: &Instruction) {
        let width = u32::from(x.variant);
        let value = (self.rn(x) << (32 - width - x.immediate)) as i32 >> (32 - width);
        self.set_rd(x, value as u32);
    }

    /// `SXTB`, `UXTAH`, `SXTB16` and the like: `variant` bit 0 unsigned, bit 1 two bytes, bit 2 one byte.
    pub(super) fn extend(&mut self, x: &Instruction) {
        const NOTHING_ADDED: u8 = 15;
        let source = self.rm(x).rotate_right(x.immediate);
        let value = match x.variant {
            0 => source as i16 as u32,
            1 => source & 0xFFFF,
            2 => (source as i8 as u16 as u32) | ((source >> 16) as i8 as u16 as u32) << 16,
            3 => source & 0x00FF_00FF,
            4 => source as i8 as u32,
            _ => source & 0xFF,
        };
        let result = match (x.rn, x.variant) {
            (NOTHING_ADDED, _) => value,
            // Each half on its own, without a carry between them.
            (_, 2 | 3) => {
                let base = self.rn(x);
                let low = base.wrapping_add(value) & 0xFFFF;
                let high = (base & 0xFFFF_0000).wrapping_add(value & 0xFFFF_0000);
                high | low
            }
            _ => self.rn(x).wrapping_add(value),
        };
        self.set_rd(x, result);
    }

    /// `PKHBT`: bottom of rn, top of shifted rm; `PKHTB`: the other way round.
    pub(super) fn pack_halves(&mut self, x: &Instruction) {
        let value = if x.variant == 1 {
            let shifted = (i64::from(self.rm(x) as i32) >> x.immediate) as u32;
            self.rn(x) & 0xFFFF_0000 | shifted & 0xFFFF
        } else {
            self.rn(x) & 0xFFFF | self.rm(x) << x.immediate & 0xFFFF_0000
        };
        self.set_rd(x, value);
    }
}
