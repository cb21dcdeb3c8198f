//! Records of the boot log (`boot:B2`): each one is the whole state, so the newest valid one is enough.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `SBL1` |
//! | 4 | 4 | sequence, one more than the record before |
//! | 8 | 1 | phase: 1 confirmed, 2 trial |
//! | 9 | 1 | attempts the trial has used |
//! | 10 | 1 | last switch: 1 factory, 2 activated, 3 rolled back, 4 fell back |
//! | 11 | 1 | cause of the fall back, else 0 |
//! | 12 | 1 | reset that led to the fall back, else 0 |
//! | 13 | 1 | 1 when a fallback image is named, else 0 |
//! | 14 | 6 | floor |
//! | 20 | 16 | active image: slot 1, zero 1, version 6, tag 8 |
//! | 36 | 16 | fallback image, the same; zero when none |
//! | 52 | 6 | version that the last switch came from; zero for factory |
//! | 58 | 2 | floor order: number of the newest key set that the floor has taken in; zero when none |
//! | 60 | 4 | CRC-32 of bytes 0-59 |

use crate::checksum::crc32;
use crate::coded::coded;
use crate::digest::ImageTag;
use crate::fields::{Reader, Writer};
use crate::layout::{PAGE_SIZE, Slot, WORD_SIZE};
use crate::reset::ResetCause;
use crate::semver::Version;

/// Bytes of one record.
pub const RECORD_SIZE: usize = 64;
/// Records that one page holds.
pub const RECORDS_PER_PAGE: usize = PAGE_SIZE as usize / RECORD_SIZE;

const _: () = assert!(RECORD_SIZE.is_multiple_of(WORD_SIZE as usize));
const _: () = assert!((PAGE_SIZE as usize).is_multiple_of(RECORD_SIZE));

const MAGIC: [u8; 4] = *b"SBL1";

/// An image that the log speaks of. The tag binds the statement to the bytes: another image in the same slot is not it.
#[derive(Debug, Clone, Copy, Eq)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct ImageRef {
    /// Where it is.
    pub slot: Slot,
    /// Its version.
    pub version: Version,
    /// Its hash, short.
    pub tag: ImageTag,
}

/// A function of its own: the loader compares images in many places, and has no room for a copy of this in each.
impl PartialEq for ImageRef {
    #[inline(never)]
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && self.version == other.version && self.tag == other.tag
    }
}

/// How far the active image is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub enum Phase {
    /// It is the one to run.
    Confirmed,
    /// It has to show that it works.
    Trial {
        /// How often it was started.
        attempts: u8,
        /// Where to go when it does not.
        fallback: Option<ImageRef>,
    },
}

coded! {
    /// Why a trial ended without being confirmed.
    FallbackCause {
        /// It was started as often as a trial may be and never confirmed (`boot:B7`).
        AttemptsUsed = 1, "not confirmed within its attempts";
        /// Its image does not verify.
        ImageInvalid = 2, "image does not verify";
    }
}

/// The last change of the active image, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub enum Switch {
    /// As it left the factory.
    Factory,
    /// An update was activated.
    Activated {
        /// The version that ran before.
        from: Version,
    },
    /// An operator asked to go back.
    RolledBack {
        /// The version that ran before.
        from: Version,
    },
    /// The loader gave up on a trial.
    FellBack {
        /// The version that was on trial.
        from: Version,
        /// Why.
        cause: FallbackCause,
        /// The reset that ended the last attempt.
        reset: ResetCause,
    },
}

/// Everything the loader has to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootState {
    /// The image to run.
    pub active: ImageRef,
    /// How far it is trusted.
    pub phase: Phase,
    /// Lowest version that may run.
    pub floor: Version,
    /// Number of the newest key set that the floor has taken in; 0 when none. A floor reset in a set with a higher
    /// number is still to come, one with this number or a lower one is spent (`boot:B8`, `fault:R6`).
    pub floor_order: u16,
    /// Why the active image is the active one.
    pub last_switch: Switch,
}

