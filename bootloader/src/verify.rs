//! Whether an image may run (`boot:B4`): the one answer, for loader and firmware.
//!
//! Nothing of variable length is used before the signature over the fixed-size manifest holds; then the length that it
//! vouches for is the only one used.
//!
//! Does not look at the slot behind the image's last byte (`fault:A2`). What is there is not covered by the signature
//! and is never copied or executed by signed code: a page left from a longer image before it is harmless, and demanding
//! erased pages would only make an update erase more. A prefetch that meets a poisoned word there is sorted out by
//! address in the NMI handler (`boot:B3`).

use hash::Sha256;
use protocol::boot_record::ImageRef;
use protocol::digest::{ImageTag, KeyId, Sha256Digest};
use protocol::layout::{ERASED, HANDOVER_ADDRESS, RAM_BASE, Slot};
use protocol::manifest::{HardwareSet, Manifest, ManifestError, SIGNED_SIZE, SignedManifest};
use protocol::semver::Version;
use thiserror::Error;

use crate::ed25519::{self, Invalid, Valid};
use crate::flash::{CheckedRead, FlashError};
use crate::seal;
use crate::unit::Criteria;

mod second_look;

pub use second_look::look_again;

/// Why a manifest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The unit does not know the key.
    #[error("the unit does not know key {key}; sign with a release key of this site")]
    UnknownKey {
        /// The key that the manifest names.
        key: KeyId,
    },
    /// The unit knows the key for development only, and this is a release build (`boot:B10`).
    #[error("key {key} is a development key, which a release build never believes; sign with a release key")]
    DevelopmentKey {
        /// The key that the manifest names.
        key: KeyId,
    },
    /// The unit's key set revokes the key (`boot:B10`).
    #[error("key {key} was revoked; sign with another release key of this site")]
    RevokedKey {
        /// The key that the manifest names.
        key: KeyId,
    },
    /// The floor has reached the one at which the key expires, or would when the image is confirmed (`boot:B10`).
    #[error("key {key} is not believed from floor {expires_at_floor} on, the floor is {floor}; sign with a newer key")]
    ExpiredKey {
        /// The key that the manifest names.
        key: KeyId,
        /// The floor at which it expires.
        expires_at_floor: Version,
        /// The unit's floor, or the image's security floor when that is higher.
        floor: Version,
    },
    /// What the unit holds for the key is not an Ed25519 public key.
    #[error("the unit's anchor {key} is not a public key; provision the unit again")]
    UnusableKey {
        /// The key that the manifest names.
        key: KeyId,
    },
    /// The signature does not hold.
    #[error("the signature by key {key} does not hold; get the release again from its source")]
    Signature {
        /// The key that the manifest names.
        key: KeyId,
    },
    /// Signed, but not a manifest of this format.
    #[error("{0}; build the release with matching tools")]
    Malformed(ManifestError),
    /// For another product.
    #[error("the image is for product {image:#010x}, this is a {unit:#010x}; choose the release for it")]
    Product {
        /// What the unit is.
        unit: u32,
        /// What the image is for.
        image: u32,
    },
    /// For other revisions of the board.
    #[error("the image is for hardware revisions {image}, {}; choose the release for it", Known(*.unit))]
    Revision {
        /// Revision of the unit; `None` when its identity cannot be read.
        unit: Option<u8>,
        /// Revisions that the image is for.
        image: HardwareSet,
    },
    /// Below the floor (`boot:B8`).
    #[error("version {image} is below the floor {floor}; choose a newer release")]
    BelowFloor {
        /// The unit's floor.
        floor: Version,
        /// Version of the image.
        image: Version,
    },
    /// Needs a newer loader.
    #[error("the image needs loader {needed} or newer, this is {loader}; choose a release for it")]
    Loader {
        /// Version of the unit's loader.
        loader: Version,
        /// Version that the image needs.
        needed: Version,
    },
}

/// What a unit knows of its own revision, in words.
struct Known(Option<u8>);

impl core::fmt::Display for Known {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(revision) => write!(formatter, "the unit is of revision {revision}"),
            None => formatter.write_str("the unit's own revision cannot be read"),
        }
    }
}

