//! The receiving half of a port: characters from the line, FIFO, errors, silence.

use std::collections::VecDeque;

use super::format::Format;
use super::table::{FE, IDLE, ORE, RTOF};
use crate::time::VirtualTime;

/// A character on its way to a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedChar {
    /// Its data bits.
    pub value: u8,
    /// When its last stop bit ends.
    pub end: VirtualTime,
    /// No stop bit where one belongs: noise, a collision, another baud rate.
    pub framing_error: bool,
}

/// What the registers say about reception.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Characters the port holds.
    pub(super) depth: usize,
    /// UE, RE and the pin are set.
    pub(super) listens: bool,
    /// A character without room raises ORE (OVRDIS clear).
    pub(super) overruns: bool,
    /// RTOR, while RTOEN is set.
    pub(super) timeout_bits: Option<u32>,
}

/// Takes characters off the line.
#[derive(Debug, Clone, Default)]
pub(super) struct Receiver {
    /// On the line, in order of their ends.
    coming: VecDeque<ReceivedChar>,
    /// The last start bit that was seen of a character whose value is not known yet.
    started: Option<VirtualTime>,
    /// With the flags that came with each.
    fifo: VecDeque<(u32, u32)>,
    flags: u32,
    /// When RE was set.
    since: Option<VirtualTime>,
    idle_at: Option<VirtualTime>,
    timeout_at: Option<VirtualTime>,
    lost: u64,
}

impl Receiver {
    /// A character from the line.
    pub(super) fn arrive(&mut self, character: ReceivedChar) {
        let place = self.coming.iter().rposition(|other| other.end <= character.end).map_or(0, |place| place + 1);
        self.coming.insert(place, character);
    }

    /// A start bit begins on the line.
    pub(super) fn see_start(&mut self, start: VirtualTime) {
        self.started = self.started.max(Some(start));
    }

    /// RE is set.
    pub(super) fn enable(&mut self, now: VirtualTime) {
        self.since = Some(now);
    }

    /// RE is cleared.
    pub(super) fn disable(&mut self) {
        self.since = None;
        self.idle_at = None;
        self.timeout_at = None;
    }

    /// UE is cleared, or the port is reset: what software has not taken is gone, what is on the line still comes.
    pub(super) fn clear(&mut self) {
        let coming = std::mem::take(&mut self.coming);
        *self = Self { coming, lost: self.lost + self.fifo.len() as u64, ..Self::default() };
    }

    /// PE, FE, NE, ORE, IDLE and RTOF as in ISR. PE, FE and NE belong to the character that is read next.
    pub(super) fn flags(&self) -> u32 {
        self.flags | self.fifo.front().map_or(0, |&(_, flags)| flags)
    }

    /// ICR.
    pub(super) fn clear_flags(&mut self, flags: u32) {
        self.flags &= !flags;
        if let Some((_, with)) = self.fifo.front_mut() {
            *with &= !flags;
        }
    }

    /// Characters that wait for software.
    pub(super) fn level(&self) -> usize {
        self.fifo.len()
    }

    /// RDR.
    pub(super) fn take(&mut self) -> u32 {
        self.fifo.pop_front().map_or(0, |(value, flags)| {
            // Error flags stay until ICR clears them, also when the character is gone.
            self.flags |= flags;
            value
        })
    }

    /// RXFRQ.
    pub(super) fn flush(&mut self) {
        self.lost += self.fifo.len() as u64;
        self.fifo.clear();
    }

    /// Characters that software never saw.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// The port is off: what has arrived is lost.
    pub(super) fn discard_before(&mut self, now: VirtualTime) {
        while self.coming.pop_front_if(|character| character.end <= now).is_some() {
            self.lost += 1;
        }
    }

    /// When the next character ends.
    pub(super) fn next_arrival(&self) -> crate::chip::peripheral::Due {
        use crate::chip::peripheral::Due;
        self.coming.front().map_or(Due::Never, |character| Due::Time(character.end))
    }

    /// Whether a character is coming in right now.
    pub(super) fn is_receiving(&self, now: VirtualTime, format: Option<Format>) -> bool {
        let (Some(format), Some(character)) = (format, self.coming.front()) else { return false };
        self.since.is_some() && character.end - format.character() <= now && now < character.end
    }

    /// When something happens next.
    pub(super) fn due(&self) -> VirtualTime {
        let arrival = self.coming.front().map(|character| character.end);
        [arrival, self.idle_at, self.timeout_at].into_iter().flatten().min().unwrap_or(VirtualTime::NEVER)
    }

    /// Catches up with `now`, in the order in which things happened.
    pub(super) fn advance(&mut self, now: VirtualTime, format: &Format, rules: Rules) {
        if rules.timeout_bits.is_none() {
            self.timeout_at = None;
        }
        loop {
            let next_start = self.coming.front().map(|character| character.end - format.character());
            let quiet_until = next_start.into_iter().chain(self.started).min().unwrap_or(VirtualTime::NEVER);
            self.idle_at = self.fall_silent(self.idle_at, IDLE, now, quiet_until);
            self.timeout_at = self.fall_silent(self.timeout_at, RTOF, now, quiet_until);
            let Some(character) = self.coming.pop_front_if(|character| character.end <= now) else { return };
            self.take_in(character, format, rules);
        }
    }

    /// Raises `flag` when the silence that ends at `at` was not broken by a start bit; keeps waiting or gives up.
    fn fall_silent(
        &mut self,
        at: Option<VirtualTime>,
        flag: u32,
        now: VirtualTime,
        next_start: VirtualTime,
    ) -> Option<VirtualTime> {
        let at = at?;
        if next_start < at {
            return None;
        }
        if at <= now {
            self.flags |= flag;
            return None;
        }
        Some(at)
    }

    fn take_in(&mut self, character: ReceivedChar, format: &Format, rules: Rules) {
        let start = character.end - format.character();
        // Another clock than the sender's: the start seen and the start computed differ a little.
        self.started = self.started.filter(|&seen| seen >= character.end);
        let heard = rules.listens && self.since.is_some_and(|since| since <= start);
        if !heard {
            self.lost += 1;
            return;
        }
        // One character of silence, counted from the end of this one, and the sample that finds no start bit.
        self.idle_at = Some(character.end + format.character() + format.sample());
        self.timeout_at = rules.timeout_bits.map(|bits| character.end + format.bits(u64::from(bits)));
        let error = if character.framing_error { FE } else { 0 };
        if self.fifo.len() < rules.depth {
            self.fifo.push_back((u32::from(character.value), error));
        } else if rules.overruns {
            self.lost += 1;
            self.flags |= ORE;
        } else {
            self.lost += 1;
            if let Some(last) = self.fifo.back_mut() {
                *last = (u32::from(character.value), error);
            }
        }
    }
}
