//! The Modbus functions over the whole address space (`bus:M1`).

use bootloader::bus;
use proptest::prelude::*;
use protocol::mailbox::{CHUNK, Envelope, MAX_CHUNK, REQUEST, RESPONSE, STATUS};
use protocol::message::{Answer, Reply, Request};
use protocol::modbus::MAX_PDU;

use crate::fixture::{UNIT, ask, unit};

const NO_FUNCTION: u8 = 1;
const NO_ADDRESS: u8 = 2;
const NO_VALUE: u8 = 3;

/// A request, and its exception code, or `None` when it is served.
type Case = (&'static str, &'static [u8], Option<u8>);

const CASES: &[Case] = &[
    ("read one register", &[3, 0x05, 0x00, 0, 1], None),
    ("read the whole identity block", &[3, 0x05, 0x00, 0, 32], None),
    ("read input registers like holding registers", &[4, 0x05, 0x00, 0, 1], None),
    ("read reserved addresses of map C", &[3, 0x00, 0x00, 0, 32], None),
    ("read none", &[3, 0x05, 0x00, 0, 0], Some(NO_VALUE)),
    ("read 126", &[3, 0x05, 0x00, 0, 126], Some(NO_VALUE)),
    ("read 65535", &[3, 0x05, 0x00, 0xFF, 0xFF], Some(NO_VALUE)),
    ("read beyond the block", &[3, 0x00, 0x00, 0, 33], Some(NO_ADDRESS)),
    ("read a gap", &[3, 0x00, 0x20, 0, 1], Some(NO_ADDRESS)),
    ("read past the last address", &[3, 0xFF, 0xFF, 0, 2], Some(NO_ADDRESS)),
    ("read with a byte missing", &[3, 0x05, 0x00, 0], Some(NO_VALUE)),
    ("read with a byte too many", &[3, 0x05, 0x00, 0, 1, 0], Some(NO_VALUE)),
    ("read nothing at all", &[3], Some(NO_VALUE)),
    ("write a register", &[6, 0, 0x10, 0, 0], None),
    ("write above its maximum", &[6, 0, 0x10, 0, 2], Some(NO_VALUE)),
    ("write a read-only register", &[6, 0, 0x00, 0, 0], Some(NO_ADDRESS)),
    ("write a reserved address", &[6, 0, 0x15, 0, 0], Some(NO_ADDRESS)),
    ("write nowhere", &[6, 0x20, 0, 0, 0], Some(NO_ADDRESS)),
    ("write one with two values", &[6, 0, 0x10, 0, 0, 0, 0], Some(NO_VALUE)),
    ("reset with a wrong key", &[6, 0, 0x12, 0, 1], Some(NO_VALUE)),
    ("reset with the key", &[6, 0, 0x12, 0xA5, 0xC3], None),
    ("write several", &[16, 0, 0x10, 0, 2, 4, 0, 1, 0, 0], None),
    ("write several, one of them read-only", &[16, 0, 0x0F, 0, 2, 4, 0, 0, 0, 0], Some(NO_ADDRESS)),
    ("write several, one out of range", &[16, 0, 0x10, 0, 2, 4, 0, 2, 0, 0], Some(NO_VALUE)),
    ("write several, wrong byte count", &[16, 0, 0x10, 0, 2, 3, 0, 1, 0], Some(NO_VALUE)),
    ("write several, count and quantity differ", &[16, 0, 0x10, 0, 2, 6, 0, 1, 0, 0, 0, 0], Some(NO_VALUE)),
    ("write several, bytes missing", &[16, 0, 0x10, 0, 2, 4, 0, 1, 0], Some(NO_VALUE)),
    ("write several, bytes left over", &[16, 0, 0x10, 0, 1, 2, 0, 1, 0, 0], Some(NO_VALUE)),
    ("write none", &[16, 0, 0x10, 0, 0, 0], Some(NO_VALUE)),
    ("mask bits", &[22, 0, 0x13, 0, 0x0A, 0, 0x05], None),
    ("mask a read-only register", &[22, 0, 0x00, 0, 0, 0, 0], Some(NO_ADDRESS)),
    ("mask into a value out of range", &[22, 0, 0x10, 0, 0, 0, 2], Some(NO_VALUE)),
    ("mask with a byte missing", &[22, 0, 0x13, 0, 0x0A, 0], Some(NO_VALUE)),
    ("write and read", &[23, 0, 0x10, 0, 1, 0, 0x10, 0, 1, 2, 0, 0], None),
    ("write and read none", &[23, 0, 0x10, 0, 0, 0, 0x10, 0, 1, 2, 0, 0], Some(NO_VALUE)),
    ("write none and read", &[23, 0, 0x10, 0, 1, 0, 0x10, 0, 0, 0], Some(NO_VALUE)),
    ("write and read nowhere", &[23, 0, 0x20, 0, 1, 0, 0x10, 0, 1, 2, 0, 0], Some(NO_ADDRESS)),
    ("write nowhere and read", &[23, 0, 0x10, 0, 1, 0, 0x20, 0, 1, 2, 0, 0], Some(NO_ADDRESS)),
    ("echo", &[8, 0, 0, 0x12, 0x34], None),
    ("echo without data", &[8, 0, 0], Some(NO_VALUE)),
    ("another diagnostic", &[8, 0, 1, 0, 0], Some(NO_FUNCTION)),
    ("server id", &[17], None),
    ("server id with data", &[17, 0], Some(NO_VALUE)),
    ("identification, basic", &[43, 14, 1, 0], None),
    ("identification, regular", &[43, 14, 2, 0], None),
    ("identification, extended", &[43, 14, 3, 0x80], None),
    ("identification, one object", &[43, 14, 4, 1], None),
    ("identification, an object that is not there", &[43, 14, 4, 3], Some(NO_ADDRESS)),
    ("identification, no such category", &[43, 14, 5, 0], Some(NO_VALUE)),
    ("another MEI type", &[43, 13, 1, 0], Some(NO_FUNCTION)),
    ("coils", &[1, 0, 0, 0, 1], Some(NO_FUNCTION)),
    ("write a coil, value that is none", &[5, 0, 0, 0x12, 0x34], Some(NO_FUNCTION)),
    ("function 0", &[0], Some(NO_FUNCTION)),
    ("function 65", &[65, 1, 2, 3], Some(NO_FUNCTION)),
    ("function with the exception bit", &[0x83, 2], Some(NO_FUNCTION)),
];

