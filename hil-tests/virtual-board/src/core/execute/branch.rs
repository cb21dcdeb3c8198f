//! Branches that leave the straight line by a computed address.

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, Operation};
use crate::core::trap::Trap;

impl<C: Chip> Core<C> {
    /// `BX`, and every load into PC: an address, or in a handler an EXC_RETURN.
    #[inline(always)]
    pub(super) fn branch_exchange(&mut self, target: u32) -> Result<(), Trap> {
        if target >> 28 == 0xF && self.exception_number != 0 {
            self.return_value = target;
            return Err(Trap::ExceptionReturn);
        }
        self.branch_to(target)
    }

    /// `BLX`: bit 0 becomes T; without it the next instruction faults.
    #[inline(always)]
    pub(super) fn branch_to(&mut self, target: u32) -> Result<(), Trap> {
        self.registers[15] = target & !1;
        if target & 1 == 0 {
            self.thumb = false;
            self.ask_attention();
        }
        Ok(())
    }

    /// `TBB`, `TBH`: twice an entry of the table, from here.
    pub(super) fn table_branch(&mut self, x: &Instruction, pc: u32) -> Result<(), Trap> {
        let base = self.high_operand(x.rn, pc);
        let entry = if x.operation == Operation::TableBranchByte {
            self.read_byte(base.wrapping_add(self.rm(x)))?
        } else {
            self.read_half(base.wrapping_add(self.rm(x) << 1))?
        };
        self.registers[15] = pc.wrapping_add(4).wrapping_add(entry * 2);
        Ok(())
    }
}
