//! Whether records form one chain: pure, record by record, oldest first.

use super::{ChainHash, EVENT_SIZE, EventRecord};

/// How a record stands to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The first one: there is nothing to hold it against.
    First,
    /// It names the one before, as that one is.
    Whole,
    /// The same, and in between numbers were lost while they were written; the record itself says so.
    Skipped {
        /// How many.
        numbers: u8,
    },
    /// Records are missing that were there when this one was written: unreadable by now, or removed.
    Missing {
        /// The first of them.
        from: u32,
        /// The last of them.
        to: u32,
    },
    /// The record that it names is not the one that stands there: one of the two was changed.
    Changed,
    /// Its number is not above the one before: moved, or written twice.
    Disordered,
}

impl Link {
    /// Whether the chain goes through here.
    #[must_use]
    pub const fn holds(self) -> bool {
        matches!(self, Self::First | Self::Whole | Self::Skipped { .. })
    }
}

/// Records that a torn one may lie between a record and the one that it names.
const REMEMBERED: usize = 4;

/// Looks at records one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chain {
    /// The last ones, newest first.
    last: [Option<(u32, ChainHash)>; REMEMBERED],
    /// Number of the oldest.
    first: u32,
}

impl Chain {
    /// Before the first record.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: [None; REMEMBERED], first: 0 }
    }

    /// Takes the next record, and says how it stands to the ones before.
    pub fn push(&mut self, record: &EventRecord) -> Link {
        let link = self.link(record);
        if link == Link::First {
            self.first = record.number;
        }
        if link != Link::Disordered {
            self.last.rotate_right(1);
            self.last[0] = Some((record.number, ChainHash::of(&record.emit())));
        }
        link
    }

    /// The head: names the newest record.
    #[must_use]
    pub fn head(&self) -> ChainHash {
        self.last[0].map_or(ChainHash::START, |(_, hash)| hash)
    }

    fn link(&self, record: &EventRecord) -> Link {
        let Some((newest, _)) = self.last[0] else {
            let claims_to_be_first = record.follows() == 0;
            return if claims_to_be_first && record.previous != ChainHash::START { Link::Changed } else { Link::First };
        };
        let follows = record.follows();
        if record.number <= newest {
            return Link::Disordered;
        }
        if follows > newest {
            return Link::Missing { from: newest + 1, to: follows };
        }
        let named = self.last.iter().flatten().find(|(number, _)| *number == follows);
        match (named, record.skipped) {
            // Nothing was readable before it when it was written, and what it would name is gone with the oldest page.
            (None, numbers) if numbers > 0 && follows < self.first => Link::Skipped { numbers },
            (Some((_, hash)), _) if *hash != record.previous => Link::Changed,
            (Some(_), 0) => Link::Whole,
            (Some(_), numbers) => Link::Skipped { numbers },
            // What it names is further back than anybody looks.
            (None, _) => Link::Missing { from: follows, to: follows },
        }
    }
}

const _: () = assert!(EVENT_SIZE > size_of::<ChainHash>());
