//! Entry, return and order, as far as `guests/exceptions.s` does not compare them with QEMU.

use super::support::{PROGRAM, STACK_TOP, handler, machine, run, word};
use crate::core::Stop;

const SVC: usize = 11;

#[test]
fn frame_holds_the_registers_in_order() {
    let mut core = machine(&[0xDF00, 0xBE00]);
    handler(&mut core, SVC, 0x100, &[0xBE00]);
    for number in [0, 1, 2, 3, 12, 14] {
        core.set_register(number, 0x100 + number as u32);
    }
    core.set_xpsr(0xA100_0000);
    run(&mut core);
    let frame: Vec<u32> = (0..8).map(|step| word(&core, STACK_TOP - 0x20 + 4 * step)).collect();
    assert_eq!(frame, [0x100, 0x101, 0x102, 0x103, 0x10C, 0x10E, PROGRAM + 2, 0xA100_0000]);
    assert_eq!((core.registers()[13], core.registers()[14]), (STACK_TOP - 0x20, 0xFFFF_FFF9));
    assert_eq!(core.xpsr(), 0xA100_000B);
}

#[test]
fn entry_and_return_take_twelve_cycles_each() {
    let mut core = machine(&[0xDF00, 0xBE00]);
    handler(&mut core, SVC, 0x100, &[0x4770]);
    run(&mut core);
    assert_eq!((core.instructions(), core.cycles()), (3, 3 + 24));
}

#[test]
fn tail_chain_pushes_nothing() {
    // cpsid i; str r1,[r0,#0x100]; str r1,[r0,#0x200]; cpsie i; bkpt
    let mut core = machine(&[0xB672, 0xF8C0, 0x1100, 0xF8C0, 0x1200, 0xB662, 0xBE00]);
    handler(&mut core, 16, 0x100, &[0x466D, 0x4770]); // mov r5, sp; bx lr
    handler(&mut core, 17, 0x110, &[0x466E, 0x4770]); // mov r6, sp; bx lr
    core.set_register(0, 0xE000_E000);
    core.set_register(1, 3);
    run(&mut core);
    assert_eq!(core.registers()[5..7], [STACK_TOP - 0x20; 2]);
    assert_eq!(core.cycles() - core.instructions(), 12 + 6 + 12);
}

#[test]
fn vector_without_thumb_bit_faults_on_its_first_instruction() {
    let mut core = machine(&[0xDF00]);
    handler(&mut core, 3, 0x100, &[0xBE00]);
    let even = PROGRAM + 0x180;
    core.chip.flash[SVC * 4..SVC * 4 + 4].copy_from_slice(&even.to_le_bytes());
    run(&mut core);
    assert_eq!(core.registers()[15], PROGRAM + 0x100);
    assert_eq!(word(&core, core.registers()[13] + 24), even, "the stacked address");
}

#[test]
fn fault_in_hard_fault_locks_up() {
    let mut core = machine(&[0xDE00]); // udf
    handler(&mut core, 3, 0x100, &[0xDE00]);
    assert_eq!(core.run_until(1000), Stop::Lockup { pc: PROGRAM + 0x100 });
}

#[test]
fn vector_table_out_of_reach_is_a_hard_fault_then_a_lockup() {
    // str r1, [r5]: VTOR to nowhere, then SVC: even HardFault's vector cannot be read
    let mut core = machine(&[0x6029, 0xDF00]);
    core.set_register(5, 0xE000_ED08);
    core.set_register(1, 0x6000_0000);
    assert!(matches!(core.run_until(1000), Stop::Lockup { .. }));
}

#[test]
fn stack_out_of_reach_turns_into_a_bus_fault_on_stacking() {
    let mut core = machine(&[0xDF00]);
    // HardFault's handler reads CFSR: ldr r0, [r5, #0xD28]
    handler(&mut core, 3, 0x100, &[0xF8D5, 0x0D28, 0xBE00]);
    core.set_register(5, 0xE000_E000);
    core.set_register(13, 0x1000_0000);
    run(&mut core);
    assert_eq!(core.registers()[0], 1 << 12, "STKERR alone");
}
