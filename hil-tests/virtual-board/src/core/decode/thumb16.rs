//! The 16-bit encodings (A5.2).

use super::bits::{bit, field, sign_extend, unknown};
use crate::core::instruction::{Instruction, Operation, SetFlags};

const STACK_POINTER: u8 = 13;

pub(super) fn decode(halfword: u32) -> Instruction {
    let (low, middle) = (field(halfword, 0, 3), field(halfword, 3, 3));
    let high = field(halfword, 8, 3);
    let byte = halfword & 0xFF;
    let words = byte * 4;
    let new = Instruction::new;
    match halfword >> 11 {
        0..=3 => shift_or_add(halfword),
        4 => outside_it(Instruction { rd: high, immediate: byte, ..new(Operation::MovImmediate) }),
        5 => Instruction { rn: high, immediate: byte, set_flags: SetFlags::Always, ..new(Operation::CmpImmediate) },
        6 => outside_it(Instruction { rd: high, rn: high, immediate: byte, ..new(Operation::AddImmediate) }),
        7 => outside_it(Instruction { rd: high, rn: high, immediate: byte, ..new(Operation::SubImmediate) }),
        8 if bit(halfword, 10) == 0 => two_registers(halfword),
        8 => high_registers(halfword),
        9 => Instruction { rd: high, immediate: words, ..new(Operation::LoadWordLiteral) },
        10 | 11 => register_offset(halfword),
        12..=17 => immediate_offset(halfword, low, middle),
        18 => Instruction { rd: high, rn: STACK_POINTER, immediate: words, ..new(Operation::StoreWordImmediate) },
        19 => Instruction { rd: high, rn: STACK_POINTER, immediate: words, ..new(Operation::LoadWordImmediate) },
        20 => Instruction { rd: high, immediate: words, ..new(Operation::AddressOf) },
        21 => Instruction { rd: high, rn: STACK_POINTER, immediate: words, ..new(Operation::AddImmediate) },
        22 | 23 => miscellaneous(halfword),
        24 => multiple(Operation::StoreMultiple, high, byte, true),
        25 => multiple(Operation::LoadMultiple, high, byte, byte >> high & 1 == 0),
        26 | 27 => conditional(halfword, byte),
        28 => Instruction { immediate: sign_extend((halfword & 0x7FF) << 1, 12), ..new(Operation::Branch) },
        _ => unknown(),
    }
}

fn outside_it(instruction: Instruction) -> Instruction {
    Instruction { set_flags: SetFlags::OutsideItBlock, ..instruction }
}

/// Shift by immediate, three-operand add and subtract.
fn shift_or_add(halfword: u32) -> Instruction {
    let (rd, rn, rm) = (field(halfword, 0, 3), field(halfword, 3, 3), field(halfword, 6, 3));
    let amount = (halfword >> 6) & 31;
    let new = Instruction::new;
    let decoded = match (halfword >> 11, (halfword >> 9) & 3) {
        (0, _) if amount == 0 => Instruction { rd, rm: rn, ..new(Operation::MovRegister) },
        (0, _) => Instruction { rd, rm: rn, immediate: amount, ..new(Operation::LslImmediate) },
        (1, _) => Instruction { rd, rm: rn, immediate: zero_is_32(amount), ..new(Operation::LsrImmediate) },
        (2, _) => Instruction { rd, rm: rn, immediate: zero_is_32(amount), ..new(Operation::AsrImmediate) },
        (_, 0) => Instruction { rd, rn, rm, ..new(Operation::AddRegister) },
        (_, 1) => Instruction { rd, rn, rm, ..new(Operation::SubRegister) },
        (_, 2) => Instruction { rd, rn, immediate: u32::from(rm), ..new(Operation::AddImmediate) },
        _ => Instruction { rd, rn, immediate: u32::from(rm), ..new(Operation::SubImmediate) },
    };
    outside_it(decoded)
}

/// The amount of a right shift: 0 encodes 32.
pub(super) fn zero_is_32(amount: u32) -> u32 {
    if amount == 0 { 32 } else { amount }
}

/// Data processing on two low registers (A5.2.2).
fn two_registers(halfword: u32) -> Instruction {
    const OPERATIONS: [Operation; 16] = [
        Operation::AndRegister,
        Operation::EorRegister,
        Operation::LslRegister,
        Operation::LsrRegister,
        Operation::AsrRegister,
        Operation::AdcRegister,
        Operation::SbcRegister,
        Operation::RorRegister,
        Operation::TstRegister,
        Operation::RsbImmediate,
        Operation::CmpRegister,
        Operation::CmnRegister,
        Operation::OrrRegister,
        Operation::Mul,
        Operation::BicRegister,
        Operation::MvnRegister,
    ];
    let (rd, rm) = (field(halfword, 0, 3), field(halfword, 3, 3));
    let operation = OPERATIONS[usize::from(field(halfword, 6, 4))];
    let decoded = Instruction { rd, rn: rd, rm, ..Instruction::new(operation) };
    match operation {
        Operation::RsbImmediate => outside_it(Instruction { rn: rm, ..decoded }),
        Operation::TstRegister | Operation::CmpRegister | Operation::CmnRegister => {
            Instruction { set_flags: SetFlags::Always, ..decoded }
        }
        Operation::Mul => outside_it(Instruction { rn: rm, rm: rd, ..decoded }),
        _ => outside_it(decoded),
    }
}

