//! Small signed images and the unit that they are for, to fill the model with.

use ed25519_dalek::{Signer as _, SigningKey};
use protocol::anchors::{Anchor, Anchors, Role, Stage};
use protocol::boot_record::{BootRecord, BootState, ImageRef, Phase, Switch};
use protocol::digest::{KeyId, Sha256Digest, sha256};
use protocol::identity::{DEFAULT_UNIT_ID, Identity, Serial};
use protocol::layout::{
    ANCHORS_OFFSET, BOOT_LOG_OFFSETS, ERASED, HANDOVER_ADDRESS, IDENTITY_OFFSET, PAGE_SIZE, SLOT_SIZE, Slot, WORD_SIZE,
};
use protocol::manifest::{HardwareSet, Manifest, PRODUCT, SignedManifest};
use protocol::semver::Version;

use super::FlashModel;
use crate::update::marks::Marks;

/// Revision of the model's board.
pub const REVISION: u8 = 1;

/// A key that the model's units believe, stage production.
#[must_use]
pub fn release_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// A key that the model's units believe, stage development.
#[must_use]
pub fn development_key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

/// A key that nobody believes.
#[must_use]
pub fn unknown_key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

/// What the model's units believe.
#[must_use]
pub fn anchors() -> Anchors {
    let anchor =
        |key: SigningKey, stage| Anchor { role: Role::Release, stage, public_key: key.verifying_key().to_bytes() };
    Anchors::new(&[anchor(release_key(), Stage::Production), anchor(development_key(), Stage::Development)])
        .expect("two keys fit")
}

/// A unit as it leaves the factory, but without image and boot log.
#[must_use]
pub fn blank_unit() -> FlashModel {
    let mut flash = FlashModel::erased();
    let serial = Serial::parse("MODEL-1").expect("a good serial");
    let identity = Identity { hardware_revision: REVISION, unit_id: DEFAULT_UNIT_ID, serial };
    flash.place(ANCHORS_OFFSET, &anchors().emit());
    flash.place(IDENTITY_OFFSET, &identity.emit());
    flash
}

/// A unit as it leaves the factory, with `release` confirmed.
#[must_use]
pub fn factory_unit(release: &Release) -> FlashModel {
    let mut flash = blank_unit();
    release.install(&mut flash);
    let state = BootState {
        active: release.image_ref(),
        phase: Phase::Confirmed,
        floor: Version::ZERO,
        floor_order: 0,
        last_switch: Switch::Factory,
    };
    for copy in BOOT_LOG_OFFSETS {
        flash.place(copy, &BootRecord { sequence: 1, state }.emit());
    }
    flash
}

/// An image and what its manifest says. Change a field before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Bytes of the image; starts with a vector table.
    pub image: Vec<u8>,
    /// Fields of the manifest. Length and hash are those of the image.
    pub manifest: Manifest,
}

impl Release {
    /// A good release for a slot.
    #[must_use]
    pub fn new(slot: Slot, version: Version) -> Self {
        let mut image: Vec<u8> = (0..600_u16).map(|index| index as u8 ^ version.minor as u8).collect();
        image[..4].copy_from_slice(&HANDOVER_ADDRESS.to_le_bytes());
        image[4..8].copy_from_slice(&(slot.image_address() + 0x101).to_le_bytes());
        let manifest = Manifest {
            slot,
            product: PRODUCT,
            hardware: HardwareSet::only(REVISION),
            length: 0,
            version,
            security_floor: Version::ZERO,
            register_map: 1,
            minimum_loader: Version::ZERO,
            last_day: None,
            build_id: [version.minor as u8; 20],
            key_id: KeyId([0; 8]),
            sha256: Sha256Digest::default(),
        };
        Self { image, manifest }.with_hash()
    }

    /// A good release whose image has `length` bytes, at least those of [`Release::new`].
    #[must_use]
    pub fn of_length(slot: Slot, version: Version, length: usize) -> Self {
        let mut release = Self::new(slot, version);
        let start = release.image.len();
        let body = (start..length).map(|index| ((index * 31) ^ (index >> 8) ^ usize::from(version.minor)) as u8);
        release.image.extend(body);
        release.with_hash()
    }

    /// The same with length and hash of the image as it is now.
    #[must_use]
    pub fn with_hash(mut self) -> Self {
        self.manifest.length = self.image.len() as u32;
        self.manifest.sha256 = sha256(&self.image);
        self
    }

    /// The same with another first two words.
    #[must_use]
    pub fn with_vectors(mut self, stack_pointer: u32, reset: u32) -> Self {
        self.image[..4].copy_from_slice(&stack_pointer.to_le_bytes());
        self.image[4..8].copy_from_slice(&reset.to_le_bytes());
        self.with_hash()
    }

    /// How the boot log names it.
    #[must_use]
    pub fn image_ref(&self) -> ImageRef {
        ImageRef { slot: self.manifest.slot, version: self.manifest.version, tag: self.manifest.tag() }
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> SignedManifest {
        let key_id = KeyId::of(key.verifying_key().as_bytes());
        let body = Manifest { key_id, ..self.manifest.clone() }.emit();
        SignedManifest::new(&body, &key.sign(&body).to_bytes())
    }

    /// Puts it into its slot, signed with the release key, as if it had been transferred.
    pub fn install(&self, flash: &mut FlashModel) {
        self.install_signed(flash, self.manifest.slot, &self.sign(&release_key()));
    }

    /// Puts it into any slot under any manifest.
    pub fn install_signed(&self, flash: &mut FlashModel, slot: Slot, signed: &SignedManifest) {
        let mut image = self.image.clone();
        image.resize(image.len().next_multiple_of(WORD_SIZE as usize), ERASED);
        flash.wipe(slot.offset(), slot.offset() + SLOT_SIZE);
        flash.place(slot.offset(), &signed.0);
        flash.place(slot.image_offset(), &image);
        for (offset, mark) in Marks::of(&self.manifest).of_whole(&self.image) {
            flash.place(slot.offset() + offset - self.manifest.slot.offset(), &mark);
        }
    }
}

/// An image as the host sends it: whole pages, the rest `0xFF`.
#[must_use]
pub fn padded(image: &[u8]) -> Vec<u8> {
    let mut image = image.to_vec();
    image.resize(image.len().next_multiple_of(PAGE_SIZE as usize), ERASED);
    image
}
