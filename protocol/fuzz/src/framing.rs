//! RTU: what is known of a frame's length never changes with more bytes, and a frame that parses is one that is emitted.

use protocol::modbus::rtu::{Frame, FrameLength, MIN_FRAME, answer_length, request_length};
use protocol::modbus::{MAX_FRAME, MAX_PDU};

pub fn run(data: &[u8]) {
    settles(data, request_length);
    settles(data, answer_length);
    frame(data);
    let Some((&address, pdu)) = data.split_first() else { return };
    let mut bytes = [0; MAX_FRAME];
    match (Frame { address, pdu }.emit(&mut bytes)) {
        Some(length) => assert_eq!(Frame::parse(&bytes[..length]), Some(Frame { address, pdu })),
        None => assert!(pdu.is_empty() || pdu.len() > MAX_PDU, "{} bytes were refused", pdu.len()),
    }
}

fn frame(bytes: &[u8]) {
    let Some(frame) = Frame::parse(bytes) else { return };
    let mut again = [0; MAX_FRAME];
    let length = frame.emit(&mut again).expect("what was parsed can be emitted");
    assert_eq!(&again[..length], bytes);
}

/// Grows the frame byte by byte.
fn settles(bytes: &[u8], length: fn(&[u8]) -> FrameLength) {
    let mut settled = None;
    let mut needed = 0;
    for end in 0..=bytes.len() {
        let now = length(&bytes[..end]);
        match settled {
            Some(settled) => assert_eq!(now, settled, "after {end} bytes"),
            None => match now {
                FrameLength::Needs(more) => {
                    assert!(more > end && more <= MAX_FRAME, "{more} needed, {end} there");
                    assert!(end >= needed || more == needed, "{needed}, then {more} needed, {end} there");
                    needed = more;
                }
                FrameLength::Exactly(exact) => {
                    assert!((MIN_FRAME..=MAX_FRAME).contains(&exact), "{exact}");
                    settled = Some(now);
                }
                FrameLength::Unknown => settled = Some(now),
            },
        }
    }
}
