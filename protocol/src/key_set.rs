//! The key set (`boot:B10`): which release keys a unit believes beside its anchors, which it no longer believes, and, if
//! need be, a floor to start from again. Signed by root keys, so many as the anchors' threshold asks for.
//!
//! 504 bytes of fields, then up to four Ed25519 signatures over them, each by another root key. Fixed size, fixed places,
//! one spelling: lists are sorted, unused places are zero.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 16 | domain tag, so that a signature made for another purpose is worth nothing here (`fault:A7`) |
//! | 16 | 2 | format, 1 |
//! | 18 | 2 | number, 1-65535; a unit only ever takes a higher one |
//! | 20 | 4 | product |
//! | 24 | 1 | release keys, 0-8 |
//! | 25 | 1 | revoked keys, 0-16 |
//! | 26 | 1 | floor reset: 0 none, 1 for any unit, 2 for one unit |
//! | 27 | 1 | zero |
//! | 28 | 6 | floor to start from again; zero when none |
//! | 34 | 6 | zero |
//! | 40 | 16 | serial number of the one unit; zero when none or any |
//! | 56 | 8 x 40 | release keys, by public key: public key 32, stage 1, zero 1, floor at which it expires 6 (zero: never) |
//! | 376 | 16 x 8 | revoked key ids, ascending |
//! | 504 | 1 | signatures, 0-4 |
//! | 505 | 7 | zero |
//! | 512 | 4 x 72 | signatures, by root key id: root key id 8, Ed25519 signature over bytes 0-503 |
//!
//! Behind it in flash stand the unit's own, unsigned [`AcceptanceNote`], and its [`SEAL`]s.

mod note;
mod signed;

pub use note::{AcceptanceNote, COPY_SIZE, NOTE_OFFSET, NOTE_SIZE, SEAL, SEAL_OFFSET, SEAL_PLACES, copy};
pub use signed::{MAX_SIGNATURES, SIGNED_SIZE, SignedKeySet};

use crate::anchors::Stage;
use crate::digest::KeyId;
use crate::fields::{Reader, Writer};
use crate::identity::Serial;
use crate::semver::Version;

/// Bytes under the signatures.
pub const BODY_SIZE: usize = 504;
/// Says "this signature is about the keys of sonde units".
pub const DOMAIN: [u8; 16] = *b"sonde.keys.v1\0\0\0";
/// The only format so far.
pub const FORMAT: u16 = 1;
/// Most release keys in a set.
pub const MAX_RELEASE_KEYS: usize = 8;
/// Most revoked keys in a set.
pub const MAX_REVOKED: usize = 16;

const FLOOR_RESET_OFFSET: usize = 26;
const KEYS_OFFSET: usize = 56;
const RELEASE_KEY_SIZE: usize = 40;
const PUBLIC_KEY_SIZE: usize = 32;
const REVOKED_OFFSET: usize = KEYS_OFFSET + MAX_RELEASE_KEYS * RELEASE_KEY_SIZE;
const ID_SIZE: usize = 8;

const _: () = assert!(REVOKED_OFFSET + MAX_REVOKED * ID_SIZE == BODY_SIZE);

/// A release key that the set adds to the anchors, or restates with another stage or expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseKey {
    /// The Ed25519 public key; its id follows from it.
    pub public_key: [u8; 32],
    /// Where it is believed.
    pub stage: Stage,
    /// No longer believed once the unit's floor is this or higher; `None`: for good.
    pub expires_at_floor: Option<Version>,
}

/// Which units a floor reset is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// Every unit that takes the set.
    Any,
    /// One unit.
    One(Serial),
}

impl Units {
    /// Whether a unit is meant; one that does not know its serial number only by a reset for any.
    #[must_use]
    pub fn include(&self, serial: Option<Serial>) -> bool {
        match self {
            Self::Any => true,
            Self::One(meant) => serial == Some(*meant),
        }
    }
}

/// The way back from a floor that shuts out too much (`boot:B8`, `fault:R6`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloorReset {
    /// The floor from then on.
    pub to: Version,
    /// For whom.
    pub units: Units,
}

/// A key set whose bytes are known to be well formed. It stays the bytes that it was read from: what was signed is what is
/// looked at, and the loader has no room for a second form of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySet {
    body: [u8; BODY_SIZE],
}

/// Why bytes or fields are not a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySetError {
    /// The domain tag is another one.
    Domain,
    /// A format this side does not know.
    Format {
        /// The number found.
        found: u16,
    },
    /// The number is 0, below every set.
    Number,
    /// More release keys, revoked keys or signatures than there are places for.
    Count {
        /// Places.
        most: u8,
        /// The number found.
        found: u8,
    },
    /// A list is not sorted, or names something twice.
    Order,
    /// A key's stage is neither production nor development.
    Stage {
        /// The number found.
        found: u8,
    },
    /// A key expires at floor 0.0.0, which every unit has reached.
    Expiry,
    /// The floor reset is for neither any unit nor a well-formed serial number.
    FloorReset,
    /// A reserved byte or an unused place is not zero.
    Reserved,
}

