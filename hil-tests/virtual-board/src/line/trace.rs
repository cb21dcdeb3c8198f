//! What happened on the line, for whoever watches.

use crate::time::VirtualTime;

/// Who drove the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The master port.
    Master,
    /// The station with that index.
    Station(usize),
}

/// One thing that happened, in the order of its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    /// A character is over.
    Character {
        /// Who sent it.
        sender: Sender,
        /// What was sent.
        value: u8,
        /// When its start bit began.
        start: VirtualTime,
        /// When its last stop bit ended.
        end: VirtualTime,
        /// Whether it overlapped with another driver's: everybody heard garbage.
        collided: bool,
        /// Whether the line lost it or turned a bit ([`LineFaults`](super::LineFaults)).
        disturbed: bool,
    },
    /// A station's power went.
    PowerLost {
        /// Its index.
        station: usize,
        /// When.
        time: VirtualTime,
    },
    /// A station's machine stopped for good; the others go on.
    Stopped {
        /// Its index.
        station: usize,
        /// When.
        time: VirtualTime,
        /// Why, with the address.
        reason: String,
    },
}
