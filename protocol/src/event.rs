//! The event log: what happened to a unit, as records of one size in a ring of flash pages, chained by a hash.
//!
//! A record is 40 bytes, five flash words:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | number, from 1; never given twice |
//! | 4 | 4 | starts of the unit so far, this one included |
//! | 8 | 5 | time since that start, milliseconds |
//! | 13 | 1 | kind |
//! | 14 | 1 | how often it happened in a row, 1-255 |
//! | 15 | 1 | numbers before this one that were lost while they were written |
//! | 16 | 12 | data, by kind ([`Event`]) |
//! | 28 | 8 | first 8 bytes of the SHA-256 of the record before, zeros when there is none |
//! | 36 | 4 | CRC-32 |
//!
//! "The record before" has the number of this one less 1 less the lost ones. So a record that was changed, removed or moved
//! shows in the ones behind it ([`chain`]). The hash has no key: who writes the whole flash can write another history. What
//! binds the head of the chain to a unit is its attestation.
//!
//! A page starts with one word ([`PageHead`]), written when the page is erased whole; 51 records follow.

pub mod chain;
mod kind;
mod what;

pub use kind::{KINDS, KindRow, RestartCause, StopCause, find_kind};
pub use what::{Event, FlashPart};

use crate::checksum::crc32;
use crate::digest::sha256;
use crate::fields::{Reader, Writer};
use crate::layout::{EVENT_LOG_PAGES, PAGE_SIZE, WORD_SIZE};

/// Bytes of a record.
pub const EVENT_SIZE: usize = 40;
/// Bytes of a record's data.
pub const EVENT_DATA: usize = 12;
/// Records in a page, behind its head.
pub const EVENTS_PER_PAGE: usize = (PAGE_SIZE as usize - PAGE_HEAD_SIZE) / EVENT_SIZE;
/// Most records that the ring holds.
pub const MAX_EVENTS: usize = EVENTS_PER_PAGE * EVENT_LOG_PAGES as usize;
/// Bytes of a page's head.
pub const PAGE_HEAD_SIZE: usize = 8;

const _: () = assert!(PAGE_HEAD_SIZE + EVENTS_PER_PAGE * EVENT_SIZE == PAGE_SIZE as usize);
const _: () = assert!(EVENT_SIZE.is_multiple_of(WORD_SIZE as usize));

/// First 8 bytes of the SHA-256 of a record: what the next one names it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct ChainHash(pub [u8; 8]);

impl ChainHash {
    /// Before the first record.
    pub const START: Self = Self([0; 8]);

    /// Of a record's bytes.
    #[must_use]
    pub fn of(record: &[u8; EVENT_SIZE]) -> Self {
        Self(*sha256(record).first_chunk().expect("8 bytes of 32"))
    }
}

impl core::fmt::Display for ChainHash {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRecord {
    /// Its number, from 1.
    pub number: u32,
    /// Numbers before it that were lost while they were written.
    pub skipped: u8,
    /// Starts of the unit so far.
    pub boot: u32,
    /// Since that start, milliseconds, below 2^40; of a repeated event, when it first happened.
    pub time_ms: u64,
    /// How often it happened in a row.
    pub repeats: u8,
    /// What happened.
    pub event: Event,
    /// Names the record before.
    pub previous: ChainHash,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventError {
    /// Nothing was ever written there.
    Erased,
    /// Torn, or something else.
    Checksum,
    /// A number that no writer gives.
    Range,
}

impl EventRecord {
    /// Longest time that a record tells, milliseconds: 34 years.
    pub const LONGEST_MS: u64 = (1 << 40) - 1;

    /// Reads a record.
    ///
    /// # Errors
    /// [`EventError`] for anything that is not exactly one.
    pub fn parse(bytes: &[u8; EVENT_SIZE]) -> Result<Self, EventError> {
        if bytes.iter().all(|&byte| byte == crate::layout::ERASED) {
            return Err(EventError::Erased);
        }
        let (body, checksum) = bytes.split_last_chunk::<4>().expect("a record is longer than its checksum");
        if crc32(body) != u32::from_le_bytes(*checksum) {
            return Err(EventError::Checksum);
        }
        let mut reader = Reader::new(body);
        let (number, boot, low, high) = (reader.u32(), reader.u32(), reader.u32(), reader.u8());
        let (kind, repeats, skipped) = (reader.u8(), reader.u8(), reader.u8());
        let event = Event::read(kind, reader.array());
        let previous = ChainHash(reader.array());
        if number <= u32::from(skipped) || repeats == 0 {
            return Err(EventError::Range);
        }
        let time_ms = u64::from(high) << 32 | u64::from(low);
        Ok(Self { number, skipped, boot, time_ms, repeats, event, previous })
    }

    /// The record's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; EVENT_SIZE] {
        let mut bytes = [0; EVENT_SIZE];
        let time_ms = self.time_ms.min(Self::LONGEST_MS);
        let mut writer = Writer::new(&mut bytes);
        writer.u32(self.number).u32(self.boot).u32(time_ms as u32).u8((time_ms >> 32) as u8);
        writer.u8(self.event.kind()).u8(self.repeats).u8(self.skipped);
        writer.array(&self.event.data()).array(&self.previous.0);
        let (body, checksum) = bytes.split_last_chunk_mut::<4>().expect("a record is longer than its checksum");
        *checksum = crc32(body).to_le_bytes();
        bytes
    }

    /// Number of the record that this one names as the one before; 0 when there was none.
    #[must_use]
    pub const fn follows(&self) -> u32 {
        self.number.saturating_sub(1 + self.skipped as u32)
    }
}

/// The first word of a page: it was erased whole, as the `generation`th of all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHead {
    /// One more for each page that is made ready.
    pub generation: u32,
}

impl PageHead {
    /// Goes over the head of a page before it is erased: whatever is left of it is no part of the log any more. All zeros,
    /// which the chip lets be written over anything.
    pub const CONDEMNED: [u8; PAGE_HEAD_SIZE] = [0; PAGE_HEAD_SIZE];

    const TAG: [u8; 4] = *b"SEVP";

    /// Reads a head; `None` for anything else.
    #[must_use]
    pub fn parse(bytes: &[u8; PAGE_HEAD_SIZE]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let head = Self { generation: reader.u32() };
        (head.emit() == *bytes).then_some(head)
    }

    /// The head's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; PAGE_HEAD_SIZE] {
        let (mut tagged, mut bytes) = ([0; PAGE_HEAD_SIZE], [0; PAGE_HEAD_SIZE]);
        Writer::new(&mut tagged).u32(self.generation).array(&Self::TAG);
        Writer::new(&mut bytes).u32(self.generation).u32(crc32(&tagged));
        bytes
    }
}

#[cfg(test)]
mod tests;
