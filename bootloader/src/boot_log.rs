//! The boot log: what the loader has to remember, as records mirrored in two pages, one per bank (`boot:B2`).
//!
//! - A record is the whole state; the newest valid one is in force. There is nothing to replay.
//! - A record is written to the next place of one copy, then of the other. Power lost in between leaves the old state or
//!   the new one, never a mixture, and the next append brings the copy that lags up to date. Reading never writes, so
//!   a unit that resets over and over wears nothing (`fault:P13`).
//! - A page is erased only when it is full or in doubt, and only while the other copy holds the newest record, read back.
//! - A place that is torn or poisoned is passed over.
//!
//! A page is in doubt when it looks like a torn erase: no record while the other copy has some, a hole before a used
//! place, or more than one record behind. What such a page reads as today it may not read as tomorrow.
//!
//! Sequence numbers are compared modulo 2^32. Flash wears out after some 10^4 erases of 32 records each, so the wrap can
//! only be met in a forged log, and there too every append is newer than what was newest before.

use core::hint::black_box;

use protocol::boot_record::{BootRecord, BootState, RECORD_SIZE, RECORDS_PER_PAGE, RecordError};
use protocol::layout::{BOOT_LOG_OFFSETS, PAGE_SIZE};
use protocol::semver::Version;
use thiserror::Error;

use crate::flash::{CheckedRead, Flash, FlashError};

/// The two pages and the rules between them. Holds nothing: flash is the state.
#[derive(Debug, Clone, Copy)]
pub struct BootLog;

/// What the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogView {
    /// The record in force; `None` on a new unit, or when both copies are lost.
    pub newest: Option<BootRecord>,
    /// How each copy reads, in the order of [`BOOT_LOG_OFFSETS`].
    pub copies: [CopyHealth; 2],
}

/// How one copy of the log reads.
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

impl LogView {
    /// The state in force.
    #[must_use]
    #[inline(never)]
    pub fn state(&self) -> Option<BootState> {
        self.newest.map(|record| record.state)
    }

    /// Which copies hold the record in force, as the boot report tells. Both, on a new unit, which has none to hold.
    #[must_use]
    pub fn copies_good(&self) -> [bool; 2] {
        if self.copies == [CopyHealth::Empty; 2] { [true; 2] } else { self.copies.map(CopyHealth::is_good) }
    }
}

/// The floor reset of a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedReset {
    /// Number of the key set.
    pub key_set: u16,
    /// The floor that it says.
    pub to: Version,
}

/// Why an append did not reach both copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Only one copy holds it. The record is in force all the same.
    #[error("boot log copy {copy} did not take the record, the other one did: {error}; have the unit looked at")]
    OneCopy {
        /// The copy that did not take it, 0 or 1.
        copy: usize,
        /// What flash said.
        error: FlashError,
    },
    /// No copy took it; the state before is still in force.
    #[error("no copy of the boot log took the record: {error}; have the unit looked at")]
    NoCopy {
        /// What flash said, of the copy tried last.
        error: FlashError,
    },
}

impl BootLog {
    /// Reads both copies. Whatever they hold, there is an answer.
    pub fn read<F: CheckedRead>(flash: &mut F) -> LogView {
        let [a, b] = &scan(flash);
        let newest = newer(a.newest.as_ref(), b.newest.as_ref());
        LogView { newest: newest.copied(), copies: [a.health(newest), b.health(newest)] }
    }

    /// Makes `state` the one in force: writes it to both copies and reads them back; returns its sequence number. One
    /// erase a copy at most, on sound flash. A state with a lower floor than the one before is refused.
    ///
    /// # Errors
    /// [`AppendError`], which says whether the state is in force.
    pub fn append<F: Flash>(flash: &mut F, state: BootState) -> Result<u32, AppendError> {
        Self::append_under(flash, state, None)
    }

    /// The same under the floor reset of the key set in force: if the log has not heard of it, the floor may fall as low
    /// as it says (`boot:B8`).
    ///
    /// # Errors
    /// [`AppendError`], which says whether the state is in force.
    pub fn append_under<F: Flash>(
        flash: &mut F,
        state: BootState,
        reset: Option<NumberedReset>,
    ) -> Result<u32, AppendError> {
        /// A torn word may read well during the scan and badly just before the erase that relied on it; then the erase
        /// is not done. Looking again settles it, since such a word is not relied on twice for long.
        const LOOKS: usize = 3;
        let mut appended = Self::append_once(flash, state, reset, black_box(MEANT));
        for _ in 1..LOOKS {
            let keeper_changed = matches!(
                appended,
                Err(AppendError::NoCopy { error: FlashError::Protected { .. } }
                    | AppendError::OneCopy { error: FlashError::Protected { .. }, .. })
            );
            if !keeper_changed {
                break;
            }
            appended = Self::append_once(flash, state, reset, black_box(MEANT));
        }
        appended
    }