#[test]
fn every_function_is_served_and_every_wrong_request_gets_its_exception() {
    for (name, request, exception) in CASES {
        let answer = ask(&mut unit(), request);
        match exception {
            None => assert_eq!(answer[0], request[0], "{name}: {answer:02x?}"),
            Some(code) => assert_eq!(answer, [request[0] | 0x80, *code], "{name}"),
        }
    }
}

#[test]
fn answers_are_what_the_specification_shows() {
    let mut unit = unit();
    assert_eq!(ask(&mut unit, &[3, 0x05, 0x00, 0, 4]), [3, 8, 0, 2, 0, 1, 0, 0, 0, 0]);
    assert_eq!(ask(&mut unit, &[6, 0, 0x13, 0, 5]), [6, 0, 0x13, 0, 5]);
    assert_eq!(ask(&mut unit, &[22, 0, 0x13, 0, 0x0C, 0, 0x02]), [22, 0, 0x13, 0, 0x0C, 0, 0x02]);
    assert_eq!(ask(&mut unit, &[3, 0, 0x13, 0, 1]), [3, 2, 0, 6]);
    assert_eq!(ask(&mut unit, &[16, 0, 0x10, 0, 2, 4, 0, 0, 0, 0]), [16, 0, 0x10, 0, 2]);
    assert_eq!(ask(&mut unit, &[23, 0, 0x10, 0, 1, 0, 0x10, 0, 1, 2, 0, 1]), [23, 2, 0, 1]);
    assert_eq!(ask(&mut unit, &[8, 0, 0, 0x12, 0x34]), [8, 0, 0, 0x12, 0x34]);
    assert_eq!(ask(&mut unit, &[17]), b"\x11\x12SMS1\xFF1.0.0 MODEL-1");
    assert_eq!(ask(&mut unit, &[43, 14, 4, 1]), b"\x2B\x0E\x04\x83\x00\x00\x01\x01\x04SMS1");
    assert_eq!(ask(&mut unit, &[43, 14, 1, 0]), b"\x2B\x0E\x01\x83\x00\x00\x03\x00\x05sonde\x01\x04SMS1\x02\x051.0.0");
    // A stream that begins at an unknown object begins at the first.
    assert_eq!(ask(&mut unit, &[43, 14, 1, 77])[6..], ask(&mut unit, &[43, 14, 1, 0])[6..]);
}

