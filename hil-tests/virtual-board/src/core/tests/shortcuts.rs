//! Checkpoints, recordings and leaps: running less must not change what is run.

use super::support::{PROGRAM, STACK_TOP, machine};
use crate::core::{Access, AccessKind, RAM_START, Step, Stop};

/// movs r0,#5; movs r1,#0; loop: adds r1,r1,r0; subs r0,#1; bne loop
const LOOP: [u16; 5] = [0x2005, 0x2100, 0x1809, 0x3801, 0xD1FC];

#[test]
fn a_checkpoint_stops_each_time_and_changes_nothing() {
    let program = [&LOOP[..], &[0xBE00]].concat();
    let mut plain = machine(&program);
    assert_eq!(plain.run_until(1000), Stop::Bkpt);
    let mut marked = machine(&program);
    marked.set_checkpoints([PROGRAM + 4]);
    for _ in 0..5 {
        assert_eq!(marked.run_until(1000), Stop::Checkpoint);
        assert_eq!(marked.registers()[15], PROGRAM + 4);
    }
    assert_eq!(marked.run_until(1000), Stop::Bkpt);
    assert_eq!((marked.cycles(), marked.instructions()), (plain.cycles(), plain.instructions()));
    assert!(marked.processor() == plain.processor());
}

#[test]
fn a_checkpoint_in_an_it_block_leaves_the_block_as_it_is() {
    // movs r0,#0; cmp r0,#0; it eq; moveq r1,#7; bkpt
    let mut core = machine(&[0x2000, 0x2800, 0xBF08, 0x2107, 0xBE00]);
    core.set_checkpoints([PROGRAM + 6]);
    assert_eq!(core.run_until(1000), Stop::Checkpoint);
    assert_eq!(core.run_until(1000), Stop::Bkpt);
    assert_eq!(core.registers()[1], 7);
}

#[test]
fn a_recording_names_every_instruction_and_what_it_touched() {
    // movs r0,#7; push {r0}; pop {r1}; mov.w r2,#0x40000000; strb r0,[r2]; bkpt
    let mut core = machine(&[0x2007, 0xB401, 0xBC02, 0xF04F, 0x4280, 0x7010, 0xBE00]);
    core.start_recording();
    assert_eq!(core.run_until(1000), Stop::Bkpt);
    let recording = core.take_recording().unwrap();
    let steps: Vec<_> = [0, 2, 4, 6, 10, 12]
        .into_iter()
        .zip(0..)
        .map(|(offset, cycle)| Step { cycle, address: PROGRAM + offset })
        .collect();
    assert_eq!(recording.steps, steps);
    let offset = STACK_TOP - RAM_START - 4;
    let expected = [
        Access { step: 1, kind: AccessKind::Write { offset, bytes: 4 } },
        Access { step: 2, kind: AccessKind::Read { offset, bytes: 4 } },
        Access { step: 4, kind: AccessKind::Outside },
    ];
    assert_eq!(recording.accesses, expected);
    assert_eq!((core.registers()[1], core.ram()[offset as usize]), (7, 7));
}

#[test]
fn a_leap_leads_where_running_does() {
    let program = [&LOOP[..], &[0xBE00]].concat();
    let mut ran = machine(&program);
    assert_eq!(ran.run_until(8), Stop::Deadline);
    let mut leapt = machine(&program);
    leapt.leap(&ran.processor(), 8);
    assert_eq!(leapt.run_until(1000), ran.run_until(1000));
    assert_eq!((leapt.cycles(), leapt.instructions()), (ran.cycles(), ran.instructions()));
    assert!(leapt.processor() == ran.processor());
}