impl core::fmt::Display for KeySetError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Domain => formatter.write_str("it does not carry the tag of a sonde key set"),
            Self::Format { found } => write!(formatter, "key set format {found}, expected {FORMAT}"),
            Self::Number => formatter.write_str("its number is 0, expected 1-65535"),
            Self::Count { most, found } => write!(formatter, "a list has {found} entries, at most {most} fit"),
            Self::Order => formatter.write_str("a list is not sorted or names something twice"),
            Self::Stage { found } => write!(formatter, "a key's stage is {found}, expected 1 or 2"),
            Self::Expiry => formatter.write_str("a key expires at floor 0.0.0, which every unit has reached"),
            Self::FloorReset => formatter.write_str("the floor reset is for no unit"),
            Self::Reserved => formatter.write_str("a reserved byte is not zero"),
        }
    }
}

impl KeySet {
    /// A set of these parts, in any order.
    ///
    /// # Errors
    /// [`KeySetError`] when they do not fit, or something is named twice.
    pub fn new(
        number: u16,
        product: u32,
        floor_reset: Option<FloorReset>,
        keys: &[ReleaseKey],
        revoked: &[KeyId],
    ) -> Result<Self, KeySetError> {
        if keys.iter().any(|key| key.expires_at_floor == Some(Version::ZERO)) {
            return Err(KeySetError::Expiry);
        }
        let mut body = [0; BODY_SIZE];
        let mut writer = Writer::new(&mut body);
        writer.array(&DOMAIN).u16(FORMAT).u16(number).u32(product);
        writer.u8(places(keys, MAX_RELEASE_KEYS)?).u8(places(revoked, MAX_REVOKED)?);
        write_floor_reset(floor_reset, &mut writer);
        let (key_places, revoked_places) = body[KEYS_OFFSET..].split_at_mut(REVOKED_OFFSET - KEYS_OFFSET);
        for (place, key) in key_places.as_chunks_mut::<RELEASE_KEY_SIZE>().0.iter_mut().zip(keys) {
            *place = key.emit();
        }
        for (place, id) in revoked_places.as_chunks_mut::<ID_SIZE>().0.iter_mut().zip(revoked) {
            *place = id.0;
        }
        // By their first bytes, which are public keys and ids.
        key_places.as_chunks_mut::<RELEASE_KEY_SIZE>().0[..keys.len()].sort_unstable();
        revoked_places.as_chunks_mut::<ID_SIZE>().0[..revoked.len()].sort_unstable();
        Self::parse(&body)
    }

    /// Which set it is; a unit only ever takes a higher one.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.head().number
    }

    /// The product it is for.
    #[must_use]
    pub fn product(&self) -> u32 {
        self.head().product
    }

    /// The floor to start from again, if the set names one.
    #[must_use]
    pub fn floor_reset(&self) -> Option<FloorReset> {
        // A set that was not well formed would not be one.
        read_floor_reset(&mut Reader::new(&self.body[FLOOR_RESET_OFFSET..])).ok().flatten()
    }

    /// Its release keys. One that is revoked as well is revoked.
    pub fn keys(&self) -> impl Iterator<Item = ReleaseKey> {
        self.key_places().iter().filter_map(|place| ReleaseKey::parse(place).ok())
    }

    /// The release key with that id.
    #[must_use]
    pub fn find(&self, id: KeyId) -> Option<ReleaseKey> {
        self.keys().find(|key| KeyId::of(&key.public_key) == id)
    }

    /// Keys that are believed no more, wherever they stand.
    pub fn revoked(&self) -> impl Iterator<Item = KeyId> {
        self.revoked_places().iter().copied().map(KeyId)
    }

    /// Reads a set. Not a word about its signatures.
    ///
    /// # Errors
    /// [`KeySetError`], naming the first thing that is wrong. There is one way to write a set.
    pub fn parse(body: &[u8; BODY_SIZE]) -> Result<Self, KeySetError> {
        let mut reader = Reader::new(body);
        if reader.array::<16>() != DOMAIN {
            return Err(KeySetError::Domain);
        }
        let format = reader.u16();
        if format != FORMAT {
            return Err(KeySetError::Format { found: format });
        }
        let set = Self { body: *body };
        let head = set.head();
        count(head.keys, MAX_RELEASE_KEYS)?;
        count(head.revoked, MAX_REVOKED)?;
        read_floor_reset(&mut Reader::new(&body[FLOOR_RESET_OFFSET..]))?;
        set.key_places().iter().try_for_each(|place| ReleaseKey::parse(place).map(drop))?;
        set.check()?;
        Ok(set)
    }

    /// The bytes to sign.
    #[must_use]
    pub const fn emit(&self) -> [u8; BODY_SIZE] {
        self.body
    }

    fn head(&self) -> Head {
        let mut reader = Reader::new(&self.body[DOMAIN.len() + 2..]);
        Head { number: reader.u16(), product: reader.u32(), keys: reader.u8(), revoked: reader.u8() }
    }

    fn key_places(&self) -> &[[u8; RELEASE_KEY_SIZE]] {
        let (places, _) = self.body[KEYS_OFFSET..REVOKED_OFFSET].as_chunks();
        places.get(..self.head().keys.into()).unwrap_or(places)
    }

    fn revoked_places(&self) -> &[[u8; ID_SIZE]] {
        let (places, _) = self.body[REVOKED_OFFSET..].as_chunks();
        places.get(..self.head().revoked.into()).unwrap_or(places)
    }

    fn check(&self) -> Result<(), KeySetError> {
        let (keys, revoked) = (self.key_places(), self.revoked_places());
        let behind_keys = &self.body[KEYS_OFFSET + keys.as_flattened().len()..REVOKED_OFFSET];
        let behind_revoked = &self.body[REVOKED_OFFSET + revoked.as_flattened().len()..];
        if behind_keys.iter().chain(behind_revoked).any(|&byte| byte != 0) {
            return Err(KeySetError::Reserved);
        }
        if self.number() == 0 {
            return Err(KeySetError::Number);
        }
        let keys_rise = keys.is_sorted_by(|one, next| one[..PUBLIC_KEY_SIZE] < next[..PUBLIC_KEY_SIZE]);
        let revoked_rise = revoked.is_sorted_by(|one, next| one < next);
        if keys_rise && revoked_rise { Ok(()) } else { Err(KeySetError::Order) }
    }
}

