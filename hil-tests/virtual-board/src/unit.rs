//! A unit as it leaves the factory: loader, trust anchors, identity, and one release in slot A, or none at all.
//!
//! The boot log stays empty: an image without a record is what a new unit has.

mod trust;

use ed25519_dalek::{Signature, VerifyingKey};
use protocol::anchors::{Anchors, MAX_ANCHORS};
use protocol::bundle::{Bundle, BundleError, Variant};
use protocol::digest::{KeyId, sha256};
use protocol::identity::{Identity, Serial};
use protocol::key_set::{KeySetError, SIGNED_SIZE};
use protocol::layout::{ANCHORS_OFFSET, ERASED, FLASH_SIZE, IDENTITY_OFFSET, KEY_SET_OFFSETS, Slot};
use protocol::manifest::{Manifest, ManifestError};
use protocol::semver::Version;

use crate::board::{Board, BoardConfig};
use crate::elf::{ElfError, FlashImage};

use self::trust::Trust;
pub use self::trust::{TrustError, anchors, public_key_from_pem, root_key_from_pem};

/// Lowest unit id that a simulated unit gets; the next ones follow.
pub const FIRST_UNIT_ID: u8 = protocol::identity::DEFAULT_UNIT_ID;
/// Highest unit id on a bus.
pub const LAST_UNIT_ID: u8 = 247;

/// Why no unit can be made of these parts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactoryError {
    /// The loader is no image for the chip.
    #[error("the loader is unusable: {0}")]
    Loader(#[from] ElfError),
    /// The loader would overwrite something.
    #[error(
        "the loader takes flash {start:#07x} to {end:#07x}, it has 0x00000 to {ANCHORS_OFFSET:#07x}; check its link script"
    )]
    LoaderRange {
        /// Its first byte.
        start: usize,
        /// Behind its last byte.
        end: usize,
    },
    /// The bundle is none.
    #[error("the bundle is unusable: {0}; build it again with `sonde bundle build`")]
    Bundle(BundleError),
    /// A manifest in the bundle is none.
    #[error("the bundle holds a bad manifest: {0}; build it again with `sonde bundle build`")]
    Manifest(ManifestError),
    /// No image for slot A of that hardware.
    #[error(
        "the bundle has no image for slot A of hardware revision {revision}; build one with `--hardware {revision}`"
    )]
    NoVariant {
        /// The revision asked for.
        revision: u8,
    },
    /// Signed by somebody the unit would not believe.
    #[error("the bundle is signed by key {signer}, which no trusted key matches; name its public key with --trust")]
    UnknownKey {
        /// The key that signed it.
        signer: KeyId,
    },
    /// The signature or the digest is wrong.
    #[error("the bundle's image for slot {slot} is not what key {signer} signed; get the bundle again")]
    Forged {
        /// Which image.
        slot: Slot,
        /// The key it claims.
        signer: KeyId,
    },
    /// More keys than a unit holds.
    #[error("{found} keys, a unit's anchors hold {MAX_ANCHORS}; leave some out")]
    TooManyKeys {
        /// Keys given.
        found: usize,
    },
    /// Nobody to sign key sets, or nobody could ever sign enough.
    #[error("threshold {threshold} with {roots} root keys; choose one from 1 to {roots}, and name each key once")]
    Threshold {
        /// The threshold asked for.
        threshold: u8,
        /// Root keys given.
        roots: usize,
    },
    /// Signed by a key that the key set revokes.
    #[error("the bundle is signed by key {signer}, which the key set revokes; name a release by another key")]
    RevokedKey {
        /// The key that signed it.
        signer: KeyId,
    },
    /// The key set is none.
    #[error("the key set has {found} bytes, expected {SIGNED_SIZE}; name a file that `sonde key sign` made")]
    KeySetLength {
        /// Bytes found.
        found: usize,
    },
    /// The key set is none.
    #[error("the key set is unusable: {0}; name a file that `sonde key sign` made")]
    KeySet(KeySetError),
    /// The unit would not take it.
    #[error("{valid} of the root keys signed the key set, {needed} have to; sign it with: sonde key sign")]
    KeySetSignatures {
        /// Signatures that hold.
        valid: usize,
        /// Signatures that are needed.
        needed: u8,
    },
    /// No unit has that revision.
    #[error("hardware revision {found}, expected 0 to 31")]
    Revision {
        /// The number given.
        found: u8,
    },
}

/// What a unit is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// ELF file of the loader.
    pub loader: &'a [u8],
    /// The keys that it believes; see [`anchors`].
    pub anchors: &'a Anchors,
    /// A signed key set that it comes with.
    pub key_set: Option<&'a [u8]>,
    /// The release in slot A; `None`: the unit is empty.
    pub bundle: Option<&'a [u8]>,
    /// Hardware revision, 0-31.
    pub hardware_revision: u8,
}

/// Makes units of one kind.
#[derive(Debug, Clone)]
pub struct Factory {
    /// Everything but the identity.
    flash: Vec<u8>,
    hardware_revision: u8,
    version: Option<Version>,
}

