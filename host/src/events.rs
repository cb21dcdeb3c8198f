//! What happened to a unit, by its own event log; verified record by record.
//!
//! - [`words`] says in words what a record tells.
//! - [`crash`] is the record that the last crash left.

pub mod crash;
pub mod words;

use std::fmt::{self, Display, Formatter};

use protocol::event::EventRecord;
use protocol::event::chain::{Chain, Link};
use protocol::message::{Answer, EventHead, Request};
use serde::Serialize;

use crate::bus::UnitId;
use crate::failure::{Class, Failure};
use crate::session::{Session, SessionError, Who};

/// Message version that brought the event log.
const SINCE: u16 = 3;

/// Why the events of a unit are not known.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The unit refused, or could not be asked.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// It keeps no event log.
    #[error(
        "unit {unit} speaks message version {speaks}, the event log came with version {SINCE}; update the unit, or use: sonde status"
    )]
    TooOld {
        /// The unit.
        unit: UnitId,
        /// The newest message version it speaks.
        speaks: u16,
    },
    /// It sent something that is no record.
    #[error("unit {unit} sent bytes that are no event record; use the sonde release that came with its firmware")]
    NoRecord {
        /// The unit.
        unit: UnitId,
    },
    /// It has no crash record.
    #[error("unit {unit} has no crash record: its firmware has not crashed since the record was made to be kept")]
    NoCrash {
        /// The unit.
        unit: UnitId,
    },
    /// The record came in pieces that do not belong together, again and again.
    #[error("unit {unit} has a new crash record each time a piece is read; try again when it is quiet")]
    Moving {
        /// The unit.
        unit: UnitId,
    },
}

impl Failure for EventsError {
    fn class(&self) -> Class {
        match self {
            Self::Session(error) => error.class(),
            Self::TooOld { .. } | Self::NoCrash { .. } => Class::No,
            Self::NoRecord { .. } | Self::Moving { .. } => Class::Bus,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Session(error) => error.kind(),
            Self::TooOld { .. } => "events.unit_too_old",
            Self::NoRecord { .. } => "events.no_record",
            Self::NoCrash { .. } => "events.no_crash",
            Self::Moving { .. } => "events.moving",
        }
    }
}

/// Opens a session with a unit that keeps an event log.
///
/// # Errors
/// [`EventsError`].
pub async fn open(bus: &crate::bus::Bus, unit: UnitId) -> Result<Session, EventsError> {
    let (session, hello) = Session::open(bus, unit).await?;
    let speaks = Who::Firmware(hello).speaks().1;
    if speaks < SINCE { Err(EventsError::TooOld { unit, speaks }) } else { Ok(session) }
}

/// What the log holds.
///
/// # Errors
/// [`EventsError`].
pub async fn head(session: &mut Session) -> Result<EventHead, EventsError> {
    match session.ask(&Request::EventHead).await? {
        Answer::EventHead(head) => Ok(head),
        other => Err(session.other_answer(&other).into()),
    }
}

/// Reads records from a number on, up to the newest.
///
/// # Errors
/// [`EventsError`].
pub async fn read(session: &mut Session, since: u32) -> Result<Vec<EventRecord>, EventsError> {
    let mut records: Vec<EventRecord> = Vec::new();
    loop {
        let since = records.last().map_or(since, |last| last.number.saturating_add(1));
        let answer = match session.ask(&Request::Events { since }).await? {
            Answer::Events(events) => events,
            other => return Err(session.other_answer(&other).into()),
        };
        let before = records.len();
        for record in answer.parse() {
            records.push(record.map_err(|_| EventsError::NoRecord { unit: session.unit() })?);
        }
        let is_new = records.get(before).is_some_and(|first| first.number >= since);
        if !is_new {
            return Ok(records);
        }
    }
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Runs of records that hold together, oldest first.
    pub whole: Vec<Run>,
    /// Where they do not hold together.
    pub breaks: Vec<Break>,
    /// Numbers that were lost while they were written: the record behind says so itself.
    pub torn: u32,
}

/// Records that hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Number of the first.
    pub from: u32,
    /// Number of the last.
    pub to: u32,
}

/// A place where the chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The record that does not fit what is before it.
    pub at: u32,
    /// Why, in words.
    pub why: String,
}

