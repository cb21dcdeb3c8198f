//! Executing one decoded instruction: the table from operation to what does it.
//!
//! `registers[15]` already holds the address of the following instruction; `pc` is the address of this one.

mod branch;
mod data;
mod float;
mod float_convert;
mod float_move;
mod load_store;
mod multiply;
mod shifts;
mod simd;
mod system;
mod transfer;

use super::Core;
use super::bus::Chip;
use super::instruction::{Instruction, Operation, SetFlags, Transfer};
use super::trap::Trap;

impl Instruction {
    #[inline(always)]
    fn sets_flags(&self) -> bool {
        self.set_flags != SetFlags::Never
    }
}

impl<C: Chip> Core<C> {
    #[inline(always)]
    fn rn(&self, x: &Instruction) -> u32 {
        self.registers[usize::from(x.rn & 15)]
    }

    #[inline(always)]
    fn rm(&self, x: &Instruction) -> u32 {
        self.registers[usize::from(x.rm & 15)]
    }

    #[inline(always)]
    fn ra(&self, x: &Instruction) -> u32 {
        self.registers[usize::from(x.ra & 15)]
    }

    #[inline(always)]
    fn rd(&self, x: &Instruction) -> u32 {
        self.registers[usize::from(x.rd & 15)]
    }

    #[inline(always)]
    fn set_rd(&mut self, x: &Instruction, value: u32) {
        self.registers[usize::from(x.rd & 15)] = value;
    }

