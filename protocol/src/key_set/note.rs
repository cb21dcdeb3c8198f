//! What the unit wrote down when it accepted a key set.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `SKSN` |
//! | 4 | 2 | number of the set |
//! | 6 | 1 | 1 when the image that ran was given up on purpose, else 0 |
//! | 7 | 1 | zero |
//! | 8 | 16 | that image: slot 1, zero 1, version 6, tag 8; zero when none |
//! | 24 | 4 | zero |
//! | 28 | 4 | CRC-32 of bytes 0-27 |

use super::{SIGNED_SIZE, SignedKeySet};
use crate::boot_record::ImageRef;
use crate::checksum::crc32;
use crate::fields::{Reader, Writer};
use crate::layout::{PAGE_SIZE, WORD_SIZE};

/// Bytes of the note.
pub const NOTE_SIZE: usize = 32;
/// Where it stands in the page: behind the set.
pub const NOTE_OFFSET: u32 = SIGNED_SIZE as u32;
/// Where the seals stand: behind the note.
pub const SEAL_OFFSET: u32 = NOTE_OFFSET + NOTE_SIZE as u32;
/// Written when set and note are in flash and read back. A copy without a seal was never finished: what reads well in it
/// today may not tomorrow. A second one says that the first was finished.
pub const SEAL: [u8; WORD_SIZE as usize] = *b"SKS-seal";
/// Places for seals, one word each: two are used when a copy is written, one more each time that it is relied on.
pub const SEAL_PLACES: u32 = 16;
/// Bytes of a whole copy: set, note and two seals.
pub const COPY_SIZE: usize = SEAL_OFFSET as usize + 2 * SEAL.len();

const _: () = assert!(NOTE_SIZE.is_multiple_of(WORD_SIZE as usize) && NOTE_OFFSET.is_multiple_of(WORD_SIZE));
const _: () = assert!(SEAL_OFFSET + SEAL_PLACES * WORD_SIZE <= PAGE_SIZE);

const MAGIC: [u8; 4] = *b"SKSN";

/// How a key set was accepted. Not signed, decides nothing: for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptanceNote {
    /// Number of the set it is about.
    pub number: u16,
    /// The image that ran then and that the unit no longer believes, given up on purpose.
    pub given_up: Option<ImageRef>,
}

impl AcceptanceNote {
    /// Reads a note; `None` for anything that is not exactly one.
    #[must_use]
    pub fn parse(bytes: &[u8; NOTE_SIZE]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.array() != MAGIC {
            return None;
        }
        let number = reader.u16();
        let has_image = reader.u8() == 1;
        let _zero = reader.u8();
        // Zeros read as an image too.
        let image = ImageRef::read(&mut reader);
        let note = Self { number, given_up: has_image.then_some(image) };
        // One note has one encoding; the checksum is part of it.
        (note.emit() == *bytes).then_some(note)
    }

    /// The note's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; NOTE_SIZE] {
        let mut bytes = [0; NOTE_SIZE];
        let mut writer = Writer::new(&mut bytes);
        writer.array(&MAGIC).u16(self.number).u8(u8::from(self.given_up.is_some())).zeros(1);
        if let Some(image) = self.given_up {
            image.write(&mut writer);
        }
        let checksum = crc32(&bytes[..NOTE_SIZE - 4]);
        bytes[NOTE_SIZE - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// A whole copy as it stands in flash, from the start of its page.
#[must_use]
pub fn copy(set: &SignedKeySet, note: &AcceptanceNote) -> [u8; COPY_SIZE] {
    let mut bytes = [0; COPY_SIZE];
    Writer::new(&mut bytes).array(&set.0).array(&note.emit()).array(&SEAL).array(&SEAL);
    bytes
}