impl Verdict {
    /// Of records, oldest first. `is_newest` is what the unit itself says of its newest record; only asked of all that there are.
    #[must_use]
    pub fn of(records: &[EventRecord], head: &EventHead) -> Self {
        let mut verdict = Self { whole: Vec::new(), breaks: Vec::new(), torn: 0 };
        let mut chain = Chain::new();
        for record in records {
            let link = chain.push(record);
            verdict.take(record.number, link);
        }
        // Records may have been added since the head was read.
        let newest = records.last().map_or(0, |record| record.number);
        if newest == head.newest && newest > 0 && chain.head() != head.head {
            verdict.breaks.push(Break { at: newest, why: "the unit names another record as its newest".to_owned() });
        }
        verdict
    }

    fn take(&mut self, number: u32, link: Link) {
        let why = match link {
            Link::First => None,
            Link::Whole => None,
            Link::Skipped { numbers } => {
                self.torn += u32::from(numbers);
                None
            }
            Link::Missing { from, to } if from == to => {
                Some(format!("record {from} is missing: unreadable or removed"))
            }
            Link::Missing { from, to } => Some(format!("records {from} to {to} are missing: unreadable or removed")),
            Link::Changed => Some("it does not name the record before it: one of the two was changed".to_owned()),
            Link::Disordered => Some("its number is not above the one before".to_owned()),
        };
        let starts = self.whole.is_empty() || why.is_some();
        if let Some(why) = why {
            self.breaks.push(Break { at: number, why });
        }
        match self.whole.last_mut().filter(|_| !starts) {
            Some(run) => run.to = number,
            None => self.whole.push(Run { from: number, to: number }),
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.breaks.is_empty()
    }
}

impl Display for Verdict {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let runs: Vec<String> = self.whole.iter().map(|run| format!("{} to {}", run.from, run.to)).collect();
        match runs.as_slice() {
            [] => writeln!(formatter, "no records")?,
            runs => writeln!(formatter, "chain whole from {}", runs.join(", then from "))?,
        }
        if self.torn > 0 {
            writeln!(formatter, "{} lost while they were written, as the log itself says", self.torn)?;
        }
        self.breaks.iter().try_for_each(|at| writeln!(formatter, "CHAIN BROKEN at {}: {}", at.at, at.why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::event::{ChainHash, Event};

    fn records(count: u32) -> Vec<EventRecord> {
        let mut records: Vec<EventRecord> = Vec::new();
        for number in 1..=count {
            let previous = records.last().map_or(ChainHash::START, |last| ChainHash::of(&last.emit()));
            let event = Event::KeySet { number: number as u16 };
            records.push(EventRecord { number, skipped: 0, boot: 1, time_ms: 5, repeats: 1, event, previous });
        }
        records
    }

    fn head(records: &[EventRecord]) -> EventHead {
        let last = records.last().expect("some");
        EventHead {
            boot: 1,
            count: records.len() as u16,
            oldest: records[0].number,
            newest: last.number,
            head: ChainHash::of(&last.emit()),
            unreadable: 0,
            waiting: 0,
            uptime_ms: 9,
        }
    }

    #[test]
    fn a_whole_chain_is_told_in_one_line() {
        let records = records(9);
        let verdict = Verdict::of(&records[2..], &head(&records));
        assert!(verdict.holds());
        assert_eq!(verdict.to_string(), "chain whole from 3 to 9\n");
        assert_eq!(Verdict::of(&[], &head(&records)).to_string(), "no records\n");
    }

    #[test]
    fn a_removed_and_a_changed_record_are_told_where_they_are() {
        let whole = records(9);
        let mut removed = whole.clone();
        removed.remove(4);
        let verdict = Verdict::of(&removed, &head(&whole));
        assert!(!verdict.holds());
        let told = verdict.to_string();
        assert!(
            told.starts_with("chain whole from 1 to 4, then from 6 to 9\nCHAIN BROKEN at 6: record 5 is missing"),
            "{told}"
        );
        let mut changed = whole.clone();
        changed[3].time_ms += 1;
        let verdict = Verdict::of(&changed, &head(&whole));
        assert_eq!((verdict.breaks.len(), verdict.breaks[0].at), (1, 5));
        let mut last = whole.clone();
        last[8].boot = 7;
        assert_eq!(Verdict::of(&last, &head(&whole)).breaks[0].at, 9, "the newest has nothing behind it but the head");
    }
}
