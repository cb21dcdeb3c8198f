//! The signed description of an image (`boot:B5`): 160 bytes of fields and a 64-byte Ed25519 signature over them.
//!
//! Fixed size, fixed place (start of the slot), no variable part. 224 bytes, so that the whole of it fits one mailbox
//! message and is verified before anything is erased (`boot:U1`).
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 16 | domain tag, so that a signature made for another purpose is worth nothing here (`fault:A7`) |
//! | 16 | 2 | format, 1 |
//! | 18 | 1 | slot |
//! | 19 | 1 | zero |
//! | 20 | 4 | product |
//! | 24 | 4 | hardware revisions, bit n = revision n |
//! | 28 | 4 | load address |
//! | 32 | 4 | image length, bytes |
//! | 36 | 6 | version |
//! | 42 | 6 | security floor |
//! | 48 | 2 | register-map version |
//! | 50 | 2 | zero |
//! | 52 | 6 | minimum loader version |
//! | 58 | 2 | zero |
//! | 60 | 20 | build id |
//! | 80 | 8 | key id |
//! | 88 | 32 | SHA-256 of the image |
//! | 120 | 2 | last day of the release, days since 2000-01-01; 0 for none |
//! | 122 | 38 | zero |
//! | 160 | 64 | Ed25519 signature over bytes 0-159 |

use core::num::NonZeroU16;

use crate::digest::{ImageTag, KeyId, Sha256Digest};
use crate::fields::{Reader, Writer};
use crate::layout::{MAX_IMAGE, Slot};
use crate::semver::Version;

/// Bytes under the signature.
pub const BODY_SIZE: usize = 160;
/// Bytes of a manifest with its signature.
pub const SIGNED_SIZE: usize = BODY_SIZE + 64;
/// Says "this signature is about a sonde image".
pub const DOMAIN: [u8; 16] = *b"sonde.image.v1\0\0";
/// The only format so far.
pub const FORMAT: u16 = 1;
/// The multi-sonicator controller.
pub const PRODUCT: u32 = 0x534D_5331;

const KEY_ID_OFFSET: usize = 80;

/// A set of hardware revisions 0-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardwareSet(pub u32);

impl HardwareSet {
    /// The set of one revision; empty for a revision above 31, which no manifest can name.
    #[must_use]
    pub const fn only(revision: u8) -> Self {
        Self(if revision < 32 { 1 << revision } else { 0 })
    }

    /// Whether the revision is in the set.
    #[must_use]
    pub const fn contains(self, revision: u8) -> bool {
        revision < 32 && self.0 >> revision & 1 == 1
    }
}

impl core::fmt::Display for HardwareSet {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut separator = "";
        for revision in (0..32).filter(|&revision| self.contains(revision)) {
            write!(formatter, "{separator}{revision}")?;
            separator = ",";
        }
        if self.0 == 0 { formatter.write_str("none") } else { Ok(()) }
    }
}

/// What a manifest says once its bytes are known to be well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The slot the image is linked for; gives the load address.
    pub slot: Slot,
    /// The product it is for, [`PRODUCT`].
    pub product: u32,
    /// Revisions of that product's hardware it runs on.
    pub hardware: HardwareSet,
    /// Image bytes, 1 to [`MAX_IMAGE`].
    pub length: u32,
    /// Version of the image.
    pub version: Version,
    /// Lowest version that may run once this image is confirmed (`boot:B8`).
    pub security_floor: Version,
    /// Version of the register map it serves.
    pub register_map: u16,
    /// Lowest loader version that can boot it.
    pub minimum_loader: Version,
    /// Names the build, for symbols and provenance.
    pub build_id: [u8; 20],
    /// The key that signed it.
    pub key_id: KeyId,
    /// SHA-256 over the image's `length` bytes.
    pub sha256: Sha256Digest,
    /// Last day on which the release is offered without a warning, days since 2000-01-01 (`fault:R7`). For hosts: a unit has no
    /// clock that it could trust, and does not look.
    pub last_day: Option<NonZeroU16>,
}

