//! Addressing forms, alignment, and decoded instructions that must not go stale.

use super::support::{PROGRAM, machine, run, word};
use crate::core::{RAM_START, Stop};

const BASE: u32 = RAM_START + 0x100;

/// Runs `code` and the `BKPT` behind it with r4 at [`BASE`], the words there 0x80818283 and up, r0-r3 small.
fn after(code: &[u16]) -> crate::core::Core<super::support::TestChip> {
    let mut core = machine(&[code, &[0xBE00]].concat());
    for (place, byte) in core.ram_mut()[0x100..0x120].iter_mut().zip(0x80..) {
        *place = byte;
    }
    for number in 0..4 {
        core.set_register(number, number as u32 + 1);
    }
    core.set_register(4, BASE);
    run(&mut core);
    core
}

#[test]
fn post_index_stores_then_moves() {
    let core = after(&[0xF844, 0x1B04]); // str r1, [r4], #4
    assert_eq!((word(&core, BASE), core.registers()[4]), (2, BASE + 4));
}

#[test]
fn pre_index_moves_then_loads_signed() {
    let core = after(&[0x3408, 0xF914, 0x0D01]); // adds r4, #8; ldrsb r0, [r4, #-1]!
    assert_eq!((core.registers()[0], core.registers()[4]), (0xFFFF_FF87, BASE + 7));
}

#[test]
fn store_multiple_goes_down_and_load_multiple_up() {
    let core = after(&[0x3410, 0xE924, 0x000F, 0xE894, 0x00E0]); // adds r4, #16; stmdb r4!, {r0-r3}; ldm r4, {r5-r7}
    assert_eq!(core.registers()[4], BASE);
    assert_eq!(core.registers()[5..8], [1, 2, 3]);
}

#[test]
fn dual_store_moves_its_base() {
    let core = after(&[0xE9E4, 0x0102]); // strd r0, r1, [r4, #8]!
    assert_eq!((word(&core, BASE + 8), word(&core, BASE + 12), core.registers()[4]), (1, 2, BASE + 8));
}

#[test]
fn words_may_lie_across_a_boundary() {
    let core = after(&[0xF8D4, 0x0001, 0xF834, 0x1E03]); // ldr r0, [r4, #1]; ldrht r1, [r4, #3]
    assert_eq!((core.registers()[0], core.registers()[1]), (0x8483_8281, 0x8483));
}

#[test]
fn code_in_ram_is_read_each_time() {
    // movs r0,#1 in RAM is replaced by movs r0,#2 before it runs a second time
    let mut core = machine(&[]);
    core.ram_mut()[..4].copy_from_slice(&[0x01, 0x20, 0x00, 0xBE]);
    core.set_register(15, RAM_START);
    run(&mut core);
    assert_eq!(core.registers()[0], 1);
    core.ram_mut()[0] = 2;
    core.set_register(15, RAM_START);
    run(&mut core);
    assert_eq!(core.registers()[0], 2);
}

#[test]
fn flash_written_by_the_guest_is_decoded_again() {
    // movs r2,#0; again: movs r0,#1; cbnz r2,done; adds r2,#1; str r3,[r5]; b again; done: bkpt
    let mut core = machine(&[0x2200, 0x2001, 0xB912, 0x3201, 0x602B, 0xE7FA, 0xBE00]);
    core.set_register(3, 0xB912_2009); // movs r0,#9 in place of movs r0,#1
    core.set_register(5, PROGRAM + 2);
    run(&mut core);
    assert_eq!(core.registers()[0], 9);
}

#[test]
fn alias_at_zero_is_flash() {
    let mut core = machine(&[0x6800, 0xBE00]); // ldr r0, [r0]
    core.set_register(0, 4);
    core.set_register(15, PROGRAM - 0x0800_0000);
    run(&mut core);
    assert_eq!(core.registers()[0], PROGRAM | 1);
}

#[test]
fn breakpoint_stops_before_the_instruction_and_lets_it_pass() {
    let mut core = machine(&[0x2001, 0x2002, 0xE7FC]); // movs r0,#1; movs r0,#2; b
    core.set_breakpoint(Some(PROGRAM + 2));
    for _ in 0..3 {
        assert_eq!(core.run_until(1000), Stop::Breakpoint);
        assert_eq!((core.registers()[15], core.registers()[0]), (PROGRAM + 2, 1));
    }
    core.set_breakpoint(None);
    assert_eq!(core.run_until(1000), Stop::Deadline);
}
