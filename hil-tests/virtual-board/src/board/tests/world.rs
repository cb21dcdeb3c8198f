//! Outputs and plant, from outside a board whose guest lets go of the switch after one hold.

use super::guest::{Guest, script};
use super::{RCC, millis, run};
use crate::board::{Board, Outputs, Ran, StartEdge};
use crate::core::Stop;
use crate::plant::Fault;
use crate::time::VirtualTime;

const TIM8: u32 = 0x4001_3400;

/// PC6 as output 1 of TIM8, one pulse of 50 ms at 10 kHz, breaks by lockup.
const HOLD_ONCE: [(u32, u32); 13] = [
    (RCC + 0x4C, 4),
    (RCC + 0x60, 1 | 1 << 13),
    (0x4001_001C, 1),
    (0x4800_0820, 4 << 24),
    (0x4800_0800, 0xFFFF_EFFF),
    (TIM8 + 0x28, 1_599),
    (TIM8 + 0x2C, 500),
    (TIM8 + 0x14, 1),
    (TIM8 + 0x18, 0x70),
    (TIM8 + 0x34, 1),
    (TIM8 + 0x20, 1),
    (TIM8 + 0x44, 0xBC00),
    (TIM8 + 0x24, 1),
];

/// The pin is high from the write of CNT on, the counter runs from that of CR1, some instructions later.
const MOST: VirtualTime = VirtualTime::from_micros(50_010);

fn holding() -> Board {
    let writes: Vec<(u32, u32)> = HOLD_ONCE.into_iter().chain([(TIM8, 9)]).collect();
    let mut board = script(&writes);
    board.power_on();
    board
}

fn length(edges: &[StartEdge]) -> VirtualTime {
    assert_eq!(edges.iter().map(|edge| (edge.channel, edge.high)).collect::<Vec<_>>(), [(0, true), (0, false)]);
    edges[1].time - edges[0].time
}

#[test]
fn a_start_pin_that_nobody_holds_is_on_for_50_ms_and_the_plant_emits_as_long() {
    let mut board = holding();
    run(&mut board, millis(40));
    assert!(board.plant().channel(0).is_oscillating());
    assert_eq!(board.plant().channel(0).amplitude(), 0.0);
    run(&mut board, millis(100));
    assert!(!board.plant().channel(0).is_oscillating());
    let length = length(board.start_edges());
    assert!(length > millis(49) && length < MOST, "{length}");
    assert_eq!(board.outputs(), Outputs { ever_on: true, ..Outputs::default() });
    assert_eq!(board.next_wake(), VirtualTime::NEVER);
    board.clear_start_edges();
    assert_eq!(board.start_edges(), []);
}

#[test]
fn a_reset_a_dead_supply_and_a_lockup_end_it_at_once() {
    let ends: [fn(&mut Board); 3] = [Board::pin_reset, Board::power_off, Board::brown_out];
    for end in ends {
        let mut board = holding();
        run(&mut board, millis(30));
        board.clear_start_edges();
        end(&mut board);
        let edge = StartEdge { time: board.now(), channel: 0, high: false };
        assert_eq!(board.start_edges(), [edge]);
        assert!(!board.plant().channel(0).is_oscillating());
    }

    // A fault in thread mode has a handler; one in that handler locks the core up.
    let mut writes: Vec<(u32, u32)> = HOLD_ONCE.into_iter().chain([(TIM8, 9)]).collect();
    writes.push((0xE000_ED08, 0x6000_0000));
    writes.push((0x6000_0000, 0));
    let mut board = Guest::new().writes(&writes).board();
    board.power_on();
    assert!(
        matches!(board.run_until(millis(10)), Ran::Stopped(Stop::Lockup { .. })),
        "{:?}",
        board.run_until(millis(10))
    );
    assert!(length(board.start_edges()) < VirtualTime::from_micros(100));
}

#[test]
fn a_stopped_machine_lets_go_in_50_ms_too() {
    let writes: Vec<(u32, u32)> = HOLD_ONCE.into_iter().chain([(TIM8, 9), (0x5000_0808, 1)]).collect();
    let mut board = script(&writes);
    board.power_on();
    assert!(matches!(board.run_until(millis(100)), Ran::Stopped(Stop::Unmodelled { .. })));
    assert!(length(board.start_edges()) < MOST);
}

#[test]
fn faults_are_asked_for_between_two_runs_and_time_passes_for_the_plant_without_power_too() {
    let mut board = holding();
    run(&mut board, millis(30));
    board.plant_mut().inject(0, Fault::Overload);
    assert!(board.plant().channel(0).is_tripped() && !board.plant().channel(0).is_oscillating());
    run(&mut board, millis(31));
    board.power_off();
    run(&mut board, millis(500));
    assert_eq!(board.plant().now(), millis(500));
}
