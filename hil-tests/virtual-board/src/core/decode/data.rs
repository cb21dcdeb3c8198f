//! 32-bit data processing: modified immediate, plain immediate, shifted register, register (A5.3.1, .3, .11, .12).

use super::bits::{bit, field, unknown};
use super::thumb16::zero_is_32;
use crate::core::instruction::{Instruction, Operation, SetFlags, immediate_carry, shift};

const PC: u8 = 15;
const SP: u8 = 13;

fn flags(first: u32) -> SetFlags {
    if bit(first, 4) == 1 { SetFlags::Always } else { SetFlags::Never }
}

/// The 12-bit constant of a modified immediate (A5.3.2): value, and what becomes of the carry.
fn expand_immediate(constant: u32) -> (u32, u8) {
    let byte = constant & 0xFF;
    match constant >> 8 {
        0 => (byte, immediate_carry::UNCHANGED),
        1 => (byte | byte << 16, immediate_carry::UNCHANGED),
        2 => (byte << 8 | byte << 24, immediate_carry::UNCHANGED),
        3 => (byte * 0x0101_0101, immediate_carry::UNCHANGED),
        _ => {
            let value = (0x80 | (constant & 0x7F)).rotate_right(constant >> 7);
            (value, if value >> 31 == 1 { immediate_carry::SET } else { immediate_carry::CLEAR })
        }
    }
}

/// `i:imm3:imm8`
fn immediate12(first: u32, second: u32) -> u32 {
    bit(first, 10) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
}

/// `imm3:imm2`
fn immediate5(second: u32) -> u32 {
    (second >> 12 & 7) << 2 | second >> 6 & 3
}

pub(super) fn modified_immediate(first: u32, second: u32) -> Instruction {
    let (rn, rd) = (field(first, 0, 4), field(second, 8, 4));
    let (immediate, variant) = expand_immediate(immediate12(first, second));
    let set_flags = flags(first);
    let compares = rd == PC && set_flags == SetFlags::Always;
    let code = field(first, 5, 4);
    if rn == PC && code != 2 && code != 3 {
        return unknown();
    }
    let operation = match code {
        0 if compares => Operation::TstImmediate,
        0 => Operation::AndImmediate,
        1 => Operation::BicImmediate,
        2 if rn == PC => Operation::MovImmediate,
        2 => Operation::OrrImmediate,
        3 if rn == PC => Operation::MvnImmediate,
        3 => Operation::OrnImmediate,
        4 if compares => Operation::TeqImmediate,
        4 => Operation::EorImmediate,
        8 if compares => Operation::CmnImmediate,
        8 => Operation::AddImmediate,
        10 => Operation::AdcImmediate,
        11 => Operation::SbcImmediate,
        13 if compares => Operation::CmpImmediate,
        13 => Operation::SubImmediate,
        14 => Operation::RsbImmediate,
        _ => return unknown(),
    };
    let decoded = Instruction { rd, rn, variant, immediate, set_flags, ..Instruction::new(operation) };
    checked_destination(decoded, compares)
}

/// Refuses PC as a destination, and turns sums into SP into their own operation.
fn checked_destination(decoded: Instruction, compares: bool) -> Instruction {
    if compares || (decoded.rd != PC && decoded.rd != SP) {
        return decoded;
    }
    if decoded.rd == PC {
        return unknown();
    }
    let (subtract, shifted) = match decoded.operation {
        Operation::AddImmediate => (0, 0),
        Operation::SubImmediate => (1, 0),
        Operation::AddRegister | Operation::AddShifted => (0, 1),
        Operation::SubRegister | Operation::SubShifted => (1, 1),
        _ => return unknown(),
    };
    // A shifted sum keeps its shift kind above the subtract bit.
    let kind = if shifted == 1 { decoded.variant << 1 } else { 0 };
    Instruction { operation: Operation::StackArithmetic, variant: subtract | kind, ra: shifted, ..decoded }
}

/// Plain binary immediates: 12 or 16 bits, bit fields, saturation.
pub(super) fn plain_immediate(first: u32, second: u32) -> Instruction {
    let (rn, rd) = (field(first, 0, 4), field(second, 8, 4));
    let immediate = immediate12(first, second);
    let new = Instruction::new;
    let decoded = match field(first, 4, 5) {
        0 if rn == PC => Instruction { rd, immediate, ..new(Operation::AddressOf) },
        0 => Instruction { rd, rn, immediate, ..new(Operation::AddImmediate) },
        10 if rn == PC => Instruction { rd, immediate: immediate.wrapping_neg(), ..new(Operation::AddressOf) },
        10 => Instruction { rd, rn, immediate, ..new(Operation::SubImmediate) },
        4 => Instruction { rd, immediate: u32::from(rn) << 12 | immediate, ..new(Operation::MovImmediate) },
        12 => Instruction { rd, immediate: u32::from(rn) << 12 | immediate, ..new(Operation::MoveTop) },
        16 | 18 | 20 | 22 | 24 | 26 | 28 => bit_field(first, second),
        _ => unknown(),
    };
    checked_destination(decoded, false)
}