    /// Executes the operations that firmware spends its time in; [`Core::execute_rare`] has the others.
    #[inline(always)]
    pub(super) fn execute(&mut self, x: Instruction, pc: u32) -> Result<(), Trap> {
        use Operation as O;
        let x = &x;
        match x.operation {
            O::Nop => {}
            O::AndImmediate => self.logical_immediate(x, self.rn(x) & x.immediate),
            O::BicImmediate => self.logical_immediate(x, self.rn(x) & !x.immediate),
            O::OrrImmediate => self.logical_immediate(x, self.rn(x) | x.immediate),
            O::EorImmediate => self.logical_immediate(x, self.rn(x) ^ x.immediate),
            O::MovImmediate => self.logical_immediate(x, x.immediate),
            O::MvnImmediate => self.logical_immediate(x, !x.immediate),
            O::TstImmediate => self.test_immediate(x, self.rn(x) & x.immediate),
            O::AddImmediate => self.add(x, self.rn(x), x.immediate, false),
            O::AdcImmediate => self.add(x, self.rn(x), x.immediate, self.flags.carry),
            O::SbcImmediate => self.add(x, self.rn(x), !x.immediate, self.flags.carry),
            O::SubImmediate => self.add(x, self.rn(x), !x.immediate, true),
            O::RsbImmediate => self.add(x, !self.rn(x), x.immediate, true),
            O::CmpImmediate => self.flags.set_sum(self.rn(x), !x.immediate, true),
            O::CmnImmediate => self.flags.set_sum(self.rn(x), x.immediate, false),
            O::AndRegister => self.logical(x, self.rn(x) & self.rm(x), self.flags.carry),
            O::BicRegister => self.logical(x, self.rn(x) & !self.rm(x), self.flags.carry),
            O::OrrRegister => self.logical(x, self.rn(x) | self.rm(x), self.flags.carry),
            O::EorRegister => self.logical(x, self.rn(x) ^ self.rm(x), self.flags.carry),
            O::MovRegister => self.logical(x, self.rm(x), self.flags.carry),
            O::MvnRegister => self.logical(x, !self.rm(x), self.flags.carry),
            O::TstRegister => self.flags.set_nz(self.rn(x) & self.rm(x)),
            O::AddRegister => self.add(x, self.rn(x), self.rm(x), false),
            O::AdcRegister => self.add(x, self.rn(x), self.rm(x), self.flags.carry),
            O::SbcRegister => self.add(x, self.rn(x), !self.rm(x), self.flags.carry),
            O::SubRegister => self.add(x, self.rn(x), !self.rm(x), true),
            O::CmpRegister => self.flags.set_sum(self.rn(x), !self.rm(x), true),
            O::CmnRegister => self.flags.set_sum(self.rn(x), self.rm(x), false),
            O::AndShifted => self.logical_shifted(x, |rn, operand| rn & operand),
            O::BicShifted => self.logical_shifted(x, |rn, operand| rn & !operand),
            O::OrrShifted => self.logical_shifted(x, |rn, operand| rn | operand),
            O::OrnShifted => self.logical_shifted(x, |rn, operand| rn | !operand),
            O::EorShifted => self.logical_shifted(x, |rn, operand| rn ^ operand),
            O::MvnShifted => self.logical_shifted(x, |_, operand| !operand),
            O::AddShifted => self.add(x, self.rn(x), self.shifted(x).0, false),
            O::AdcShifted => self.add(x, self.rn(x), self.shifted(x).0, self.flags.carry),
            O::SbcShifted => self.add(x, self.rn(x), !self.shifted(x).0, self.flags.carry),
            O::SubShifted => self.add(x, self.rn(x), !self.shifted(x).0, true),
            O::RsbShifted => self.add(x, !self.rn(x), self.shifted(x).0, true),
            O::CmpShifted => self.flags.set_sum(self.rn(x), !self.shifted(x).0, true),
            O::LslImmediate => self.shift_left_immediate(x),
            O::LsrImmediate => self.shift_right_immediate(x),
            O::AsrImmediate => self.shift_arithmetic_immediate(x),
            O::RorImmediate => self.rotate_immediate(x),
            O::LslRegister => self.shift_by_register(x, super::instruction::shift::LSL),
            O::LsrRegister => self.shift_by_register(x, super::instruction::shift::LSR),
            O::MoveTop => self.set_rd(x, self.rd(x) & 0xFFFF | x.immediate << 16),
            O::AddressOf => self.set_rd(x, (pc.wrapping_add(4) & !3).wrapping_add(x.immediate)),
            O::AddHigh => self.add_high(x, pc),
            O::MovHigh => self.write_high(x, self.high_operand(x.rm, pc)),
            O::CmpHigh => self.flags.set_sum(self.rn(x), !self.rm(x), true),
            O::Mul => self.multiply(x),
            O::Mla => self.set_rd(x, self.rn(x).wrapping_mul(self.rm(x)).wrapping_add(self.ra(x))),
            O::Mls => self.set_rd(x, self.ra(x).wrapping_sub(self.rn(x).wrapping_mul(self.rm(x)))),
            O::Umull => self.set_long(x, self.unsigned_product(x)),
            O::Umlal => self.set_long(x, self.unsigned_product(x).wrapping_add(self.long(x))),
            O::Umaal => self.multiply_add_twice(x),
            O::Smull => self.set_long(x, self.signed_product(x) as u64),
            O::Smlal => self.set_long(x, (self.signed_product(x) as u64).wrapping_add(self.long(x))),
            O::UnsignedExtract => self.set_rd(x, self.rn(x) >> (x.immediate & 31) & data::low_bits(x.variant)),
            O::BitInsert => self.insert_bits(x, self.rn(x)),
            O::BitClear => self.insert_bits(x, 0),
            O::SignExtendByte => self.set_rd(x, self.rm(x) as i8 as u32),
            O::SignExtendHalf => self.set_rd(x, self.rm(x) as i16 as u32),
            O::ZeroExtendByte => self.set_rd(x, self.rm(x) & 0xFF),
            O::ZeroExtendHalf => self.set_rd(x, self.rm(x) & 0xFFFF),
            O::ReverseBytes => self.set_rd(x, self.rm(x).swap_bytes()),
            O::CountLeadingZeros => self.set_rd(x, self.rm(x).leading_zeros()),

            O::LoadWordImmediate => return self.load_word(x, self.offset_address(x)),
            O::LoadByteImmediate => return self.load(x, self.offset_address(x), Transfer::Byte),
            O::LoadHalfImmediate => return self.load(x, self.offset_address(x), Transfer::Half),
            O::LoadSignedByteImmediate => return self.load(x, self.offset_address(x), Transfer::SignedByte),
            O::LoadSignedHalfImmediate => return self.load(x, self.offset_address(x), Transfer::SignedHalf),
            O::StoreWordImmediate => return self.write_word(self.offset_address(x), self.rd(x)),
            O::StoreByteImmediate => return self.write_byte(self.offset_address(x), self.rd(x)),
            O::StoreHalfImmediate => return self.write_half(self.offset_address(x), self.rd(x)),
            O::LoadWordRegister => return self.load_word(x, self.index_address(x)),
            O::LoadByteRegister => return self.load(x, self.index_address(x), Transfer::Byte),
            O::LoadHalfRegister => return self.load(x, self.index_address(x), Transfer::Half),
            O::LoadSignedByteRegister => return self.load(x, self.index_address(x), Transfer::SignedByte),
            O::LoadSignedHalfRegister => return self.load(x, self.index_address(x), Transfer::SignedHalf),
            O::StoreWordRegister => return self.write_word(self.index_address(x), self.rd(x)),
            O::StoreByteRegister => return self.write_byte(self.index_address(x), self.rd(x)),
            O::StoreHalfRegister => return self.write_half(self.index_address(x), self.rd(x)),
            O::LoadIndexed => return self.load_indexed(x),
            O::StoreIndexed => return self.store_indexed(x),
            O::LoadWordLiteral => return self.load_word(x, (pc.wrapping_add(4) & !3).wrapping_add(x.immediate)),
            O::LoadDual => return self.load_dual(x, pc),
            O::StoreDual => return self.store_dual(x),
            O::LoadMultiple => return self.load_multiple(x),
            O::StoreMultiple => return self.store_multiple(x),

            O::Branch => self.registers[15] = pc.wrapping_add(4).wrapping_add(x.immediate),
            O::BranchConditional => {
                if self.flags.pass(x.variant) {
                    self.registers[15] = pc.wrapping_add(4).wrapping_add(x.immediate);
                }
            }
            O::BranchLink => {
                self.registers[14] = pc.wrapping_add(4) | 1;
                self.registers[15] = pc.wrapping_add(4).wrapping_add(x.immediate);
            }
            O::BranchExchange => return self.branch_exchange(self.rm(x)),
            O::BranchLinkExchange => {
                let target = self.rm(x);
                self.registers[14] = pc.wrapping_add(2) | 1;
                return self.branch_to(target);
            }
            O::CompareBranchZero => {
                if self.rn(x) == 0 {
                    self.registers[15] = pc.wrapping_add(4).wrapping_add(x.immediate);
                }
            }
            O::CompareBranchNotZero => {
                if self.rn(x) != 0 {
                    self.registers[15] = pc.wrapping_add(4).wrapping_add(x.immediate);
                }
            }
            O::IfThen => self.it_state = x.immediate as u8,
            operation if operation.is_float() => return self.execute_float(x, pc),
            _ => return self.execute_rare(x, pc),
        }
        Ok(())
    }

