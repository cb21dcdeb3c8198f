//! The single precision FPU, FPv4-SP (A6.4 to A6.7). Operand bytes are S register numbers, or a core register where the operation says so.

use super::bits::{bit, field, signed_offset, unknown};
use super::memory::DECREMENT_BEFORE;
use crate::core::instruction::{Instruction, Operation, SetFlags};

const PC: u8 = 15;

pub(super) fn decode(first: u32, second: u32) -> Instruction {
    let double = bit(second, 8) == 1;
    if bit(first, 12) == 1 {
        return unknown();
    }
    if bit(first, 9) == 0 {
        return match (first >> 4) & 0x1E {
            0x04 => core_pair(first, second, double),
            0x00 => unknown(),
            _ => load_or_store(first, second, double),
        };
    }
    match (bit(second, 4), double) {
        (1, false) => core_word(first, second),
        (1, true) => core_half_of_double(first, second),
        (_, false) => arithmetic(first, second),
        (_, true) => unknown(),
    }
}

fn single_d(first: u32, second: u32) -> u8 {
    field(second, 12, 4) << 1 | field(first, 6, 1)
}

fn single_n(first: u32, second: u32) -> u8 {
    field(first, 0, 4) << 1 | field(second, 7, 1)
}

fn single_m(second: u32) -> u8 {
    field(second, 0, 4) << 1 | field(second, 5, 1)
}

/// `VMOV` between two core registers (`rn`, `ra`) and two singles or one double (`rd` is the lower S register).
fn core_pair(first: u32, second: u32, double: bool) -> Instruction {
    let rd = if double { field(second, 0, 4) << 1 } else { single_m(second) };
    let (rn, ra) = (field(second, 12, 4), field(first, 0, 4));
    let to_core = bit(first, 4) == 1;
    let bad_double = double && bit(second, 5) == 1;
    if second & 0xD0 != 0x10 || bad_double || rd == 31 || rn >= PC || ra >= PC || (to_core && rn == ra) {
        return unknown();
    }
    let operation = if to_core { Operation::FloatPairToCore } else { Operation::FloatPairFromCore };
    Instruction { rd, rn, ra, ..Instruction::new(operation) }
}

fn load_or_store(first: u32, second: u32, double: bool) -> Instruction {
    let (before, up, write_back, load) = (bit(first, 8), bit(first, 7), bit(first, 5), bit(first, 4) == 1);
    let rn = field(first, 0, 4);
    if double && bit(first, 6) == 1 {
        return unknown(); // D16-D31 are not there
    }
    let rd = if double { field(second, 12, 4) << 1 } else { single_d(first, second) };
    let words = second & 0xFF;
    let new = Instruction::new;
    if before == 1 && write_back == 0 {
        let operation = match (load, double) {
            (true, false) => Operation::FloatLoad,
            (true, true) => Operation::FloatLoadDouble,
            (false, false) => Operation::FloatStore,
            (false, true) => Operation::FloatStoreDouble,
        };
        return Instruction { rd, rn, immediate: signed_offset(up, words * 4), ..new(operation) };
    }
    let past_end = u32::from(rd) + words > 32;
    if before == up || words == 0 || past_end || (double && words % 2 == 1) || rn == PC {
        return unknown();
    }
    let operation = if load { Operation::FloatLoadMultiple } else { Operation::FloatStoreMultiple };
    let set_flags = if write_back == 1 { SetFlags::Always } else { SetFlags::Never };
    let variant = if before == 1 { DECREMENT_BEFORE } else { 0 };
    Instruction { rd, rn, set_flags, variant, immediate: words, ..new(operation) }
}

/// `VMOV` between a core register and a single, `VMSR`, `VMRS`.
fn core_word(first: u32, second: u32) -> Instruction {
    let rt = field(second, 12, 4);
    let single = single_n(first, second);
    let new = Instruction::new;
    match (field(first, 5, 3), bit(first, 4)) {
        (0, _) if rt == PC || second & 0x6F != 0 => unknown(),
        (0, 0) => Instruction { rd: single, rn: rt, ..new(Operation::FloatFromCore) },
        (0, _) => Instruction { rd: rt, rn: single, ..new(Operation::FloatToCore) },
        (7, _) if field(first, 0, 4) != 1 => unknown(),
        (7, 0) if rt != PC => Instruction { rn: rt, ..new(Operation::FloatStatusFromCore) },
        (7, 1) => Instruction { rd: rt, ..new(Operation::FloatStatusToCore) },
        _ => unknown(),
    }
}

