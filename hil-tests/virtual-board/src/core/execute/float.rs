//! The table of floating point operations.

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, Operation};
use crate::core::single::Arithmetic;
use crate::core::trap::Trap;

const SIGN: u32 = 1 << 31;

impl<C: Chip> Core<C> {
    fn sd(&self, x: &Instruction) -> u32 {
        self.float.registers[usize::from(x.rd & 31)]
    }

    fn sn(&self, x: &Instruction) -> u32 {
        self.float.registers[usize::from(x.rn & 31)]
    }

    pub(super) fn sm(&self, x: &Instruction) -> u32 {
        self.float.registers[usize::from(x.rm & 31)]
    }

    pub(super) fn set_sd(&mut self, x: &Instruction, value: u32) {
        self.float.registers[usize::from(x.rd & 31)] = value;
    }

    /// Runs an operation under FPSCR, and keeps the flags that it raises.
    pub(super) fn compute<T>(&mut self, operation: impl FnOnce(&mut Arithmetic) -> T) -> T {
        let mut arithmetic = Arithmetic::new(self.float.status);
        let result = operation(&mut arithmetic);
        self.float.status = arithmetic.status;
        result
    }

    /// Every floating point operation.
    #[inline(never)]
    pub(super) fn execute_float(&mut self, x: &Instruction, pc: u32) -> Result<(), Trap> {
        use Operation as O;
        self.prepare_float()?;
        match x.operation {
            O::FloatLoad => return self.float_load(x, pc, 1),
            O::FloatStore => return self.float_store(x, pc, 1),
            O::FloatLoadDouble => return self.float_load(x, pc, 2),
            O::FloatStoreDouble => return self.float_store(x, pc, 2),
            O::FloatLoadMultiple => return self.float_load_multiple(x),
            O::FloatStoreMultiple => return self.float_store_multiple(x),
            O::FloatToCore => self.set_rd(x, self.sn(x)),
            O::FloatFromCore => self.set_sd(x, self.rn(x)),
            O::FloatPairToCore => self.float_pair_to_core(x),
            O::FloatPairFromCore => self.float_pair_from_core(x),
            O::FloatStatusToCore => self.float_status_to_core(x),
            O::FloatStatusFromCore => self.float_status_from_core(x),
            O::FloatImmediate => self.set_sd(x, x.immediate),
            O::FloatCopy => self.set_sd(x, self.sm(x)),
            O::FloatAbsolute => self.set_sd(x, self.sm(x) & !SIGN),
            O::FloatNegate => self.set_sd(x, self.sm(x) ^ SIGN),
            O::FloatCompare => self.float_compare(x, self.sm(x)),
            O::FloatCompareZero => self.float_compare(x, 0),
            O::FloatFromInteger
            | O::FloatToInteger
            | O::FloatFromFixed
            | O::FloatToFixed
            | O::HalfToFloat
            | O::FloatToHalf => self.float_convert(x),
            _ => self.float_arithmetic(x),
        }
        Ok(())
    }

    fn float_arithmetic(&mut self, x: &Instruction) {
        use Operation as O;
        let (d, n, m) = (self.sd(x), self.sn(x), self.sm(x));
        let result = self.compute(|with| match x.operation {
            O::FloatAdd => with.add(n, m),
            O::FloatSubtract => with.subtract(n, m),
            O::FloatMultiply => with.multiply(n, m),
            O::FloatNegatedMultiply => with.multiply(n, m) ^ SIGN,
            O::FloatDivide => with.divide(n, m),
            O::FloatMultiplyAdd => {
                let product = with.multiply(n, m);
                with.add(d, product)
            }
            O::FloatMultiplySubtract => {
                let product = with.multiply(n, m);
                with.add(d, product ^ SIGN)
            }
            O::FloatNegatedMultiplyAdd => {
                let product = with.multiply(n, m);
                with.add(d ^ SIGN, product ^ SIGN)
            }
            O::FloatNegatedMultiplySubtract => {
                let product = with.multiply(n, m);
                with.add(d ^ SIGN, product)
            }
            O::FusedMultiplyAdd => with.fused_multiply_add(d, n, m),
            O::FusedMultiplySubtract => with.fused_multiply_add(d, n ^ SIGN, m),
            O::FusedNegatedMultiplyAdd => with.fused_multiply_add(d ^ SIGN, n ^ SIGN, m),
            O::FusedNegatedMultiplySubtract => with.fused_multiply_add(d ^ SIGN, n, m),
            _ => with.square_root(m),
        });
        self.set_sd(x, result);
    }

    /// `VCMP`, `VCMPE` (variant 1): the flags go to FPSCR.
    fn float_compare(&mut self, x: &Instruction, other: u32) {
        let first = self.sd(x);
        let flags = self.compute(|with| with.compare(first, other, x.variant == 0));
        self.float.status = self.float.status & 0x0FFF_FFFF | flags << 28;
    }
}
