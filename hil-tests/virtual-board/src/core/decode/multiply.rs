//! 32-bit multiplications and divisions (A5.3.16, A5.3.17).

use super::bits::{field, unknown};
use crate::core::instruction::{Instruction, Operation};

/// The accumulator field when nothing is added.
const NO_ACCUMULATOR: u8 = 15;

/// Results of 32 bits. `ra`: accumulator, 15 for none; `variant`: bits 4-5 of the second halfword (which halves, exchange, round).
pub(super) fn word(first: u32, second: u32) -> Instruction {
    let (rn, ra, rd, rm) = (field(first, 0, 4), field(second, 12, 4), field(second, 8, 4), field(second, 0, 4));
    let variant = field(second, 4, 2);
    let operation = match (field(first, 4, 3), variant) {
        (0, 0) if ra == NO_ACCUMULATOR => Operation::Mul,
        (0, 0) => Operation::Mla,
        (0, 1) => Operation::Mls,
        (1, _) => Operation::MultiplyHalves,
        (2 | 4, 0 | 1) => Operation::MultiplyDual,
        (3, 0 | 1) => Operation::MultiplyWordByHalf,
        (5, 0 | 1) => Operation::MultiplyTop,
        (6, 0 | 1) if ra != NO_ACCUMULATOR => Operation::MultiplyTopSubtract,
        (7, 0) => Operation::SumOfAbsoluteDifferences,
        _ => return unknown(),
    };
    if second & 0xC0 != 0 || [rn, rd, rm].iter().any(|&register| register == 13 || register == 15) {
        return unknown();
    }
    // The subtracting dual forms (SMUSD, SMLSD) carry bit 1.
    let subtracts = if operation == Operation::MultiplyDual && field(first, 4, 3) == 4 { 2 } else { 0 };
    Instruction { rd, rn, rm, ra, variant: variant | subtracts, ..Instruction::new(operation) }
}

/// Results of 64 bits (`rd` high, `ra` low), and the divisions.
pub(super) fn long(first: u32, second: u32) -> Instruction {
    let (rn, ra, rd, rm) = (field(first, 0, 4), field(second, 12, 4), field(second, 8, 4), field(second, 0, 4));
    let (code, sub) = (field(first, 4, 3), field(second, 4, 4));
    let (operation, variant) = match (code, sub) {
        (0, 0) => (Operation::Smull, 0),
        (1, 15) => (Operation::SignedDivide, 0),
        (2, 0) => (Operation::Umull, 0),
        (3, 15) => (Operation::UnsignedDivide, 0),
        (4, 0) => (Operation::Smlal, 0),
        (4, 8..=11) => (Operation::MultiplyHalvesLong, sub & 3),
        (4, 12 | 13) => (Operation::MultiplyDualLong, sub & 1),
        (5, 12 | 13) => (Operation::MultiplyDualLong, sub & 1 | 2),
        (6, 0) => (Operation::Umlal, 0),
        (6, 6) => (Operation::Umaal, 0),
        _ => return unknown(),
    };
    let divides = matches!(operation, Operation::SignedDivide | Operation::UnsignedDivide);
    let bad = |register: u8| register == 13 || register == 15;
    if bad(rn) || bad(rd) || bad(rm) || if divides { ra != 15 } else { bad(ra) || ra == rd } {
        return unknown();
    }
    Instruction { rd, rn, rm, ra, variant, ..Instruction::new(operation) }
}