/// Saturation, extraction, insertion: `immediate` is the low bit or shift amount, `variant` the width.
fn bit_field(first: u32, second: u32) -> Instruction {
    let (rn, rd) = (field(first, 0, 4), field(second, 8, 4));
    let amount = immediate5(second);
    let top = field(second, 0, 5);
    let base = Instruction { rd, rn, immediate: amount, ..Instruction::new(Operation::Unknown) };
    let right = bit(first, 5) as u8;
    let halves = right == 1 && amount == 0;
    match field(first, 4, 5) {
        16 | 18 if halves => {
            Instruction { operation: Operation::SignedSaturateHalves, variant: (top & 15) + 1, ..base }
        }
        16 | 18 => Instruction { operation: Operation::SignedSaturate, variant: top + 1, ra: right, ..base },
        24 | 26 if halves => Instruction { operation: Operation::UnsignedSaturateHalves, variant: top & 15, ..base },
        24 | 26 => Instruction { operation: Operation::UnsignedSaturate, variant: top, ra: right, ..base },
        20 if amount + u32::from(top) < 32 => {
            Instruction { operation: Operation::SignedExtract, variant: top + 1, ..base }
        }
        28 if amount + u32::from(top) < 32 => {
            Instruction { operation: Operation::UnsignedExtract, variant: top + 1, ..base }
        }
        22 if u32::from(top) >= amount => {
            let operation = if rn == PC { Operation::BitClear } else { Operation::BitInsert };
            Instruction { operation, variant: top + 1 - amount as u8, ..base }
        }
        _ => unknown(),
    }
}

pub(super) fn shifted_register(first: u32, second: u32) -> Instruction {
    let (rn, rd, rm) = (field(first, 0, 4), field(second, 8, 4), field(second, 0, 4));
    let (kind, amount) = (field(second, 4, 2), immediate5(second));
    let set_flags = flags(first);
    let code = field(first, 5, 4);
    let base = Instruction { rd, rn, rm, set_flags, ..Instruction::new(Operation::Unknown) };
    if rm == PC || (rn == PC && code != 2 && code != 3) {
        return unknown();
    }
    if code == 6 {
        return pack_halves(base, kind, amount);
    }
    if code == 2 && rn == PC {
        return checked_move(shift_immediate(base, kind, amount));
    }
    let compares = rd == PC && set_flags == SetFlags::Always;
    let plain = kind == shift::LSL && amount == 0;
    let operation = if plain { plain_operation(code, rn, compares) } else { None };
    let decoded = match operation {
        Some(operation) => Instruction { operation, ..base },
        None => {
            let immediate = if kind == shift::LSR || kind == shift::ASR { zero_is_32(amount) } else { amount };
            let operation = shifted_operation(code, rn, compares);
            Instruction { operation, variant: kind, immediate, ..base }
        }
    };
    checked_destination(decoded, compares)
}

fn plain_operation(code: u8, rn: u8, compares: bool) -> Option<Operation> {
    Some(match code {
        0 if compares => Operation::TstRegister,
        0 => Operation::AndRegister,
        1 => Operation::BicRegister,
        2 => Operation::OrrRegister,
        3 if rn == PC => Operation::MvnRegister,
        4 if !compares => Operation::EorRegister,
        8 if compares => Operation::CmnRegister,
        8 => Operation::AddRegister,
        10 => Operation::AdcRegister,
        11 => Operation::SbcRegister,
        13 if compares => Operation::CmpRegister,
        13 => Operation::SubRegister,
        _ => return None,
    })
}

fn shifted_operation(code: u8, rn: u8, compares: bool) -> Operation {
    match code {
        0 if compares => Operation::TstShifted,
        0 => Operation::AndShifted,
        1 => Operation::BicShifted,
        2 => Operation::OrrShifted,
        3 if rn == PC => Operation::MvnShifted,
        3 => Operation::OrnShifted,
        4 if compares => Operation::TeqShifted,
        4 => Operation::EorShifted,
        8 if compares => Operation::CmnShifted,
        8 => Operation::AddShifted,
        10 => Operation::AdcShifted,
        11 => Operation::SbcShifted,
        13 if compares => Operation::CmpShifted,
        13 => Operation::SubShifted,
        14 => Operation::RsbShifted,
        _ => Operation::Unknown,
    }
}

