//! 32-bit loads and stores (A5.3.5 to A5.3.10).

use super::bits::{bit, field, signed_offset, unknown};
use crate::core::instruction::{Instruction, Operation, SetFlags, Transfer};

const PC: u8 = 15;

/// `variant` of a multiple transfer that goes down; increment-after is 0.
pub(in crate::core) const DECREMENT_BEFORE: u8 = 1;

/// `variant` bits of a transfer with an immediate offset.
pub(in crate::core) mod addressing {
    /// The base is changed after the access.
    pub(in crate::core) const WRITE_BACK: u8 = 1;
    /// The offset is added before the access.
    pub(in crate::core) const INDEXED: u8 = 2;
}

/// `LDM`, `STM`, `LDMDB`, `STMDB`: `immediate` is the list, `set_flags` means write-back.
pub(super) fn multiple(first: u32, second: u32) -> Instruction {
    let (rn, load) = (field(first, 0, 4), bit(first, 4) == 1);
    let variant = match field(first, 7, 2) {
        1 => 0,
        2 => DECREMENT_BEFORE,
        _ => return unknown(),
    };
    let write_back = bit(first, 5) == 1;
    let in_list = second >> rn & 1 == 1;
    // SP is never in the list, PC only when loaded, not together with LR.
    let forbidden = if load { 1 << 13 } else { 1 << 13 | 1 << 15 };
    let both = load && second >> 14 == 3;
    if rn == PC || second & forbidden != 0 || both || second.count_ones() < 2 || (write_back && in_list) {
        return unknown();
    }
    let set_flags = if write_back { SetFlags::Always } else { SetFlags::Never };
    let operation = if load { Operation::LoadMultiple } else { Operation::StoreMultiple };
    Instruction { rn, immediate: second, set_flags, variant, ..Instruction::new(operation) }
}

/// `LDRD`, `STRD`, the exclusives, the table branches.
pub(super) fn dual_or_exclusive(first: u32, second: u32) -> Instruction {
    let (rn, rd, ra, rm) = (field(first, 0, 4), field(second, 12, 4), field(second, 8, 4), field(second, 0, 4));
    let (indexed, up, write_back, load) = (bit(first, 8), bit(first, 7), bit(first, 5), bit(first, 4));
    let offset = (second & 0xFF) * 4;
    let new = Instruction::new;
    if indexed == 1 || write_back == 1 {
        let operation = if load == 1 { Operation::LoadDual } else { Operation::StoreDual };
        let bad = |register: u8| register == 13 || register == PC;
        if bad(rd) || bad(ra) || rn == PC && (load == 0 || write_back == 1) || load == 1 && rd == ra {
            return unknown();
        }
        let variant = (indexed << 1 | write_back) as u8;
        return Instruction { rd, ra, rn, variant, immediate: signed_offset(up, offset), ..new(operation) };
    }
    match (up, load, field(second, 4, 4)) {
        (0, 1, _) if ra == 15 => exclusive(Operation::LoadExclusive, rd, rn, 0, Transfer::Word, offset),
        (0, 0, _) => exclusive(Operation::StoreExclusive, rd, rn, ra, Transfer::Word, offset),
        (1, 1, 0) => Instruction { rn, rm, ..new(Operation::TableBranchByte) },
        (1, 1, 1) => Instruction { rn, rm, ..new(Operation::TableBranchHalf) },
        (1, 1, 4) => exclusive(Operation::LoadExclusive, rd, rn, 0, Transfer::Byte, 0),
        (1, 1, 5) => exclusive(Operation::LoadExclusive, rd, rn, 0, Transfer::Half, 0),
        (1, 0, 4) => exclusive(Operation::StoreExclusive, rd, rn, rm, Transfer::Byte, 0),
        (1, 0, 5) => exclusive(Operation::StoreExclusive, rd, rn, rm, Transfer::Half, 0),
        _ => unknown(),
    }
}

/// `rd`: the value; `ra`: where a store's outcome goes; `variant`: a [`Transfer`].
fn exclusive(operation: Operation, rd: u8, rn: u8, ra: u8, transfer: Transfer, offset: u32) -> Instruction {
    Instruction { rd, rn, ra, variant: transfer as u8, immediate: offset, ..Instruction::new(operation) }
}

