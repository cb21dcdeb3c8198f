//! Every function that is served, and those that are not (`bus:M1`).

use protocol::manifest::PRODUCT;
use protocol::modbus::BROADCAST;
use protocol::modbus::function::Function;
use protocol::modbus::rtu::{FrameLength, request_length};
use protocol::registers::RegisterId;

use crate::expected;
use crate::flash::UnitFlash;
use crate::rig::{Rig, UNIT, accepted, exception, framed, register};
use crate::test::tests;

tests![
    function_8_gives_back_what_it_was_sent_and_other_subfunctions_are_refused,
    functions_17_and_43_tell_who_is_there,
    functions_16_and_22_write_and_23_reads_what_it_has_written,
    every_other_function_is_answered_with_exception_1,
    requests_with_the_wrong_quantity_are_answered_with_exception_3,
    a_broadcast_is_never_answered_and_stops_only_in_an_emergency,
];

fn function_8_gives_back_what_it_was_sent_and_other_subfunctions_are_refused() {
    let mut rig = Rig::running(UnitFlash::new());
    for data in [0x0000u16, 0xFFFF, 0xA537] {
        let [high, low] = data.to_be_bytes();
        let request = [8, 0, 0, high, low];
        assert_eq!(rig.ask(&request).as_deref(), Some(&request[..]));
    }
    for subfunction in [1, 4, 10, 21] {
        assert_eq!(rig.ask(&[8, 0, subfunction, 0, 0]), exception(8, 1), "{subfunction}");
    }
}

fn functions_17_and_43_tell_who_is_there() {
    let mut rig = Rig::running(UnitFlash::new());
    let serial = expected::serial();
    let server = accepted(rig.ask(&[17]), Function::ReportServerId).expect("served");
    let text = format!("1.0.0 {}", serial.as_str());
    assert_eq!(usize::from(server[0]), server.len() - 1);
    assert_eq!(server[1..6], [&PRODUCT.to_be_bytes()[..], &[0xFF]].concat());
    assert_eq!(server[6..], *text.as_bytes());

    let basic: [&[u8]; 3] = [b"sonde", &PRODUCT.to_be_bytes(), b"1.0.0"];
    assert_eq!(identification(&mut rig, 1, 0), (0..).zip(basic).map(object).collect::<Vec<_>>());
    let all = identification(&mut rig, 3, 0);
    assert_eq!(all[..3], identification(&mut rig, 1, 0));
    assert_eq!(all[..5], identification(&mut rig, 2, 0));
    assert_eq!(all[5], object((0x80, serial.as_str().as_bytes())));
    assert_eq!(identification(&mut rig, 4, 0x80), all[5..]);
    assert_eq!(rig.ask(&[43, 14, 4, 3]), exception(43, 2), "no such object");
    assert_eq!(rig.ask(&[43, 14, 5, 0]), exception(43, 3), "no such category");
}

fn object((id, text): (u8, &[u8])) -> (u8, Vec<u8>) {
    (id, text.to_vec())
}

/// The objects of one answer to function 43/14; there are never more to come.
fn identification(rig: &mut Rig, category: u8, from: u8) -> Vec<(u8, Vec<u8>)> {
    let answer = rig.ask(&[43, 14, category, from]);
    let data = accepted(answer, Function::ReadDeviceIdentification).expect("served");
    let (head, mut rest) = data.split_first_chunk::<6>().expect("a head of six bytes");
    assert_eq!(head[..5], [14, category, 0x83, 0, 0]);
    let mut objects = Vec::new();
    while let [id, length, tail @ ..] = rest {
        let (text, tail) = tail.split_at(usize::from(*length));
        objects.push((*id, text.to_vec()));
        rest = tail;
    }
    assert_eq!(objects.len(), usize::from(head[5]));
    objects
}

