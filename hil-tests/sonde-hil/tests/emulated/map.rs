//! The register map as the linked firmware serves it, held against the one table (`bus:M1`).

use protocol::mailbox;
use protocol::modbus::exception::Exception;
use protocol::modbus::function::Function;
use protocol::registers::{Access, At, REGISTERS, Register, RegisterId, at};

use crate::expected;
use crate::flash::UnitFlash;
use crate::rig::{Refused, Rig, accepted, register};
use crate::test::tests;

tests![
    every_register_reads_as_the_table_says_over_functions_3_and_4,
    every_address_in_and_around_the_map_is_a_register_reserved_or_nobodys,
    a_read_that_leaves_the_map_or_asks_for_nothing_or_too_much_is_refused,
    no_function_writes_what_the_table_lets_only_be_read,
    what_the_table_lets_be_written_takes_its_range_and_nothing_above,
    counters_count_and_uptime_passes,
];

const READS: [Function; 2] = [Function::ReadHoldingRegisters, Function::ReadInputRegisters];
const ADDRESS: Refused = Refused::Exception(Exception::IllegalDataAddress.code());
const VALUE: Refused = Refused::Exception(Exception::IllegalDataValue.code());

fn every_register_reads_as_the_table_says_over_functions_3_and_4() {
    let mut rig = Rig::running(UnitFlash::new());
    for function in READS {
        for register in REGISTERS {
            let words = rig.read_at(function, register.address, register.words);
            let words = words.unwrap_or_else(|refused| panic!("{function:?} {}: {refused:?}", register.name));
            let expected = expected::words(register).unwrap_or_else(|| words.clone());
            assert_eq!(words, expected, "{function:?} {}", register.name);
        }
    }
}

fn every_address_in_and_around_the_map_is_a_register_reserved_or_nobodys() {
    let mut rig = Rig::running(UnitFlash::new());
    let windows = [mailbox::REQUEST, mailbox::RESPONSE, mailbox::CHUNK, mailbox::STATUS];
    let around_windows = windows.iter().flat_map(|&window| [window - 1, window + 1, window + 0xFE]);
    let addresses = (0..0x24)
        .chain(0xFC..0x184)
        .chain(0x4FC..0x564)
        .chain(0x5FC..0x644)
        .chain(around_windows)
        .chain([0x8000, 0xFFFF]);
    for (address, function) in addresses.zip(READS.into_iter().cycle()) {
        let read = rig.read_at(function, address, 1);
        match at(address) {
            At::Register { .. } => assert!(read.is_ok(), "{address:#06x}: {read:?}"),
            At::Reserved => assert_eq!(read, Ok(vec![0]), "{address:#06x}"),
            At::Nothing => assert_eq!(read, Err(ADDRESS), "{address:#06x}"),
        }
    }
}

fn a_read_that_leaves_the_map_or_asks_for_nothing_or_too_much_is_refused() {
    let mut rig = Rig::running(UnitFlash::new());
    for function in READS {
        assert_eq!(rig.read_at(function, 0x001F, 2), Err(ADDRESS));
        assert_eq!(rig.read_at(function, 0xFFFF, 2), Err(ADDRESS));
        for quantity in [0, 126, 0xFFFF] {
            assert_eq!(rig.read_at(function, 0, quantity), Err(VALUE), "{quantity}");
        }
        assert_eq!(rig.read_at(function, 0, 0x20).map(|words| words.len()), Ok(0x20));
    }
}

fn no_function_writes_what_the_table_lets_only_be_read() {
    let mut rig = Rig::running(UnitFlash::new());
    let read_only = REGISTERS.iter().filter(|register| register.access == Access::ReadOnly);
    for register in read_only {
        for (function, written) in every_write(&mut rig, register.address) {
            assert_eq!(written, Err(ADDRESS), "{} by {function:?}", register.name);
        }
    }
    for address in [0x001F, 0x0020] {
        assert!(every_write(&mut rig, address).iter().all(|(_, written)| *written == Err(ADDRESS)), "{address:#06x}");
    }
}

fn every_write(rig: &mut Rig, address: u16) -> [(Function, Result<Vec<u8>, Refused>); 4] {
    let [high, low] = address.to_be_bytes();
    let requests = [
        (Function::WriteSingleRegister, vec![high, low, 0, 1]),
        (Function::WriteMultipleRegisters, vec![high, low, 0, 1, 2, 0, 1]),
        (Function::MaskWriteRegister, vec![high, low, 0, 0, 0, 1]),
        (Function::ReadWriteRegisters, vec![0, 0, 0, 1, high, low, 0, 1, 2, 0, 1]),
    ];
    requests.map(|(function, data)| {
        let request: Vec<u8> = std::iter::once(function.code()).chain(data).collect();
        (function, accepted(rig.ask(&request), function))
    })
}

fn what_the_table_lets_be_written_takes_its_range_and_nothing_above() {
    let mut rig = Rig::running(UnitFlash::new());
    let writable = REGISTERS.iter().filter(|register| register.access == Access::ReadWrite);
    for &Register { id, name, maximum, default, .. } in writable {
        if id == RegisterId::SystemReset {
            assert_eq!(rig.write(id, 1), Err(VALUE), "{name} takes its key only");
            continue;
        }
        // What a channel's registers do is in `channels`; an amplitude is clamped.
        if matches!(id, RegisterId::Channel(..) | RegisterId::GlobalAmplitude) {
            continue;
        }
        for value in [maximum, 0, default] {
            assert_eq!(rig.write(id, value), Ok(()), "{name} {value}");
            assert_eq!(rig.number(id), value, "{name}");
        }
        if let Some(above) = maximum.checked_add(1) {
            assert_eq!(rig.write(id, above), Err(VALUE), "{name} {above}");
            assert_eq!(rig.number(id), default, "{name}");
        }
    }
    // One bad register spoils the whole write: nothing of it is done.
    let [high, low] = register(RegisterId::GlobalEnable).address.to_be_bytes();
    let both = [16, high, low, 0, 4, 8, 0, 0, 0, 7, 0, 1, 0, 0];
    assert_eq!(accepted(rig.ask(&both), Function::WriteMultipleRegisters), Err(VALUE));
    assert_eq!((rig.number(RegisterId::GlobalEnable), rig.number(RegisterId::EmergencyStop)), (1, 0));
}

fn counters_count_and_uptime_passes() {
    let mut rig = Rig::running(UnitFlash::new());
    let frames = rig.number(RegisterId::FramesReceived);
    let exceptions = rig.number(RegisterId::ExceptionsSent);
    assert_eq!(rig.read_at(Function::ReadHoldingRegisters, 0x0020, 1), Err(ADDRESS));
    assert_eq!(rig.number(RegisterId::ExceptionsSent), exceptions + 1);
    assert_eq!(rig.number(RegisterId::FramesReceived), frames + 4);
    let before = rig.number(RegisterId::SystemUptime);
    rig.wait_ms(3_000);
    let passed = rig.number(RegisterId::SystemUptime) - before;
    assert!((3..=4).contains(&passed), "{passed} s");
    assert_eq!(rig.board().resets().len(), 1, "the watchdog is fed");
}
