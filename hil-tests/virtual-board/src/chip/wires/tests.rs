//! The chip on its board: the controller's way to drive and measure, against the plant.

use super::*;
use crate::chip::{Chip, Signals, Width};
use crate::plant::Fault;

const RCC: u32 = 0x4002_1000;
const PWR: u32 = 0x4000_7000;
const TIM1: u32 = 0x4001_2C00;
const TIM3: u32 = 0x4000_0400;
const TIM8: u32 = 0x4001_3400;
const GPIOA: u32 = 0x4800_0000;
const GPIOB: u32 = 0x4800_0400;
const GPIOC: u32 = 0x4800_0800;
const GPIOD: u32 = 0x4800_0C00;
const ADC1: u32 = 0x5000_0000;

type Rig = (Stm32g474, Signals);

fn write(rig: &mut Rig, address: u32, value: u32) {
    rig.0.write(address, Width::Word, value, &mut rig.1).unwrap_or_else(|refused| panic!("{address:#x}: {refused:?}"));
}

fn read(rig: &mut Rig, address: u32) -> u32 {
    rig.0.read(address, Width::Word, &mut rig.1).unwrap()
}

/// To a time after the begin, through every deadline before it; HSI16 has 16 cycles a microsecond.
fn run(rig: &mut Rig, ram: &mut [u8], micros: u64) {
    let cycle = micros * 16;
    loop {
        let mut next = rig.0.tick(&mut rig.1);
        while rig.0.move_data(ram, &mut rig.1) {
            next = rig.0.tick(&mut rig.1);
        }
        if next > cycle {
            rig.1.cycles = cycle;
            rig.0.settle(cycle, VirtualTime::from_micros(micros));
            return;
        }
        rig.1.cycles = next;
    }
}

/// All pins as docs/hardware.md has them; TIM8 counts 10 kHz, TIM1 1 MHz, TIM3 gives channel 1 half of its amplitude.
fn rig() -> Rig {
    let mut rig = (Stm32g474::new(Vec::new(), [7; 12]), Signals::default());
    for (address, value) in [
        (RCC + 0x48, 0x105),
        (RCC + 0x4C, 0xF | 1 << 13),
        (RCC + 0x58, 1 << 1 | 1 << 28),
        (PWR + 0x08, 0xC000),
        (RCC + 0x60, 1 | 1 << 11 | 1 << 13),
        (GPIOA, 0xABFF_AFFF),
        (GPIOA + 0x20, 0x2200_0000),
        (GPIOB, 0x55FF_00BA),
        (GPIOB + 0x0C, 0x0000_5500),
        (GPIOB + 0x20, 0x0000_0022),
        (GPIOC, 0xFC0A_AFAA),
        (GPIOC + 0x0C, 0x0150_0000),
        (GPIOC + 0x20, 0x4400_2222),
        (GPIOC + 0x24, 0x0000_0044),
        (GPIOD, 0xFFFF_FFCF),
        (GPIOD + 0x0C, 1 << 4),
        (TIM3 + 0x2C, 799),
        (TIM3 + 0x18, 0x60),
        (TIM3 + 0x34, 400),
        (TIM3 + 0x20, 1),
        (TIM3, 1),
        (TIM8 + 0x28, 1_599),
        (TIM8 + 0x2C, 500),
        (TIM8 + 0x14, 1),
        (TIM8 + 0x18, 0x7070),
        (TIM8 + 0x34, 1),
        (TIM8 + 0x38, 0xFFFF),
        (TIM8 + 0x20, 0x11),
        (TIM8 + 0x44, 0xBC00),
        (TIM1 + 0x28, 15),
        (TIM1 + 0x14, 1),
        (TIM1 + 0x18, 0x0D0D),
        (TIM1 + 0x20, 0x11),
        (TIM1, 1),
    ] {
        write(&mut rig, address, value);
    }
    rig
}

/// Holds the dead man's switch every millisecond, up to a time.
fn hold(rig: &mut Rig, ram: &mut [u8], from_millis: u64, to_millis: u64) {
    for milli in from_millis..to_millis {
        write(rig, TIM8 + 0x24, 1);
        write(rig, TIM8, 9);
        run(rig, ram, (milli + 1) * 1_000);
    }
}

