//! The master port: a UART with an endless buffer each way.

use std::collections::VecDeque;

use super::flight::Character;
use super::settings::LineSettings;
use super::trace::Sender;
use crate::time::VirtualTime;

/// A character that reached the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Its data bits; garbage after a collision.
    pub value: u8,
    /// When it ended.
    pub end: VirtualTime,
    /// Whether its stop bit was missing.
    pub framing_error: bool,
}

/// Sends what it is handed, one character behind the other; does not wait for silence.
#[derive(Debug)]
pub(super) struct MasterPort {
    pub(super) settings: LineSettings,
    waiting: VecDeque<u8>,
    /// No character starts before: the former one ends then, or the bytes came then.
    free_at: VirtualTime,
    pub(super) heard: Vec<Heard>,
}

impl MasterPort {
    pub(super) fn new(settings: LineSettings) -> Self {
        Self { settings, waiting: VecDeque::new(), free_at: VirtualTime::ZERO, heard: Vec::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8], earliest: VirtualTime) {
        if self.waiting.is_empty() {
            self.free_at = self.free_at.max(earliest);
        }
        self.waiting.extend(bytes);
    }

    /// When the next character starts.
    pub(super) fn next_start(&self) -> Option<VirtualTime> {
        (!self.waiting.is_empty()).then_some(self.free_at)
    }

    /// The next character that starts before `horizon`.
    pub(super) fn start(&mut self, horizon: VirtualTime) -> Option<Character> {
        if self.free_at >= horizon {
            return None;
        }
        let value = self.waiting.pop_front()?;
        let start = self.free_at;
        self.free_at = start + self.settings.character_time();
        Some(Character { sender: Sender::Master, value, start, end: self.free_at, collided: false })
    }
}
