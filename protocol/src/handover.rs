//! What loader and firmware leave for each other in the last bytes of RAM, which a reset does not clear.
//!
//! Both records close with a CRC-32, since RAM holds anything after power-on.
//!
//! Report, loader to firmware, 64 bytes:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `SBRP` |
//! | 4 | 1 | slot that runs |
//! | 5 | 1 | reason, [`BootReason`] |
//! | 6 | 1 | reset cause, [`ResetCause`] |
//! | 7 | 1 | attempts of the trial, this one included; 0 when confirmed |
//! | 8 | 1 | boot log copies that read well: bit 0 copy 0, bit 1 copy 1 |
//! | 9 | 1 | zero |
//! | 10 | 6 | version of the loader |
//! | 16 | 4 | microseconds from reset to the jump |
//! | 20 | 4 | detail of the firmware's mark before this reset, 0 when it left none |
//! | 24 | 36 | zero |
//! | 60 | 4 | CRC-32 |
//!
//! Mark, firmware to loader, 16 bytes: magic `SMRK`, kind 1, zero 3, detail 4, CRC-32.

use crate::checksum::crc32;
use crate::coded::coded;
use crate::fields::{Reader, Writer};
use crate::layout::Slot;
use crate::reset::ResetCause;
use crate::semver::Version;

/// Bytes of the report.
pub const REPORT_SIZE: usize = 64;
/// Bytes of the mark.
pub const MARK_SIZE: usize = 16;

const REPORT_MAGIC: [u8; 4] = *b"SBRP";
const MARK_MAGIC: [u8; 4] = *b"SMRK";

coded! {
    /// Why the loader chose what runs.
    BootReason {
        /// The confirmed image.
        Confirmed = 1, "confirmed image";
        /// An image on trial.
        Trial = 2, "image on trial";
        /// The trial was given up at this boot; the image that ran before runs again.
        FellBack = 3, "fell back from a trial";
        /// There is no boot log and this is the only image that verifies.
        OnlyImage = 4, "only image that verifies";
        /// The confirmed image does not verify; the other one runs.
        ConfirmedInvalid = 5, "confirmed image does not verify, other slot runs";
    }
}

/// The decision of the loader, for the firmware to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootReport {
    /// Slot that runs.
    pub slot: Slot,
    /// Why it.
    pub reason: BootReason,
    /// Why the unit reset.
    pub reset: ResetCause,
    /// Attempts of the trial, this one included; 0 when confirmed.
    pub attempts: u8,
    /// Which copies of the boot log read well.
    pub log_copies_good: [bool; 2],
    /// Version of the loader.
    pub loader: Version,
    /// From reset to the jump, microseconds.
    pub boot_us: u32,
    /// Detail of the mark that the firmware left before this reset; 0 when none.
    pub mark_detail: u32,
}

impl BootReport {
    /// Reads a report; `None` for anything that is not exactly one.
    #[must_use]
    pub fn parse(bytes: &[u8; REPORT_SIZE]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.array() != REPORT_MAGIC || !closes_with_crc(bytes) {
            return None;
        }
        let slot = Slot::from_code(reader.u8())?;
        let reason = BootReason::from_code(reader.u8())?;
        let reset = ResetCause::from_code(reader.u8())?;
        let attempts = reader.u8();
        let copies = reader.u8();
        let padding_is_zero = reader.zeros(1);
        let loader = Version::read(&mut reader);
        let (boot_us, mark_detail) = (reader.u32(), reader.u32());
        let good = padding_is_zero && reader.zeros(36) && copies < 4;
        let log_copies_good = [copies & 1 != 0, copies & 2 != 0];
        good.then_some(Self { slot, reason, reset, attempts, log_copies_good, loader, boot_us, mark_detail })
    }

    /// The report's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; REPORT_SIZE] {
        let mut bytes = [0; REPORT_SIZE];
        let mut writer = Writer::new(&mut bytes);
        let copies = u8::from(self.log_copies_good[0]) | u8::from(self.log_copies_good[1]) << 1;
        writer.array(&REPORT_MAGIC).u8(self.slot.code()).u8(self.reason.code()).u8(self.reset.code());
        writer.u8(self.attempts).u8(copies).zeros(1);
        self.loader.write(&mut writer);
        writer.u32(self.boot_us).u32(self.mark_detail);
        close_with_crc(&mut bytes);
        bytes
    }
}

coded! {
    /// Why the firmware is about to reset the unit.
    MarkKind {
        /// After a command: activation, roll back, restart.
        Requested = 1, "requested";
        /// A panic or a hard fault; the detail is the address where it happened.
        Panic = 2, "panic";
        /// Nothing is about to happen: RAM is alive. Left at start, so that a brown-out can be told from power-on.
        Alive = 3, "alive";
        /// After an authenticated request for recovery: the loader stays up and serves the bus (`boot:B9`).
        Recovery = 4, "recovery requested";
    }
}

/// What the firmware leaves for the loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Why it resets.
    pub kind: MarkKind,
    /// More, by kind; 0 when there is nothing to say.
    pub detail: u32,
}

impl Mark {
    /// Reads a mark; `None` for anything that is not exactly one.
    #[must_use]
    pub fn parse(bytes: &[u8; MARK_SIZE]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.array() != MARK_MAGIC || !closes_with_crc(bytes) {
            return None;
        }
        let kind = MarkKind::from_code(reader.u8())?;
        reader.zeros(3).then(|| Self { kind, detail: reader.u32() })
    }

    /// The mark's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; MARK_SIZE] {
        let mut bytes = [0; MARK_SIZE];
        Writer::new(&mut bytes).array(&MARK_MAGIC).u8(self.kind.code()).zeros(3).u32(self.detail);
        close_with_crc(&mut bytes);
        bytes
    }
}

fn closes_with_crc(record: &[u8]) -> bool {
    record.split_last_chunk::<4>().is_some_and(|(body, checksum)| u32::from_le_bytes(*checksum) == crc32(body))
}

fn close_with_crc(record: &mut [u8]) {
    let (body, checksum) = record.split_last_chunk_mut::<4>().expect("a record is longer than its checksum");
    *checksum = crc32(body).to_le_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report() -> BootReport {
        BootReport {
            slot: Slot::B,
            reason: BootReason::Trial,
            reset: ResetCause::Watchdog,
            attempts: 2,
            log_copies_good: [true, false],
            loader: Version::new(0, 1, 0),
            boot_us: 41_000,
            mark_detail: 0x0801_2345,
        }
    }

    #[test]
    fn what_is_emitted_parses_back() {
        assert_eq!(BootReport::parse(&report().emit()), Some(report()));
        let mark = Mark { kind: MarkKind::Panic, detail: 7 };
        assert_eq!(Mark::parse(&mark.emit()), Some(mark));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..REPORT_SIZE * 8 {
            let mut bytes = report().emit();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(BootReport::parse(&bytes), None, "bit {bit}");
        }
        for bit in 0..MARK_SIZE * 8 {
            let mut bytes = Mark { kind: MarkKind::Alive, detail: 0 }.emit();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::parse(&bytes), None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn any_ram_is_answered(bytes in proptest::collection::vec(any::<u8>(), REPORT_SIZE)) {
            prop_assert_eq!(BootReport::parse(bytes.first_chunk().unwrap()), None);
            prop_assert_eq!(Mark::parse(bytes.first_chunk().unwrap()), None);
        }
    }
}