impl Factory {
    /// A factory of units that believe these release keys, with no root keys and no key set.
    ///
    /// # Errors
    /// [`FactoryError`].
    pub fn new(
        loader_elf: &[u8],
        bundle: &[u8],
        trusted: &[[u8; 32]],
        hardware_revision: u8,
    ) -> Result<Self, FactoryError> {
        let anchors = anchors(trusted, &[], 0)?;
        let (key_set, bundle) = (None, Some(bundle));
        Self::of(&Parts { loader: loader_elf, anchors: &anchors, key_set, bundle, hardware_revision })
    }

    /// Checks the parts as a careful factory would: the release must be one that the unit will boot, the key set one that
    /// it will take.
    ///
    /// # Errors
    /// [`FactoryError`].
    pub fn of(parts: &Parts<'_>) -> Result<Self, FactoryError> {
        let hardware_revision = parts.hardware_revision;
        if hardware_revision > 31 {
            return Err(FactoryError::Revision { found: hardware_revision });
        }
        let mut flash = vec![ERASED; FLASH_SIZE as usize];
        place_loader(&mut flash, parts.loader)?;
        put(&mut flash, ANCHORS_OFFSET, &parts.anchors.emit());
        let trust = Trust::new(parts.anchors, parts.key_set)?;
        if let Some(copy) = trust.key_set_copy() {
            KEY_SET_OFFSETS.iter().for_each(|offset| put(&mut flash, *offset, copy));
        }
        let mut version = None;
        if let Some(bundle) = parts.bundle {
            let bundle = Bundle::parse(bundle).map_err(FactoryError::Bundle)?;
            let (variant, manifest) = factory_variant(&bundle, hardware_revision)?;
            verify(&variant, &manifest, &trust)?;
            put(&mut flash, Slot::A.offset(), variant.manifest);
            put(&mut flash, Slot::A.image_offset(), variant.image);
            version = Some(manifest.version);
        }
        Ok(Self { flash, hardware_revision, version })
    }

    /// Version of the release it installs, if it installs one.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Flash of a new unit with that id on the bus, 1-247.
    #[must_use]
    pub fn flash(&self, unit_id: u8) -> Vec<u8> {
        let mut flash = self.flash.clone();
        let identity = Identity { hardware_revision: self.hardware_revision, unit_id, serial: serial(unit_id) };
        put(&mut flash, IDENTITY_OFFSET, &identity.emit());
        flash
    }

    /// A new unit with that id on the bus, without power.
    #[must_use]
    pub fn board(&self, unit_id: u8) -> Board {
        board(self.flash(unit_id), unit_id)
    }
}

/// A board with any flash; chips differ by their unique id, which follows from the unit's.
#[must_use]
pub fn board(flash: Vec<u8>, unit_id: u8) -> Board {
    let mut unique_id = *b"\x2a\x00\x35\x00\x10QU4N\x00\x00\x00";
    unique_id[11] = unit_id;
    Board::new(BoardConfig { flash, unique_id })
}

fn place_loader(flash: &mut Vec<u8>, elf: &[u8]) -> Result<(), FactoryError> {
    let loader = FlashImage::parse(elf)?;
    let range = loader.range();
    if range.start != 0 || range.end > ANCHORS_OFFSET as usize {
        return Err(FactoryError::LoaderRange { start: range.start, end: range.end });
    }
    loader.place(flash);
    Ok(())
}

fn factory_variant<'a>(bundle: &Bundle<'a>, revision: u8) -> Result<(Variant<'a>, Manifest), FactoryError> {
    for variant in bundle.variants().filter(|variant| variant.slot == Slot::A) {
        let manifest = Manifest::parse(variant.signed_manifest().body()).map_err(FactoryError::Manifest)?;
        if manifest.hardware.contains(revision) {
            return Ok((variant, manifest));
        }
    }
    Err(FactoryError::NoVariant { revision })
}

fn verify(variant: &Variant<'_>, manifest: &Manifest, trust: &Trust<'_>) -> Result<(), FactoryError> {
    let signed = variant.signed_manifest();
    let signer = signed.key_id();
    let public_key = trust.believed(signer)?;
    let forged = FactoryError::Forged { slot: variant.slot, signer };
    let key = VerifyingKey::from_bytes(&public_key).map_err(|_| forged.clone())?;
    key.verify_strict(signed.body(), &Signature::from_bytes(signed.signature())).map_err(|_| forged.clone())?;
    let whole = manifest.slot == variant.slot && manifest.length as usize == variant.image.len();
    if whole && sha256(variant.image) == manifest.sha256 { Ok(()) } else { Err(forged) }
}

/// `MS-000002` for unit 2.
fn serial(unit_id: u8) -> Serial {
    Serial::parse(&format!("MS-{unit_id:06}")).expect("nine printable characters are a serial number")
}

fn put(flash: &mut [u8], offset: u32, bytes: &[u8]) {
    flash[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests;