/// Judges a manifest: key, signature, fields, product, revision, floor, loader, in this order.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn verify_manifest(signed: &SignedManifest, criteria: &Criteria) -> Result<Manifest, Refusal> {
    let valid = check_signature(signed, criteria)?;
    let manifest = Manifest::parse(signed.body()).map_err(Refusal::Malformed)?;
    suits(&manifest, criteria)?;
    // Once more, since nothing else hangs on the answer above, and one instruction may have been left out there.
    if valid.word() != Valid::YES {
        return Err(Refusal::Signature { key: manifest.key_id });
    }
    Ok(manifest)
}

/// Judges what a manifest says, wherever it is from: key, product, revision, floor, loader. Nothing about its signature.
///
/// The key has to stay believed when the image is confirmed: the floor that the image itself asks for must not shut it
/// out.
pub(crate) fn suits(manifest: &Manifest, criteria: &Criteria) -> Result<(), Refusal> {
    criteria.trust.believe(manifest.key_id, criteria.floor.max(manifest.security_floor))?;
    let hardware = criteria.hardware;
    if manifest.product != hardware.product {
        return Err(Refusal::Product { unit: hardware.product, image: manifest.product });
    }
    if !hardware.revision.is_some_and(|revision| manifest.hardware.contains(revision)) {
        return Err(Refusal::Revision { unit: hardware.revision, image: manifest.hardware });
    }
    if manifest.version < criteria.floor {
        return Err(Refusal::BelowFloor { floor: criteria.floor, image: manifest.version });
    }
    if criteria.loader < manifest.minimum_loader {
        return Err(Refusal::Loader { loader: criteria.loader, needed: manifest.minimum_loader });
    }
    Ok(())
}

fn check_signature(signed: &SignedManifest, criteria: &Criteria) -> Result<Valid, Refusal> {
    let key = signed.key_id();
    let believed = criteria.trust.believe(key, criteria.floor)?;
    ed25519::verify(&believed, signed.body(), signed.signature()).map_err(|invalid| match invalid {
        Invalid::Key => Refusal::UnusableKey { key },
        Invalid::Signature => Refusal::Signature { key },
    })
}

/// What is wrong with the first two words of an image (`fault:A9`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VectorFault {
    /// Shorter than the core's own vectors.
    #[error("the image has {length} bytes, fewer than a vector table")]
    TooShort {
        /// Length of the image, bytes.
        length: u32,
    },
    /// The stack would not start inside RAM, 8-aligned and below the hand-over area.
    #[error("the initial stack pointer {found:#010x} is not 8-aligned in RAM")]
    StackPointer {
        /// The first word.
        found: u32,
    },
    /// The reset vector does not lead into the image, or is not Thumb code.
    #[error("the reset vector {found:#010x} is not Thumb code inside the image")]
    ResetVector {
        /// The second word.
        found: u32,
    },
}

/// Why a slot holds no image that may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidImage {
    /// The slot's manifest page is erased.
    #[error("slot {slot} is empty")]
    Empty {
        /// The slot.
        slot: Slot,
    },
    /// Manifest or image cannot be read (`fault:P5`).
    #[error("{0}")]
    Unreadable(#[from] FlashError),
    /// The manifest is refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The manifest is for the other slot.
    #[error("slot {slot} holds a manifest for slot {manifest}; stage the variant for {slot}")]
    Slot {
        /// The slot that was read.
        slot: Slot,
        /// The slot that the manifest names.
        manifest: Slot,
    },
    /// The image is not the one that was signed.
    #[error("the image in slot {slot} hashes to {found}, its manifest says {signed}; transfer it again")]
    Hash {
        /// The slot.
        slot: Slot,
        /// What the manifest says.
        signed: ImageTag,
        /// What the bytes give.
        found: ImageTag,
    },
    /// Its transfer was not finished: there are marks of one, and no seal.
    #[error("the transfer of the image in slot {slot} was not finished; send it again")]
    Unfinished {
        /// The slot.
        slot: Slot,
    },
    /// The vector table makes no sense.
    #[error("{0}; build the image for its slot")]
    Vectors(#[from] VectorFault),
}

/// An image that has been verified where it lies. Nothing but [`verify_image`] makes one (`boot:B6`).
#[derive(Debug, PartialEq, Eq)]
pub struct VerifiedImage {
    manifest: Manifest,
    /// What its bytes gave, for the second look.
    found: Sha256Digest,
    entry: Entry,
}

/// Where an image starts: the first two words of its vector table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Address of the vector table.
    pub vector_table: u32,
    /// First value of the main stack pointer.
    pub stack_pointer: u32,
    /// Address of the first instruction, with the Thumb bit.
    pub reset_vector: u32,
}

