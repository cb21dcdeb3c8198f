//! Faults that the comparison with QEMU cannot cover.

use super::support::{PROGRAM, handler, machine, run};
use crate::core::Stop;

/// The address of HardFault's handler, which reads CFSR into r0.
const FAULTED: u32 = PROGRAM + 0x104;

fn hard_fault_reads_cfsr(code: &[u16]) -> crate::core::Core<super::support::TestChip> {
    let mut core = machine(code);
    handler(&mut core, 3, 0x100, &[0xF8D6, 0x0D28, 0xBE00]); // ldr r0, [r6, #0xD28]
    core.set_register(6, 0xE000_E000);
    core
}

#[test]
fn unprivileged_code_cannot_reach_the_system_control_space() {
    // msr control, r0; ldr r1, [r6, #0xD08]
    let mut core = hard_fault_reads_cfsr(&[0xF380, 0x8814, 0xF8D6, 0x1D08, 0xBE00]);
    core.set_register(0, 1);
    run(&mut core);
    assert_eq!((core.registers()[15], core.registers()[0]), (FAULTED, 0x8200));
}

#[test]
fn peripherals_do_not_take_unaligned_words() {
    let mut core = hard_fault_reads_cfsr(&[0x6820, 0xBE00]); // ldr r0, [r4]
    core.set_register(4, 0x4000_0002);
    run(&mut core);
    assert_eq!((core.registers()[15], core.registers()[0]), (FAULTED, 1 << 24));
}

#[test]
fn code_in_peripherals_is_an_access_violation() {
    let mut core = hard_fault_reads_cfsr(&[0x4720]); // bx r4
    core.set_register(4, 0x4000_0001);
    run(&mut core);
    assert_eq!((core.registers()[15], core.registers()[0]), (FAULTED, 1));
}

#[test]
fn faulting_load_multiple_leaves_its_base() {
    let mut core = hard_fault_reads_cfsr(&[0xCC0F]); // ldm r4!, {r0-r3}
    core.set_register(4, crate::core::RAM_START + 0xFFF8);
    core.set_register(6, 0xE000_E000);
    run(&mut core);
    assert_eq!(core.registers()[4], crate::core::RAM_START + 0xFFF8);
    assert_eq!(core.registers()[0], 0x8200);
}

#[test]
fn aircr_debugger_bits_and_bus_fault_masking_are_not_modelled() {
    for (address, value) in [(0xE000_ED0C, 0x05FA_0001), (0xE000_ED14, 0x100), (0xE000_EDFC, 1 << 24 | 1)] {
        let mut core = machine(&[0x6029]);
        core.set_register(5, address);
        core.set_register(1, value);
        let stop = core.run_until(10);
        assert!(matches!(stop, Stop::Unmodelled { .. }), "{stop:?}");
    }
}