/// Why bytes are not a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestError {
    /// The domain tag is another one.
    Domain,
    /// A format this side does not know.
    Format {
        /// The number found.
        found: u16,
    },
    /// Neither slot A nor slot B.
    Slot {
        /// The number found.
        found: u8,
    },
    /// The load address is not where the named slot's image starts.
    LoadAddress {
        /// The slot the manifest names.
        slot: Slot,
        /// The address it names.
        found: u32,
    },
    /// Zero, or more than a slot holds.
    Length {
        /// The length found.
        found: u32,
    },
    /// The security floor is above the image's own version: the image would shut itself out.
    Floor {
        /// Version of the image.
        version: Version,
        /// Floor it asks for.
        floor: Version,
    },
    /// A reserved byte is not zero.
    Reserved,
}

impl core::fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Domain => formatter.write_str("the manifest does not carry the tag of a sonde image"),
            Self::Format { found } => write!(formatter, "manifest format {found}, expected {FORMAT}"),
            Self::Slot { found } => write!(formatter, "manifest names slot number {found}, expected 0 (A) or 1 (B)"),
            Self::LoadAddress { slot, found } => {
                write!(formatter, "load address {found:#010x} for slot {slot}, expected {:#010x}", slot.image_address())
            }
            Self::Length { found } => write!(formatter, "image length {found}, expected 1 to {MAX_IMAGE}"),
            Self::Floor { version, floor } => {
                write!(formatter, "security floor {floor} is above the version {version}")
            }
            Self::Reserved => formatter.write_str("a reserved byte of the manifest is not zero"),
        }
    }
}

impl core::error::Error for ManifestError {}

impl Manifest {
    /// Reads the fields. Says nothing about who wrote them: check the signature first.
    ///
    /// # Errors
    /// [`ManifestError`], naming the first field that is wrong.
    pub fn parse(body: &[u8; BODY_SIZE]) -> Result<Self, ManifestError> {
        let mut reader = Reader::new(body);
        if reader.array::<16>() != DOMAIN {
            return Err(ManifestError::Domain);
        }
        let format = reader.u16();
        if format != FORMAT {
            return Err(ManifestError::Format { found: format });
        }
        let slot_code = reader.u8();
        let slot = Slot::from_code(slot_code).ok_or(ManifestError::Slot { found: slot_code })?;
        let mut reserved_is_zero = reader.zeros(1);
        let product = reader.u32();
        let hardware = HardwareSet(reader.u32());
        let load_address = reader.u32();
        if load_address != slot.image_address() {
            return Err(ManifestError::LoadAddress { slot, found: load_address });
        }
        let length = reader.u32();
        if !(1..=MAX_IMAGE).contains(&length) {
            return Err(ManifestError::Length { found: length });
        }
        let version = Version::read(&mut reader);
        let security_floor = Version::read(&mut reader);
        if security_floor > version {
            return Err(ManifestError::Floor { version, floor: security_floor });
        }
        let register_map = reader.u16();
        reserved_is_zero &= reader.zeros(2);
        let minimum_loader = Version::read(&mut reader);
        reserved_is_zero &= reader.zeros(2);
        let build_id = reader.array();
        let key_id = KeyId(reader.array());
        let sha256 = reader.array();
        let last_day = NonZeroU16::new(reader.u16());
        reserved_is_zero &= reader.zeros(38);
        if !reserved_is_zero {
            return Err(ManifestError::Reserved);
        }
        Ok(Self {
            slot,
            product,
            hardware,
            length,
            version,
            security_floor,
            register_map,
            minimum_loader,
            build_id,
            key_id,
            sha256,
            last_day,
        })
    }

    /// The bytes to sign.
    #[must_use]
    pub fn emit(&self) -> [u8; BODY_SIZE] {
        let mut body = [0; BODY_SIZE];
        let mut writer = Writer::new(&mut body);
        writer.array(&DOMAIN).u16(FORMAT).u8(self.slot.code()).zeros(1);
        writer.u32(self.product).u32(self.hardware.0).u32(self.slot.image_address()).u32(self.length);
        self.version.write(&mut writer);
        self.security_floor.write(&mut writer);
        writer.u16(self.register_map).zeros(2);
        self.minimum_loader.write(&mut writer);
        writer.zeros(2).array(&self.build_id).array(&self.key_id.0).array(&self.sha256);
        writer.u16(self.last_day.map_or(0, NonZeroU16::get));
        body
    }