#[test]
fn a_refused_write_has_changed_nothing() {
    let mut unit = unit();
    let _ = ask(&mut unit, &[16, 0, 0x10, 0, 4, 8, 0, 0, 0, 1, 0, 0, 0, 0]);
    let _ = ask(&mut unit, &[23, 0, 0x20, 0, 1, 0, 0x10, 0, 1, 2, 0, 0]);
    assert_eq!(ask(&mut unit, &[3, 0, 0x10, 0, 4]), [3, 8, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn another_units_request_is_none_of_ours() {
    let mut out = [0; MAX_PDU];
    for address in [1, 3, 247, 255] {
        assert_eq!(bus::handle(&mut unit(), address, &[3, 0, 0, 0, 1], &mut out), None, "{address}");
    }
    assert_eq!(bus::handle(&mut unit(), UNIT, &[], &mut out), None);
}

#[test]
fn a_broadcast_is_never_answered_and_obeyed_only_for_a_stop_and_for_chunks() {
    // bus:M1, fault:B3
    let mut unit = unit();
    let mut out = [0; MAX_PDU];
    for (_, request, _) in CASES {
        assert_eq!(bus::handle(&mut unit, 0, request, &mut out), None, "{request:02x?}");
    }
    assert_eq!(ask(&mut unit, &[3, 0, 0x10, 0, 4]), [3, 8, 0, 1, 0, 0, 0, 0, 0, 0], "nothing has changed");
    assert!(!unit.restart_is_due());
    for request in [&[6, 0, 0x11, 0, 7][..], &[16, 0, 0x11, 0, 1, 2, 0, 7]] {
        assert_eq!(bus::handle(&mut unit, 0, request, &mut out), None);
        assert_eq!(ask(&mut unit, &[3, 0, 0x11, 0, 1]), [3, 2, 0, 7]);
        // Lifting the stop takes somebody who speaks to this unit.
        assert_eq!(bus::handle(&mut unit, 0, &[6, 0, 0x11, 0, 0], &mut out), None);
        assert_eq!(ask(&mut unit, &[3, 0, 0x11, 0, 1]), [3, 2, 0, 7]);
        let _ = ask(&mut unit, &[6, 0, 0x11, 0, 0]);
    }
}

#[test]
fn windows_are_used_from_their_start_only() {
    // bus:M2
    let mut unit = unit();
    let read = |address: u16, quantity: u8| [3, (address >> 8) as u8, address as u8, 0, quantity];
    assert_eq!(ask(&mut unit, &read(RESPONSE, 125)).len(), 252);
    assert_eq!(ask(&mut unit, &read(STATUS, 8))[..8], [3, 16, 0, 1, 0, 3, 0, MAX_CHUNK as u8]);
    for (address, quantity) in [(RESPONSE + 1, 1), (STATUS + 1, 1), (STATUS, 9), (REQUEST, 1), (CHUNK, 1)] {
        assert_eq!(ask(&mut unit, &read(address, quantity)), [0x83, NO_ADDRESS], "{address:#06x} {quantity}");
    }
    for address in [REQUEST + 1, CHUNK + 1, RESPONSE, STATUS] {
        let write = [6, (address >> 8) as u8, address as u8, 0, 0];
        assert_eq!(ask(&mut unit, &write), [0x86, NO_ADDRESS], "{address:#06x}");
    }
    // A window that is written with something that is no message.
    for address in [REQUEST, CHUNK] {
        let write = [6, (address >> 8) as u8, address as u8, 0xFF, 0xFF];
        assert_eq!(ask(&mut unit, &write), [0x86, NO_VALUE], "{address:#06x}");
        let mask = [22, (address >> 8) as u8, address as u8, 0, 0, 0, 0];
        assert_eq!(ask(&mut unit, &mask), [0x96, NO_ADDRESS], "{address:#06x}");
    }
}

#[test]
fn a_message_and_its_reply_fit_one_transaction() {
    // bus:M2, `direct` mode: FC23 writes the request and reads the reply.
    let (mut payload, mut window) = ([0; 8], [0; 8]);
    let message = Request::Hello.emit(&mut payload).unwrap();
    let envelope = Envelope { session: 0x1234, sequence: 1 };
    let used = envelope.emit(message, &mut window).unwrap();
    let mut pdu = vec![23, 0xF1, 0, 0, 40, 0xF0, 0, 0, (used / 2) as u8, used as u8];
    pdu.extend(&window[..used]);
    let mut unit = unit();
    let answer = ask(&mut unit, &pdu);
    assert_eq!((answer[0], answer[1], answer.len()), (23, 80, 82));
    let (found, payload) = Envelope::parse(&answer[2..]).unwrap();
    assert_eq!(found, envelope);
    assert!(matches!(Reply::parse(payload), Ok(Reply::Done(Answer::Hello(_)))));
    // The reply can be read once more by FC3 and FC4, and the first registers alone.
    assert_eq!(ask(&mut unit, &[3, 0xF1, 0, 0, 40])[2..], answer[2..]);
    assert_eq!(ask(&mut unit, &[4, 0xF1, 0, 0, 3])[2..], answer[2..8]);
}

#[test]
fn frames_and_exceptions_are_counted() {
    let mut unit = unit();
    let _ = ask(&mut unit, &[3, 0, 0x20, 0, 1]);
    let _ = ask(&mut unit, &[6, 0, 0, 0, 1]);
    assert_eq!(ask(&mut unit, &[3, 0x05, 0x50, 0, 2]), [3, 4, 0, 3, 0, 2]);
}

proptest! {
    #[test]
    fn any_request_gets_a_legal_answer(pdu in proptest::collection::vec(any::<u8>(), 1..=253)) {
        let answer = ask(&mut unit(), &pdu);
        prop_assert!(is_legal(&pdu, &answer), "{:02x?}", answer);
    }

    #[test]
    fn any_request_of_a_served_function_gets_a_legal_answer(
        code in proptest::sample::select(vec![3_u8, 4, 6, 8, 16, 17, 22, 23, 43]),
        start in proptest::sample::select(vec![0_u16, 0x10, 0x500, 0x540, 0xF000, 0xF100, 0xF200, 0xF300, 0xFFFF]),
        quantity in 0_u16..130, rest in proptest::collection::vec(any::<u8>(), 0..248),
    ) {
        let mut pdu = vec![code];
        pdu.extend(start.to_be_bytes());
        pdu.extend(quantity.to_be_bytes());
        pdu.extend(rest);
        let answer = ask(&mut unit(), &pdu);
        prop_assert!(is_legal(&pdu, &answer), "{:02x?}", answer);
    }
}

/// An exception of ours, or the same function with a length that its own fields give.
fn is_legal(request: &[u8], answer: &[u8]) -> bool {
    if let [function, code] = answer {
        return *function == request[0] | 0x80 && [1, 2, 3, 4, 6].contains(code);
    }
    let length = match answer[0] {
        3 | 4 | 17 | 23 => 2 + usize::from(answer[1]),
        6 | 16 => 5,
        8 => request.len(),
        22 => 7,
        43 => return answer[1] == 14,
        _ => return false,
    };
    answer[0] == request[0] && answer.len() == length && answer.len() <= MAX_PDU
}
