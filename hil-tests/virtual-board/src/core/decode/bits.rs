//! Cutting fields out of halfwords.

use crate::core::instruction::{Instruction, Operation};

/// `count` bits of `word` from bit `low` up.
pub(super) fn field(word: u32, low: u32, count: u32) -> u8 {
    ((word >> low) & ((1 << count) - 1)) as u8
}

/// Bit `position` of `word`.
pub(super) fn bit(word: u32, position: u32) -> u32 {
    (word >> position) & 1
}

/// The low `width` bits of `value` as a two's complement number, extended to 32 bits.
pub(super) fn sign_extend(value: u32, width: u32) -> u32 {
    (((value << (32 - width)) as i32) >> (32 - width)) as u32
}

/// `offset`, negative when the U bit of the encoding is clear.
pub(super) fn signed_offset(up: u32, offset: u32) -> u32 {
    if up == 1 { offset } else { offset.wrapping_neg() }
}

/// An encoding nobody knows; [`super::wide`] and [`super::narrow`] add the opcode.
pub(super) fn unknown() -> Instruction {
    Instruction::new(Operation::Unknown)
}