/// One record of the log.
#[derive(Debug, Clone, Copy, Eq)]
pub struct BootRecord {
    /// Position in the log's history; the highest one is in force.
    pub sequence: u32,
    /// The state from this record on.
    pub state: BootState,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// Nothing was written here.
    Erased,
    /// Something else is here, or a torn write.
    Magic,
    /// The checksum does not fit.
    Checksum,
    /// A field is out of its range.
    Range,
}

/// One state has one encoding, so the bytes tell; field by field takes the loader ten times the code.
impl PartialEq for BootRecord {
    fn eq(&self, other: &Self) -> bool {
        self.body() == other.body()
    }
}

impl BootRecord {
    /// Reads a record.
    ///
    /// # Errors
    /// [`RecordError`] for anything that is not exactly one.
    pub fn parse(bytes: &[u8; RECORD_SIZE]) -> Result<Self, RecordError> {
        if bytes.iter().all(|&byte| byte == crate::layout::ERASED) {
            return Err(RecordError::Erased);
        }
        let mut reader = Reader::new(bytes);
        if reader.array() != MAGIC {
            return Err(RecordError::Magic);
        }
        let (body, checksum) = bytes.split_last_chunk::<4>().expect("the record is longer than its checksum");
        if u32::from_le_bytes(*checksum) != crc32(body) {
            return Err(RecordError::Checksum);
        }
        let record = Self::read(&mut reader);
        // One state has one encoding; anything else was not written by us.
        if record.body() == *body { Ok(record) } else { Err(RecordError::Range) }
    }

    /// Takes a code that means nothing for any that does: then the record's own bytes are others.
    fn read(reader: &mut Reader<'_>) -> Self {
        let sequence = reader.u32();
        let (phase, attempts) = (reader.u8(), reader.u8());
        let (switch, cause, reset, has_fallback) = (reader.u8(), reader.u8(), reader.u8(), reader.u8());
        let floor = Version::read(reader);
        let (active, fallback) = (ImageRef::read(reader), ImageRef::read(reader));
        let from = Version::read(reader);
        let floor_order = reader.u16();
        let phase = match phase {
            1 => Phase::Confirmed,
            _ => Phase::Trial { attempts, fallback: (has_fallback == 1).then_some(fallback) },
        };
        let last_switch = match switch {
            1 => Switch::Factory,
            2 => Switch::Activated { from },
            3 => Switch::RolledBack { from },
            _ => Switch::FellBack {
                from,
                cause: FallbackCause::from_code(cause).unwrap_or(FallbackCause::AttemptsUsed),
                reset: ResetCause::from_code(reset).unwrap_or(ResetCause::Unknown),
            },
        };
        Self { sequence, state: BootState { active, phase, floor, floor_order, last_switch } }
    }

    /// The record's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; RECORD_SIZE] {
        let mut bytes = [0; RECORD_SIZE];
        let body = self.body();
        Writer::new(&mut bytes).array(&body).u32(crc32(&body));
        bytes
    }

    /// All but the checksum.
    fn body(&self) -> [u8; RECORD_SIZE - 4] {
        let BootState { active, phase, floor, floor_order, last_switch } = self.state;
        let (phase, attempts, fallback) = match phase {
            Phase::Confirmed => (1, 0, None),
            Phase::Trial { attempts, fallback } => (2, attempts, fallback),
        };
        let (switch, cause, reset, from) = match last_switch {
            Switch::Factory => (1, 0, 0, Version::ZERO),
            Switch::Activated { from } => (2, 0, 0, from),
            Switch::RolledBack { from } => (3, 0, 0, from),
            Switch::FellBack { from, cause, reset } => (4, cause.code(), reset.code(), from),
        };
        let mut bytes = [0; RECORD_SIZE - 4];
        let mut writer = Writer::new(&mut bytes);
        writer.array(&MAGIC).u32(self.sequence).u8(phase).u8(attempts);
        writer.u8(switch).u8(cause).u8(reset).u8(u8::from(fallback.is_some()));
        floor.write(&mut writer);
        active.write(&mut writer);
        match fallback {
            Some(image) => image.write(&mut writer),
            None => {
                writer.zeros(16);
            }
        }
        from.write(&mut writer);
        writer.u16(floor_order);
        bytes
    }
}