#[test]
fn a_held_switch_runs_its_channel_and_nobody_elses_and_a_switch_let_go_stops_it() {
    let mut rig = rig();
    let ram = &mut [0; 64];
    hold(&mut rig, ram, 0, 500);
    let plant = &rig.0.wires().plant;
    assert!(plant.channel(0).is_locked() && !plant.channel(1).is_oscillating());
    assert!((plant.channel(0).watts() - 600.0).abs() < 1.0, "{}", plant.channel(0).watts());
    assert_eq!(rig.0.wires().outputs.start, [true, false, false, false]);
    run(&mut rig, ram, 600_000);
    // Held the last time at 499 ms, less than a count of 100 us before 500 counts began.
    let edges = &rig.0.wires().edges;
    assert_eq!(edges.len(), 2);
    assert_eq!((edges[0].time, edges[0].channel, edges[0].high), (VirtualTime::ZERO, 0, true));
    assert_eq!((edges[1].time, edges[1].high), (VirtualTime::from_millis(549), false));
    assert_eq!((rig.0.wires().plant.watts(), rig.0.wires().outputs.ever_on), (0.0, true));
}

#[test]
fn a_core_that_looks_only_once_sees_that_a_start_pin_was_on() {
    let mut rig = rig();
    write(&mut rig, TIM8 + 0x24, 400);
    write(&mut rig, TIM8, 9);
    rig.1.cycles = 16_000_000;
    assert_eq!(read(&mut rig, GPIOC + 0x10) >> 6 & 0xF, 0);
    assert_eq!(rig.0.wires().edges[1].time, VirtualTime::from_micros(10_100));
    assert!(rig.0.wires().outputs.ever_on);
}

#[test]
fn lock_and_overload_are_low_when_they_are_so() {
    let mut rig = rig();
    let ram = &mut [0; 64];
    let inputs = |rig: &mut Rig| {
        (read(rig, GPIOB + 0x10) >> 4 & 0xF, read(rig, GPIOC + 0x10) >> 10 & 7, read(rig, GPIOD + 0x10))
    };
    assert_eq!(inputs(&mut rig), (0xF, 7, 4));
    hold(&mut rig, ram, 0, 299);
    assert_eq!(inputs(&mut rig), (0xF, 7, 4));
    hold(&mut rig, ram, 299, 301);
    assert_eq!(inputs(&mut rig), (0xF, 6, 4));
    rig.0.wires_mut().plant.inject(0, Fault::Overload);
    rig.0.wires_mut().plant.inject(3, Fault::StuckOverload);
    rig.0.wires_mut().look_again();
    assert_eq!(inputs(&mut rig), (0b0110, 7, 4));

    rig.0.wires_mut().plant.mend(0, Fault::Overload);
    write(&mut rig, GPIOB + 0x18, 1 << 12);
    run(&mut rig, ram, 320_900);
    assert_eq!(inputs(&mut rig).0, 0b0110);
    run(&mut rig, ram, 321_000);
    assert_eq!(inputs(&mut rig).0, 0b0111, "the pulse on RESET was 20 ms long");
}

#[test]
fn two_overload_inputs_read_low_until_the_pulls_for_usb_are_off() {
    let mut rig = rig();
    write(&mut rig, PWR + 0x08, 0x8000);
    assert_eq!(read(&mut rig, GPIOB + 0x10) >> 4 & 0xF, 0b1010);
    write(&mut rig, PWR + 0x08, 0xC000);
    assert_eq!(read(&mut rig, GPIOB + 0x10) >> 4 & 0xF, 0xF);
}

#[test]
fn the_frequency_comes_as_captures() {
    let mut rig = rig();
    let ram = &mut [0; 64];
    hold(&mut rig, ram, 0, 1_000);
    let mut captures = Vec::new();
    for milli in 1_000..1_100 {
        hold(&mut rig, ram, milli, milli + 1);
        if read(&mut rig, TIM1 + 0x10) & 2 != 0 {
            assert_eq!(read(&mut rig, TIM1 + 0x10) & 1 << 9, if captures.is_empty() { 1 << 9 } else { 0 });
            captures.push(read(&mut rig, TIM1 + 0x34));
            write(&mut rig, TIM1 + 0x10, !(1 << 9));
        }
    }
    assert!((24..=26).contains(&captures.len()), "{captures:?}");
    for pair in captures.windows(2) {
        let micros = f64::from(pair[1].wrapping_sub(pair[0]) & 0xFFFF);
        let hertz = 8.0 * 10.0 * 1e6 / micros;
        assert!((hertz - 20_000.0).abs() < 30.0, "{hertz}");
    }
    assert_eq!(read(&mut rig, TIM1 + 0x10) & 4, 0, "channel 2 stands still");
}

