//! Finds the frames for this unit in the bytes of a shared line.
//!
//! The line carries requests to other units and their answers too, and adapters split and merge frames. So a frame ends
//! where its length and its CRC say, not where a pause is; pauses only help to find a beginning again after noise.
//!
//! What stands at the head of the buffer is read as a request and as an answer at once: the first reading whose length
//! is reached with a good CRC wins. One exception: a frame that ends in a zero byte has a good CRC without that byte too,
//! so a reading that is complete while the other one lacks just one byte waits for that byte. A head that neither reading can complete any more is dropped at the next pause
//! between frames; after a longer silence, the end of the buffer is searched for a request that followed the noise.

use super::rtu::{Frame, FrameLength, MIN_FRAME, answer_length, is_frame, request_length};
use super::{BROADCAST, MAX_FRAME};

/// Pause that separates frames above 19200 baud, microseconds (Modbus over serial line V1.02, section 2.5.1.1).
pub const FRAME_GAP_US: u64 = 1_750;
/// Silence after which nothing more is expected of a frame, microseconds. Longer than the gaps that device servers and
/// USB adapters leave inside a frame; frames of unknown length are answered only after it.
pub const SILENCE_US: u64 = 5_000;

/// Length of a character at 115200 baud, microseconds, rounded up.
pub const CHARACTER_US: u64 = 87;

/// When each of `count` bytes arrived that were read together at `now_us`: one behind the other, the last one just now.
/// A port tells of its bytes when the line falls silent, or when somebody looks: that may be in the middle of a frame,
/// and then the rest of the frame is read up to 22 ms later without having had a pause in it.
pub fn arrivals(now_us: u64, count: usize) -> impl Iterator<Item = u64> {
    (0..count as u64).rev().map(move |behind| now_us.saturating_sub(behind * CHARACTER_US))
}

/// The same on a line of any speed, whose characters take `character_us` each.
pub fn arrivals_spaced(now_us: u64, count: usize, character_us: u64) -> impl Iterator<Item = u64> {
    (0..count as u64).rev().map(move |behind| now_us.saturating_sub(behind * character_us))
}

/// What the line had to tell.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A request for this unit, or for all.
    Request(Frame<'a>),
    /// Bytes that were no frame: noise, a wrong CRC, a torn frame.
    Garbage,
}

/// Collects bytes until they are a frame.
#[derive(Debug)]
pub struct Receiver {
    unit: u8,
    bytes: [u8; MAX_FRAME],
    length: usize,
    head: Head,
    last_us: u64,
}

/// What can still become of the bytes in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// Nothing there, or a frame that has been handed out.
    Done,
    /// A frame may be complete when there are this many bytes; before that there is nothing to look at.
    Growing(usize),
    /// A frame by this reading, unless one more byte makes it a frame by the other.
    Held(Reading),
    /// Only silence can tell: the function's length is unknown, or the bytes fit nothing.
    Stuck,
}

impl Receiver {
    /// A receiver for the unit with that address.
    #[must_use]
    pub const fn new(unit: u8) -> Self {
        Self { unit, bytes: [0; MAX_FRAME], length: 0, head: Head::Done, last_us: 0 }
    }

