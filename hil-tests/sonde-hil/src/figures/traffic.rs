//! Characters on the line put together into frames, and what they tell about time.

use protocol::mailbox::{CHUNK, CHUNK_HEADER};
use protocol::modbus::function::Function;
use protocol::modbus::rtu::Frame;
use virtual_board::line::{LineEvent, Sender};
use virtual_board::time::VirtualTime;

/// One side's characters without the other's between them, and without a gap.
#[derive(Debug, Clone)]
pub(super) struct Burst {
    pub(super) sender: Sender,
    pub(super) start: VirtualTime,
    pub(super) end: VirtualTime,
    pub(super) bytes: Vec<u8>,
}

/// Cuts the characters into bursts: a new sender, or more than 1 ms of silence, begins another.
pub(super) fn bursts(events: &[LineEvent]) -> Vec<Burst> {
    const GAP: VirtualTime = VirtualTime::from_millis(1);
    let mut bursts: Vec<Burst> = Vec::new();
    for event in events {
        let &LineEvent::Character { sender, value, start, end, .. } = event else { continue };
        match bursts.last_mut() {
            Some(last) if last.sender == sender && start.saturating_sub(last.end) <= GAP => {
                last.end = end;
                last.bytes.push(value);
            }
            _ => bursts.push(Burst { sender, start, end, bytes: vec![value] }),
        }
    }
    bursts
}

/// A request and what the unit said to it.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    pub(super) request: &'a Burst,
    pub(super) answer: &'a Burst,
}

impl Exchange<'_> {
    /// Image bytes that the request carries; `None` when it is no chunk that was taken.
    pub(super) fn chunk_bytes(&self) -> Option<usize> {
        let pdu = Frame::parse(&self.request.bytes)?.pdu;
        let [high, low] = CHUNK.to_be_bytes();
        let write = Function::WriteMultipleRegisters.code();
        let is_chunk = pdu.len() > 6 + CHUNK_HEADER && pdu[..3] == [write, high, low];
        let is_taken = Frame::parse(&self.answer.bytes)?.pdu.first() == Some(&write);
        (is_chunk && is_taken).then(|| pdu.len() - 6 - CHUNK_HEADER)
    }

    /// From the end of the request to the start of the answer, milliseconds.
    pub(super) fn latency_ms(&self) -> f64 {
        self.answer.start.saturating_sub(self.request.end).as_secs_f64() * 1e3
    }
}

/// Each request that was answered.
pub(super) fn exchanges(bursts: &[Burst]) -> Vec<Exchange<'_>> {
    let answered = |pair: &[Burst]| pair[0].sender == Sender::Master && pair[1].sender != Sender::Master;
    bursts
        .windows(2)
        .filter(|pair| answered(pair))
        .map(|pair| Exchange { request: &pair[0], answer: &pair[1] })
        .collect()
}
