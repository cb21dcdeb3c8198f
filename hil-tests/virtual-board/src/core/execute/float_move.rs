//! Transfers of FPU registers: memory, core registers, FPSCR.

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::flags::Flags;
use crate::core::instruction::Instruction;
use crate::core::trap::Trap;

/// FPSCR bits that exist: flags, AHP, DN, FZ, RMode, and the cumulative exceptions.
const FPSCR_BITS: u32 = 0xF7C0_009F;

impl<C: Chip> Core<C> {
    fn float_address(&self, x: &Instruction, pc: u32) -> u32 {
        let base = if x.rn == 15 { pc.wrapping_add(4) & !3 } else { self.rn(x) };
        base.wrapping_add(x.immediate)
    }

    /// `VLDR` of one or two words.
    pub(super) fn float_load(&mut self, x: &Instruction, pc: u32, words: usize) -> Result<(), Trap> {
        let address = self.float_address(x, pc);
        for step in 0..words {
            let word = self.read_aligned(address.wrapping_add(4 * step as u32))?;
            self.float.registers[usize::from(x.rd & 31) + step] = word;
        }
        Ok(())
    }

    /// `VSTR` of one or two words.
    pub(super) fn float_store(&mut self, x: &Instruction, pc: u32, words: usize) -> Result<(), Trap> {
        let address = self.float_address(x, pc);
        for step in 0..words {
            let word = self.float.registers[usize::from(x.rd & 31) + step];
            self.write_aligned(address.wrapping_add(4 * step as u32), word)?;
        }
        Ok(())
    }

    pub(super) fn float_pair_to_core(&mut self, x: &Instruction) {
        let lower = usize::from(x.rd & 31);
        self.registers[usize::from(x.rn & 15)] = self.float.registers[lower];
        self.registers[usize::from(x.ra & 15)] = self.float.registers[lower + 1];
    }

    pub(super) fn float_pair_from_core(&mut self, x: &Instruction) {
        let lower = usize::from(x.rd & 31);
        self.float.registers[lower] = self.rn(x);
        self.float.registers[lower + 1] = self.ra(x);
    }

    /// `VMRS`; to PC it means the flags.
    pub(super) fn float_status_to_core(&mut self, x: &Instruction) {
        if x.rd == 15 {
            let kept = self.flags.to_bits() & 0x0FFF_FFFF;
            self.flags = Flags::from_bits(self.float.status & 0xF000_0000 | kept);
        } else {
            self.set_rd(x, self.float.status);
        }
    }

    /// `VMSR`
    pub(super) fn float_status_from_core(&mut self, x: &Instruction) {
        self.float.status = self.rn(x) & FPSCR_BITS;
    }
}