    /// Takes a byte that arrived at `now_us`.
    pub fn push(&mut self, byte: u8, now_us: u64) -> Option<Heard<'_>> {
        let mut dropped = false;
        if self.head == Head::Done {
            self.start_over();
        } else if self.is_over(now_us) || self.length == MAX_FRAME {
            // What was held is a frame, and another unit's frame of unknown length is no noise.
            dropped = !is_frame(&self.bytes[..self.length]);
            self.start_over();
        }
        self.last_us = now_us;
        self.bytes[self.length] = byte;
        self.length += 1;
        let reading = if let Head::Held(held) = self.head { self.settle(held) } else { self.look() };
        match reading {
            Some(Reading::Request) => {
                let frame = Frame::parse(&self.bytes[..self.length])?;
                self.is_ours(frame.address).then_some(Heard::Request(frame))
            }
            Some(Reading::Answer) => None,
            None => dropped.then_some(Heard::Garbage),
        }
    }

    /// When to call [`Receiver::silence`] unless another byte comes first, microseconds; `None` when nothing is open.
    #[must_use]
    pub fn silence_at(&self) -> Option<u64> {
        (self.head != Head::Done).then_some(self.last_us + SILENCE_US)
    }

    /// Tells that the line has been silent until `now_us`.
    pub fn silence(&mut self, now_us: u64) -> Option<Heard<'_>> {
        if self.silence_at().is_none_or(|at| now_us < at) {
            return None;
        }
        if let Head::Held(_) = core::mem::replace(&mut self.head, Head::Done) {
            return None;
        }
        let bytes = &self.bytes[..self.length];
        if let Some(frame) = Frame::parse(bytes) {
            return self.is_ours(frame.address).then_some(Heard::Request(frame));
        }
        let behind_noise = (1..bytes.len().saturating_sub(MIN_FRAME - 1)).find_map(|start| {
            let tail = &bytes[start..];
            let complete = self.is_ours(tail[0]) && request_length(tail) == FrameLength::Exactly(tail.len());
            if complete { Frame::parse(tail) } else { None }
        });
        Some(behind_noise.map_or(Heard::Garbage, Heard::Request))
    }

    /// Forgets everything, for instance what was heard of one's own answer.
    pub fn clear(&mut self) {
        self.head = Head::Done;
    }

    fn is_ours(&self, address: u8) -> bool {
        address == self.unit || address == BROADCAST
    }

    /// Whether a byte at `now_us` cannot belong to what is in the buffer.
    fn is_over(&self, now_us: u64) -> bool {
        let pause = now_us.saturating_sub(self.last_us);
        let may_be_over = matches!(self.head, Head::Stuck | Head::Held(_));
        pause >= SILENCE_US || (may_be_over && pause >= FRAME_GAP_US)
    }

    fn start_over(&mut self) {
        self.length = 0;
        self.head = Head::Growing(MIN_FRAME);
    }

    /// Looks at the buffer after a byte was added.
    fn look(&mut self) -> Option<Reading> {
        if self.head != Head::Growing(self.length) {
            return None;
        }
        let bytes = &self.bytes[..self.length];
        let (request, answer) = (request_length(bytes), answer_length(bytes));
        let complete = match FrameLength::Exactly(bytes.len()) {
            exactly if request == exactly => Some(Reading::Request),
            exactly if answer == exactly => Some(Reading::Answer),
            _ => None,
        };
        let next = more(request, bytes.len()).min(more(answer, bytes.len()));
        if let Some(reading) = complete
            && is_frame(bytes)
        {
            // A request for this unit is not kept waiting: no unit but this one may answer from its address.
            let is_certain = reading == Reading::Request && self.is_ours(bytes[0]);
            let lacks_one = next == bytes.len() + 1;
            self.head = if lacks_one && !is_certain { Head::Held(reading) } else { Head::Done };
            return (self.head == Head::Done).then_some(reading);
        }
        self.head = if next == NEVER { Head::Stuck } else { Head::Growing(next) };
        None
    }

    /// One more byte has come after a frame by the reading `held`: it completes the other reading, or begins a frame.
    fn settle(&mut self, held: Reading) -> Option<Reading> {
        if is_frame(&self.bytes[..self.length]) {
            self.head = Head::Done;
            return Some(held.other());
        }
        self.bytes[0] = self.bytes[self.length - 1];
        self.start_over();
        self.length = 1;
        None
    }
}

/// A length that no buffer reaches.
const NEVER: usize = usize::MAX;

/// The length to look again at; [`NEVER`] unless it is more than what is there.
fn more(length: FrameLength, there: usize) -> usize {
    match length {
        FrameLength::Exactly(more) | FrameLength::Needs(more) if more > there => more,
        _ => NEVER,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Request,
    Answer,
}

impl Reading {
    fn other(self) -> Self {
        match self {
            Self::Request => Self::Answer,
            Self::Answer => Self::Request,
        }
    }
}

#[cfg(test)]
mod tests;
