//! What passes between chip and core: lines, NMI, stall, resets, power, deadlines.

use super::support::{CONSOLE, NMI, PORT, POWER, PROGRAM, STALL, TIMER, TestChip, UNKNOWN, handler, machine, run};
use crate::core::{Core, ResetSource, Stop};

/// Writes r0 to the register at `address`, then runs into a `BKPT`; what it takes is two instructions.
fn writing(address: u32, value: u32) -> Core<TestChip> {
    let mut core = machine(&[0x6020, 0x2107, 0xBE00]); // str r0, [r4]; movs r1, #7; bkpt
    core.set_register(4, address);
    core.set_register(0, value);
    core
}

#[test]
fn stall_passes_cycles_without_instructions() {
    let mut core = writing(STALL, 500);
    run(&mut core);
    assert_eq!((core.instructions(), core.cycles()), (3, 503));
}

#[test]
fn console_takes_bytes() {
    let mut core = writing(CONSOLE, 0x41);
    run(&mut core);
    assert_eq!(core.chip.console, b"A");
}

#[test]
fn nmi_is_taken_before_the_next_instruction_even_under_faultmask() {
    let mut core = writing(NMI, 1);
    handler(&mut core, 2, 0x100, &[0xBE00]);
    run(&mut core);
    assert_eq!((core.registers()[15], core.registers()[1]), (PROGRAM + 0x100, 0));
    assert_eq!(core.xpsr() & 0x1FF, 2);
}

#[test]
fn power_loss_and_resets_stop_the_core() {
    assert_eq!(writing(POWER, 1).run_until(100), Stop::PowerLost);
    assert_eq!(writing(POWER, 2).run_until(100), Stop::Reset(ResetSource::Chip));
    assert_eq!(writing(POWER, 3).run_until(100), Stop::Reset(ResetSource::Chip));
    assert_eq!(writing(0xE000_ED0C, 0x05FA_0004).run_until(100), Stop::Reset(ResetSource::SysResetReq));
    let mut ignored = writing(0xE000_ED0C, 0x1234_0004);
    run(&mut ignored);
}

#[test]
fn nobody_models_stops_with_the_name() {
    let mut core = machine(&[0x6820, 0xBE00]); // ldr r0, [r4]
    core.set_register(4, UNKNOWN);
    let stop = core.run_until(100);
    assert_eq!(stop, Stop::Unmodelled { pc: PROGRAM, what: "the unknown register".into() });
    // MPU_CTRL, an ITM port, a byte of VTOR
    for address in [0xE000_ED94, 0xE000_0000] {
        let stop = writing(address, 1).run_until(100);
        assert!(matches!(&stop, Stop::Unmodelled { pc: PROGRAM, what } if what.contains("0xE000")), "{stop:?}");
    }
}

#[test]
fn poisoned_flash_is_read_through_the_chip_and_raises_nmi() {
    let mut core = machine(&[0x6820, 0x2107, 0xBE00]); // ldr r0, [r4]; movs r1, #7
    handler(&mut core, 2, 0x100, &[0xBE00]);
    core.chip.poisoned = Some(0x200);
    core.set_register(4, 0x204);
    run(&mut core);
    assert_eq!((core.registers()[15], core.registers()[0]), (PROGRAM + 0x100, (PROGRAM - 2) | 1));
}

#[test]
fn poisoned_code_raises_nmi_every_time_it_is_fetched() {
    let mut core = machine(&[0x2107, 0xE7FD]); // movs r1, #7; b
    handler(&mut core, 2, 0x100, &[0x3701, 0x4770]); // adds r7, #1; bx lr
    core.chip.poisoned = Some(0x400);
    core.run_until(200);
    assert!(core.registers()[7] > 3, "{} times", core.registers()[7]);
}

#[test]
fn chip_deadline_raises_its_line_on_the_cycle() {
    // str r0,[r4] starts the timer; then count
    let mut core = machine(&[0x6020, 0x3101, 0xE7FD]);
    handler(&mut core, 16, 0x100, &[0xBE00]);
    core.set_register(4, TIMER);
    core.set_register(0, 99);
    enable(&mut core, 0);
    run(&mut core);
    assert_eq!(core.registers()[1], 50, "99 cycles of two instructions, and the branch");
}

/// Enables an interrupt as the guest would, by running a store.
pub(super) fn enable(core: &mut Core<TestChip>, line: u32) {
    let saved = core.registers();
    core.ram_mut()[..2].copy_from_slice(&[0x01, 0x60]); // str r1, [r0]
    core.set_register(0, 0xE000_E100 + line / 32 * 4);
    core.set_register(1, 1 << (line % 32));
    core.set_register(15, crate::core::RAM_START);
    core.run_until(core.cycles() + 1);
    for (number, value) in saved.into_iter().enumerate() {
        core.set_register(number, value);
    }
}

#[test]
fn line_poked_from_outside_is_seen() {
    let mut core = machine(&[0xE7FE]);
    handler(&mut core, 16 + 38, 0x100, &[0xBE00]);
    enable(&mut core, 38);
    assert_eq!(core.run_until(50), Stop::Deadline);
    core.signals.irq.set(38, true);
    core.poke();
    run(&mut core);
    assert_eq!(core.registers()[15], PROGRAM + 0x100);
}

#[test]
fn reads_do_not_wake_the_scheduler() {
    // ldr r1, [r4]; b
    let mut core = machine(&[0x6821, 0xE7FD]);
    core.set_register(4, PORT);
    core.chip.port = 5;
    core.run_until(1000);
    assert_eq!(core.registers()[1], 5);
    assert!(core.chip.ticks < 5, "{} ticks", core.chip.ticks);
}

#[test]
fn reset_keeps_ram_and_cycles_and_asks_the_chip() {
    let mut core = machine(&[0x2001, 0xBE00]);
    run(&mut core);
    core.ram_mut()[5] = 9;
    let (cycles, instructions) = (core.cycles(), core.instructions());
    core.reset();
    assert_eq!((core.cycles(), core.instructions(), core.ram()[5]), (cycles, instructions, 9));
    assert_eq!((core.registers()[0], core.registers()[15]), (0, PROGRAM));
}
