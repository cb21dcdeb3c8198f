//! What happened, on its way to the event log: a queue in RAM, joined where it repeats, bounded in how fast it is written.
//!
//! - [`Events`] takes events at any time and never waits; the worker writes them in the background ([`crate::worker`]).
//! - [`ring`] is the log in flash, [`budget`] what keeps a unit that goes wrong over and over from wearing it out.
//! - What finds no room is counted, and the count is an event itself.

pub mod budget;
pub mod ring;

use heapless::Deque;
use protocol::event::{ChainHash, Event};

use self::budget::Budget;
use self::ring::Extent;

/// Events that can wait.
const ROOM: usize = 24;
/// An event that is the same as the one before within this time is counted and not written anew, milliseconds.
pub const JOINED_MS: u64 = 60_000;

/// An event that waits to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// When it first happened, milliseconds since start.
    pub time_ms: u64,
    /// How often it happened in a row.
    pub repeats: u8,
    /// What happened.
    pub event: Event,
}

/// Events of this run.
#[derive(Debug)]
pub struct Events {
    waiting: Deque<Waiting, ROOM>,
    /// Those that found no room behind the ones that wait.
    lost: u32,
    /// The one written last, and when it happened.
    written: Option<(Event, u64)>,
    /// How many may be written.
    pub budget: Budget,
    /// What the log holds, as the worker last saw it.
    pub extent: Extent,
    /// Names its newest record.
    pub head: ChainHash,
}

impl Events {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            waiting: Deque::new(),
            lost: 0,
            written: None,
            budget: Budget::at_power_on(),
            extent: Extent::default(),
            head: ChainHash::START,
        }
    }

    /// Something has happened.
    pub fn note(&mut self, event: Event, now_ms: u64) {
        if let Some(last) = self.waiting.back_mut()
            && last.event == event
            && last.repeats < u8::MAX
            && now_ms.saturating_sub(last.time_ms) < JOINED_MS
        {
            last.repeats += 1;
            return;
        }
        self.tell_lost(now_ms);
        if self.lost > 0 || self.waiting.push_back(Waiting { time_ms: now_ms, repeats: 1, event }).is_err() {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Something has happened before everything else.
    pub fn note_first(&mut self, event: Event) {
        let _a_full_queue_tells_so = self.waiting.push_front(Waiting { time_ms: 0, repeats: 1, event });
    }

    /// The next one to be written, if it is time and there is leave to write.
    pub fn next(&mut self, now_ms: u64) -> Option<Waiting> {
        self.budget.pass(now_ms);
        self.tell_lost(now_ms);
        let first = *self.waiting.front()?;
        let goes_on = self.written.is_some_and(|(event, at_ms)| {
            event == first.event && self.waiting.len() == 1 && now_ms.saturating_sub(at_ms) < JOINED_MS
        });
        (!goes_on && self.budget.allows(1)).then_some(first)
    }

    /// The next one is written, or cannot be.
    pub fn done(&mut self, waiting: Waiting, outcome: Outcome) {
        self.budget.spend(1);
        // Only its repetitions can have been added meanwhile.
        if let Some(first) = self.waiting.front_mut()
            && first.event == waiting.event
        {
            first.repeats -= waiting.repeats.min(first.repeats);
            if first.repeats == 0 {
                self.waiting.pop_front();
            }
        }
        match outcome {
            Outcome::Written => self.written = Some((waiting.event, waiting.time_ms)),
            Outcome::Failed => self.lost = self.lost.saturating_add(u32::from(waiting.repeats)),
        }
    }

    /// Events that wait to be written, those without room included.
    #[must_use]
    pub fn waiting(&self) -> u8 {
        u8::try_from((self.waiting.len() as u32).saturating_add(self.lost)).unwrap_or(u8::MAX)
    }

    /// Events that found no room and are not told of yet.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost
    }

    fn tell_lost(&mut self, now_ms: u64) {
        let count = self.lost;
        let told = Waiting { time_ms: now_ms, repeats: 1, event: Event::EventsLost { count } };
        // With room for the one that comes next.
        if count > 0 && self.waiting.len() + 2 <= ROOM && self.waiting.push_back(told).is_ok() {
            self.lost = 0;
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in flash.
    Written,
    /// Flash did not take it.
    Failed,
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
