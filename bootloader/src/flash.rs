//! The contract of flash that everything here builds on: `embedded_storage`'s traits, and what they leave open.
//!
//! - Offsets count from the start of flash ([`protocol::layout`]); nothing here knows an address.
//! - **Every read is checked** (`boot:B3`): a word with a double ECC error gives [`FlashError::Poisoned`], never bytes.
//!   A read fails as a whole; who wants to know more reads less.
//! - **Every write and erase is read back** before it is called done (`boot:U6`). An erase that silently did nothing is
//!   [`FlashError::EraseDidNothing`].
//! - A word is written once after an erase. The one exception that the chip makes: all zeros go over any word.
//!
//! After power is lost
//! - in a write: the words before the one in progress hold the new bytes, that word may read as anything - old, new, a
//!   mix, something else at each read, or poisoned -, the words after it are untouched;
//! - in an erase: each word of that page may read as anything, even as erased while it is not reliably so; every other
//!   page is untouched.

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use protocol::layout::{
    BOOT_LOG_OFFSETS, ERASED, FLASH_SIZE, KEY_SET_OFFSETS, PAGE_SIZE, SEAL_PLACES, SEALS_IN_SLOT, SLOT_SIZE, Slot,
    WORD_SIZE,
};
#[cfg(feature = "records")]
use protocol::layout::{CALIBRATION_OFFSETS, CRASH_OFFSET, CRASH_PAGES, EVENT_LOG_OFFSET, SETTINGS_OFFSETS};
use thiserror::Error;

/// Flash that keeps the contract of this module, for reading.
pub trait CheckedRead: ReadNorFlash<Error = FlashError> {}
impl<F: ReadNorFlash<Error = FlashError>> CheckedRead for F {}

/// Flash that keeps the contract of this module.
pub trait Flash: NorFlash<Error = FlashError> {}
impl<F: NorFlash<Error = FlashError>> Flash for F {}

/// Why flash did not do as told. Two words, so that every function hands it on in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FlashError {
    /// A word has a double ECC error.
    #[error("flash word at {offset:#x} is poisoned (double ECC error); erase its page")]
    Poisoned {
        /// Offset of the word, or of the read that met it when the chip does not tell.
        offset: u32,
    },
    /// A word to be written is not erased.
    #[error("flash word at {offset:#x} is not erased; erase its page first")]
    NotErased {
        /// Offset of the word.
        offset: u32,
    },
    /// A written word reads back as something else.
    #[error("flash word at {offset:#x} reads back differently; write elsewhere")]
    ReadBack {
        /// Offset of the word.
        offset: u32,
    },
    /// An erased page does not read as erased (`fault:P7`).
    #[error("erase of the page at {offset:#x} left something at that page; the page may be worn or locked")]
    EraseDidNothing {
        /// Offset of the page.
        offset: u32,
    },
    /// The region may not be changed: by the chip's protection or by the scope that this driver was given.
    #[error("flash at {offset:#x} is write-protected")]
    Protected {
        /// Offset of the refused write or erase.
        offset: u32,
    },
    /// The range is not inside flash.
    #[error("a range from {offset:#x} on is not inside flash")]
    Range {
        /// Start of the range.
        offset: u32,
    },
    /// The range is not made of whole words (write) or pages (erase).
    #[error("a range from {offset:#x} on is not made of whole words or pages")]
    Alignment {
        /// Start of the range.
        offset: u32,
    },
    /// The chip is in single-bank mode, may start from bank 2, or has another flash size (`fault:P12`): offsets would be
    /// wrong.
    #[error("the chip has option bytes {option:#010x}; expected dual-bank mode, start from bank 1 and 512 KB of flash")]
    Geometry {
        /// `FLASH_OPTR`.
        option: u32,
    },
    /// The control register would not unlock; only a reset helps.
    #[error("flash does not unlock; reset the unit")]
    Locked,
    /// The controller reports an error.
    #[error("flash controller reports status {status:#010x}")]
    Controller {
        /// `FLASH_SR`.
        status: u32,
    },
}

const _: () = assert!(size_of::<Result<(), FlashError>>() == 8);

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Range { .. } => NorFlashErrorKind::OutOfBounds,
            Self::Alignment { .. } => NorFlashErrorKind::NotAligned,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// Where a driver may write: an allow-list, so that a mistake elsewhere cannot reach the loader or what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteScope {
    /// The boot log only: all that the loader ever writes (`boot:B1`).
    BootLog,
    /// What an update needs - the boot log, the key set, the slot that does not run, and the seals of the one that does -, and
    /// what the firmware remembers.
    Update {
        /// The slot that does not run.
        idle: Slot,
    },
    /// The boot log, the key set and both slots: what recovery needs, where no slot runs (`boot:B9`).
    Recovery,
}

