//! Flash contents as a folder of files, so that a reader sees what an attacker wrote and both depths boot the same
//! bytes: this library over [`FlashModel`], the linked loader on the virtual board.
//!
//! - `10800-image-a.bin`: what lies at offset 0x10800 and behind it. What no file holds is erased.
//! - `poison.txt`: offsets of words with a double ECC error, one a line, in hexadecimal.
//!
//! Does not know what the folder is for: whatever else lies in it is left alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use embedded_storage::nor_flash::ReadNorFlash as _;
use protocol::layout::{
    ANCHORS_OFFSET, BOOT_LOG_OFFSETS, ERASED, FLASH_SIZE, IDENTITY_OFFSET, PAGE_SIZE, SLOT_SIZE, Slot, WORD_SIZE,
};

use super::FlashModel;
use crate::flash::FlashError;

/// Name of the file that lists poisoned words.
pub const POISON: &str = "poison.txt";

/// The parts of flash that a file can hold: name, start, end.
const REGIONS: [(&str, u32, u32); 10] = [
    ("anchors", ANCHORS_OFFSET, ANCHORS_OFFSET + PAGE_SIZE),
    ("manifest-a", Slot::A.offset(), Slot::A.image_offset()),
    ("image-a", Slot::A.image_offset(), Slot::A.offset() + SLOT_SIZE),
    ("boot-log-1", BOOT_LOG_OFFSETS[0], BOOT_LOG_OFFSETS[0] + PAGE_SIZE),
    ("key-set-1", BOOT_LOG_OFFSETS[0] + PAGE_SIZE, BOOT_LOG_OFFSETS[0] + 2 * PAGE_SIZE),
    ("identity", IDENTITY_OFFSET, IDENTITY_OFFSET + PAGE_SIZE),
    ("manifest-b", Slot::B.offset(), Slot::B.image_offset()),
    ("image-b", Slot::B.image_offset(), Slot::B.offset() + SLOT_SIZE),
    ("boot-log-2", BOOT_LOG_OFFSETS[1], BOOT_LOG_OFFSETS[1] + PAGE_SIZE),
    ("key-set-2", BOOT_LOG_OFFSETS[1] + PAGE_SIZE, BOOT_LOG_OFFSETS[1] + 2 * PAGE_SIZE),
];

/// What flash holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    pieces: BTreeMap<u32, Vec<u8>>,
    poisoned: Vec<u32>,
}

impl Contents {
    /// What a model holds.
    ///
    /// # Panics
    /// When something lies where no file can hold it: the fixture would not be the whole truth.
    #[must_use]
    pub fn of(flash: &FlashModel) -> Self {
        let mut flash = flash.clone();
        let mut contents = Self::default();
        for (_, start, end) in REGIONS {
            let mut bytes = Vec::new();
            for offset in (start..end).step_by(WORD_SIZE as usize) {
                bytes.extend(contents.take_word(&mut flash, offset));
            }
            let used = bytes.iter().rposition(|&byte| byte != ERASED).map_or(0, |last| last + 1);
            bytes.truncate(used.next_multiple_of(WORD_SIZE as usize));
            if !bytes.is_empty() {
                contents.pieces.insert(start, bytes);
            }
        }
        for page in (0..FLASH_SIZE).step_by(PAGE_SIZE as usize) {
            let in_a_region = REGIONS.iter().any(|(_, start, end)| (start..end).contains(&&page));
            let mut bytes = [0; PAGE_SIZE as usize];
            let is_erased = flash.read(page, &mut bytes) == Ok(()) && bytes.iter().all(|&byte| byte == ERASED);
            assert!(in_a_region || is_erased, "the page at {page:#x} belongs to no file");
        }
        contents
    }

    fn take_word(&mut self, flash: &mut FlashModel, offset: u32) -> [u8; WORD_SIZE as usize] {
        let mut word = [ERASED; WORD_SIZE as usize];
        match flash.read(offset, &mut word) {
            Ok(()) => word,
            Err(FlashError::Poisoned { .. }) => {
                self.poisoned.push(offset);
                [ERASED; WORD_SIZE as usize]
            }
            Err(error) => panic!("a model that is on reads: {error}"),
        }
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// What the file system says, or [`io::ErrorKind::InvalidData`] for a file that does not say where it belongs.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut contents = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name == POISON {
                let offsets: Result<Vec<u32>, _> = fs::read_to_string(&path)?.lines().map(hexadecimal).collect();
                contents.poisoned = offsets?;
            } else if let Some(stem) = name.strip_suffix(".bin") {
                let (offset, _) = stem.split_once('-').unwrap_or((stem, ""));
                contents.pieces.insert(hexadecimal(offset)?, fs::read(&path)?);
            }
        }
        Ok(contents)
    }

    /// The files that say the same, by name.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let name = |offset: u32| {
            let region = REGIONS.iter().find(|(_, start, _)| *start == offset);
            let (region, ..) = region.expect("pieces start where regions do");
            format!("{offset:05x}-{region}.bin")
        };
        let mut files: BTreeMap<String, Vec<u8>> =
            self.pieces.iter().map(|(offset, bytes)| (name(*offset), bytes.clone())).collect();
        if !self.poisoned.is_empty() {
            let lines: String = self.poisoned.iter().map(|offset| format!("{offset:05x}\n")).collect();
            files.insert(POISON.to_owned(), lines.into_bytes());
        }
        files
    }

    /// Bytes and where they lie, in order.
    pub fn pieces(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.pieces.iter().map(|(offset, bytes)| (*offset, bytes.as_slice()))
    }

    /// Words with a double ECC error.
    #[must_use]
    pub fn poisoned(&self) -> &[u32] {
        &self.poisoned
    }

    /// A chip that holds this and nothing else.
    #[must_use]
    pub fn flash(&self) -> FlashModel {
        let mut flash = FlashModel::erased();
        for (offset, bytes) in self.pieces() {
            let mut words = bytes.to_vec();
            words.resize(bytes.len().next_multiple_of(WORD_SIZE as usize), ERASED);
            flash.place(offset, &words);
        }
        for &offset in self.poisoned() {
            flash.poison(offset);
        }
        flash
    }
}

fn hexadecimal(text: &str) -> io::Result<u32> {
    let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, format!("{text} is no offset in hexadecimal"));
    u32::from_str_radix(text, 16).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::release::{Release, factory_unit};
    use protocol::semver::Version;

    #[test]
    fn flash_becomes_files_and_files_become_the_same_flash() {
        let mut flash = factory_unit(&Release::new(Slot::A, Version::new(1, 2, 0)));
        flash.poison(Slot::B.offset() + 16);
        let contents = Contents::of(&flash);
        assert_eq!(Contents::of(&contents.flash()), contents);
        let names: Vec<_> = contents.files().into_keys().collect();
        assert_eq!(
            names,
            [
                "0f800-anchors.bin",
                "10000-manifest-a.bin",
                "10800-image-a.bin",
                "3c000-boot-log-1.bin",
                "3f800-identity.bin",
                "7c000-boot-log-2.bin",
                "poison.txt"
            ]
        );
    }
}
