//! The sending half of a port: FIFO, shift register, driver enable.

use std::collections::VecDeque;

use super::format::Format;
use crate::time::VirtualTime;

/// A character that a board sends, announced when its start bit begins, so that the line knows it a whole character
/// before its end. A power cut, a reset or a cleared UE before `end` cuts it short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentChar {
    /// Its data bits (the low eight).
    pub value: u8,
    /// When its start bit begins.
    pub start: VirtualTime,
    /// When its last stop bit ends.
    pub end: VirtualTime,
    /// Whether the transceiver drives the line for it: if not, nobody hears it.
    pub driver_enabled: bool,
}

/// Sends one character after the other without a gap while there are any.
#[derive(Debug, Clone, Default)]
pub(super) struct Transmitter {
    fifo: VecDeque<u32>,
    /// When the character in the shift register ends.
    shifting: Option<VirtualTime>,
    /// No character starts earlier: the idle frame after TE.
    not_before: VirtualTime,
    /// When the character that waits after a pause starts.
    planned: Option<VirtualTime>,
    /// When the driver goes off if nothing follows.
    driver_until: VirtualTime,
    incomplete: bool,
    announced: VecDeque<SentChar>,
}

impl Transmitter {
    /// TE is set: an idle frame goes first (RM0440 37.5.5).
    pub(super) fn enable(&mut self, now: VirtualTime, format: &Format) {
        self.not_before = now + format.character();
    }

    /// TE is cleared: the character in the shift register still goes out, nothing follows.
    pub(super) fn disable(&mut self) {
        self.flush();
    }

    /// A character from software or DMA.
    pub(super) fn push(&mut self, value: u32) {
        self.fifo.push_back(value);
        self.incomplete = true;
    }

    /// Characters waiting.
    pub(super) fn queued(&self) -> usize {
        self.fifo.len()
    }

    /// TXE or TXFNF.
    pub(super) fn has_room(&self, depth: usize) -> bool {
        self.fifo.len() < depth
    }

    /// TXFE.
    pub(super) fn is_empty(&self) -> bool {
        self.fifo.is_empty()
    }

    /// TC: everything is out.
    pub(super) fn is_complete(&self) -> bool {
        !self.incomplete
    }

    /// TCCF. The flag rises anew only after another character.
    pub(super) fn clear_complete(&mut self) {
        self.incomplete = true;
    }

    /// TXFRQ.
    pub(super) fn flush(&mut self) {
        self.fifo.clear();
        self.planned = None;
    }

    /// Everything is gone, the line is released.
    pub(super) fn clear(&mut self) {
        *self = Self { announced: std::mem::take(&mut self.announced), ..Self::default() };
    }

    /// The next character that began.
    pub(super) fn take_announced(&mut self) -> Option<SentChar> {
        self.announced.pop_front()
    }

    /// When something happens next.
    pub(super) fn due(&self) -> VirtualTime {
        match self.shifting {
            Some(end) => end,
            None if self.fifo.is_empty() => VirtualTime::NEVER,
            None => self.planned.unwrap_or(self.not_before),
        }
    }

    /// Catches up with `now`. `sends`: TX is wired; `driver`: the transceiver drives; `hardware`: DE is the port's own.
    pub(super) fn advance(&mut self, now: VirtualTime, format: &Format, sends: bool, driver: bool, hardware: bool) {
        loop {
            let free = match self.shifting {
                Some(end) if end > now => return,
                Some(end) => {
                    self.shifting = None;
                    self.driver_until = end + format.deassertion();
                    if self.fifo.is_empty() {
                        self.incomplete = false;
                    }
                    Some(end)
                }
                None => None,
            };
            if self.fifo.is_empty() {
                return;
            }
            let start = free.unwrap_or_else(|| self.start_after_pause(now, format, hardware));
            if start > now {
                return;
            }
            self.planned = None;
            let Some(value) = self.fifo.pop_front() else { return };
            let end = start + format.character();
            self.shifting = Some(end);
            if sends {
                self.announced.push_back(SentChar { value: value as u8, start, end, driver_enabled: driver });
            }
        }
    }

    /// After a pause the driver needs its assertion time, and an earlier deassertion must have ended.
    fn start_after_pause(&mut self, now: VirtualTime, format: &Format, hardware: bool) -> VirtualTime {
        let (free, assertion) =
            if hardware { (self.driver_until, format.assertion()) } else { (VirtualTime::ZERO, VirtualTime::ZERO) };
        *self.planned.get_or_insert(now.max(self.not_before).max(free) + assertion)
    }
}
