use super::*;
use crate::chip::testing::moment;

fn set(timer: &mut Timer, at: u64, writes: &[(u32, u32)]) {
    for &(offset, value) in writes {
        timer.write(offset, value, &moment(at)).unwrap();
    }
}

fn read(timer: &mut Timer, at: u64, offset: u32) -> u32 {
    timer.read(offset, &moment(at)).unwrap()
}

#[test]
fn a_compare_interrupt_comes_at_its_exact_cycle() {
    let mut timer = Timer::new(Kind::TIM2);
    set(&mut timer, 100, &[(PSC, 15), (ARR, 0xFFFF), (EGR, 1), (SR, 0), (DIER, 4), (ccr(1), 1000), (CR1, 1)]);
    assert_eq!(timer.tick(&moment(100)), Due::Cycle(100 + 16_000));
    timer.tick(&moment(16_099));
    let mut lines = Lines::default();
    timer.interrupts(&mut lines);
    assert!(!lines.is_high(28));
    timer.tick(&moment(16_100));
    timer.interrupts(&mut lines);
    assert!(lines.is_high(28));
    assert_eq!(read(&mut timer, 16_100, CNT), 1000);
}

#[test]
fn the_time_driver_hears_both_halves_of_every_round() {
    // As embassy sets TIM2 up: overflow and compare 1 in the middle.
    let mut timer = Timer::new(Kind::TIM2);
    set(&mut timer, 0, &[(ARR, 0xFFFF), (CR1, URS), (EGR, 1), (CR1, 0), (ccr(0), 0x8000), (DIER, 3), (CR1, 1)]);
    assert_eq!(read(&mut timer, 0, SR), 0, "URS keeps UG from flagging an update");
    let mut heard = Vec::new();
    let mut now = 0;
    for _ in 0..4 {
        let Due::Cycle(next) = timer.tick(&moment(now)) else { panic!("it counts") };
        now = next;
        timer.tick(&moment(now));
        heard.push((now, read(&mut timer, now, SR) & 3));
        set(&mut timer, now, &[(SR, 0)]);
    }
    assert_eq!(heard, [(0x8000, 2), (0x10000, 1), (0x18000, 2), (0x20000, 1)]);
}

#[test]
fn flags_rise_without_interrupts_too_and_long_sleep_loses_no_phase() {
    let mut timer = Timer::new(Kind::TIM3);
    set(&mut timer, 0, &[(ARR, 99), (ccr(2), 40), (CR1, 1)]);
    assert_eq!(read(&mut timer, 1_000_000_017, CNT), 17);
    assert_eq!(read(&mut timer, 1_000_000_017, SR) & (UIF | 8), UIF | 8);
}

#[test]
fn a_new_prescaler_waits_for_the_update() {
    let mut timer = Timer::new(Kind::TIM3);
    set(&mut timer, 0, &[(ARR, 9), (CR1, 1), (PSC, 9)]);
    assert_eq!(read(&mut timer, 9, CNT), 9);
    assert_eq!(read(&mut timer, 10 + 25, CNT), 2);
}

#[test]
fn one_pulse_mode_stops_at_the_update() {
    let mut timer = Timer::new(Kind::TIM6);
    set(&mut timer, 0, &[(ARR, 9), (CR1, CEN | OPM)]);
    assert_eq!(timer.tick(&moment(0)), Due::Cycle(10));
    assert_eq!(timer.tick(&moment(10)), Due::Never);
    assert_eq!(read(&mut timer, 50, CR1) & CEN, 0);
    assert_eq!(read(&mut timer, 50, CNT), 0);
}

#[test]
fn a_compare_value_beyond_the_top_flags_at_the_overflow() {
    let mut timer = Timer::new(Kind::TIM3);
    set(&mut timer, 0, &[(ARR, 9), (ccr(0), 500), (DIER, 2), (CR1, 1)]);
    assert_eq!(timer.tick(&moment(0)), Due::Cycle(10));
    timer.tick(&moment(10));
    assert_eq!(read(&mut timer, 10, SR) & 2, 2);
}

#[test]
fn what_is_not_modelled_says_so() {
    let mut timer = Timer::new(Kind::TIM1);
    for (offset, value) in [(CR1, DIR), (SMCR, 1), (RCR, 1), (0x70, 0)] {
        assert!(matches!(timer.write(offset, value, &moment(0)), Err(Refused::Unmodelled(_))));
    }
}
