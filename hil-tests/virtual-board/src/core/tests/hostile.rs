//! Whatever bytes a guest executes, the core answers with a stop or an exception, never with a panic.

use super::support::{machine, put};
use crate::core::decode;
use crate::core::instruction::Operation;
use crate::core::{RAM_START, Stop};
use proptest::prelude::*;

#[test]
fn every_halfword_decodes() {
    for half in 0..=u16::MAX {
        if !decode::is_wide(half) {
            assert_ne!(decode::narrow(half).operation, Operation::NotDecoded);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn every_pair_of_halfwords_decodes(first in 0xE800..=0xFFFFu16, second: u16) {
        let decoded = decode::wide(first, second);
        prop_assert_eq!(decoded.length, 4);
        prop_assert!(usize::from(decoded.rd) < 32 && usize::from(decoded.rn) < 32 && decoded.ra < 16);
    }
}

/// Halfwords with a leaning towards 32-bit encodings and the FPU.
fn halfword() -> impl Strategy<Value = u16> {
    prop_oneof![any::<u16>(), 0xE800..=0xFFFFu16, 0xEC00..=0xEFFFu16, 0xB400..=0xBFFFu16, 0x4000..=0x7000u16]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn random_code_never_panics(code in prop::collection::vec(halfword(), 8..64), registers: [u32; 13], near: [u16; 13]) {
        let mut core = machine(&code);
        // The FPU is on; faults have handlers of their own, which return.
        let flash = &mut core.chip.flash;
        flash[0x300..0x302].copy_from_slice(&0x4770_u16.to_le_bytes());
        for vector in 2..118 {
            put(flash, vector * 4, 0x0800_0301);
        }
        core.flash_changed(0, 0x400);
        core.system.coprocessor_access = 0xF << 20;
        core.system.handler_enables = 7 << 16;
        for (number, (&value, &offset)) in registers.iter().zip(&near).enumerate() {
            // Half of the registers point into SRAM or the System Control Space.
            let value = match offset % 4 {
                0 => RAM_START + u32::from(offset),
                1 => 0xE000_E000 + u32::from(offset % 0x1000),
                _ => value,
            };
            core.set_register(number, value);
        }
        for _ in 0..20 {
            match core.run_until(core.cycles() + 50) {
                Stop::Deadline => {}
                Stop::Reset(_) => core.reset(),
                _ => {
                    let next = core.registers()[15].wrapping_add(2);
                    core.set_register(15, next);
                }
            }
        }
    }
}
