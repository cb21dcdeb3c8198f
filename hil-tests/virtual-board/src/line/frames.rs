//! Characters put together to frames, for people who read along.

use std::fmt;

use super::trace::{LineEvent, Sender};
use crate::time::VirtualTime;

/// Characters of one sender with no silence of more than 3.5 characters between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Who sent it.
    pub sender: Sender,
    /// When its first start bit began.
    pub start: VirtualTime,
    /// When its last stop bit ended.
    pub end: VirtualTime,
    /// Its bytes as they were sent.
    pub bytes: Vec<u8>,
    /// Characters of it that collided, or that the line lost or turned.
    pub spoilt: usize,
}

impl fmt::Display for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = match self.sender {
            Sender::Master => "master".to_string(),
            Sender::Station(index) => format!("station {index}"),
        };
        write!(formatter, "{} {sender:<10} {:3} bytes", self.start, self.bytes.len())?;
        if self.spoilt > 0 {
            write!(formatter, " ({} SPOILT)", self.spoilt)?;
        }
        write!(formatter, ":")?;
        self.bytes.iter().try_for_each(|byte| write!(formatter, " {byte:02x}"))
    }
}

/// Puts frames together.
#[derive(Debug, Default)]
pub struct Frames {
    open: Option<Frame>,
}

impl Frames {
    /// Takes the next event; returns the frame that is over because of it.
    pub fn next(&mut self, event: &LineEvent) -> Option<Frame> {
        let LineEvent::Character { sender, value, start, end, collided, disturbed } = *event else {
            return self.open.take();
        };
        let spoilt = usize::from(collided || disturbed);
        let limit = (end - start).0.saturating_mul(7) / 2;
        match &mut self.open {
            Some(open) if open.sender == sender && (start - open.end).0 <= limit => {
                open.bytes.push(value);
                open.end = end;
                open.spoilt += spoilt;
                None
            }
            _ => self.open.replace(Frame { sender, start, end, bytes: vec![value], spoilt }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn character(sender: Sender, value: u8, start: u64) -> LineEvent {
        let (start, end) = (VirtualTime::from_micros(start), VirtualTime::from_micros(start + 10));
        LineEvent::Character { sender, value, start, end, collided: value == 0xEE, disturbed: false }
    }

    #[test]
    fn silence_and_another_sender_end_a_frame() {
        let (master, station) = (Sender::Master, Sender::Station(0));
        let mut frames = Frames::default();
        let events = [(master, 1, 0), (master, 2, 45), (master, 3, 91), (station, 0xEE, 101), (master, 5, 111)];
        let ended: Vec<_> =
            events.iter().filter_map(|&(sender, value, start)| frames.next(&character(sender, value, start))).collect();
        let told: Vec<_> = ended.iter().map(|frame| (frame.sender, frame.bytes.clone(), frame.spoilt)).collect();
        assert_eq!(told, [(master, vec![1, 2], 0), (master, vec![3], 0), (station, vec![0xEE], 1)]);
        assert_eq!(ended[0].to_string(), "0.000000 s master       2 bytes: 01 02");
        assert!(ended[2].to_string().contains("(1 SPOILT): ee"));
    }
}
