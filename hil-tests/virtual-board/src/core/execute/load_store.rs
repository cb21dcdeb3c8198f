//! Loads and stores of one register or a pair.

use crate::core::Core;
use crate::core::bus::Chip;
use crate::core::decode::addressing;
use crate::core::instruction::{Instruction, Operation, Transfer};
use crate::core::trap::Trap;

impl<C: Chip> Core<C> {
    /// Base plus immediate offset.
    #[inline(always)]
    pub(super) fn offset_address(&self, x: &Instruction) -> u32 {
        self.rn(x).wrapping_add(x.immediate)
    }

    /// Base plus shifted index.
    #[inline(always)]
    pub(super) fn index_address(&self, x: &Instruction) -> u32 {
        self.rn(x).wrapping_add(self.rm(x) << (x.immediate & 3))
    }

    #[inline(always)]
    pub(super) fn load_word(&mut self, x: &Instruction, address: u32) -> Result<(), Trap> {
        let value = self.read_word(address)?;
        self.set_loaded(x, value)
    }

    /// A loaded word: PC branches, SP loses its low bits.
    #[inline(always)]
    fn set_loaded(&mut self, x: &Instruction, value: u32) -> Result<(), Trap> {
        match x.rd {
            15 => return self.branch_exchange(value),
            13 => self.registers[13] = value & !3,
            _ => self.set_rd(x, value),
        }
        Ok(())
    }

    /// Loads a byte or halfword (a word too, for the rare forms) into a register that is not PC.
    #[inline(always)]
    pub(super) fn load(&mut self, x: &Instruction, address: u32, transfer: Transfer) -> Result<(), Trap> {
        let value = match transfer {
            Transfer::Word => return self.load_word(x, address),
            Transfer::Byte => self.read_byte(address)?,
            Transfer::Half => self.read_half(address)?,
            Transfer::SignedByte => self.read_byte(address)? as i8 as u32,
            Transfer::SignedHalf => self.read_half(address)? as i16 as u32,
        };
        self.set_rd(x, value);
        Ok(())
    }

    #[inline(always)]
    fn store(&mut self, x: &Instruction, address: u32, transfer: Transfer) -> Result<(), Trap> {
        match transfer {
            Transfer::Word => self.write_word(address, self.rd(x)),
            Transfer::Byte | Transfer::SignedByte => self.write_byte(address, self.rd(x)),
            Transfer::Half | Transfer::SignedHalf => self.write_half(address, self.rd(x)),
        }
    }

    /// Where to access, and what the base becomes.
    #[inline(always)]
    fn indexed(x: &Instruction, base: u32) -> (u32, u32) {
        let moved = base.wrapping_add(x.immediate);
        (if x.variant & addressing::INDEXED != 0 { moved } else { base }, moved)
    }

    #[inline(always)]
    pub(super) fn load_indexed(&mut self, x: &Instruction) -> Result<(), Trap> {
        let (address, moved) = Self::indexed(x, self.rn(x));
        if x.ra == Transfer::Word as u8 {
            let value = self.read_word(address)?;
            self.set_base(x, moved);
            return self.set_loaded(x, value);
        }
        self.load(x, address, Transfer::from_operand(x.ra))?;
        self.set_base(x, moved);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn store_indexed(&mut self, x: &Instruction) -> Result<(), Trap> {
        let (address, moved) = Self::indexed(x, self.rn(x));
        self.store(x, address, Transfer::from_operand(x.ra))?;
        self.set_base(x, moved);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn set_base(&mut self, x: &Instruction, value: u32) {
        self.registers[usize::from(x.rn & 15)] = if x.rn == 13 { value & !3 } else { value };
    }

    #[inline(always)]
    pub(super) fn load_dual(&mut self, x: &Instruction, pc: u32) -> Result<(), Trap> {
        let base = if x.rn == 15 { pc.wrapping_add(4) & !3 } else { self.rn(x) };
        let (address, moved) = Self::indexed(x, base);
        let first = self.read_aligned(address)?;
        let second = self.read_aligned(address.wrapping_add(4))?;
        self.set_rd(x, first);
        self.registers[usize::from(x.ra & 15)] = second;
        if x.variant & addressing::WRITE_BACK != 0 {
            self.set_base(x, moved);
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn store_dual(&mut self, x: &Instruction) -> Result<(), Trap> {
        let (address, moved) = Self::indexed(x, self.rn(x));
        self.write_aligned(address, self.rd(x))?;
        self.write_aligned(address.wrapping_add(4), self.ra(x))?;
        if x.variant & addressing::WRITE_BACK != 0 {
            self.set_base(x, moved);
        }
        Ok(())
    }

    /// `LDRT`, `STRT` and the like: as an unprivileged thread would.
    pub(super) fn transfer_unprivileged(&mut self, x: &Instruction) -> Result<(), Trap> {
        let (address, transfer) = (self.offset_address(x), Transfer::from_operand(x.ra));
        // Without an MPU only the private bus tells the privileges apart.
        if address >> 20 == 0xE00 {
            return Err(self.data_bus_fault(address));
        }
        if x.operation == Operation::LoadUnprivileged {
            self.load(x, address, transfer)
        } else {
            self.store(x, address, transfer)
        }
    }

    /// `LDREX` and its narrow forms.
    pub(super) fn load_exclusive(&mut self, x: &Instruction) -> Result<(), Trap> {
        let address = self.exclusive_address(x)?;
        self.load(x, address, Transfer::from_operand(x.variant))?;
        self.exclusive = true;
        Ok(())
    }

    /// `STREX` and its narrow forms: 0 into `ra` when it stored, 1 when not.
    pub(super) fn store_exclusive(&mut self, x: &Instruction) -> Result<(), Trap> {
        let address = self.exclusive_address(x)?;
        let granted = self.exclusive;
        if granted {
            self.store(x, address, Transfer::from_operand(x.variant))?;
        }
        self.exclusive = false;
        self.registers[usize::from(x.ra & 15)] = u32::from(!granted);
        Ok(())
    }

    fn exclusive_address(&self, x: &Instruction) -> Result<u32, Trap> {
        let address = self.offset_address(x);
        let mask = match Transfer::from_operand(x.variant) {
            Transfer::Word => 3,
            Transfer::Half | Transfer::SignedHalf => 1,
            Transfer::Byte | Transfer::SignedByte => 0,
        };
        if address & mask != 0 { Err(Trap::Unaligned) } else { Ok(address) }
    }
}
