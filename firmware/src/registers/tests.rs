use protocol::registers::{Access, REGISTERS, SYSTEM_RESET_KEY, by_name};

use super::*;
use crate::fixture;
use crate::self_test::Outputs;

fn value(unit: &Unit, name: &str) -> Vec<u16> {
    let register = by_name(name).expect("a register of the map");
    (0..register.words).map(|word| read(unit, register.id, word)).collect()
}

#[test]
fn every_register_reads_its_default_or_a_fact_and_stays_in_range() {
    let unit = fixture::unit();
    for register in REGISTERS {
        for word in 0..register.words {
            let value = read(&unit, register.id, word);
            assert!(value <= register.maximum, "{} is {value}", register.name);
        }
        if register.access == Access::ReadWrite {
            assert_eq!(read(&unit, register.id, 0), register.default, "{}", register.name);
        }
    }
}

#[test]
fn identity_and_versions_are_those_of_the_unit() {
    let unit = fixture::unit();
    assert_eq!(value(&unit, "MAP_VERSION"), [MAP_VERSION]);
    assert_eq!(value(&unit, "FIRMWARE_VERSION"), [1, 0, 0]);
    assert_eq!(value(&unit, "LOADER_VERSION"), [0, 1, 0]);
    assert_eq!(value(&unit, "HARDWARE_REVISION"), [1]);
    assert_eq!(value(&unit, "PRODUCT"), [0x534D, 0x5331]);
    let serial: Vec<u8> = value(&unit, "SERIAL").into_iter().flat_map(u16::to_be_bytes).collect();
    assert_eq!(&serial, b"MODEL-1\0\0\0\0\0\0\0\0\0");
    assert_eq!(value(&unit, "RUNNING_SLOT"), [0]);
    assert_eq!(value(&unit, "BOOT_REASON"), [1]);
    assert_eq!(value(&unit, "RESET_CAUSE"), [1]);
    assert_eq!(value(&unit, "LAST_SHUTDOWN_REASON"), [2]);
}

#[test]
fn uptime_has_its_low_word_first_as_map_c_has_it() {
    let mut unit = fixture::unit();
    unit.observe(0x0001_0002 * 1000 + 999, Outputs::OFF);
    assert_eq!(value(&unit, "SYSTEM_UPTIME"), [0x0002, 0x0001]);
}

#[test]
fn an_emergency_stop_latches_and_shows_in_the_status() {
    let mut unit = fixture::unit();
    assert_eq!(value(&unit, "SYSTEM_STATUS"), [1]);
    for number in [1, 2, 0xFFFF] {
        write(&mut unit, RegisterId::EmergencyStop, number);
        assert_eq!(value(&unit, "EMERGENCY_STOP"), [number]);
        assert_eq!(value(&unit, "SYSTEM_STATUS"), [4], "{number}");
    }
    write(&mut unit, RegisterId::EmergencyStop, 0);
    assert_eq!(value(&unit, "SYSTEM_STATUS"), [1]);
}

#[test]
fn a_failed_self_test_is_a_fault() {
    let mut unit = fixture::unit();
    unit.live.self_test.failed = 0b10;
    assert_eq!(value(&unit, "SYSTEM_STATUS"), [2]);
    assert_eq!(value(&unit, "SELF_TEST_FAILURES"), [0b10]);
}

#[test]
fn running_channels_are_counted_from_the_outputs() {
    let mut unit = fixture::unit();
    unit.observe(0, Outputs { start: 0b1010, reset: 0 });
    assert_eq!((value(&unit, "ACTIVE_COUNT"), value(&unit, "ACTIVE_MASK")), (vec![2], vec![0b1010]));
}

#[test]
fn only_its_key_restarts_the_unit_and_only_after_the_answer_is_out() {
    let mut unit = fixture::unit();
    let register = by_name("SYSTEM_RESET").unwrap();
    for wrong in [0, 1, SYSTEM_RESET_KEY + 1, 0xFFFF] {
        assert_eq!(check(&unit, register, wrong), Err(Exception::IllegalDataValue), "{wrong:#06x}");
    }
    assert_eq!(check(&unit, register, SYSTEM_RESET_KEY), Ok(()));
    unit.observe(5_000, Outputs::OFF);
    write(&mut unit, register.id, SYSTEM_RESET_KEY);
    assert_eq!(value(&unit, "SYSTEM_RESET"), [0]);
    for (uptime_ms, due) in [(5_000, false), (5_099, false), (5_100, true)] {
        unit.observe(uptime_ms, Outputs::OFF);
        assert_eq!(unit.restart_is_due(), due, "{uptime_ms}");
    }
}

#[test]
fn a_watchdog_status_tells_of_a_silent_task() {
    let mut unit = fixture::unit();
    unit.observe(5_000, Outputs::OFF);
    assert_eq!(value(&unit, "WATCHDOG_STATUS"), [0]);
    for task in crate::health::Task::ALL {
        unit.health.report(task, 5_000);
    }
    assert_eq!(value(&unit, "WATCHDOG_STATUS"), [1]);
}