    /// The operations that are not worth room in the hot loop.
    #[inline(never)]
    fn execute_rare(&mut self, x: &Instruction, pc: u32) -> Result<(), Trap> {
        use Operation as O;
        match x.operation {
            O::Checkpoint => return Err(Trap::Checkpoint),
            O::OrnImmediate => self.logical_immediate(x, self.rn(x) | !x.immediate),
            O::TeqImmediate => self.test_immediate(x, self.rn(x) ^ x.immediate),
            O::TstShifted => self.test_shifted(x, |rn, operand| rn & operand),
            O::TeqShifted => self.test_shifted(x, |rn, operand| rn ^ operand),
            O::CmnShifted => self.flags.set_sum(self.rn(x), self.shifted(x).0, false),
            O::AsrRegister => self.shift_by_register(x, super::instruction::shift::ASR),
            O::RorRegister => self.shift_by_register(x, super::instruction::shift::ROR),
            O::Rrx => self.rotate_with_carry(x),
            O::StackArithmetic => self.stack_arithmetic(x),
            O::SignedDivide | O::UnsignedDivide => return self.divide(x),
            O::MultiplyHalves => self.multiply_halves(x),
            O::MultiplyWordByHalf => self.multiply_word_by_half(x),
            O::MultiplyTop | O::MultiplyTopSubtract => self.multiply_top(x),
            O::MultiplyHalvesLong => self.multiply_halves_long(x),
            O::MultiplyDual => self.multiply_dual(x),
            O::MultiplyDualLong => self.multiply_dual_long(x),
            O::SumOfAbsoluteDifferences => self.sum_of_absolute_differences(x),
            O::SignedExtract => self.signed_extract(x),
            O::SignedSaturate | O::UnsignedSaturate => self.saturate(x),
            O::SignedSaturateHalves | O::UnsignedSaturateHalves => self.saturate_halves(x),
            O::Extend => self.extend(x),
            O::ReverseBytesOfHalves => self.set_rd(x, self.rm(x).swap_bytes().rotate_left(16)),
            O::ReverseBytesOfSignedHalf => self.set_rd(x, (self.rm(x) as u16).swap_bytes() as i16 as u32),
            O::ReverseBits => self.set_rd(x, self.rm(x).reverse_bits()),
            O::PackHalves => self.pack_halves(x),
            O::SaturatingAdd => self.saturating_add(x),
            O::Parallel => self.parallel(x),
            O::SelectBytes => self.select_bytes(x),
            O::LoadLiteral => {
                let address = (pc.wrapping_add(4) & !3).wrapping_add(x.immediate);
                return self.load(x, address, Transfer::from_operand(x.ra));
            }
            O::LoadUnprivileged | O::StoreUnprivileged => return self.transfer_unprivileged(x),
            O::LoadExclusive => return self.load_exclusive(x),
            O::StoreExclusive => return self.store_exclusive(x),
            O::ClearExclusive => self.exclusive = false,
            O::TableBranchByte | O::TableBranchHalf => return self.table_branch(x, pc),
            _ => return self.execute_system(x),
        }
        Ok(())
    }
}
