//! Characters with their exact times. Registers run from HSI16 (16 MHz), moments are whole microseconds.

use super::*;
use crate::chip::testing::{at, moment};

/// 160 clocks of 16 MHz: a bit of 10 us, a character of 100 us.
const BIT_10_US: u32 = 160;

fn micros(count: u64) -> VirtualTime {
    VirtualTime::from_micros(count)
}

fn port(cr1: u32, cr3: u32) -> Usart {
    let mut port = Usart::new(37, SerialBus::Apb2, 0);
    port.wiring = Wiring { sends: true, receives: true, driver: DriverEnable::Port };
    put(&mut port, 0, &[(BRR, BIT_10_US), (CR3, cr3), (CR1, cr1 & !UE), (CR1, cr1 | UE)]);
    // The idle frame after TE is over.
    port.tick(&moment(100));
    port
}

fn put(port: &mut Usart, at: u64, writes: &[(u32, u32)]) {
    for &(offset, value) in writes {
        port.write(offset, value, &moment(at)).unwrap();
    }
}

fn isr(port: &mut Usart, at: u64) -> u32 {
    port.read(ISR, &moment(at)).unwrap()
}

fn arrive(port: &mut Usart, value: u8, end: u64) {
    port.receive(ReceivedChar { value, end: micros(end), framing_error: false });
}

fn sent(port: &mut Usart) -> Vec<(u8, u64, u64, bool)> {
    std::iter::from_fn(|| port.take_sent())
        .map(|char| (char.value, char.start.as_micros(), char.end.as_micros(), char.driver_enabled))
        .collect()
}

#[test]
fn characters_follow_each_other_without_a_gap_and_tc_comes_after_the_last() {
    let mut port = port(TE, DEM);
    put(&mut port, 200, &[(TDR, 0x41)]);
    assert_eq!(isr(&mut port, 200) & (TXE | TC), TXE, "the shift register took it at once");
    put(&mut port, 210, &[(TDR, 0x42)]);
    assert_eq!(isr(&mut port, 210) & (TXE | TC), 0);
    assert_eq!(port.tick(&moment(210)), Due::Time(micros(300)));
    assert_eq!(port.tick(&moment(300)), Due::Time(micros(400)));
    assert_eq!(isr(&mut port, 399) & (TXE | TC), TXE);
    assert_eq!(port.tick(&moment(400)), Due::Never);
    assert_eq!(isr(&mut port, 400) & (TXE | TC), TXE | TC);
    assert_eq!(sent(&mut port), [(0x41, 200, 300, true), (0x42, 300, 400, true)]);
}

#[test]
fn the_fifo_takes_eight_and_a_ninth_stops_the_machine() {
    let mut port = port(TE | FIFOEN, DEM);
    for value in 0..9 {
        put(&mut port, 200, &[(TDR, value)]);
    }
    assert_eq!(isr(&mut port, 200) & TXE, 0);
    assert!(port.write(TDR, 9, &moment(200)).is_err());
    port.tick(&moment(1200));
    assert_eq!(sent(&mut port).len(), 9);
    assert_eq!(isr(&mut port, 1200) & (TC | TXFE), TC | TXFE);
}

#[test]
fn the_driver_goes_on_before_the_start_bit_and_off_after_the_stop_bit() {
    // 16 samples = one bit of 10 us each.
    let mut port = port(TE | 16 << 21 | 16 << 16, DEM);
    put(&mut port, 200, &[(TDR, 1)]);
    assert_eq!(port.tick(&moment(200)), Due::Time(micros(210)));
    port.tick(&moment(310));
    // Within the deassertion time: that and the assertion time both pass first.
    put(&mut port, 312, &[(TDR, 2)]);
    port.tick(&moment(330));
    assert_eq!(sent(&mut port), [(1, 210, 310, true), (2, 330, 430, true)]);
}

#[test]
fn without_driver_enable_nobody_hears_it() {
    let mut port = port(TE, 0);
    put(&mut port, 200, &[(TDR, 1)]);
    assert_eq!(sent(&mut port), [(1, 200, 300, false)]);
    port.wiring.driver = DriverEnable::Level(true);
    port.tick(&moment(300));
    put(&mut port, 300, &[(TDR, 2)]);
    assert_eq!(sent(&mut port), [(2, 300, 400, true)]);
    port.wiring.sends = false;
    port.tick(&moment(400));
    put(&mut port, 400, &[(TDR, 3)]);
    assert_eq!(sent(&mut port), []);
}

#[test]
fn an_idle_frame_goes_before_the_first_character() {
    let mut port = Usart::new(37, SerialBus::Apb2, 0);
    port.wiring.sends = true;
    put(&mut port, 0, &[(BRR, BIT_10_US), (CR1, UE | TE), (TDR, 7)]);
    assert_eq!(port.tick(&moment(0)), Due::Time(micros(100)));
    port.tick(&moment(100));
    assert_eq!(sent(&mut port), [(7, 100, 200, false)]);
}