impl VerifiedImage {
    /// What it is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it starts.
    #[must_use]
    pub fn entry(&self) -> Entry {
        self.entry
    }

    /// How the boot log names it.
    #[must_use]
    pub fn image_ref(&self) -> ImageRef {
        ImageRef { slot: self.manifest.slot, version: self.manifest.version, tag: self.manifest.tag() }
    }
}

/// Verifies what lies in a slot, over the bytes that would run.
///
/// # Errors
/// [`InvalidImage`]; a poisoned slot is an invalid slot.
pub fn verify_image<F: CheckedRead>(
    flash: &mut F,
    slot: Slot,
    criteria: &Criteria,
) -> Result<VerifiedImage, InvalidImage> {
    let mut bytes = [0; SIGNED_SIZE];
    flash.read(slot.offset(), &mut bytes)?;
    if bytes.iter().all(|&byte| byte == ERASED) {
        return Err(InvalidImage::Empty { slot });
    }
    let manifest = verify_manifest(&SignedManifest(bytes), criteria)?;
    if manifest.slot != slot {
        return Err(InvalidImage::Slot { slot, manifest: manifest.slot });
    }
    let (digest, vectors) = hash_with_vectors(flash, slot, manifest.length)?;
    if digest != manifest.sha256 {
        return Err(InvalidImage::Hash { slot, signed: manifest.tag(), found: ImageTag::of(&digest) });
    }
    let entry = entry(vectors, slot);
    makes_sense(&entry, slot, manifest.length)?;
    // About power, not about forging: whoever can write the one can write the other.
    if !seal::is_finished(flash, slot, manifest.tag()) {
        return Err(InvalidImage::Unfinished { slot });
    }
    Ok(VerifiedImage { manifest, found: digest, entry })
}

/// SHA-256 of the first `length` bytes of the image in a slot, through checked reads.
///
/// # Errors
/// What reading gives.
pub fn hash_image<F: CheckedRead>(flash: &mut F, slot: Slot, length: u32) -> Result<Sha256Digest, FlashError> {
    hash_with_vectors(flash, slot, length).map(|(digest, _)| digest)
}

/// The first two words of an image, as they were hashed. Read once more they could be others (`fault:A10`, `fault:P3`).
type Vectors = [u8; 8];

fn hash_with_vectors<F: CheckedRead>(
    flash: &mut F,
    slot: Slot,
    length: u32,
) -> Result<(Sha256Digest, Vectors), FlashError> {
    /// A multiple of SHA-256's block and of a flash word; more would cost stack and save nothing that can be measured.
    const CHUNK: u32 = 1024;
    let mut hasher = Sha256::new();
    let mut chunk = [0; CHUNK as usize];
    let mut vectors = Vectors::default();
    let mut done = 0;
    while done < length {
        let part = &mut chunk[..(length - done).min(CHUNK) as usize];
        flash.read(slot.image_offset() + done, part)?;
        hasher.update(&*part);
        if let (0, Some(first)) = (done, part.first_chunk()) {
            vectors = *first;
        }
        done += part.len() as u32;
    }
    Ok((hasher.finish(), vectors))
}

fn entry(words: Vectors, slot: Slot) -> Entry {
    let word = |index: usize| u32::from_le_bytes([words[index], words[index + 1], words[index + 2], words[index + 3]]);
    Entry { vector_table: slot.image_address(), stack_pointer: word(0), reset_vector: word(4) }
}

/// Asked in both looks, so not to be inlined into one of them.
#[inline(never)]
fn makes_sense(entry: &Entry, slot: Slot, length: u32) -> Result<(), VectorFault> {
    /// The sixteen vectors of the core itself; those of the peripherals are the image's own business.
    const CORE_VECTORS: u32 = 16 * 4;
    if length < CORE_VECTORS {
        return Err(VectorFault::TooShort { length });
    }
    let Entry { stack_pointer, reset_vector, .. } = *entry;
    let stack_in_ram = stack_pointer > RAM_BASE && stack_pointer <= HANDOVER_ADDRESS;
    if !stack_in_ram || !stack_pointer.is_multiple_of(8) {
        return Err(VectorFault::StackPointer { found: stack_pointer });
    }
    let start = slot.image_address();
    let code = start + CORE_VECTORS..start + length;
    if reset_vector & 1 == 0 || !code.contains(&(reset_vector & !1)) {
        return Err(VectorFault::ResetVector { found: reset_vector });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