    /// `meant` is [`MEANT`] from whoever came in by the front door.
    #[inline(never)]
    fn append_once<F: Flash>(
        flash: &mut F,
        state: BootState,
        reset: Option<NumberedReset>,
        meant: u32,
    ) -> Result<u32, AppendError> {
        if black_box(meant) != MEANT {
            return Err(AppendError::NoCopy { error: FlashError::Locked });
        }
        let [a, b] = &scan(flash);
        let newest = newer(a.newest.as_ref(), b.newest.as_ref());
        let sequence = newest.map_or(1, |record| record.sequence.wrapping_add(1));
        // Closed with its checksum here and nowhere further down: what a disturbed write takes for it is no record.
        let bytes = BootRecord { sequence, state }.emit();
        // Asked of the very bytes that are about to be written: one disturbed instruction anywhere before this must not
        // lower the floor for good (`docs/instruction-skips.md`).
        let record = match BootRecord::parse(black_box(&bytes)) {
            Ok(record) if newest.is_none_or(|newest| may_follow(&record.state, &newest.state, reset)) => record,
            _ => return Err(AppendError::NoCopy { error: FlashError::Protected { offset: a.page } }),
        };

        // First the copy that needs no erase, or else the one that is not alone in holding the newest record: at no
        // instant is the newest record only in a page that is about to be erased.
        let (erase_a, erase_b) = (a.needs_erase(newest), b.needs_erase(newest));
        let b_goes_first = erase_a && (!erase_b || (a.holds(newest) && !b.holds(newest)));
        let ((first, erase_first), (second, erase_second)) =
            if b_goes_first { ((b, erase_b), (a, erase_a)) } else { ((a, erase_a), (b, erase_b)) };

        let wrote_first = write_copy(flash, first, erase_first, &bytes, newest);
        let keeper = if wrote_first.is_ok() { Some(&record) } else { newest };
        let wrote_second = write_copy(flash, second, erase_second, &bytes, keeper);
        match (wrote_first, wrote_second) {
            (Ok(()), Ok(())) => Ok(sequence),
            (Err(error), Ok(())) => Err(AppendError::OneCopy { copy: usize::from(b_goes_first), error }),
            (Ok(()), Err(error)) => Err(AppendError::OneCopy { copy: usize::from(!b_goes_first), error }),
            (Err(_), Err(error)) => Err(AppendError::NoCopy { error }),
        }
    }
}

/// Half of its bits set. A core that leaves out the last instruction of another function runs on into this one, with
/// whatever its registers hold: it shall not write a state that nobody decided (`docs/instruction-skips.md`).
const MEANT: u32 = 0x5C3A_96E1;

/// Whether the floor of `next` is no lower than that of `last`, or that of the key set in force (`boot:B8`). That one comes
/// from the caller and not from `next`: a state made of chance bytes may claim any number and any floor.
fn may_follow(next: &BootState, last: &BootState, reset: Option<NumberedReset>) -> bool {
    let by = |reset: NumberedReset| {
        next.floor_order > last.floor_order && next.floor_order == reset.key_set && next.floor >= reset.to
    };
    next.floor >= last.floor || reset.is_some_and(by)
}

/// One page, as a scan found it.
struct Copy {
    page: u32,
    newest: Option<BootRecord>,
    /// Places that hold something.
    used: u8,
    /// Those of them that hold no record.
    bad: u8,
    /// Places from the first one to the last one that holds something.
    end: u8,
}

impl Copy {
    fn scan<F: CheckedRead>(flash: &mut F, page: u32) -> Self {
        let mut copy = Self { page, newest: None, used: 0, bad: 0, end: 0 };
        for index in 0..RECORDS_PER_PAGE as u8 {
            match read_record(flash, copy.place(index)) {
                Ok(record) if is_older(&record, copy.newest.as_ref()) => {}
                Ok(record) => copy.newest = Some(record),
                Err(NoRecord::Bad) => copy.bad += 1,
                Err(NoRecord::Erased) => continue,
            }
            copy.used += 1;
            copy.end = index + 1;
        }
        copy
    }

