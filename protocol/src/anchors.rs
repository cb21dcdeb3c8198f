//! Trust anchors: the public keys that a unit believes, in the last page of the loader's own, write-protected region.
//!
//! Release keys sign images. Root keys sign key sets ([`crate::key_set`]) and nothing else; so many of them have to agree
//! as the threshold says (`boot:B10`).
//!
//! In a page of their own rather than compiled in, so that one loader binary serves every site and builds to the same
//! bytes; they are as well protected as the loader itself (`docs/decisions/trust-anchors.md`).
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `STRU` |
//! | 4 | 2 | format, 1 |
//! | 6 | 2 | number of keys, 0-4 |
//! | 8 | 4 x 48 | keys: id 8, role 1, stage 1, zero 6, public key 32; unused ones zero |
//! | 200 | 1 | threshold: root keys that have to sign a key set; 0 exactly when there are no root keys |
//! | 201 | 3 | zero |
//! | 204 | 4 | CRC-32 of bytes 0-203 |

use crate::checksum::crc32;
use crate::digest::KeyId;
use crate::fields::{Reader, Writer};

/// Bytes of the record.
pub const ANCHORS_SIZE: usize = 208;
/// Most keys it holds.
pub const MAX_ANCHORS: usize = 4;

const MAGIC: [u8; 4] = *b"STRU";
const FORMAT: u16 = 1;
const THRESHOLD_OFFSET: usize = 200;

/// What a key may vouch for, with its number in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Signs images.
    Release = 1,
    /// Signs key sets, together with other root keys.
    Root = 2,
}

/// Where a key is meant to be believed, with its number in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// By every loader.
    Production = 1,
    /// Only by a loader built for development; never by a release build (`boot:B10`, `fault:A5`).
    Development = 2,
}

/// One believed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// What it may vouch for.
    pub role: Role,
    /// Where it is believed.
    pub stage: Stage,
    /// The Ed25519 public key; its id follows from it.
    pub public_key: [u8; 32],
}

/// The keys a unit believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchors {
    keys: [Option<Anchor>; MAX_ANCHORS],
    threshold: u8,
}

/// Why bytes are not anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnchorsError {
    /// Nobody has written any.
    Missing,
    /// A format this side does not know.
    Format {
        /// The number found.
        found: u16,
    },
    /// The checksum does not fit.
    Checksum,
    /// A field is out of its range, or an id is not that of its key.
    Range,
}

impl Anchors {
    /// No key: nothing can be signed well enough.
    pub const NONE: Self = Self { keys: [None; MAX_ANCHORS], threshold: 0 };

    /// Believes these release keys; `None` when there are more than [`MAX_ANCHORS`], or a root key among them.
    #[must_use]
    pub fn new(keys: &[Anchor]) -> Option<Self> {
        Self::with_threshold(keys, 0)
    }

    /// Believes these keys, and a key set that `threshold` of the root keys signed. `None` when there are more than
    /// [`MAX_ANCHORS`], when one root key stands there twice, or when the threshold cannot be met or asks for nobody.
    #[must_use]
    pub fn with_threshold(keys: &[Anchor], threshold: u8) -> Option<Self> {
        let mut anchors = Self { threshold, ..Self::NONE };
        for (place, key) in anchors.keys.get_mut(..keys.len())?.iter_mut().zip(keys) {
            *place = Some(*key);
        }
        anchors.threshold_fits().then_some(anchors)
    }

    /// Root keys that have to sign a key set; 0 when there are none.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The root keys.
    pub fn roots(&self) -> impl Iterator<Item = &Anchor> {
        self.iter().filter(|anchor| anchor.role == Role::Root)
    }

