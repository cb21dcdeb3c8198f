//! Halfwords to [`Instruction`]s. Tables: Armv7-M Architecture Reference Manual, chapter A5.
//!
//! Does not read memory: the caller brings the halfwords.

mod bits;
mod data;
mod float;
mod memory;
mod multiply;
mod thumb16;
mod thumb32;

pub(super) use memory::{DECREMENT_BEFORE, addressing};

use super::instruction::{Instruction, Operation};

/// Whether `first` is the first half of a 32-bit instruction.
pub(crate) fn is_wide(first: u16) -> bool {
    first >> 11 >= 0b11101
}

/// Decodes a 16-bit instruction.
pub(crate) fn narrow(halfword: u16) -> Instruction {
    let halfword = u32::from(halfword);
    let decoded = thumb16::decode(halfword);
    if decoded.operation == Operation::Unknown { Instruction::unknown(halfword) } else { decoded }
}

/// Decodes a 32-bit instruction.
pub(crate) fn wide(first: u16, second: u16) -> Instruction {
    let (first, second) = (u32::from(first), u32::from(second));
    let decoded = thumb32::decode(first, second);
    if decoded.operation == Operation::Unknown {
        return Instruction { length: 4, ..Instruction::unknown(first << 16 | second) };
    }
    Instruction { length: 4, ..decoded }
}
