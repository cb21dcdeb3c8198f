//! What a unit answers about its event log and its last crash.

use crate::crash::CRASH_SIZE;
use crate::event::{ChainHash, EVENT_SIZE, EventError, EventRecord};
use crate::mailbox::MAX_REPLY;

/// Most records in one answer: what fits the response window.
pub const MAX_EVENT_RECORDS: usize = 5;
/// Most bytes of a crash record in one answer.
pub const MAX_CRASH_PART: usize = 192;

/// What the event log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EventHead {
    /// Starts of the unit so far.
    pub boot: u32,
    /// Records.
    pub count: u16,
    /// Number of the oldest; 0 when there is none.
    pub oldest: u32,
    /// Number of the newest; 0 when there is none.
    pub newest: u32,
    /// Names the newest record.
    pub head: ChainHash,
    /// Places in flash that hold something that is no record.
    pub unreadable: u16,
    /// Events that wait to be written.
    pub waiting: u8,
    /// Since the image started, milliseconds: what the times of this start are held against.
    pub uptime_ms: u64,
}

/// Records from a number on, as they are in flash: so that whoever reads them can verify the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Events {
    /// The bytes of up to [`MAX_EVENT_RECORDS`] records, ascending; none when there is none from that number on.
    pub records: heapless::Vec<u8, { MAX_EVENT_RECORDS * EVENT_SIZE }>,
}

impl Events {
    /// Puts records together.
    #[must_use]
    pub fn of(records: &[[u8; EVENT_SIZE]]) -> Self {
        let mut answer = Self { records: heapless::Vec::new() };
        for record in records.iter().take(MAX_EVENT_RECORDS) {
            let _made_for_so_many = answer.records.extend_from_slice(record);
        }
        answer
    }

    /// The records, each with its own check.
    pub fn parse(&self) -> impl Iterator<Item = Result<EventRecord, EventError>> {
        let (records, rest) = self.records.as_chunks::<EVENT_SIZE>();
        let cut = (!rest.is_empty()).then_some(Err(EventError::Checksum));
        records.iter().map(EventRecord::parse).chain(cut)
    }
}

/// A piece of the newest crash record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CrashPart {
    /// Number of the record; 0 when there is none.
    pub number: u32,
    /// Where in the record the piece is.
    pub offset: u16,
    /// Its bytes; none behind the end.
    pub bytes: heapless::Vec<u8, MAX_CRASH_PART>,
}

const _: () = assert!(MAX_EVENT_RECORDS * EVENT_SIZE + 8 <= MAX_REPLY && CRASH_SIZE < u16::MAX as usize);
