//! Why the unit reset, as the loader tells it (`boot:B7`, `fault:S4`).

use protocol::layout::RAM_BASE;
use protocol::registers::{RegisterId, SYSTEM_RESET_KEY};
use protocol::reset::ResetCause;
use virtual_board::time::VirtualTime;

use crate::flash::UnitFlash;
use crate::rig::Rig;
use crate::test::tests;

tests![resets_from_outside_are_told_apart, resets_from_inside_are_told_apart];

fn reset_cause(rig: &mut Rig) -> Option<ResetCause> {
    rig.wait_for_answer();
    let code = rig.number(RegisterId::ResetCause);
    ResetCause::from_code(u8::try_from(code).expect("a code is a byte"))
}

fn resets_from_outside_are_told_apart() {
    let mut rig = Rig::running(UnitFlash::new());
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::PowerOn));
    rig.board_mut().pin_reset();
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::Pin));
    rig.board_mut().brown_out();
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::BrownOut));
    assert_eq!(rig.write(RegisterId::SystemReset, SYSTEM_RESET_KEY), Ok(()));
    rig.wait_ms(300);
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::Requested));
    rig.board_mut().power_off();
    rig.wait_ms(10);
    rig.power_on();
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::PowerOn));
    assert_eq!(rig.board().resets().len(), 5);
}

fn resets_from_inside_are_told_apart() {
    /// Thread mode goes nowhere; interrupts, the bus among them, are served as ever.
    const FOR_EVER: u16 = 0xE7FE;
    /// A permanently undefined instruction.
    const UNDEFINED: u16 = 0xDE00;
    /// `str r1, [r0]`
    const STORE: u16 = 0x6001;
    const RESET_REQUEST: [u32; 2] = [0xE000_ED0C, 0x05FA_0004];

    let mut rig = Rig::running(UnitFlash::new());
    rig.wait_ms(400);
    divert(&mut rig, &[UNDEFINED], [0, 0]);
    rig.wait_ms(100);
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::Panic));
    assert_eq!(rig.number(RegisterId::LastShutdownReason), 4, "fault");

    divert(&mut rig, &[FOR_EVER], [0, 0]);
    rig.wait_ms(500);
    assert_eq!(rig.number(RegisterId::WatchdogStatus), 0, "a task is overdue");
    rig.wait_ms(1_000);
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::Watchdog));

    divert(&mut rig, &[STORE, FOR_EVER], RESET_REQUEST);
    rig.wait_ms(100);
    assert_eq!(reset_cause(&mut rig), Some(ResetCause::Debugger), "nobody announced it");
    assert_eq!(rig.board().resets().len(), 4);
}

/// Makes the core ask for a reset, as the firmware does.
pub(crate) fn reset_from_inside(rig: &mut Rig) {
    const STORE_AND_STAY: [u16; 2] = [0x6001, 0xE7FE];
    divert(rig, &STORE_AND_STAY, [0xE000_ED0C, 0x05FA_0004]);
}

/// Makes the core go on with other code, as a debugger or a wild pointer would.
pub(crate) fn divert(rig: &mut Rig, code: &[u16], registers: [u32; 2]) {
    /// In RAM that neither data nor stack reach.
    const PLACE: usize = 0x1_0000;
    // Thread mode: nothing is to be returned to.
    while rig.board().core().xpsr() & 0x1FF != 0 {
        rig.wait(VirtualTime::from_micros(10));
    }
    let core = rig.board_mut().core_mut();
    for (halfword, at) in code.iter().zip((PLACE..).step_by(2)) {
        core.ram_mut()[at..at + 2].copy_from_slice(&halfword.to_le_bytes());
    }
    core.set_register(0, registers[0]);
    core.set_register(1, registers[1]);
    core.set_register(15, RAM_BASE + PLACE as u32);
}