impl ImageRef {
    /// Takes a slot that there is not for A; the caller looks whether the bytes are the image's own.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let slot = Slot::from_code(reader.u8()).unwrap_or(Slot::A);
        let _zero = reader.u8();
        Self { slot, version: Version::read(reader), tag: ImageTag(reader.array()) }
    }

    pub(crate) fn write(self, writer: &mut Writer<'_>) {
        writer.u8(self.slot.code()).u8(0);
        self.version.write(writer);
        writer.array(&self.tag.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(slot: Slot, minor: u16) -> ImageRef {
        ImageRef { slot, version: Version::new(1, minor, 0), tag: ImageTag([minor as u8; 8]) }
    }

    fn any_state() -> impl Strategy<Value = BootState> {
        let slot = prop_oneof![Just(Slot::A), Just(Slot::B)];
        let some_image = (slot, any::<u16>()).prop_map(|(slot, minor)| image(slot, minor));
        let phase = prop_oneof![
            Just(Phase::Confirmed),
            (any::<u8>(), proptest::option::of(some_image.clone()))
                .prop_map(|(attempts, fallback)| Phase::Trial { attempts, fallback }),
        ];
        let from = any::<[u16; 3]>().prop_map(|[major, minor, patch]| Version { major, minor, patch });
        let switch =
            (from.clone(), 0_usize..4, proptest::sample::select(ResetCause::ALL)).prop_map(|(from, kind, reset)| {
                match kind {
                    0 => Switch::Factory,
                    1 => Switch::Activated { from },
                    2 => Switch::RolledBack { from },
                    _ => Switch::FellBack { from, cause: FallbackCause::AttemptsUsed, reset },
                }
            });
        (some_image, phase, from, any::<u16>(), switch).prop_map(|(active, phase, floor, floor_order, last_switch)| {
            BootState { active, phase, floor, floor_order, last_switch }
        })
    }

    #[test]
    fn an_erased_place_is_told_from_a_torn_one() {
        assert_eq!(BootRecord::parse(&[0xFF; RECORD_SIZE]), Err(RecordError::Erased));
        let mut torn = [0xFF; RECORD_SIZE];
        torn[0] = 0x7F;
        assert_eq!(BootRecord::parse(&torn), Err(RecordError::Magic));
    }

    proptest! {
        #[test]
        fn what_is_emitted_parses_back(sequence: u32, state in any_state()) {
            let record = BootRecord { sequence, state };
            prop_assert_eq!(BootRecord::parse(&record.emit()), Ok(record));
        }

        #[test]
        fn every_flipped_bit_is_noticed(sequence: u32, state in any_state(), bit in 0..RECORD_SIZE * 8) {
            let mut bytes = BootRecord { sequence, state }.emit();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(BootRecord::parse(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), RECORD_SIZE)) {
            prop_assert!(BootRecord::parse(bytes.first_chunk().unwrap()).is_err());
        }

        #[test]
        fn a_record_with_a_fixed_checksum_is_accepted_only_when_exact(
            sequence: u32, state in any_state(), at in 4..RECORD_SIZE - 4, value: u8,
        ) {
            let mut bytes = BootRecord { sequence, state }.emit();
            bytes[at] = value;
            let checksum = crc32(&bytes[..RECORD_SIZE - 4]);
            bytes[RECORD_SIZE - 4..].copy_from_slice(&checksum.to_le_bytes());
            if let Ok(record) = BootRecord::parse(&bytes) {
                prop_assert_eq!(record.emit(), bytes);
            }
        }
    }
}
