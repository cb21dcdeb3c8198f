//! The channels as a PLC sees them: map C over function 3, 6 and 16.

use protocol::channel::ChannelId;
use protocol::registers::{At, RegisterId, at, by_name};

use super::*;
use crate::channels::{Capture, Sample};
use crate::fixture;
use crate::self_test::Outputs;

const LOCKED: Sample = Sample { overload: false, lock: true, power_counts: 2_025, capture: Capture::None };

fn ready() -> Unit {
    let mut unit = fixture::unit();
    unit.channels.make_ready();
    unit.observe(10_000, Outputs::OFF);
    unit
}

/// Lets time pass while the inputs read this, and a master polls.
fn pass(unit: &mut Unit, span_ms: u64, samples: [Sample; 4]) {
    for _ in 0..span_ms {
        unit.observe(unit.live.uptime_ms + 1, Outputs::OFF);
        let now_ms = unit.live.uptime_ms;
        unit.channels.hear_master(now_ms);
        unit.channels.look(&samples, now_ms);
    }
}

fn number(unit: &mut Unit, name: &str) -> u16 {
    let [high, low] = by_name(name).expect("a register of the map").address.to_be_bytes();
    match *fixture::ask(unit, &[3, high, low, 0, 1]) {
        [3, 2, high, low] => u16::from_be_bytes([high, low]),
        ref refused => panic!("{name}: {refused:02x?}"),
    }
}

/// Writes a register by function 6; the exception, if it is refused.
fn set(unit: &mut Unit, name: &str, value: u16) -> Result<(), u8> {
    let [high, low] = by_name(name).expect("a register of the map").address.to_be_bytes();
    let [value_high, value_low] = value.to_be_bytes();
    let request = [6, high, low, value_high, value_low];
    match *fixture::ask(unit, &request) {
        [0x86, code] => Err(code),
        ref answer => {
            assert_eq!(*answer, request);
            Ok(())
        }
    }
}

#[test]
fn a_plc_starts_and_stops_a_channel_by_map_c() {
    let mut unit = ready();
    assert_eq!(set(&mut unit, "CH4_AMPLITUDE_SP", 75), Ok(()));
    assert_eq!(set(&mut unit, "CH4_START_STOP", 1), Ok(()));
    assert_eq!(unit.channels.drive().start, 0b1000);
    assert_eq!((number(&mut unit, "CH4_STATE"), number(&mut unit, "CH4_PREV_STATE")), (1, 0));
    pass(&mut unit, 200, [LOCKED; 4]);
    for (name, expected) in [
        ("CH4_START_STOP", 1),
        ("CH4_STATE", 2),
        ("CH4_PREV_STATE", 1),
        ("CH4_STATUS_FLAGS", 0b101),
        ("CH4_AMPLITUDE_ACT", 75),
        ("CH4_POWER_W", 1_200),
        ("CH4_POWER", 1_023),
        ("CH1_STATUS_FLAGS", 0b100),
        ("CH1_AMPLITUDE_ACT", 0),
    ] {
        assert_eq!(number(&mut unit, name), expected, "{name}");
    }
    assert_eq!(set(&mut unit, "CH4_START_STOP", 0), Ok(()));
    assert_eq!(unit.channels.drive().start, 0);
    assert_eq!((number(&mut unit, "CH4_START_STOP"), number(&mut unit, "CH4_STATE")), (0, 3));
    assert_eq!(set(&mut unit, "CH4_START_STOP", 1), Err(6), "a moment later will do");
    pass(&mut unit, 100, [LOCKED; 4]);
    assert_eq!(set(&mut unit, "CH4_START_STOP", 1), Ok(()));
}

#[test]
fn amplitudes_are_clamped_each_and_all_at_once() {
    let mut unit = ready();
    for (asked, kept) in [(0, 20), (10, 20), (150, 100), (u16::MAX, 100), (33, 33)] {
        assert_eq!(set(&mut unit, "CH2_AMPLITUDE_SP", asked), Ok(()));
        assert_eq!(number(&mut unit, "CH2_AMPLITUDE_SP"), kept);
        assert_eq!(set(&mut unit, "GLOBAL_AMPLITUDE", asked), Ok(()));
        for name in ["GLOBAL_AMPLITUDE", "CH1_AMPLITUDE_SP", "CH4_AMPLITUDE_SP"] {
            assert_eq!(number(&mut unit, name), kept, "{name}");
        }
    }
}

