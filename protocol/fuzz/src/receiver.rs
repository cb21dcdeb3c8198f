//! The unit's receiver: whatever the line carried, it hears only what was sent, and the next request after a silence.

use protocol::modbus::receiver::{Heard, Receiver, SILENCE_US};
use protocol::modbus::rtu::{Frame, MIN_FRAME};
use protocol::modbus::{BROADCAST, MAX_FRAME};

use super::input::Input;

const UNIT: u8 = 2;

struct Line {
    receiver: Receiver,
    now_us: u64,
    carried: Vec<u8>,
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut line = Line { receiver: Receiver::new(UNIT), now_us: 1_000_000, carried: Vec::new() };
    while !input.is_empty() {
        let what = input.u8();
        match what >> 6 {
            0 => line.send(input.take(usize::from(what & 63) + 1)),
            1 => line.send_frame(what & 3, input.take(usize::from(what >> 2 & 15) + 1)),
            2 => line.wait(u64::from(what & 63) * 50),
            _ => line.wait(u64::from(what & 63) * 1000),
        }
    }
    line.wait(SILENCE_US);
    assert_eq!(line.receiver.silence_at(), None, "silence leaves nothing open");
    let request = framed(UNIT, &[3, 5, 0, 0, 1]);
    let (last, body) = request.split_last().expect("a frame has bytes");
    line.send(body);
    line.now_us += 87;
    let heard = line.receiver.push(*last, line.now_us);
    assert!(matches!(heard, Some(Heard::Request(Frame { address: UNIT, pdu: [3, 5, 0, 0, 1] }))), "{heard:?}");
}

impl Line {
    fn send(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.now_us += 87;
            self.carried.push(byte);
            note(&self.carried, self.receiver.push(byte, self.now_us).as_ref());
        }
    }

    fn send_frame(&mut self, address: u8, pdu: &[u8]) {
        if !pdu.is_empty() {
            self.send(&framed(address, pdu));
        }
    }

    fn wait(&mut self, us: u64) {
        self.now_us += us;
        note(&self.carried, self.receiver.silence(self.now_us).as_ref());
        let open = self.receiver.silence_at();
        assert!(open.is_none_or(|at| at > self.now_us), "silence is over and still waited for");
    }
}

/// A request that is heard is for this unit, and its frame is what the line carried last.
fn note(carried: &[u8], heard: Option<&Heard<'_>>) {
    let Some(Heard::Request(frame)) = heard else { return };
    assert!(frame.address == UNIT || frame.address == BROADCAST, "{frame:02x?}");
    let bytes = framed(frame.address, frame.pdu);
    assert!(bytes.len() >= MIN_FRAME && carried.ends_with(&bytes), "heard {bytes:02x?}, which was not sent last");
}

fn framed(address: u8, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; MAX_FRAME];
    let length = Frame { address, pdu }.emit(&mut out).expect("short enough for a frame");
    out[..length].to_vec()
}