#[test]
fn a_sequence_of_five_lands_in_memory_by_dma_and_means_what_the_plant_does() {
    let mut rig = rig();
    let ram = &mut [0; 64];
    write(&mut rig, ADC1 + 0x308, 1 << 16 | 1 << 23);
    write(&mut rig, ADC1 + 0x08, 0);
    write(&mut rig, ADC1 + 0x08, 1 << 28);
    hold(&mut rig, ram, 0, 1);
    write(&mut rig, ADC1 + 0x08, 1 << 28 | 1 << 31);
    hold(&mut rig, ram, 1, 2);
    for (address, value) in [
        (0x4002_0808, 5),
        (0x4002_0038, ADC1 + 0x40),
        (0x4002_003C, 0x2000_0010),
        (0x4002_0034, 5),
        (0x4002_0030, 0x5A1),
        (ADC1 + 0x08, 1 << 28 | 1),
        (ADC1 + 0x0C, 0x8000_0003),
        (ADC1 + 0x14, 0o22220),
        (ADC1 + 0x18, 6 << 18),
        (ADC1 + 0x30, 4 | 1 << 6 | 2 << 12 | 3 << 18 | 4 << 24),
        (ADC1 + 0x34, 16),
    ] {
        write(&mut rig, address, value);
    }
    rig.0.wires_mut().plant.set_chip_celsius(80.0);
    for milli in 2..800 {
        hold(&mut rig, ram, milli, milli + 1);
        write(&mut rig, ADC1 + 0x08, 1 << 28 | 1 | 1 << 2);
    }
    let value = |place: usize| u32::from(ram[0x10 + place * 2]) | u32::from(ram[0x11 + place * 2]) << 8;
    let watts = f64::from(value(0)) / 4096.0 * 3.3 * 4.0 / 5.44e-3;
    assert!((watts - 600.0).abs() < 2.0, "{watts}");
    assert!((1..4).all(|place| value(place) <= 1));
    let celsius = 30.0 + (f64::from(value(4)) * 3.3 / 3.0 - 1037.0) * 100.0 / (1378.0 - 1037.0);
    assert!((celsius - 80.0).abs() < 1.0, "{celsius}");
}

#[test]
fn a_converted_pin_must_be_analog() {
    let mut rig = rig();
    write(&mut rig, GPIOA, 0xABFF_AFFC);
    write(&mut rig, ADC1 + 0x308, 1 << 16);
    write(&mut rig, ADC1 + 0x08, 0);
    write(&mut rig, ADC1 + 0x08, 1 << 28);
    let ram = &mut [0; 64];
    run(&mut rig, ram, 100);
    write(&mut rig, ADC1 + 0x08, 1 << 28 | 1 << 31);
    run(&mut rig, ram, 200);
    write(&mut rig, ADC1 + 0x08, 1 << 28 | 1);
    run(&mut rig, ram, 300);
    write(&mut rig, ADC1 + 0x30, 1 << 6);
    let refused = rig.0.write(ADC1 + 0x08, Width::Word, 1 << 28 | 5, &mut rig.1);
    assert_eq!(refused, unmodelled("ADC1: channel 1 converts a pin that is not analog"));
}

#[test]
fn a_lockup_or_a_dip_of_the_supply_stops_all_at_once_where_they_are_connected() {
    for (connected, dips) in [(1, false), (4, true)] {
        let mut rig = rig();
        write(&mut rig, PWR + 4, 1 | 6 << 1);
        for (breaks, start) in [(0, true), (connected, false)] {
            write(&mut rig, 0x4001_001C, breaks);
            write(&mut rig, TIM8 + 0x24, 1);
            write(&mut rig, TIM8, 9);
            let cycle = rig.1.cycles;
            if dips {
                rig.0.dip_supply(cycle);
            } else {
                rig.0.lock_up(cycle);
            }
            assert_eq!(rig.0.wires().outputs.start[0], start);
            assert_eq!(rig.0.wires().plant.channel(0).next_change(VirtualTime::ZERO) != VirtualTime::NEVER, start);
        }
        // Connected for good, and the threshold with it.
        write(&mut rig, 0x4001_001C, 0);
        assert_eq!(read(&mut rig, 0x4001_001C), connected);
        write(&mut rig, PWR + 4, 0);
        assert_eq!(read(&mut rig, PWR + 4), if dips { 13 } else { 0 });
    }
}