    /// One root key twice would be counted as two people.
    fn threshold_fits(&self) -> bool {
        let count = self.roots().count();
        let threshold = usize::from(self.threshold);
        let twice = self.roots().any(|one| self.roots().filter(|other| other.public_key == one.public_key).count() > 1);
        !twice && threshold <= count && (threshold > 0) == (count > 0)
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &Anchor> {
        self.keys.iter().flatten()
    }

    /// The key with that id.
    #[must_use]
    pub fn find(&self, id: KeyId) -> Option<&Anchor> {
        self.iter().find(|anchor| KeyId::of(&anchor.public_key) == id)
    }

    /// Reads the record.
    ///
    /// # Errors
    /// [`AnchorsError`] for anything that is not exactly one.
    pub fn parse(bytes: &[u8; ANCHORS_SIZE]) -> Result<Self, AnchorsError> {
        let mut reader = Reader::new(bytes);
        if reader.array() != MAGIC {
            return Err(AnchorsError::Missing);
        }
        let format = reader.u16();
        if format != FORMAT {
            return Err(AnchorsError::Format { found: format });
        }
        let (body, checksum) = bytes.split_last_chunk::<4>().expect("the record is longer than its checksum");
        if u32::from_le_bytes(*checksum) != crc32(body) {
            return Err(AnchorsError::Checksum);
        }
        let count = usize::from(reader.u16());
        if count > MAX_ANCHORS {
            return Err(AnchorsError::Range);
        }
        let mut anchors = Self::NONE;
        for (index, place) in anchors.keys.iter_mut().enumerate() {
            if index < count {
                *place = Some(Anchor::read(&mut reader).ok_or(AnchorsError::Range)?);
            } else if !reader.zeros(48) {
                return Err(AnchorsError::Range);
            }
        }
        anchors.threshold = reader.u8();
        if reader.zeros(3) && anchors.threshold_fits() { Ok(anchors) } else { Err(AnchorsError::Range) }
    }

    /// The record.
    #[must_use]
    pub fn emit(&self) -> [u8; ANCHORS_SIZE] {
        let mut bytes = [0; ANCHORS_SIZE];
        let mut writer = Writer::new(&mut bytes);
        writer.array(&MAGIC).u16(FORMAT).u16(self.iter().count() as u16);
        for anchor in self.iter() {
            anchor.write(&mut writer);
        }
        bytes[THRESHOLD_OFFSET] = self.threshold;
        let checksum = crc32(&bytes[..ANCHORS_SIZE - 4]);
        bytes[ANCHORS_SIZE - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

impl Anchor {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let id = KeyId(reader.array());
        let role = match reader.u8() {
            1 => Role::Release,
            2 => Role::Root,
            _ => return None,
        };
        let stage = match reader.u8() {
            1 => Stage::Production,
            2 => Stage::Development,
            _ => return None,
        };
        let padding_is_zero = reader.zeros(6);
        let public_key = reader.array();
        (padding_is_zero && KeyId::of(&public_key) == id).then_some(Self { role, stage, public_key })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer
            .array(&KeyId::of(&self.public_key).0)
            .u8(self.role as u8)
            .u8(self.stage as u8)
            .zeros(6)
            .array(&self.public_key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Anchors {
        let key = |fill, stage| Anchor { role: Role::Release, stage, public_key: [fill; 32] };
        Anchors::new(&[key(1, Stage::Production), key(2, Stage::Development)]).expect("two keys fit")
    }

    fn root(fill: u8) -> Anchor {
        Anchor { role: Role::Root, stage: Stage::Production, public_key: [fill; 32] }
    }

    #[test]
    fn what_is_emitted_parses_back() {
        assert_eq!(Anchors::parse(&example().emit()), Ok(example()));
        let with_roots = Anchors::with_threshold(&[root(1), root(2), root(3)], 2).expect("two of three");
        assert_eq!(Anchors::parse(&with_roots.emit()), Ok(with_roots));
        assert_eq!(Anchors::parse(&Anchors::NONE.emit()), Ok(Anchors::NONE));
    }

    #[test]
    fn a_key_is_found_by_its_id_only() {
        let anchors = example();
        assert_eq!(anchors.find(KeyId::of(&[2; 32])).map(|anchor| anchor.stage), Some(Stage::Development));
        assert_eq!(anchors.find(KeyId::of(&[3; 32])), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..ANCHORS_SIZE * 8 {
            let mut bytes = example().emit();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Anchors::parse(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_page_without_root_keys_has_the_bytes_it_always_had() {
        assert_eq!(example().emit()[200..204], [0; 4]);
    }

    #[test]
    fn a_threshold_that_nobody_or_more_than_all_would_meet_is_none() {
        let release = Anchor { role: Role::Release, ..root(9) };
        for (keys, threshold) in [
            (&[release][..], 1),
            (&[root(1)], 0),
            (&[root(1), release], 2),
            // boot:B10: the same key twice is still one root.
            (&[root(1), root(1)], 2),
        ] {
            assert_eq!(Anchors::with_threshold(keys, threshold), None, "{threshold} of {keys:?}");
            let mut bytes = [0; ANCHORS_SIZE];
            let mut writer = Writer::new(&mut bytes);
            writer.array(&MAGIC).u16(FORMAT).u16(keys.len() as u16);
            keys.iter().for_each(|key| key.write(&mut writer));
            bytes[THRESHOLD_OFFSET] = threshold;
            let checksum = crc32(&bytes[..ANCHORS_SIZE - 4]);
            bytes[ANCHORS_SIZE - 4..].copy_from_slice(&checksum.to_le_bytes());
            assert_eq!(Anchors::parse(&bytes), Err(AnchorsError::Range), "{threshold} of {keys:?}");
        }
    }

    #[test]
    fn five_keys_are_too_many() {
        let key = Anchor { role: Role::Release, ..root(1) };
        assert!(Anchors::new(&[key; 5]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), ANCHORS_SIZE)) {
            prop_assert!(Anchors::parse(bytes.first_chunk().unwrap()).is_err());
        }
    }
}
