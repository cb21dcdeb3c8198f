//! One page, as a scan finds it.

use bootloader::flash::CheckedRead;

use super::pages::Pages;
use super::place::{Mark, NoRecord, Place};

/// How one copy of a record reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyHealth {
    /// It holds the record in force.
    Current {
        /// Places that are torn or poisoned.
        bad_places: u8,
    },
    /// It lags: power was lost before the newest record reached it. The next append repairs it.
    Behind {
        /// Places that are torn or poisoned.
        bad_places: u8,
    },
    /// Nothing was ever written to it.
    Empty,
    /// It has no valid record but is not empty, or has the traces of a torn erase. The next append erases it.
    Doubtful {
        /// Places that are torn or poisoned.
        bad_places: u8,
    },
}

impl CopyHealth {
    /// Whether this copy alone would be enough.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Current { .. })
    }
}

/// A page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    /// 0 or 1.
    pub(super) number: usize,
    /// Its newest record.
    pub(super) newest: Option<Mark>,
    /// The place behind that.
    behind_newest: u8,
    /// Places that hold something.
    used: u8,
    /// Those of them that hold no record.
    bad: u8,
    /// Places from the first one to the last one that holds something.
    end: u8,
    /// Places of the page.
    places: u8,
}

impl Copy {
    /// Scans a page. `listener` is told each record that is not older than those it was told before.
    pub(super) fn scan<F: CheckedRead>(
        flash: &mut F,
        pages: &Pages,
        number: usize,
        mut listener: impl Listener,
    ) -> Self {
        let mut copy = Self { number, newest: None, behind_newest: 0, used: 0, bad: 0, end: 0, places: pages.places() };
        let mut place = Place::new();
        for index in 0..copy.places {
            match pages.read_place(flash, number, index, &mut place) {
                Ok(mark) if is_older(mark, copy.newest) => {}
                Ok(mark) => {
                    (copy.newest, copy.behind_newest) = (Some(mark), index + 1);
                    listener.hear(mark, &place);
                }
                Err(NoRecord::Bad) => copy.bad += 1,
                Err(NoRecord::Erased) => continue,
            }
            copy.used += 1;
            copy.end = index + 1;
        }
        copy
    }

    /// Erased places behind the last used one.
    pub(super) fn free(&self) -> core::ops::Range<u8> {
        self.end..self.places
    }

    /// The number of a record that is to be newer than all of this page. Each torn place behind the newest record may be one
    /// with a number of its own, and be readable at another time.
    pub(super) fn next_sequence(&self) -> u32 {
        let torn = u32::from(self.end - self.behind_newest.min(self.end));
        self.newest.map_or(0, |mark| mark.sequence).wrapping_add(1 + torn)
    }

    pub(super) fn holds(&self, newest: Option<Mark>) -> bool {
        self.newest == newest
    }

    pub(super) fn needs_erase(&self, newest: Option<Mark>) -> bool {
        self.free().is_empty() || self.is_doubtful(newest)
    }

    /// Whether it looks like a torn erase (see the store's text).
    fn is_doubtful(&self, newest: Option<Mark>) -> bool {
        let has_hole = self.used < self.end;
        let far_behind = match (self.newest, newest) {
            (Some(own), Some(newest)) => match newest.sequence.wrapping_sub(own.sequence) {
                0 => false,
                behind if behind == u32::from(newest.step) => self.bad > 0,
                _ => true,
            },
            (None, newest) => newest.is_some() || self.used > 0,
            (Some(_), None) => false,
        };
        has_hole || far_behind
    }

    pub(super) fn health(&self, newest: Option<Mark>) -> CopyHealth {
        let bad_places = self.bad;
        if self.used == 0 {
            CopyHealth::Empty
        } else if self.newest.is_some() && self.holds(newest) {
            CopyHealth::Current { bad_places }
        } else if self.is_doubtful(newest) {
            CopyHealth::Doubtful { bad_places }
        } else {
            CopyHealth::Behind { bad_places }
        }
    }
}

/// Who wants to know what a scan finds. A record is taken in when it is read: a torn one may not be read twice.
pub(super) trait Listener {
    fn hear(&mut self, mark: Mark, place: &Place);
}

/// Who wants the marks only.
#[derive(Debug, Clone, Copy)]
pub(super) struct MarksOnly;

impl Listener for MarksOnly {
    fn hear(&mut self, _mark: Mark, _place: &Place) {}
}

/// Whether a record is older than that one, by sequence modulo 2^32.
pub(super) fn is_older(record: Mark, than: Option<Mark>) -> bool {
    than.is_some_and(|than| record.sequence.wrapping_sub(than.sequence).cast_signed() < 0)
}