/// The numbers at the front, whatever they are.
struct Head {
    number: u16,
    product: u32,
    keys: u8,
    revoked: u8,
}

impl ReleaseKey {
    fn parse(bytes: &[u8; RELEASE_KEY_SIZE]) -> Result<Self, KeySetError> {
        let mut reader = Reader::new(bytes);
        let public_key = reader.array();
        let stage = match reader.u8() {
            1 => Stage::Production,
            2 => Stage::Development,
            found => return Err(KeySetError::Stage { found }),
        };
        let padding_is_zero = reader.zeros(1);
        let expiry = Version::read(&mut reader);
        if !padding_is_zero {
            return Err(KeySetError::Reserved);
        }
        Ok(Self { public_key, stage, expires_at_floor: (expiry != Version::ZERO).then_some(expiry) })
    }

    fn emit(&self) -> [u8; RELEASE_KEY_SIZE] {
        let mut bytes = [0; RELEASE_KEY_SIZE];
        let mut writer = Writer::new(&mut bytes);
        writer.array(&self.public_key).u8(self.stage as u8).zeros(1);
        self.expires_at_floor.unwrap_or(Version::ZERO).write(&mut writer);
        bytes
    }
}

fn read_floor_reset(reader: &mut Reader<'_>) -> Result<Option<FloorReset>, KeySetError> {
    let kind = reader.u8();
    let mut reserved_is_zero = reader.zeros(1);
    let to = Version::read(reader);
    reserved_is_zero &= reader.zeros(6);
    let serial: [u8; 16] = reader.array();
    if !reserved_is_zero {
        return Err(KeySetError::Reserved);
    }
    let no_serial = serial == [0; 16];
    match kind {
        0 if no_serial && to == Version::ZERO => Ok(None),
        1 if no_serial => Ok(Some(FloorReset { to, units: Units::Any })),
        2 => {
            let meant = Serial::from_bytes(serial).ok_or(KeySetError::FloorReset)?;
            Ok(Some(FloorReset { to, units: Units::One(meant) }))
        }
        _ => Err(KeySetError::FloorReset),
    }
}

fn write_floor_reset(reset: Option<FloorReset>, writer: &mut Writer<'_>) {
    let (kind, to, serial) = match reset {
        None => (0, Version::ZERO, [0; 16]),
        Some(FloorReset { to, units: Units::Any }) => (1, to, [0; 16]),
        Some(FloorReset { to, units: Units::One(serial) }) => (2, to, *serial.bytes()),
    };
    writer.u8(kind).zeros(1);
    to.write(writer);
    writer.zeros(6).array(&serial);
}

fn count(found: u8, most: usize) -> Result<usize, KeySetError> {
    if usize::from(found) <= most { Ok(found.into()) } else { Err(KeySetError::Count { most: most as u8, found }) }
}

fn places<T>(items: &[T], most: usize) -> Result<u8, KeySetError> {
    let found = items.len().try_into().unwrap_or(u8::MAX);
    count(found, most).map(|_| found)
}

#[cfg(test)]
mod tests;