/// `MOV.W` between registers reaches SP but not PC; the shifts reach neither.
fn checked_move(decoded: Instruction) -> Instruction {
    match (decoded.operation, decoded.rd, decoded.set_flags) {
        (_, PC, _) => unknown(),
        (Operation::MovRegister, SP, SetFlags::Never) => Instruction { operation: Operation::MovHigh, ..decoded },
        (_, SP, _) => unknown(),
        _ => decoded,
    }
}

fn shift_immediate(base: Instruction, kind: u8, amount: u32) -> Instruction {
    let operation = match (kind, amount) {
        (shift::LSL, 0) => Operation::MovRegister,
        (shift::LSL, _) => Operation::LslImmediate,
        (shift::LSR, _) => Operation::LsrImmediate,
        (shift::ASR, _) => Operation::AsrImmediate,
        (_, 0) => Operation::Rrx,
        _ => Operation::RorImmediate,
    };
    Instruction { operation, immediate: zero_is_32(amount), ..base }
}

/// `PKHBT` (variant 0) and `PKHTB` (variant 1).
fn pack_halves(base: Instruction, kind: u8, amount: u32) -> Instruction {
    if base.set_flags == SetFlags::Always || kind & 1 == 1 {
        return unknown();
    }
    let top = kind >> 1;
    let immediate = if top == 1 { zero_is_32(amount) } else { amount };
    checked_destination(Instruction { operation: Operation::PackHalves, variant: top, immediate, ..base }, false)
}

/// Shifts by register, extensions, parallel arithmetic, the miscellaneous ones.
pub(super) fn register(first: u32, second: u32) -> Instruction {
    const SHIFTS: [Operation; 4] =
        [Operation::LslRegister, Operation::LsrRegister, Operation::AsrRegister, Operation::RorRegister];
    let (rn, rd, rm) = (field(first, 0, 4), field(second, 8, 4), field(second, 0, 4));
    let (code, sub) = (field(first, 4, 4), field(second, 4, 4));
    let base = Instruction { rd, rn, rm, ..Instruction::new(Operation::Unknown) };
    if second >> 12 != 15 {
        return unknown();
    }
    let decoded = match (code, sub) {
        (0..=7, 0) => Instruction { operation: SHIFTS[usize::from(code >> 1)], set_flags: flags(first), ..base },
        (0..=5, 8..=15) => extend(base, code, u32::from(sub & 3) * 8),
        (8..=15, 0..=7) => parallel(base, code & 7, sub),
        (8, 8..=11) => Instruction { operation: Operation::SaturatingAdd, variant: sub & 3, ..base },
        (9..=11, 8..=11) => miscellaneous(base, code, sub),
        _ => unknown(),
    };
    checked_destination(decoded, false)
}

/// `variant`: 0 SXTH, 1 UXTH, 2 SXTB16, 3 UXTB16, 4 SXTB, 5 UXTB; `immediate`: rotation in bits; `rn` 15: nothing is added.
fn extend(base: Instruction, code: u8, rotation: u32) -> Instruction {
    let operation = match (code, base.rn, rotation) {
        (0, PC, 0) => Operation::SignExtendHalf,
        (1, PC, 0) => Operation::ZeroExtendHalf,
        (4, PC, 0) => Operation::SignExtendByte,
        (5, PC, 0) => Operation::ZeroExtendByte,
        _ => Operation::Extend,
    };
    Instruction { operation, variant: code, immediate: rotation, ..base }
}

/// `variant`: 0 ADD8, 1 ADD16, 2 ASX, 4 SUB8, 5 SUB16, 6 SAX; `immediate`: 0 S, 1 Q, 2 SH, 4 U, 5 UQ, 6 UH.
fn parallel(base: Instruction, code: u8, prefix: u8) -> Instruction {
    if matches!(code, 3 | 7) || matches!(prefix, 3 | 7) {
        return unknown();
    }
    Instruction { operation: Operation::Parallel, variant: code, immediate: u32::from(prefix), ..base }
}

fn miscellaneous(base: Instruction, code: u8, sub: u8) -> Instruction {
    let operation = match (code, sub) {
        (9, 8) => Operation::ReverseBytes,
        (9, 9) => Operation::ReverseBytesOfHalves,
        (9, 10) => Operation::ReverseBits,
        (9, 11) => Operation::ReverseBytesOfSignedHalf,
        (10, 8) => return Instruction { operation: Operation::SelectBytes, ..base },
        (11, 8) => Operation::CountLeadingZeros,
        _ => return unknown(),
    };
    // The one source is encoded twice; anything else is unpredictable.
    if base.rn != base.rm {
        return unknown();
    }
    Instruction { operation, ..base }
}
