//! The 32-bit encodings (A5.3): which table, and branches with miscellaneous control.

use super::bits::{bit, field, sign_extend, unknown};
use super::{data, float, memory, multiply, thumb16};
use crate::core::instruction::{Instruction, Operation};

pub(super) fn decode(first: u32, second: u32) -> Instruction {
    let operation = (first >> 4) & 0x7F;
    match (first >> 11) & 3 {
        1 if operation & 0x64 == 0x00 => memory::multiple(first, second),
        1 if operation & 0x64 == 0x04 => memory::dual_or_exclusive(first, second),
        1 if operation & 0x60 == 0x20 => data::shifted_register(first, second),
        2 if bit(second, 15) == 1 => branch_or_control(first, second),
        2 if bit(first, 9) == 0 => data::modified_immediate(first, second),
        2 => data::plain_immediate(first, second),
        3 if operation & 0x60 == 0x00 => memory::single(first, second),
        3 if operation & 0x70 == 0x20 => data::register(first, second),
        3 if operation & 0x78 == 0x30 => multiply::word(first, second),
        3 if operation & 0x78 == 0x38 => multiply::long(first, second),
        _ => coprocessor(first, second),
    }
}

/// A5.3.18: 10 and 11 are the FPU, all others are not there.
fn coprocessor(first: u32, second: u32) -> Instruction {
    match field(second, 8, 4) {
        10 | 11 => float::decode(first, second),
        _ => Instruction::new(Operation::CoprocessorAbsent),
    }
}

/// A5.3.4
fn branch_or_control(first: u32, second: u32) -> Instruction {
    let new = Instruction::new;
    let sign = bit(first, 10);
    let (j1, j2) = (bit(second, 13), bit(second, 11));
    let low = (second & 0x7FF) << 1;
    if bit(second, 12) == 1 {
        let (i1, i2) = (1 ^ j1 ^ sign, 1 ^ j2 ^ sign);
        let offset = sign_extend(sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3FF) << 12 | low, 25);
        let operation = if bit(second, 14) == 1 { Operation::BranchLink } else { Operation::Branch };
        return Instruction { immediate: offset, ..new(operation) };
    }
    if bit(second, 14) == 1 {
        return unknown();
    }
    let condition = field(first, 6, 4);
    if condition < 14 {
        let offset = sign_extend(sign << 20 | j2 << 19 | j1 << 18 | (first & 0x3F) << 12 | low, 21);
        return Instruction { variant: condition, immediate: offset, ..new(Operation::BranchConditional) };
    }
    control(first, second)
}

/// A5.3.5: special registers, hints, barriers; and `UDF.W`.
fn control(first: u32, second: u32) -> Instruction {
    let new = Instruction::new;
    if bit(second, 13) == 1 {
        let undefined = first & 0xFFF0 == 0xF7F0;
        return if undefined { new(Operation::PermanentlyUndefined) } else { unknown() };
    }
    match (first >> 4) & 0x7F {
        0x38 => Instruction {
            rn: field(first, 0, 4),
            variant: field(second, 10, 2),
            immediate: second & 0xFF,
            ..new(Operation::MoveToSpecial)
        },
        0x3A if second & 0x0700 == 0 && second & 0xFF < 0xF0 => thumb16::hint(second & 0xFF),
        0x3B => match field(second, 4, 4) {
            2 => new(Operation::ClearExclusive),
            // DSB, DMB, ISB: nothing is ever out of order here.
            4..=6 => new(Operation::Nop),
            _ => unknown(),
        },
        0x3E => Instruction { rd: field(second, 8, 4), immediate: second & 0xFF, ..new(Operation::MoveFromSpecial) },
        _ => unknown(),
    }
}