impl WriteScope {
    /// Whether `length` bytes at `offset` may be changed.
    #[must_use]
    pub fn permits(self, offset: u32, length: u32) -> bool {
        let inside = |start: u32, size: u32| {
            offset.checked_sub(start).is_some_and(|place| place <= size && length <= size - place)
        };
        let (pages, slots): (&[u32], &[Slot]) = match &self {
            Self::BootLog => (&BOOT_LOG_OFFSETS, &[]),
            Self::Update { idle } => (&STATE_PAGES, core::slice::from_ref(idle)),
            Self::Recovery => (&STATE_PAGES, &Slot::ALL),
        };
        let is_seal = matches!(self, Self::Update { idle }
            if inside(idle.other().offset() + SEALS_IN_SLOT, SEAL_PLACES * WORD_SIZE));
        is_seal
            || is_record(self, &inside)
            || pages.iter().any(|&page| inside(page, PAGE_SIZE))
            || slots.iter().any(|slot| inside(slot.offset(), SLOT_SIZE))
    }
}

/// The pages of boot log and key set.
const STATE_PAGES: [u32; 4] = {
    let ([a, b], [c, d]) = (BOOT_LOG_OFFSETS, KEY_SET_OFFSETS);
    [a, b, c, d]
};

/// The pages that the firmware keeps its records in.
#[cfg(feature = "records")]
const RECORD_PAGES: [u32; 4] = {
    let ([a, b], [c, d]) = (SETTINGS_OFFSETS, CALIBRATION_OFFSETS);
    [a, b, c, d]
};

/// Whether the firmware may write that, as a page of its records.
#[cfg(feature = "records")]
fn is_record(scope: WriteScope, inside: &impl Fn(u32, u32) -> bool) -> bool {
    let events = CRASH_OFFSET + CRASH_PAGES * PAGE_SIZE - EVENT_LOG_OFFSET;
    matches!(scope, WriteScope::Update { .. })
        && (RECORD_PAGES.iter().any(|&page| inside(page, PAGE_SIZE)) || inside(EVENT_LOG_OFFSET, events))
}

/// The loader knows of no such pages, and is not to change when there are more.
#[cfg(not(feature = "records"))]
fn is_record(_scope: WriteScope, _inside: &impl Fn(u32, u32) -> bool) -> bool {
    false
}

/// Checks that a read stays inside flash.
///
/// # Errors
/// [`FlashError::Range`].
pub fn check_read(offset: u32, length: usize) -> Result<(), FlashError> {
    let within = u32::try_from(length).ok().and_then(|length| offset.checked_add(length));
    match within {
        Some(end) if end <= FLASH_SIZE => Ok(()),
        _ => Err(FlashError::Range { offset }),
    }
}

/// Writes whole words from `offset` on, which have to be erased. Words that are all `0xFF` stay erased.
///
/// # Errors
/// [`FlashError`]; the words before the one it names are written.
pub fn write_words<F: Flash + ?Sized>(flash: &mut F, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
    let (words, _) = bytes.as_chunks::<{ WORD_SIZE as usize }>();
    for (word, place) in words.iter().zip((offset..).step_by(WORD_SIZE as usize)) {
        if word.iter().any(|&byte| byte != ERASED) {
            flash.write(place, word)?;
        }
    }
    Ok(())
}

/// Checks that a write stays inside flash and is made of whole words.
///
/// # Errors
/// [`FlashError::Range`] or [`FlashError::Alignment`].
pub fn check_write(offset: u32, length: usize) -> Result<(), FlashError> {
    check_read(offset, length)?;
    check_units(offset, length as u32, WORD_SIZE)
}

/// Checks that an erase from `from` to before `to` stays inside flash and is made of whole pages.
///
/// # Errors
/// [`FlashError::Range`] or [`FlashError::Alignment`].
pub fn check_erase(from: u32, to: u32) -> Result<(), FlashError> {
    let length = to.checked_sub(from).ok_or(FlashError::Range { offset: from })?;
    check_read(from, length as usize)?;
    check_units(from, length, PAGE_SIZE)
}