    /// Names the image in records and answers.
    #[must_use]
    pub fn tag(&self) -> ImageTag {
        ImageTag::of(&self.sha256)
    }
}

/// A manifest as it is stored and sent: nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedManifest(pub [u8; SIGNED_SIZE]);

impl SignedManifest {
    /// Puts fields and signature together.
    #[must_use]
    pub fn new(body: &[u8; BODY_SIZE], signature: &[u8; 64]) -> Self {
        let mut bytes = [0; SIGNED_SIZE];
        bytes[..BODY_SIZE].copy_from_slice(body);
        bytes[BODY_SIZE..].copy_from_slice(signature);
        Self(bytes)
    }

    /// The bytes under the signature.
    #[must_use]
    pub fn body(&self) -> &[u8; BODY_SIZE] {
        self.0.first_chunk().expect("the body is the first part")
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        self.0.last_chunk().expect("the signature is the last part")
    }

    /// The key it claims to be signed by, from its fixed place.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId(*self.0[KEY_ID_OFFSET..].first_chunk().expect("the key id is inside the body"))
    }
}

#[cfg(feature = "messages")]
impl serde::Serialize for SignedManifest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

#[cfg(feature = "messages")]
impl<'de> serde::Deserialize<'de> for SignedManifest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Exact;
        impl serde::de::Visitor<'_> for Exact {
            type Value = SignedManifest;

            fn expecting(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(formatter, "{SIGNED_SIZE} bytes of a signed manifest")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<SignedManifest, E> {
                let exact = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(SignedManifest(exact))
            }
        }
        deserializer.deserialize_bytes(Exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Manifest {
        Manifest {
            slot: Slot::B,
            product: PRODUCT,
            hardware: HardwareSet(0b110),
            length: 70_000,
            version: Version::new(1, 2, 3),
            security_floor: Version::new(1, 0, 0),
            register_map: 1,
            minimum_loader: Version::new(0, 1, 0),
            build_id: [7; 20],
            key_id: KeyId([8; 8]),
            sha256: [9; 32],
            last_day: NonZeroU16::new(10_000),
        }
    }

    #[test]
    fn what_is_emitted_parses_back() {
        assert_eq!(Manifest::parse(&example().emit()), Ok(example()));
        let signed = SignedManifest::new(&example().emit(), &[5; 64]);
        assert_eq!(signed.key_id(), example().key_id);
        assert_eq!(signed.signature(), &[5; 64]);
    }

    #[test]
    fn lengths_at_and_beyond_every_border_are_told_apart() {
        // fault:A3
        for (length, good) in [(0, false), (1, true), (MAX_IMAGE, true), (MAX_IMAGE + 1, false), (u32::MAX, false)] {
            let parsed = Manifest::parse(&Manifest { length, ..example() }.emit());
            assert_eq!(parsed.is_ok(), good, "{length}");
        }
    }

    #[test]
    fn a_reserved_byte_that_is_not_zero_is_refused() {
        // fault:A4: an unprotected or unknown field must not ride along.
        for offset in [19, 50, 51, 58, 59, 122, 159] {
            let mut body = example().emit();
            body[offset] = 1;
            assert_eq!(Manifest::parse(&body), Err(ManifestError::Reserved), "offset {offset}");
        }
    }

    #[test]
    fn a_load_address_in_the_alias_of_flash_is_refused() {
        // fault:A11
        let mut body = example().emit();
        body[28..32].copy_from_slice(&Slot::B.image_offset().to_le_bytes());
        assert!(matches!(Manifest::parse(&body), Err(ManifestError::LoadAddress { slot: Slot::B, .. })));
    }

    #[test]
    fn another_domain_is_refused() {
        // fault:A7
        let mut body = example().emit();
        body[..16].copy_from_slice(b"sonde.config.v1\0");
        assert_eq!(Manifest::parse(&body), Err(ManifestError::Domain));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_and_accepted_ones_are_exact(bytes in proptest::array::uniform32(any::<u8>()), at in 0_usize..128) {
            let mut body = example().emit();
            body[at..at + 32].copy_from_slice(&bytes);
            if let Ok(manifest) = Manifest::parse(&body) {
                prop_assert_eq!(manifest.emit(), body);
            }
        }
    }
}
