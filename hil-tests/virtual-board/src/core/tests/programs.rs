//! Small programs: the machine as a whole.

use super::support::{CONSOLE, PROGRAM, STACK_TOP, after, machine};
use crate::core::Stop;

#[test]
fn reset_takes_stack_and_entry_from_the_vector_table() {
    let core = machine(&[]);
    assert_eq!((core.registers()[13], core.registers()[15]), (STACK_TOP, PROGRAM));
    assert_eq!(core.xpsr(), 1 << 24);
}

#[test]
fn loop_counts_and_prints() {
    // movs r0,#5; movs r1,#0; loop: adds r1,r1,r0; subs r0,#1; bne loop; mov.w r2,#0x40000000; strb r1,[r2]
    let core = after(&[0x2005, 0x2100, 0x1809, 0x3801, 0xD1FC, 0xF04F, 0x4280, 0x7011]);
    assert_eq!(core.registers()[1], 15);
    assert_eq!(core.chip.console, [15], "at 0x{CONSOLE:X}");
    assert_eq!(core.instructions(), 2 + 5 * 3 + 2 + 1);
}

#[test]
fn slices_of_a_run_are_the_run() {
    // movs r0,#0; loop: adds r0,#1; b loop
    let program = [0x2000, 0x3001, 0xE7FD];
    let mut whole = machine(&program);
    assert_eq!(whole.run_until(1001), Stop::Deadline);
    let mut sliced = machine(&program);
    for cycle in (1..=1001).step_by(7) {
        assert_eq!(sliced.run_until(cycle), Stop::Deadline);
    }
    assert_eq!(sliced.run_until(1001), Stop::Deadline);
    assert_eq!(whole.registers(), sliced.registers());
    assert_eq!(whole.cycles(), 1001);
}
