//! The cells as a file: bytes, and the words whose bytes do not tell everything.
//!
//! Layout, little-endian: magic `SVBF`, version 1 (u32), 512 KB of bytes, number of odd words (u32), then per odd word
//! its index (u32), its kind (u32) and the mask of flipping bits (u64, zero unless unstable).

use thiserror::Error;

use super::FLASH_BYTES;
use super::array::{FlashArray, Oddity};

const MAGIC: &[u8; 4] = b"SVBF";
const VERSION: u32 = 1;
const HEADER: usize = 8;
const ENTRY: usize = 16;

/// Why a file is not the flash of a board.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContentsError {
    /// Another kind of file.
    #[error("not a flash file: it begins with {found:02x?}, expected \"SVBF\"; delete it to start from a fresh unit")]
    Magic {
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// Written by another version.
    #[error("flash file version {found}, this program knows {VERSION}; use the program that wrote it, or delete it")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Too short or too long.
    #[error("flash file of {found} bytes, expected {expected}; it is damaged: delete it to start from a fresh unit")]
    Length {
        /// Bytes it has.
        found: usize,
        /// Bytes its header asks for.
        expected: usize,
    },
    /// An odd word that cannot be.
    #[error("flash file entry {entry}: word {word}, kind {kind}; it is damaged: delete it to start from a fresh unit")]
    Entry {
        /// Which entry.
        entry: usize,
        /// Its word.
        word: u32,
        /// Its kind.
        kind: u32,
    },
}

impl FlashArray {
    /// The file.
    pub(crate) fn to_contents(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(HEADER + FLASH_BYTES + 4 + self.oddities().len() * ENTRY);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend_from_slice(self.bytes());
        file.extend_from_slice(&(self.oddities().len() as u32).to_le_bytes());
        for (word, oddity) in self.oddities() {
            let (kind, mask) = match oddity {
                Oddity::ProgrammedBlank => (1u32, 0u64),
                Oddity::Poisoned => (2, 0),
                Oddity::Unstable { mask } => (3, mask),
            };
            file.extend_from_slice(&(word as u32).to_le_bytes());
            file.extend_from_slice(&kind.to_le_bytes());
            file.extend_from_slice(&mask.to_le_bytes());
        }
        file
    }

    /// The cells of a file.
    pub(crate) fn from_contents(file: &[u8]) -> Result<Self, ContentsError> {
        if !file.starts_with(MAGIC) {
            return Err(ContentsError::Magic { found: file.iter().take(4).copied().collect() });
        }
        let entries_at = HEADER + FLASH_BYTES + 4;
        let length = |expected| Err(ContentsError::Length { found: file.len(), expected });
        let Some(version) = word_at(file, 4) else { return length(entries_at) };
        if version != VERSION {
            return Err(ContentsError::Version { found: version });
        }
        let Some(count) = word_at(file, HEADER + FLASH_BYTES) else { return length(entries_at) };
        let expected = entries_at.saturating_add((count as usize).saturating_mul(ENTRY));
        if file.len() != expected {
            return length(expected);
        }
        let mut array = Self::new(file[HEADER..HEADER + FLASH_BYTES].to_vec());
        for (entry, bytes) in file[entries_at..].chunks_exact(ENTRY).enumerate() {
            let field = |at| word_at(bytes, at).unwrap_or(0);
            let (word, kind) = (field(0), field(4));
            let mask = u64::from(field(8)) | u64::from(field(12)) << 32;
            let oddity = match kind {
                1 => Oddity::ProgrammedBlank,
                2 => Oddity::Poisoned,
                3 => Oddity::Unstable { mask },
                _ => return Err(ContentsError::Entry { entry, word, kind }),
            };
            if word as usize >= FLASH_BYTES / 8 {
                return Err(ContentsError::Entry { entry, word, kind });
            }
            let value = array.word(word as usize);
            array.set(word as usize, value, Some(oddity));
        }
        Ok(array)
    }
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_words_survive_the_file() {
        let mut array = FlashArray::new(vec![1, 2, 3]);
        array.set(5, 7, Some(Oddity::Poisoned));
        array.set(9, 1, Some(Oddity::Unstable { mask: 0xF0 }));
        array.program(100, u64::MAX);
        let back = FlashArray::from_contents(&array.to_contents()).unwrap();
        assert_eq!(back.bytes(), array.bytes());
        assert_eq!(back.oddities().collect::<Vec<_>>(), array.oddities().collect::<Vec<_>>());
        assert!(!back.is_clean());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(mut file: Vec<u8>, real_start: bool) {
            if real_start {
                file.splice(0..0, [b'S', b'V', b'B', b'F', 1, 0, 0, 0]);
            }
            prop_assert!(FlashArray::from_contents(&file).is_err());
        }
    }
}
