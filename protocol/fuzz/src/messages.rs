//! Mailbox: what parses as envelope, chunk, request or reply is what they emit, and can be shown to people.

use protocol::mailbox::{
    CHUNK_REGISTERS, Chunk, ENVELOPE_SIZE, Envelope, MAX_REPLY, MAX_REQUEST, STATUS_REGISTERS, StatusWindow,
    message_length,
};
use protocol::message::{Reply, Request};

use super::input::Input;

/// Longer than any window: an envelope's length is one byte.
const LONGEST: usize = ENVELOPE_SIZE + 256;

pub fn run(data: &[u8]) {
    message(data);
    envelope(data);
    chunk(data);
    let registers = std::array::from_fn::<_, { STATUS_REGISTERS as usize }, _>(|register| {
        data.get(register * 2).map_or(0, |&byte| u16::from(byte) << 8)
    });
    assert_eq!(StatusWindow::parse(&registers).emit(), registers);
}

fn envelope(window: &[u8]) {
    let Ok((envelope, payload)) = Envelope::parse(window) else { return };
    let mut again = [0; LONGEST];
    let used = envelope.emit(payload, &mut again).expect("what was parsed can be emitted");
    assert_eq!(message_length(window), Some(used));
    let common = used.min(window.len());
    assert_eq!(window[..common], again[..common]);
    assert!(window[common..].iter().chain(&again[common..]).all(|&byte| byte == 0), "something behind the message");
    message(payload);
}

fn chunk(window: &[u8]) {
    let Some(chunk) = Chunk::parse(window) else { return };
    let mut again = [0; CHUNK_REGISTERS as usize * 2];
    let used = chunk.emit(&mut again).expect("what was parsed can be emitted");
    assert_eq!(&again[..used], window);
}

fn message(payload: &[u8]) {
    if let Ok(request) = Request::parse(payload) {
        let mut again = [0; MAX_REQUEST];
        assert_eq!(request.emit(&mut again), Ok(payload), "{request:?}");
    }
    let Ok(reply) = Reply::parse(payload) else { return };
    let mut again = [0; MAX_REPLY];
    assert_eq!(reply.emit(&mut again), Ok(payload), "{reply:?}");
    if let Reply::Refused(refusal) = &reply {
        assert!(!refusal.to_string().is_empty());
    }
    let mut window = [0; LONGEST];
    let envelope = Envelope { session: Input::new(payload).u16(), sequence: 1 };
    let used = envelope.emit(payload, &mut window).expect("every reply fits an envelope");
    assert_eq!(Envelope::parse(&window[..used]), Ok((envelope, payload)));
}
