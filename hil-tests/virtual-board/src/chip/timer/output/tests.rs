//! TIM8 as the controller uses it, and the rules about its outputs.

use super::*;
use crate::chip::peripheral::{Due, Peripheral};
use crate::chip::testing::moment;

/// One count is 100 us, the core runs at 1 MHz.
const DEAD_MANS_SWITCH: [(u32, u32); 9] = [
    (PSC, 99),
    (ARR, 500),
    (EGR, UG),
    (SR, 0),
    (CCMR1, 0x7070),
    (ccr(0), 1),
    (ccr(1), 0xFFFF),
    (CCER, 0x11),
    (BDTR, MOE | OSSI | OSSR | BKE | BKP),
];

fn set(timer: &mut Timer, at: u64, writes: &[(u32, u32)]) {
    for &(offset, value) in writes {
        timer.write(offset, value, &moment(at)).unwrap();
    }
}

fn refusal(timer: &mut Timer, offset: u32, value: u32) -> String {
    match timer.write(offset, value, &moment(0)) {
        Err(Refused::Unmodelled(what)) => what,
        other => panic!("{other:?}"),
    }
}

fn switch() -> Timer {
    let mut timer = Timer::new(Kind::TIM8);
    set(&mut timer, 0, &DEAD_MANS_SWITCH);
    timer.take_edges();
    timer
}

fn edge(cycle: u64, channel: usize, level: bool) -> Edge {
    Edge { cycle, channel, level: Some(level) }
}

#[test]
fn a_switch_that_nobody_holds_lets_go_after_50_ms_by_itself() {
    let mut timer = switch();
    assert_eq!((timer.output(0), timer.output(1)), (Some(false), Some(false)));
    set(&mut timer, 1_000, &[(CNT, 1), (CR1, CEN | OPM)]);
    assert_eq!((timer.output(0), timer.output(1)), (Some(true), Some(false)));
    assert_eq!(timer.tick(&moment(1_000)), Due::Cycle(51_000));
    // Nobody looked at that cycle: the edge is where it was all the same.
    assert_eq!(timer.tick(&moment(90_000)), Due::Never);
    assert_eq!(timer.take_edges(), [edge(1_000, 0, true), edge(51_000, 0, false)]);
    assert_eq!(timer.read(CR1, &moment(90_000)).unwrap() & CEN, 0);
}

#[test]
fn holding_the_switch_keeps_the_phase_of_its_prescaler() {
    let mut timer = switch();
    set(&mut timer, 0, &[(CNT, 1), (CR1, CEN | OPM)]);
    for hold in 1..=100 {
        set(&mut timer, hold * 1_010, &[(CNT, 1), (CR1, CEN | OPM)]);
    }
    // The last hold came 100 us x n + 0 after the first: its first count is a whole one.
    assert_eq!(timer.tick(&moment(101_000)), Due::Cycle(151_000));
    set(&mut timer, 101_050, &[(CNT, 1)]);
    assert_eq!(timer.tick(&moment(101_050)), Due::Cycle(151_000), "half of this hold's first count was over");
    timer.tick(&moment(151_000));
    assert_eq!(timer.take_edges(), [edge(0, 0, true), edge(151_000, 0, false)]);
}

#[test]
fn free_running_pwm_is_exact_edge_by_edge() {
    let mut timer = Timer::new(Kind::TIM8);
    set(&mut timer, 0, &[(ARR, 9), (CCMR1, 0x60), (ccr(0), 4), (CCER, 1), (BDTR, MOE), (CR1, CEN)]);
    assert_eq!(timer.tick(&moment(0)), Due::Cycle(4), "whoever is driven hears of each edge in time");
    assert_eq!(timer.tick(&moment(5)), Due::Cycle(10));
    timer.tick(&moment(25));
    let edges: Vec<(u64, Level)> = timer.take_edges().into_iter().map(|edge| (edge.cycle, edge.level)).collect();
    let (high, low) = (Some(true), Some(false));
    // Enabled, then driven once MOE is set; then high for four cycles of ten.
    assert_eq!(edges, [(0, high), (4, low), (10, high), (14, low), (20, high), (24, low)]);
    assert!((timer.duty(0) - 0.4).abs() < 1e-9);
}

#[test]
fn preloaded_values_wait_for_the_update() {
    let mut timer = Timer::new(Kind::TIM3);
    set(&mut timer, 0, &[(ARR, 9), (CCMR1, 0x68), (CCER, 1), (ccr(0), 5), (CR1, CEN)]);
    assert_eq!(timer.output(0), Some(false));
    timer.tick(&moment(10));
    assert_eq!(timer.output(0), Some(true));
}