#[test]
fn a_character_is_there_at_its_end_and_idle_one_character_later() {
    let mut port = port(RE | RXNEIE | IDLEIE, 0);
    arrive(&mut port, 0x55, 300);
    assert_eq!(port.tick(&moment(150)), Due::Time(micros(300)));
    assert_eq!(isr(&mut port, 250) & (RXNE | BUSY), BUSY);
    let sample = VirtualTime::from_nanos(625);
    assert_eq!(port.tick(&moment(300)), Due::Time(micros(400) + sample));
    assert_eq!(isr(&mut port, 300) & (RXNE | IDLE | BUSY), RXNE);
    let mut lines = Lines::default();
    port.interrupts(&mut lines);
    assert!(lines.is_high(37));
    assert_eq!(port.read(RDR, &moment(301)), Ok(0x55));
    assert_eq!(port.tick(&moment(401)), Due::Never);
    assert_eq!(isr(&mut port, 401) & (RXNE | IDLE), IDLE);
    put(&mut port, 401, &[(ICR, IDLE)]);
    assert_eq!(isr(&mut port, 401) & IDLE, 0);
}

#[test]
fn back_to_back_characters_are_not_idle_between_and_a_short_gap_is_not_either() {
    let mut port = port(RE | FIFOEN, 0);
    arrive(&mut port, 1, 300);
    arrive(&mut port, 2, 400);
    arrive(&mut port, 3, 590); // begins 90 us after the last
    port.tick(&moment(599));
    assert_eq!(isr(&mut port, 599) & IDLE, 0);
    port.tick(&moment(691));
    assert_eq!(isr(&mut port, 691) & IDLE, IDLE);
}

#[test]
fn the_receiver_timeout_counts_bits_from_the_last_stop_bit() {
    let mut port = port(RE | RTOIE, 0);
    put(&mut port, 100, &[(RTOR, 35), (CR2, RTOEN)]);
    arrive(&mut port, 1, 300);
    port.tick(&moment(649));
    assert_eq!(isr(&mut port, 649) & RTOF, 0);
    port.tick(&moment(650));
    assert_eq!(isr(&mut port, 650) & RTOF, RTOF);
}

#[test]
fn a_slow_reader_loses_the_newer_character_and_hears_of_it() {
    let mut port = port(RE | RXNEIE, 0);
    arrive(&mut port, 1, 300);
    arrive(&mut port, 2, 400);
    port.tick(&moment(400));
    assert_eq!(isr(&mut port, 400) & (RXNE | ORE), RXNE | ORE);
    assert_eq!(port.read(RDR, &moment(400)), Ok(1));
    assert_eq!(port.lost(), 1);
    put(&mut port, 400, &[(ICR, ORE)]);
    assert_eq!(isr(&mut port, 400) & (RXNE | ORE), 0);
}

#[test]
fn without_overrun_detection_the_older_character_is_lost() {
    let mut port = port(RE, OVRDIS);
    arrive(&mut port, 1, 300);
    arrive(&mut port, 2, 400);
    port.tick(&moment(400));
    assert_eq!(isr(&mut port, 400) & (RXNE | ORE), RXNE);
    assert_eq!(port.read(RDR, &moment(400)), Ok(2));
}

#[test]
fn characters_that_began_before_the_receiver_was_on_are_lost() {
    let mut port = port(TE, 0);
    arrive(&mut port, 1, 300);
    port.tick(&moment(300));
    put(&mut port, 350, &[(CR1, UE | RE | TE)]);
    arrive(&mut port, 2, 400);
    arrive(&mut port, 3, 500);
    port.tick(&moment(500));
    assert_eq!(port.read(RDR, &moment(500)), Ok(3));
    assert_eq!(port.lost(), 2);
}

#[test]
fn a_framing_error_comes_with_its_character() {
    let mut port = port(RE | FIFOEN, EIE);
    arrive(&mut port, 1, 300);
    port.receive(ReceivedChar { value: 2, end: micros(400), framing_error: true });
    port.tick(&moment(400));
    assert_eq!(isr(&mut port, 400) & FE, 0);
    port.read(RDR, &moment(400)).unwrap();
    assert_eq!(isr(&mut port, 400) & FE, FE);
    port.read(RDR, &moment(400)).unwrap();
    assert_eq!(isr(&mut port, 400) & FE, FE, "it stays until ICR");
    put(&mut port, 400, &[(ICR, FE)]);
    assert_eq!(isr(&mut port, 400) & FE, 0);
}

#[test]
fn the_character_time_is_known_while_the_port_is_on() {
    assert_eq!(port(TE, 0).character_time(&moment(0)), Some(micros(100)));
    assert_eq!(Usart::new(37, SerialBus::Apb2, 0).character_time(&at(micros(5))), None);
}

#[test]
fn settings_change_only_while_the_port_is_off() {
    let mut port = port(TE | RE, 0);
    for (offset, value) in [(BRR, 20), (CR2, 2 << 12), (CR3, DEM), (CR1, UE | TE | RE | OVER8), (PRESC, 1)] {
        assert!(matches!(port.write(offset, value, &moment(0)), Err(Refused::Unmodelled(_))), "{offset:#x}");
    }
}

#[test]
fn modes_that_nobody_modelled_say_so() {
    let mut port = Usart::new(37, SerialBus::Apb2, 0);
    for (offset, value) in [(CR1, 1 << 13), (CR2, 1 << 14), (CR3, 1 << 3), (CR3, 1 << 8), (RQR, 2), (0x10, 1)] {
        assert!(matches!(port.write(offset, value, &moment(0)), Err(Refused::Unmodelled(_))), "{offset:#x}");
    }
    assert!(port.write(TDR, 1, &moment(0)).is_err(), "UE is off");
}