/// Add, compare, move on any register; branch and exchange (A5.2.3).
fn high_registers(halfword: u32) -> Instruction {
    let rd = field(halfword, 0, 3) | field(halfword, 7, 1) << 3;
    let rm = field(halfword, 3, 4);
    let new = Instruction::new;
    match field(halfword, 8, 2) {
        0 => Instruction { rd, rn: rd, rm, ..new(Operation::AddHigh) },
        1 => Instruction { rn: rd, rm, set_flags: SetFlags::Always, ..new(Operation::CmpHigh) },
        2 => Instruction { rd, rm, ..new(Operation::MovHigh) },
        _ if halfword & 7 != 0 => unknown(),
        _ if bit(halfword, 7) == 0 => Instruction { rm, ..new(Operation::BranchExchange) },
        _ if rm == 15 => unknown(),
        _ => Instruction { rm, ..new(Operation::BranchLinkExchange) },
    }
}

fn register_offset(halfword: u32) -> Instruction {
    const OPERATIONS: [Operation; 8] = [
        Operation::StoreWordRegister,
        Operation::StoreHalfRegister,
        Operation::StoreByteRegister,
        Operation::LoadSignedByteRegister,
        Operation::LoadWordRegister,
        Operation::LoadHalfRegister,
        Operation::LoadByteRegister,
        Operation::LoadSignedHalfRegister,
    ];
    Instruction {
        rd: field(halfword, 0, 3),
        rn: field(halfword, 3, 3),
        rm: field(halfword, 6, 3),
        ..Instruction::new(OPERATIONS[usize::from(field(halfword, 9, 3))])
    }
}

fn immediate_offset(halfword: u32, rd: u8, rn: u8) -> Instruction {
    let (operation, scale) = match halfword >> 11 {
        12 => (Operation::StoreWordImmediate, 4),
        13 => (Operation::LoadWordImmediate, 4),
        14 => (Operation::StoreByteImmediate, 1),
        15 => (Operation::LoadByteImmediate, 1),
        16 => (Operation::StoreHalfImmediate, 2),
        _ => (Operation::LoadHalfImmediate, 2),
    };
    Instruction { rd, rn, immediate: ((halfword >> 6) & 31) * scale, ..Instruction::new(operation) }
}

fn multiple(operation: Operation, base: u8, list: u32, write_back: bool) -> Instruction {
    if list == 0 {
        return unknown();
    }
    let set_flags = if write_back { SetFlags::Always } else { SetFlags::Never };
    Instruction { rn: base, immediate: list, set_flags, ..Instruction::new(operation) }
}

/// A5.2.5
fn miscellaneous(halfword: u32) -> Instruction {
    const EXTENSIONS: [Operation; 4] =
        [Operation::SignExtendHalf, Operation::SignExtendByte, Operation::ZeroExtendHalf, Operation::ZeroExtendByte];
    let (rd, rm) = (field(halfword, 0, 3), field(halfword, 3, 3));
    let (kind, byte) = (field(halfword, 6, 2), halfword & 0xFF);
    let new = Instruction::new;
    match field(halfword, 8, 4) {
        0 => {
            let operation = if bit(halfword, 7) == 0 { Operation::AddImmediate } else { Operation::SubImmediate };
            Instruction { rd: STACK_POINTER, rn: STACK_POINTER, immediate: (halfword & 0x7F) * 4, ..new(operation) }
        }
        1 | 3 | 9 | 11 => {
            let operation =
                if bit(halfword, 11) == 0 { Operation::CompareBranchZero } else { Operation::CompareBranchNotZero };
            let offset = bit(halfword, 9) << 6 | ((halfword >> 3) & 31) << 1;
            Instruction { rn: rd, immediate: offset, ..new(operation) }
        }
        2 => Instruction { rd, rm, ..new(EXTENSIONS[usize::from(kind)]) },
        4 | 5 => {
            let push = multiple(Operation::StoreMultiple, STACK_POINTER, byte | bit(halfword, 8) << 14, true);
            Instruction { variant: super::memory::DECREMENT_BEFORE, ..push }
        }
        6 if halfword & 0xFFE8 == 0xB660 => {
            Instruction { immediate: halfword & 0x13, ..new(Operation::ChangeProcessorState) }
        }
        10 => match kind {
            0 => Instruction { rd, rm, ..new(Operation::ReverseBytes) },
            1 => Instruction { rd, rm, ..new(Operation::ReverseBytesOfHalves) },
            3 => Instruction { rd, rm, ..new(Operation::ReverseBytesOfSignedHalf) },
            _ => unknown(),
        },
        12 | 13 => multiple(Operation::LoadMultiple, STACK_POINTER, byte | bit(halfword, 8) << 15, true),
        14 => Instruction { immediate: byte, ..new(Operation::Breakpoint) },
        15 if byte & 15 != 0 => if_then(byte),
        15 => hint(byte >> 4),
        _ => unknown(),
    }
}

fn if_then(state: u32) -> Instruction {
    let (condition, mask) = (state >> 4, state & 15);
    if condition == 15 || (condition == 14 && mask.count_ones() != 1) {
        return unknown();
    }
    Instruction { immediate: state, ..Instruction::new(Operation::IfThen) }
}

/// `NOP`, `YIELD` and the reserved hints do nothing; the sleepers and `SEV` do.
pub(super) fn hint(number: u32) -> Instruction {
    Instruction::new(match number {
        2 => Operation::WaitForEvent,
        3 => Operation::WaitForInterrupt,
        4 => Operation::SendEvent,
        _ => Operation::Nop,
    })
}

/// Conditional branch, `UDF`, `SVC`.
fn conditional(halfword: u32, byte: u32) -> Instruction {
    let new = Instruction::new;
    match field(halfword, 8, 4) {
        14 => Instruction { immediate: byte, ..new(Operation::PermanentlyUndefined) },
        15 => Instruction { immediate: byte, ..new(Operation::SupervisorCall) },
        condition => Instruction {
            variant: condition,
            immediate: sign_extend(byte << 1, 9),
            ..new(Operation::BranchConditional)
        },
    }
}
