//! What went over the line.

use super::flight::Character;
use super::trace::Sender;
use crate::time::VirtualTime;

/// Sums since the segment was made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LineCounters {
    /// Characters from the master.
    pub bytes_from_master: u64,
    /// Characters from the stations.
    pub bytes_from_stations: u64,
    /// Frames from the master: a silence of 3.5 characters, or another sender, ends a frame.
    pub frames_from_master: u64,
    /// Frames from the stations.
    pub frames_from_stations: u64,
    /// Characters that overlapped with another driver's.
    pub collided: u64,
    /// Characters that were lost or corrupted by the line.
    pub disturbed: u64,
    /// Characters that a station sent with its driver off: they never were on the line.
    pub undriven: u64,
    /// Characters that arrived at a station whose port was off, that understood another rate, or that was driving.
    pub unheard: u64,
    /// Time in which at least one character was on the line.
    pub busy: VirtualTime,
}

impl LineCounters {
    /// Characters both ways.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes_from_master + self.bytes_from_stations
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            bytes_from_master: self.bytes_from_master - earlier.bytes_from_master,
            bytes_from_stations: self.bytes_from_stations - earlier.bytes_from_stations,
            frames_from_master: self.frames_from_master - earlier.frames_from_master,
            frames_from_stations: self.frames_from_stations - earlier.frames_from_stations,
            collided: self.collided - earlier.collided,
            disturbed: self.disturbed - earlier.disturbed,
            undriven: self.undriven - earlier.undriven,
            unheard: self.unheard - earlier.unheard,
            busy: self.busy - earlier.busy,
        }
    }
}

/// Keeps the sums.
#[derive(Debug, Default)]
pub(super) struct Meter {
    pub(super) counters: LineCounters,
    last: Option<(Sender, VirtualTime)>,
    busy_until: VirtualTime,
}

impl Meter {
    /// A character is over; they come in the order of their ends.
    pub(super) fn count(&mut self, character: &Character) {
        let begins_frame = self.last.is_none_or(|(sender, end)| {
            let silence = character.start - end;
            sender != character.sender || silence.0.saturating_mul(2) > character.length().0.saturating_mul(7)
        });
        let counters = &mut self.counters;
        let (bytes, frames) = match character.sender {
            Sender::Master => (&mut counters.bytes_from_master, &mut counters.frames_from_master),
            Sender::Station(_) => (&mut counters.bytes_from_stations, &mut counters.frames_from_stations),
        };
        *bytes += 1;
        *frames += u64::from(begins_frame);
        counters.collided += u64::from(character.collided);
        counters.busy += character.end - character.start.max(self.busy_until);
        self.busy_until = self.busy_until.max(character.end);
        self.last = Some((character.sender, character.end));
    }
}