fn check_units(offset: u32, length: u32, unit: u32) -> Result<(), FlashError> {
    if offset.is_multiple_of(unit) && length.is_multiple_of(unit) {
        Ok(())
    } else {
        Err(FlashError::Alignment { offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::layout::{ANCHORS_OFFSET, IDENTITY_OFFSET};

    #[test]
    fn ranges_are_checked_without_wrapping() {
        // fault:A3, fault:A11
        assert_eq!(check_read(FLASH_SIZE - 1, 1), Ok(()));
        assert!(check_read(FLASH_SIZE, 1).is_err());
        assert!(check_read(u32::MAX, 2).is_err());
        assert!(check_read(8, u32::MAX as usize).is_err());
        assert!(check_erase(2 * PAGE_SIZE, PAGE_SIZE).is_err());
    }

    #[test]
    fn only_whole_words_and_pages_are_changed() {
        assert_eq!(check_write(8, 16), Ok(()));
        assert!(matches!(check_write(4, 8), Err(FlashError::Alignment { .. })));
        assert!(matches!(check_write(8, 4), Err(FlashError::Alignment { .. })));
        assert!(matches!(check_erase(8, PAGE_SIZE + 8), Err(FlashError::Alignment { .. })));
    }

    #[test]
    fn a_scope_ends_exactly_where_its_regions_end() {
        let scope = WriteScope::Update { idle: Slot::B };
        let start = Slot::B.offset();
        assert!(scope.permits(start, SLOT_SIZE));
        // The page right behind slot B is the boot log's, but no range may reach over both.
        assert!(scope.permits(start + SLOT_SIZE, PAGE_SIZE) && !scope.permits(start, SLOT_SIZE + 1));
        assert!(!scope.permits(start - 8, 8) && !scope.permits(Slot::A.offset(), 8) && !scope.permits(0, 8));
        // Of what runs, the seals and nothing beside them.
        let (seals, size) = (Slot::A.offset() + SEALS_IN_SLOT, SEAL_PLACES * WORD_SIZE);
        assert!(scope.permits(seals, size));
        assert!(!scope.permits(seals - 8, 8) && !scope.permits(seals + size, 8) && !scope.permits(seals, size + 8));
        assert!(!scope.permits(Slot::A.offset(), PAGE_SIZE) && !WriteScope::BootLog.permits(seals, 8));
        assert!(!scope.permits(start, u32::MAX));
        assert!(!WriteScope::BootLog.permits(start, 8));
        assert!(BOOT_LOG_OFFSETS.iter().all(|&page| WriteScope::BootLog.permits(page, PAGE_SIZE)));
        // boot:B1: the loader that boots writes no key set; an update and recovery do.
        assert!(KEY_SET_OFFSETS.iter().all(|&page| scope.permits(page, PAGE_SIZE)));
        assert!(KEY_SET_OFFSETS.iter().all(|&page| !WriteScope::BootLog.permits(page, 8)));
        assert!(KEY_SET_OFFSETS.iter().all(|&page| !scope.permits(page, PAGE_SIZE + 8)));
        assert!(!scope.permits(IDENTITY_OFFSET, 8));
        let recovery = WriteScope::Recovery;
        assert!(Slot::ALL.iter().all(|slot| recovery.permits(slot.offset(), SLOT_SIZE)));
        assert!(!recovery.permits(0, 8) && !recovery.permits(Slot::A.offset() - 8, 8));
        assert!(!recovery.permits(IDENTITY_OFFSET, 8) && !recovery.permits(ANCHORS_OFFSET, 8));
    }

    #[cfg(feature = "records")]
    #[test]
    fn only_the_firmware_writes_its_records() {
        let (firmware, others) = (WriteScope::Update { idle: Slot::B }, [WriteScope::BootLog, WriteScope::Recovery]);
        let events = (EVENT_LOG_OFFSET..CRASH_OFFSET + CRASH_PAGES * PAGE_SIZE).step_by(PAGE_SIZE as usize);
        for page in events.clone() {
            assert!(firmware.permits(page, PAGE_SIZE) && others.iter().all(|scope| !scope.permits(page, 8)));
        }
        assert_eq!(events.count(), 10);
        assert!(!firmware.permits(EVENT_LOG_OFFSET - 8, 8) && !firmware.permits(CRASH_OFFSET + 2 * PAGE_SIZE, 8));
        for page in RECORD_PAGES {
            assert!(firmware.permits(page, PAGE_SIZE) && !firmware.permits(page, PAGE_SIZE + 8));
            assert!(others.iter().all(|scope| !scope.permits(page, 8)));
        }
    }
}
