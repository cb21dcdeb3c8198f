//! WFI, WFE, SEV, SLEEPONEXIT: what wakes, and that sleeping costs no work.

use super::support::{PROGRAM, TIMER, handler, machine, run};
use super::wires::enable;
use crate::core::Stop;

#[test]
fn wfi_sleeps_to_the_next_deadline_at_once() {
    let mut core = machine(&[0x6020, 0xBF30, 0x2107, 0xBE00]); // str r0, [r4]; wfi; movs r1, #7; bkpt
    handler(&mut core, 16, 0x100, &[0xBE00]);
    enable(&mut core, 0);
    core.set_register(4, TIMER);
    core.set_register(0, 5_000_000);
    let start = core.cycles();
    assert_eq!(core.run_until(1000), Stop::Deadline);
    assert!(core.is_asleep());
    assert_eq!((core.cycles(), core.next_event()), (1000, start + 1 + 5_000_000));
    assert_eq!(core.run_until(10_000_000), Stop::Bkpt);
    assert_eq!((core.registers()[15], core.registers()[1]), (PROGRAM + 0x100, 0));
    assert_eq!(core.instructions(), 4, "the store that enabled the line, two here, and BKPT");
}

#[test]
fn wfi_wakes_under_primask_without_the_handler() {
    let mut core = machine(&[0xB672, 0x6020, 0xBF30, 0x2107, 0xBE00]); // cpsid i; str r0, [r4]; wfi; movs r1, #7
    enable(&mut core, 0);
    core.set_register(4, TIMER);
    core.set_register(0, 300);
    run(&mut core);
    assert_eq!((core.registers()[1], core.xpsr() & 0x1FF), (7, 0));
}

#[test]
fn wfe_passes_once_after_an_event() {
    let mut core = machine(&[0xBF40, 0xBF20, 0x2107, 0xBF20, 0x2108, 0xBE00]); // sev; wfe; movs r1,#7; wfe; movs r1,#8
    assert_eq!(core.run_until(1000), Stop::Deadline);
    assert_eq!((core.is_asleep(), core.registers()[1]), (true, 7));
}

#[test]
fn wfe_wakes_on_a_disabled_interrupt_with_sevonpend_only() {
    for (scr, asleep) in [(0, true), (0x10, false)] {
        // str r1, [r5, #0xD10]; wfe; b .
        let mut core = machine(&[0xF8C5, 0x1D10, 0xBF20, 0xE7FE]);
        core.set_register(5, 0xE000_E000);
        core.set_register(1, scr);
        core.run_until(100);
        assert!(core.is_asleep());
        core.signals.irq.set(7, true);
        core.poke();
        core.run_until(200);
        assert_eq!(core.is_asleep(), asleep, "SCR {scr:X}");
    }
}

#[test]
fn sleep_on_exit_goes_back_to_sleep() {
    // str r1, [r5, #0xD10]; wfi; bkpt
    let mut core = machine(&[0xF8C5, 0x1D10, 0xBF30, 0xBE00]);
    handler(&mut core, 16 + 5, 0x100, &[0x3701, 0x4770]); // adds r7, #1; bx lr
    enable(&mut core, 5);
    core.set_register(5, 0xE000_E000);
    core.set_register(1, 2);
    core.run_until(100);
    for cycle in [1000, 2000] {
        core.signals.irq.set(5, true);
        core.poke();
        core.run_until(core.cycles() + 1);
        core.signals.irq.set(5, false);
        core.poke();
        assert_eq!(core.run_until(cycle), Stop::Deadline);
        assert!(core.is_asleep());
    }
    assert_eq!(core.registers()[7], 2);
}
