//! Loads and stores of several registers. A fault leaves the base as it was.

use crate::core::bus::Chip;
use crate::core::decode::DECREMENT_BEFORE;
use crate::core::instruction::Instruction;
use crate::core::trap::Trap;
use crate::core::{Core, RAM_START};

const PC: usize = 15;

impl<C: Chip> Core<C> {
    /// First address of a multiple transfer of `words`, and what the base becomes.
    #[inline(always)]
    fn range(&self, x: &Instruction, words: u32) -> Result<(u32, u32), Trap> {
        let base = self.rn(x);
        if base & 3 != 0 {
            return Err(Trap::Unaligned);
        }
        let bytes = words * 4;
        Ok(if x.variant == DECREMENT_BEFORE {
            (base.wrapping_sub(bytes), base.wrapping_sub(bytes))
        } else {
            (base, base.wrapping_add(bytes))
        })
    }

    /// The bytes of a transfer that lies wholly in SRAM.
    #[inline(always)]
    fn ram_range(&mut self, address: u32, words: u32) -> Option<&mut [u8]> {
        let start = address.wrapping_sub(RAM_START) as usize;
        self.ram.get_mut(start..start + 4 * words as usize)
    }

    #[inline(always)]
    pub(super) fn load_multiple(&mut self, x: &Instruction) -> Result<(), Trap> {
        let words = x.immediate.count_ones();
        let (address, moved) = self.range(x, words)?;
        let mut values = [0; 16];
        if let Some(bytes) = self.ram_range(address, words) {
            for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(4)) {
                *value = u32::from_le_bytes(bytes.try_into().expect("chunks of four"));
            }
        } else {
            for (value, address) in values.iter_mut().zip((address..).step_by(4)).take(words as usize) {
                *value = self.read_word(address)?;
            }
        }
        if x.sets_flags() {
            self.set_base(x, moved);
        }
        let mut list = x.immediate;
        for value in values {
            if list == 0 {
                break;
            }
            let number = list.trailing_zeros() as usize;
            list &= list - 1;
            if number == PC {
                return self.branch_exchange(value);
            }
            self.registers[number] = value;
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn store_multiple(&mut self, x: &Instruction) -> Result<(), Trap> {
        let words = x.immediate.count_ones();
        let (address, moved) = self.range(x, words)?;
        let registers = self.registers;
        let mut list = x.immediate;
        if let Some(bytes) = self.ram_range(address, words) {
            for bytes in bytes.chunks_exact_mut(4) {
                bytes.copy_from_slice(&registers[list.trailing_zeros() as usize & 15].to_le_bytes());
                list &= list - 1;
            }
        } else {
            let mut address = address;
            while list != 0 {
                self.write_word(address, registers[list.trailing_zeros() as usize])?;
                list &= list - 1;
                address = address.wrapping_add(4);
            }
        }
        if x.sets_flags() {
            self.set_base(x, moved);
        }
        Ok(())
    }

    /// `VLDM`, `VPOP`: `immediate` words into S`rd` and up.
    pub(super) fn float_load_multiple(&mut self, x: &Instruction) -> Result<(), Trap> {
        let (address, moved) = self.range(x, x.immediate)?;
        for (number, address) in (usize::from(x.rd)..).zip((address..).step_by(4)).take(x.immediate as usize) {
            self.float.registers[number] = self.read_word(address)?;
        }
        if x.sets_flags() {
            self.set_base(x, moved);
        }
        Ok(())
    }

    /// `VSTM`, `VPUSH`
    pub(super) fn float_store_multiple(&mut self, x: &Instruction) -> Result<(), Trap> {
        let (address, moved) = self.range(x, x.immediate)?;
        for (number, address) in (usize::from(x.rd)..).zip((address..).step_by(4)).take(x.immediate as usize) {
            self.write_word(address, self.float.registers[number])?;
        }
        if x.sets_flags() {
            self.set_base(x, moved);
        }
        Ok(())
    }
}