/// `VMOV.32` between a core register and one half of a double.
fn core_half_of_double(first: u32, second: u32) -> Instruction {
    let rt = field(second, 12, 4);
    if field(first, 6, 2) != 0 || second & 0xEF != 0 || rt == PC {
        return unknown();
    }
    let single = field(first, 0, 4) << 1 | field(first, 5, 1);
    if bit(first, 4) == 0 {
        Instruction { rd: single, rn: rt, ..Instruction::new(Operation::FloatFromCore) }
    } else {
        Instruction { rd: rt, rn: single, ..Instruction::new(Operation::FloatToCore) }
    }
}

fn arithmetic(first: u32, second: u32) -> Instruction {
    let operation = match (field(first, 4, 4) & 0b1011, bit(second, 6)) {
        (0b0000, 0) => Operation::FloatMultiplyAdd,
        (0b0000, _) => Operation::FloatMultiplySubtract,
        (0b0001, 0) => Operation::FloatNegatedMultiplySubtract,
        (0b0001, _) => Operation::FloatNegatedMultiplyAdd,
        (0b0010, 0) => Operation::FloatMultiply,
        (0b0010, _) => Operation::FloatNegatedMultiply,
        (0b0011, 0) => Operation::FloatAdd,
        (0b0011, _) => Operation::FloatSubtract,
        (0b1000, 0) => Operation::FloatDivide,
        (0b1001, 0) => Operation::FusedNegatedMultiplySubtract,
        (0b1001, _) => Operation::FusedNegatedMultiplyAdd,
        (0b1010, 0) => Operation::FusedMultiplyAdd,
        (0b1010, _) => Operation::FusedMultiplySubtract,
        (0b1011, _) => return one_operand(first, second),
        _ => return unknown(),
    };
    Instruction {
        rd: single_d(first, second),
        rn: single_n(first, second),
        rm: single_m(second),
        ..Instruction::new(operation)
    }
}

/// The eight bits of a `VMOV` immediate as a single (A6.4.1).
fn expand_immediate(byte: u32) -> u32 {
    let exponent = if byte & 0x40 == 0 { 0x80 } else { 0x7C };
    (byte & 0x80) << 24 | (exponent | (byte >> 4 & 3)) << 23 | (byte & 15) << 19
}

/// Moves, roots, comparisons and conversions. `variant` means: bit 0 of the encoding's opcode 3 unless said otherwise.
fn one_operand(first: u32, second: u32) -> Instruction {
    let (rd, rm) = (single_d(first, second), single_m(second));
    let (selector, top) = (field(first, 0, 4), field(second, 7, 1));
    if bit(second, 6) == 0 {
        let immediate = expand_immediate(u32::from(selector) << 4 | second & 15);
        let reserved = second & 0xA0 != 0;
        return if reserved {
            unknown()
        } else {
            Instruction { rd, immediate, ..Instruction::new(Operation::FloatImmediate) }
        };
    }
    let operation = match (selector, top) {
        (0, 0) => Operation::FloatCopy,
        (0, _) => Operation::FloatAbsolute,
        (1, 0) => Operation::FloatNegate,
        (1, _) => Operation::FloatSquareRoot,
        (2, _) => Operation::HalfToFloat,
        (3, _) => Operation::FloatToHalf,
        (4, _) => Operation::FloatCompare,
        (5, _) if second & 0x2F == 0 => Operation::FloatCompareZero,
        (8, _) => Operation::FloatFromInteger,
        (10 | 11 | 14 | 15, _) => return fixed_point(rd, second, selector),
        (12 | 13, _) => {
            let variant = top << 1 | selector & 1;
            return Instruction { rd, rm, variant, ..Instruction::new(Operation::FloatToInteger) };
        }
        _ => return unknown(),
    };
    Instruction { rd, rm, variant: top, ..Instruction::new(operation) }
}

/// `variant`: bit 0 unsigned, bit 1 32-bit; `immediate`: fraction bits.
fn fixed_point(rd: u8, second: u32, selector: u8) -> Instruction {
    let wide = field(second, 7, 1);
    let size = if wide == 1 { 32 } else { 16 };
    let encoded = (second & 15) << 1 | bit(second, 5);
    if encoded > size {
        return unknown();
    }
    let operation = if selector & 4 == 0 { Operation::FloatFromFixed } else { Operation::FloatToFixed };
    Instruction { rd, variant: wide << 1 | selector & 1, immediate: size - encoded, ..Instruction::new(operation) }
}