fn functions_16_and_22_write_and_23_reads_what_it_has_written() {
    let mut rig = Rig::running(UnitFlash::new());
    let [high, low] = register(RegisterId::EmergencyStop).address.to_be_bytes();
    assert_eq!(rig.ask(&[16, high, low, 0, 1, 2, 0x12, 0x34]), Some(vec![16, high, low, 0, 1]));
    assert_eq!(rig.number(RegisterId::EmergencyStop), 0x1234);
    assert_eq!(rig.number(RegisterId::SystemStatus), 1 << 2, "emergency stop");
    // (0x1234 and 0x00F2) or (0x0025 and not 0x00F2), as in section 6.16 of the specification.
    let mask = [22, high, low, 0x00, 0xF2, 0x00, 0x25];
    assert_eq!(rig.ask(&mask).as_deref(), Some(&mask[..]));
    assert_eq!(rig.number(RegisterId::EmergencyStop), 0x0035);
    let both = [23, high, low, 0, 1, high, low, 0, 1, 2, 0, 0];
    assert_eq!(rig.ask(&both), Some(vec![23, 2, 0, 0]));
    assert_eq!(rig.number(RegisterId::SystemStatus), 1 << 0, "ok");
}

fn every_other_function_is_answered_with_exception_1() {
    let mut rig = Rig::running(UnitFlash::new());
    let others = (1..0x80).filter(|&code| Function::from_code(code).is_none());
    for code in others {
        assert_eq!(rig.ask(&shortest(code)), exception(code, 1), "function {code}");
    }
    assert_eq!(rig.ask(&[43, 13, 0, 0]), exception(43, 1), "CANopen");
}

/// A request of that function with zeros for data, as short as it can be.
fn shortest(code: u8) -> Vec<u8> {
    const CRC: usize = 2;
    let mut frame = vec![UNIT, code];
    loop {
        match request_length(&frame) {
            FrameLength::Needs(more) => frame.resize(more, 0),
            FrameLength::Exactly(length) => {
                frame.resize(length - CRC, 0);
                return frame.split_off(1);
            }
            FrameLength::Unknown => return frame.split_off(1),
        }
    }
}

fn requests_with_the_wrong_quantity_are_answered_with_exception_3() {
    let mut rig = Rig::running(UnitFlash::new());
    for request in [
        // Nothing to write, a count of bytes that is not twice the quantity, more than an answer can carry.
        &[16, 0, 0x11, 0, 0, 0][..],
        &[16, 0, 0x11, 0, 1, 4, 0, 0, 0, 0],
        &[16, 0, 0x11, 0, 2, 2, 0, 0],
        &[23, 0, 0, 0, 0, 0, 0x11, 0, 1, 2, 0, 0],
        &[23, 0, 0, 0, 126, 0, 0x11, 0, 1, 2, 0, 0],
        &[23, 0, 0, 0, 1, 0, 0x11, 0, 0, 0],
    ] {
        assert_eq!(rig.ask(request), exception(request[0], 3), "{request:02x?}");
    }
    assert_eq!(rig.number(RegisterId::EmergencyStop), 0);
}

fn a_broadcast_is_never_answered_and_stops_only_in_an_emergency() {
    // fault:B3
    let mut rig = Rig::running(UnitFlash::new());
    let [high, low] = register(RegisterId::EmergencyStop).address.to_be_bytes();
    let [enable_high, enable_low] = register(RegisterId::GlobalEnable).address.to_be_bytes();
    let frames = rig.number(RegisterId::FramesReceived);
    for (request, stop) in [
        (&[3, 0, 0, 0, 1][..], 0),
        (&[4, 0, 0, 0, 1], 0),
        (&[8, 0, 0, 1, 2], 0),
        (&[17], 0),
        (&[65], 0),
        (&[6, enable_high, enable_low, 0, 0], 0),
        (&[16, high, low, 0, 1, 2, 0, 5], 5),
        // Lifting it takes a word to each unit.
        (&[6, high, low, 0, 0], 5),
        (&[6, high, low, 0, 9], 9),
    ] {
        assert_eq!(rig.ask_frame(&framed(BROADCAST, request)), None, "{request:02x?}");
        assert_eq!(rig.number(RegisterId::EmergencyStop), stop, "{request:02x?}");
    }
    assert_eq!(rig.number(RegisterId::GlobalEnable), 1);
    assert!(rig.number(RegisterId::FramesReceived) > frames);
}
