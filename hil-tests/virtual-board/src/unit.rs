//! A unit as it leaves the factory: loader, trust anchors, identity, and one release in slot A.
//!
//! The boot log stays empty: an image without a record is what a new unit has.

use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use protocol::anchors::{Anchor, Anchors, MAX_ANCHORS, Role, Stage};
use protocol::bundle::{Bundle, BundleError, Variant};
use protocol::digest::{KeyId, sha256};
use protocol::identity::{Identity, Serial};
use protocol::layout::{ANCHORS_OFFSET, ERASED, FLASH_SIZE, IDENTITY_OFFSET, Slot};
use protocol::manifest::{Manifest, ManifestError};
use protocol::semver::Version;

use crate::board::{Board, BoardConfig};
use crate::elf::{ElfError, FlashImage};

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
    #[error("{found} trusted keys, a unit holds {MAX_ANCHORS}; leave some out")]
    TooManyKeys {
        /// Keys given.
        found: usize,
    },
    /// No unit has that revision.
    #[error("hardware revision {found}, expected 0 to 31")]
    Revision {
        /// The number given.
        found: u8,
    },
}

/// A public key file that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key in PEM: {reason}; give the .pub.pem file that `sonde key new` wrote")]
pub struct TrustError {
    /// What is wrong with it.
    pub reason: String,
}

/// Reads a public key as `sonde key new` writes it: SubjectPublicKeyInfo in PEM.
///
/// # Errors
/// [`TrustError`] for anything else.
pub fn public_key_from_pem(text: &str) -> Result<[u8; 32], TrustError> {
    let key = VerifyingKey::from_public_key_pem(text).map_err(|error| TrustError { reason: error.to_string() })?;
    Ok(key.to_bytes())
}

/// Makes units of one kind.
#[derive(Debug, Clone)]
pub struct Factory {
    /// Everything but the identity.
    flash: Vec<u8>,
    hardware_revision: u8,
    version: Version,
}

impl Factory {
    /// Checks the parts as a careful factory would: the release must be one that the unit will boot.
    ///
    /// # Errors
    /// [`FactoryError`].
    pub fn new(
        loader_elf: &[u8],
        bundle: &[u8],
        trusted: &[[u8; 32]],
        hardware_revision: u8,
    ) -> Result<Self, FactoryError> {
        if hardware_revision > 31 {
            return Err(FactoryError::Revision { found: hardware_revision });
        }
        let mut flash = vec![ERASED; FLASH_SIZE as usize];
        place_loader(&mut flash, loader_elf)?;
        let anchors = anchors(trusted)?;
        put(&mut flash, ANCHORS_OFFSET, &anchors.emit());
        let bundle = Bundle::parse(bundle).map_err(FactoryError::Bundle)?;
        let (variant, manifest) = factory_variant(&bundle, hardware_revision)?;
        verify(&variant, &manifest, &anchors)?;
        put(&mut flash, Slot::A.offset(), variant.manifest);
        put(&mut flash, Slot::A.image_offset(), variant.image);
        Ok(Self { flash, hardware_revision, version: manifest.version })
    }

    /// Version of the release it installs.
    #[must_use]
    pub fn version(&self) -> Version {
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

fn anchors(trusted: &[[u8; 32]]) -> Result<Anchors, FactoryError> {
    let anchor = |&public_key| Anchor { role: Role::Release, stage: Stage::Production, public_key };
    let keys: Vec<_> = trusted.iter().map(anchor).collect();
    Anchors::new(&keys).ok_or(FactoryError::TooManyKeys { found: keys.len() })
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

fn verify(variant: &Variant<'_>, manifest: &Manifest, anchors: &Anchors) -> Result<(), FactoryError> {
    let signed = variant.signed_manifest();
    let signer = signed.key_id();
    let anchor = anchors.find(signer).ok_or(FactoryError::UnknownKey { signer })?;
    let forged = FactoryError::Forged { slot: variant.slot, signer };
    let key = VerifyingKey::from_bytes(&anchor.public_key).map_err(|_| forged.clone())?;
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