#[test]
fn polarity_forced_levels_and_off_states() {
    let mut timer = Timer::new(Kind::TIM8);
    set(&mut timer, 0, &[(CCMR1, 0x50), (CCER, 1)]);
    assert_eq!(timer.output(0), None, "MOE and OSSI are clear");
    set(&mut timer, 0, &[(BDTR, MOE)]);
    assert_eq!(timer.output(0), Some(true));
    set(&mut timer, 0, &[(CCER, 3)]);
    assert_eq!(timer.output(0), Some(false));
    set(&mut timer, 0, &[(CCMR1, 0x40), (CR2, 1 << 8), (BDTR, OSSI)]);
    assert_eq!(timer.output(0), Some(true), "its idle level");
    set(&mut timer, 0, &[(CCER, 0)]);
    assert_eq!(timer.output(0), None);
}

#[test]
fn a_break_drops_all_outputs_at_once_and_only_software_sets_them_free() {
    let mut timer = switch();
    set(&mut timer, 0, &[(CNT, 1), (CR1, CEN | OPM)]);
    timer.break_by_system(false, &moment(77));
    assert_eq!(timer.take_edges(), [edge(0, 0, true), edge(77, 0, false)]);
    assert_eq!(timer.read(SR, &moment(77)).unwrap() & SBIF, SBIF);
    set(&mut timer, 80, &[(CNT, 1)]);
    assert_eq!(timer.output(0), Some(false));
    set(&mut timer, 90, &[(BDTR, MOE | OSSI | OSSR | BKE | BKP)]);
    assert_eq!(timer.output(0), Some(true));
    set(&mut timer, 95, &[(EGR, 1 << 7)]);
    assert_eq!((timer.output(0), timer.read(SR, &moment(95)).unwrap() & BIF), (Some(false), BIF));

    timer.break_by_system(true, &moment(100));
    set(&mut timer, 110, &[(BDTR, MOE | OSSI | OSSR | BKE | BKP)]);
    assert_eq!(timer.output(0), Some(false), "the break lasts");
}

#[test]
fn without_bke_the_system_breaks_nothing() {
    let mut timer = switch();
    set(&mut timer, 0, &[(BDTR, MOE), (CNT, 1), (CR1, CEN | OPM)]);
    timer.break_by_system(false, &moment(10));
    assert_eq!(timer.output(0), Some(true));
}

#[test]
fn an_automatic_output_enable_comes_with_the_update() {
    let mut timer = Timer::new(Kind::TIM8);
    set(&mut timer, 0, &[(ARR, 9), (CCMR1, 0x50), (CCER, 1), (BDTR, AOE), (CR1, CEN | OPM)]);
    timer.tick(&moment(10));
    assert_eq!(timer.take_edges(), [edge(10, 0, true)]);
}

#[test]
fn what_is_locked_stays_until_reset() {
    let mut timer = Timer::new(Kind::TIM8);
    let locked = MOE | OSSI | OSSR | BKE | BKP | 3 << 8;
    set(&mut timer, 0, &[(CCMR1, 0x7070), (CCER, 0x11), (BDTR, locked)]);
    set(&mut timer, 0, &[(BDTR, BKP), (CCMR1, 0x5050), (CCER, 0x33), (CR2, 1 << 8)]);
    let values = [BDTR, CCMR1, CCER, CR2].map(|offset| timer.read(offset, &moment(0)).unwrap());
    assert_eq!(values, [locked & !MOE, 0x7070, 0x11, 0]);
}

#[test]
fn what_no_channel_can_do_names_itself() {
    let mut timer = Timer::new(Kind::TIM8);
    for (offset, value, what) in [
        (CCMR1, 0x30, "CCMR1: OC1M = 3"),
        (CCMR2, 0x1_0000, "CCMR2: OC3M = 8"),
        (CCMR1, 0x6400, "CCMR1: OC2CE or OC2FE"),
        (CCMR1, 2, "CCMR1: CC1S, an input other than the channel's own"),
        (CCER, 4, "CCER: CC1NE, a complementary output"),
        (BDTR, BKE, "BDTR: BKE with BKP clear, an active-low break input that nothing holds high; set BKP"),
        (BDTR, BK2E, "BDTR: break input 2, or a bidirectional break input"),
        (CR2, 1, "CR2: preloaded control bits, or a combined input"),
        (AF1, 3, "AF1: a comparator as break source, or an inverted break input"),
        (0x5C, 1, "TISEL: an input other than the pin"),
    ] {
        assert_eq!(refusal(&mut timer, offset, value), what);
    }
    set(&mut timer, 0, &[(CCMR1, 1)]);
    assert_eq!(refusal(&mut timer, CCER, 3), "CCER: CC1P or CC1NP, captures on falling edges");
    set(&mut timer, 0, &[(CCER, 1)]);
    assert_eq!(refusal(&mut timer, CCMR1, 0), "CCMR1: CC1S changed while CC1E is set");
    assert_eq!(refusal(&mut timer, ccr(0), 5), "CCR1: written while its channel captures");
}
