//! `VCVT` in all its forms.

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, Operation};
use crate::core::single::{FixedPoint, Rounding};

impl<C: Chip> Core<C> {
    pub(super) fn float_convert(&mut self, x: &Instruction) {
        let source = match x.operation {
            Operation::FloatFromFixed | Operation::FloatToFixed => self.float.registers[usize::from(x.rd & 31)],
            _ => self.sm(x),
        };
        // Fixed point: variant bit 0 unsigned, bit 1 32 bits.
        let fixed = FixedPoint {
            bits: if x.variant & 2 != 0 { 32 } else { 16 },
            fraction_bits: x.immediate,
            unsigned: x.variant & 1 != 0,
        };
        let integer = |unsigned: bool| FixedPoint { bits: 32, fraction_bits: 0, unsigned };
        let upper_half = x.variant == 1;
        let old = self.float.registers[usize::from(x.rd & 31)];
        let result = self.compute(|with| {
            let current = with.rounding();
            match x.operation {
                Operation::FloatFromInteger => with.fixed_to_single(source, integer(x.variant == 0), current),
                // Bit 1: towards zero; clear (`VCVTR`): as FPSCR says.
                Operation::FloatToInteger if x.variant & 2 != 0 => {
                    with.single_to_fixed(source, integer(x.variant & 1 == 0), Rounding::Zero)
                }
                Operation::FloatToInteger => with.single_to_fixed(source, integer(x.variant & 1 == 0), current),
                Operation::FloatFromFixed => with.fixed_to_single(source, fixed, Rounding::Nearest),
                Operation::FloatToFixed => with.single_to_fixed(source, fixed, Rounding::Zero),
                Operation::HalfToFloat => with.half_to_single(if upper_half { source >> 16 } else { source & 0xFFFF }),
                _ if upper_half => old & 0xFFFF | with.single_to_half(source) << 16,
                _ => old & 0xFFFF_0000 | with.single_to_half(source),
            }
        });
        self.set_sd(x, result);
    }
}