/// One register loaded or stored, in every addressing form.
pub(super) fn single(first: u32, second: u32) -> Instruction {
    let (rn, rd, rm) = (field(first, 0, 4), field(second, 12, 4), field(second, 0, 4));
    let (signed, wide_offset, load) = (bit(first, 8), bit(first, 7), bit(first, 4) == 1);
    let transfer = match (signed, field(first, 5, 2)) {
        (0, 0) => Transfer::Byte,
        (0, 1) => Transfer::Half,
        (0, 2) => Transfer::Word,
        (1, 0) if load => Transfer::SignedByte,
        (1, 1) if load => Transfer::SignedHalf,
        _ => return unknown(),
    };
    if rd == PC && transfer != Transfer::Word {
        return if load { preload(rn, wide_offset, second) } else { unknown() };
    }
    if rd == PC && !load {
        return unknown();
    }
    let base = Instruction { rd, rn, ra: transfer as u8, ..Instruction::new(Operation::Unknown) };
    if rn == PC {
        let operation = match (load, transfer) {
            (false, _) => return unknown(),
            (true, Transfer::Word) => Operation::LoadWordLiteral,
            (true, _) => Operation::LoadLiteral,
        };
        return Instruction { operation, immediate: signed_offset(wide_offset, second & 0xFFF), ..base };
    }
    if wide_offset == 1 {
        return Instruction { operation: immediate_operation(load, transfer), immediate: second & 0xFFF, ..base };
    }
    if bit(second, 11) == 0 {
        if second & 0x7C0 != 0 || rm == 13 || rm == PC {
            return unknown();
        }
        let operation = register_operation(load, transfer);
        return Instruction { operation, rm, immediate: second >> 4 & 3, ..base };
    }
    short_offset(base, load, transfer, second)
}

/// `PLD` and `PLI` read ahead on silicon; here they do nothing.
fn preload(rn: u8, wide_offset: u32, second: u32) -> Instruction {
    let known = rn == PC || wide_offset == 1 || second & 0xFC0 == 0 || second & 0xF00 == 0xC00;
    if known { Instruction::new(Operation::Nop) } else { unknown() }
}

/// The 8-bit offset forms: negative, pre-indexed, post-indexed, unprivileged.
fn short_offset(base: Instruction, load: bool, transfer: Transfer, second: u32) -> Instruction {
    let (indexed, up, write_back) = (bit(second, 10), bit(second, 9), bit(second, 8));
    let offset = second & 0xFF;
    let immediate = signed_offset(up, offset);
    match (indexed, up, write_back) {
        (1, 1, 0) => {
            let operation = if load { Operation::LoadUnprivileged } else { Operation::StoreUnprivileged };
            if base.rd == PC { unknown() } else { Instruction { operation, immediate: offset, ..base } }
        }
        (1, 0, 0) => Instruction { operation: immediate_operation(load, transfer), immediate, ..base },
        (0, _, 0) => unknown(),
        _ if base.rd == base.rn => unknown(),
        _ => {
            let operation = if load { Operation::LoadIndexed } else { Operation::StoreIndexed };
            Instruction { operation, immediate, variant: (indexed << 1 | write_back) as u8, ..base }
        }
    }
}

fn immediate_operation(load: bool, transfer: Transfer) -> Operation {
    match (load, transfer) {
        (true, Transfer::Word) => Operation::LoadWordImmediate,
        (true, Transfer::Byte) => Operation::LoadByteImmediate,
        (true, Transfer::Half) => Operation::LoadHalfImmediate,
        (true, Transfer::SignedByte) => Operation::LoadSignedByteImmediate,
        (true, Transfer::SignedHalf) => Operation::LoadSignedHalfImmediate,
        (false, Transfer::Word) => Operation::StoreWordImmediate,
        (false, Transfer::Byte | Transfer::SignedByte) => Operation::StoreByteImmediate,
        (false, Transfer::Half | Transfer::SignedHalf) => Operation::StoreHalfImmediate,
    }
}

fn register_operation(load: bool, transfer: Transfer) -> Operation {
    match (load, transfer) {
        (true, Transfer::Word) => Operation::LoadWordRegister,
        (true, Transfer::Byte) => Operation::LoadByteRegister,
        (true, Transfer::Half) => Operation::LoadHalfRegister,
        (true, Transfer::SignedByte) => Operation::LoadSignedByteRegister,
        (true, Transfer::SignedHalf) => Operation::LoadSignedHalfRegister,
        (false, Transfer::Word) => Operation::StoreWordRegister,
        (false, Transfer::Byte | Transfer::SignedByte) => Operation::StoreByteRegister,
        (false, Transfer::Half | Transfer::SignedHalf) => Operation::StoreHalfRegister,
    }
}
