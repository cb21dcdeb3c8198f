//! One place of a page: a record with its number and its checksum.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic of the kind of record |
//! | 4 | 4 | sequence |
//! | 8 | 2 | length of the record |
//! | 10 | 2 | step: sequence of this record less that of the one in force before |
//! | 12 | length | the record |
//! | 12 + length | 4 | CRC-32 of everything before |

use protocol::checksum::crc32;
use protocol::layout::{ERASED, PAGE_SIZE, WORD_SIZE};

/// Bytes in front of a record.
const HEAD: usize = 12;
/// Bytes around a record.
const AROUND: usize = HEAD + 4;
/// Largest place, bytes: two are to fit a page, so that a copy holds the newest record while it lags.
pub(super) const MAX_PLACE: usize = PAGE_SIZE as usize / 2;
/// Largest record, bytes.
pub const MAX_SIZE: usize = MAX_PLACE - AROUND;

/// Bytes of a place for records of that size.
pub(super) const fn size_for(record: usize) -> usize {
    (record + AROUND).next_multiple_of(WORD_SIZE as usize)
}

/// What a record is told apart by, without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) sequence: u32,
    pub(super) step: u16,
    checksum: u32,
}

/// Why a place has no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRecord {
    /// Nothing was ever written to it.
    Erased,
    /// Torn, or something else.
    Bad,
}

/// The bytes of a place, and how many of them are used.
pub(super) struct Place {
    pub(super) bytes: [u8; MAX_PLACE],
    used: usize,
}

impl Place {
    pub(super) const fn new() -> Self {
        Self { bytes: [ERASED; MAX_PLACE], used: 0 }
    }

    /// The place of a record. `record` fits: the store has checked its size when it was compiled.
    pub(super) fn of(magic: [u8; 4], sequence: u32, step: u16, record: &[u8]) -> Self {
        let mut place = Self::new();
        let end = HEAD + record.len();
        place.bytes[..4].copy_from_slice(&magic);
        place.bytes[4..8].copy_from_slice(&sequence.to_le_bytes());
        place.bytes[8..10].copy_from_slice(&(record.len() as u16).to_le_bytes());
        place.bytes[10..HEAD].copy_from_slice(&step.to_le_bytes());
        place.bytes[HEAD..end].copy_from_slice(record);
        let checksum = crc32(&place.bytes[..end]);
        place.bytes[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
        place.used = end + 4;
        place
    }

    /// The words that have to be written.
    pub(super) fn words(&self) -> &[u8] {
        &self.bytes[..self.used.next_multiple_of(WORD_SIZE as usize)]
    }

    /// What the first `size` bytes hold.
    pub(super) fn parse(&mut self, magic: [u8; 4], size: usize) -> Result<Mark, NoRecord> {
        let bytes = &self.bytes[..size];
        if bytes.iter().all(|&byte| byte == ERASED) {
            return Err(NoRecord::Erased);
        }
        let field = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (length, step) = ((field(8) & 0xFFFF) as usize, (field(8) >> 16) as u16);
        if bytes[..4] != magic || length > size - AROUND {
            return Err(NoRecord::Bad);
        }
        let end = HEAD + length;
        let checksum = field(end);
        if checksum != crc32(&bytes[..end]) {
            return Err(NoRecord::Bad);
        }
        let sequence = field(4);
        self.used = end + 4;
        Ok(Mark { sequence, step, checksum })
    }

    /// The record that was parsed or put there.
    pub(super) fn record(&self) -> &[u8] {
        &self.bytes[HEAD..self.used - 4]
    }
}