    fn place(&self, index: u8) -> u32 {
        self.page + u32::from(index) * RECORD_SIZE as u32
    }

    fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Erased places behind the last used one, as indices.
    fn free(&self) -> core::ops::Range<u8> {
        self.end..RECORDS_PER_PAGE as u8
    }

    /// Whether it looks like a torn erase (see the module's text).
    fn is_doubtful(&self, newest: Option<&BootRecord>) -> bool {
        let has_hole = self.used < self.end;
        let far_behind = match (&self.newest, newest) {
            (Some(own), Some(newest)) => newest.sequence.wrapping_sub(own.sequence) > 1,
            (None, newest) => newest.is_some() || !self.is_empty(),
            (Some(_), None) => false,
        };
        has_hole || far_behind
    }

    fn holds(&self, newest: Option<&BootRecord>) -> bool {
        self.newest.as_ref() == newest
    }

    fn needs_erase(&self, newest: Option<&BootRecord>) -> bool {
        self.free().is_empty() || self.is_doubtful(newest)
    }

    fn health(&self, newest: Option<&BootRecord>) -> CopyHealth {
        let bad_places = self.bad;
        if self.is_empty() {
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

fn scan<F: CheckedRead>(flash: &mut F) -> [Copy; 2] {
    [Copy::scan(flash, BOOT_LOG_OFFSETS[0]), Copy::scan(flash, BOOT_LOG_OFFSETS[1])]
}

/// The newer of two; the second when they are equal.
fn newer<'a>(first: Option<&'a BootRecord>, second: Option<&'a BootRecord>) -> Option<&'a BootRecord> {
    match second {
        Some(record) if !is_older(record, first) => second,
        _ => first,
    }
}

/// Whether a record is older than that one, by sequence modulo 2^32.
///
/// A torn record that nobody could read when its number was given again may be readable later. Within a page the later
/// place then decides, so the record that was written whole wins.
fn is_older(record: &BootRecord, than: Option<&BootRecord>) -> bool {
    than.is_some_and(|than| record.sequence.wrapping_sub(than.sequence).cast_signed() < 0)
}

enum NoRecord {
    Erased,
    Bad,
}

fn read_record<F: CheckedRead>(flash: &mut F, offset: u32) -> Result<BootRecord, NoRecord> {
    let mut bytes = [0; RECORD_SIZE];
    flash.read(offset, &mut bytes).map_err(|_| NoRecord::Bad)?;
    BootRecord::parse(&bytes).map_err(|error| match error {
        RecordError::Erased => NoRecord::Erased,
        RecordError::Magic | RecordError::Checksum | RecordError::Range => NoRecord::Bad,
    })
}

/// Writes the record in `bytes` to one copy, erasing the page first when it has to be. `keeper` is what the other copy
/// has to hold for that; `None` when there is nothing to lose.
fn write_copy<F: Flash>(
    flash: &mut F,
    copy: &Copy,
    needs_erase: bool,
    bytes: &[u8; RECORD_SIZE],
    keeper: Option<&BootRecord>,
) -> Result<(), FlashError> {
    /// Places to try before the page is given up as worn; each try costs a place.
    const TRIES: usize = 3;
    if !needs_erase && copy.free().take(TRIES).any(|index| write_place(flash, copy.place(index), bytes).is_ok()) {
        return Ok(());
    }
    if !other_holds(flash, copy.page, keeper) {
        return Err(FlashError::Protected { offset: copy.page });
    }
    flash.erase(copy.page, copy.page + PAGE_SIZE)?;
    write_place(flash, copy.page, bytes)
}

fn write_place<F: Flash>(flash: &mut F, offset: u32, bytes: &[u8; RECORD_SIZE]) -> Result<(), FlashError> {
    flash.write(offset, bytes)?;
    let mut found = [0; RECORD_SIZE];
    match flash.read(offset, &mut found) {
        Ok(()) if found == *bytes => Ok(()),
        _ => Err(FlashError::ReadBack { offset }),
    }
}

fn other_holds<F: CheckedRead>(flash: &mut F, page: u32, keeper: Option<&BootRecord>) -> bool {
    let other = if page == BOOT_LOG_OFFSETS[0] { BOOT_LOG_OFFSETS[1] } else { BOOT_LOG_OFFSETS[0] };
    keeper.is_none() || Copy::scan(flash, other).holds(keeper)
}

#[cfg(test)]
mod tests;