#[test]
fn a_start_that_is_not_allowed_is_exception_4_and_reads_0() {
    let mut unit = ready();
    for (name, blocks, frees) in [("EMERGENCY_STOP", 1, 0), ("GLOBAL_ENABLE", 0, 1), ("TEST_START_INHIBIT", 0b0100, 0)]
    {
        assert_eq!(set(&mut unit, name, blocks), Ok(()));
        assert_eq!(set(&mut unit, "CH3_START_STOP", 1), Err(4), "{name}");
        assert_eq!(number(&mut unit, "CH3_START_STOP"), 0);
        assert_eq!(set(&mut unit, "CH3_START_STOP", 0), Ok(()), "a stop is always allowed");
        assert_eq!(set(&mut unit, name, frees), Ok(()));
    }
    assert_eq!(set(&mut unit, "CH3_START_STOP", 2), Err(3));
    assert_eq!(set(&mut unit, "CH3_START_STOP", 1), Ok(()));
}

#[test]
fn a_write_of_several_registers_starts_nothing_when_one_of_them_is_wrong() {
    let mut unit = ready();
    // START_STOP 1, AMPLITUDE_SP 60, OVERLOAD_RESET 2.
    assert_eq!(fixture::ask(&mut unit, &[16, 1, 0, 0, 3, 6, 0, 1, 0, 60, 0, 2]), [0x90, 3]);
    assert_eq!(unit.channels.drive().start, 0);
    assert_eq!(fixture::ask(&mut unit, &[16, 1, 0, 0, 2, 4, 0, 1, 0, 60]), [16, 1, 0, 0, 2]);
    assert_eq!((unit.channels.drive().start, number(&mut unit, "CH1_AMPLITUDE_ACT")), (1, 60));
}

#[test]
fn an_overload_shows_and_its_reset_clears_itself() {
    let mut unit = ready();
    set(&mut unit, "CH1_START_STOP", 1).unwrap();
    pass(&mut unit, 100, [Sample { overload: true, ..LOCKED }; 4]);
    assert_eq!(number(&mut unit, "CH1_STATUS_FLAGS"), 0b10_0110);
    assert_eq!((number(&mut unit, "CH1_LAST_FAULT_CODE"), number(&mut unit, "CH1_OVERLOADS")), (3, 1));
    assert_eq!(number(&mut unit, "SYSTEM_STATUS"), 0b10);
    assert_eq!(set(&mut unit, "CH1_START_STOP", 1), Err(4));
    pass(&mut unit, 20, [LOCKED; 4]);
    assert_eq!(set(&mut unit, "CH1_OVERLOAD_RESET", 1), Ok(()));
    assert_eq!(number(&mut unit, "CH1_OVERLOAD_RESET"), 1);
    pass(&mut unit, 50, [LOCKED; 4]);
    assert_eq!((number(&mut unit, "CH1_OVERLOAD_RESET"), number(&mut unit, "CH1_STATE")), (0, 0));
    assert_eq!(set(&mut unit, "CH1_START_STOP", 1), Ok(()));
}

#[test]
fn a_broadcast_stops_and_never_starts() {
    let mut unit = ready();
    let mut out = [0; protocol::modbus::MAX_PDU];
    for pdu in [&[6, 1, 0, 0, 1][..], &[16, 1, 0, 0, 1, 2, 0, 1]] {
        assert_eq!(bootloader::bus::handle(&mut unit, 0, pdu, &mut out), None);
        assert_eq!(unit.channels.drive().start, 0);
    }
    set(&mut unit, "CH1_START_STOP", 1).unwrap();
    assert_eq!(bootloader::bus::handle(&mut unit, 0, &[6, 0, 0x11, 0, 1], &mut out), None);
    assert_eq!(unit.channels.drive().start, 0);
}

#[test]
fn every_register_of_a_channel_is_one_of_the_table() {
    for channel in ChannelId::ALL {
        for &register in ChannelRegister::ALL {
            let id = RegisterId::Channel(channel, register);
            let found = protocol::registers::REGISTERS.iter().filter(|entry| entry.id == id).count();
            assert_eq!(found, 1, "{id:?}");
        }
    }
    assert!(matches!(at(0x0160), At::Register { .. }));
}
