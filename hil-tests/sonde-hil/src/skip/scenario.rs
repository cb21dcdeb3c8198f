//! The forged images, each of them in slot A with slot B empty, and a boot log that calls it the confirmed one.

use bootloader::model::key_sets::{anchors_with_roots, id_of, key_set, next_release_key, release_entry, sign_set};
use bootloader::model::release::{REVISION, Release, anchors, release_key, unknown_key};
use protocol::anchors::Stage;
use protocol::boot_record::{BootRecord, BootState, Phase, Switch};
use protocol::identity::{DEFAULT_UNIT_ID, Identity, Serial};
use protocol::key_set::{AcceptanceNote, BODY_SIZE, SignedKeySet, copy};
use protocol::layout::{ANCHORS_OFFSET, BOOT_LOG_OFFSETS, ERASED, FLASH_SIZE, IDENTITY_OFFSET, KEY_SET_OFFSETS, Slot};
use protocol::manifest::{HardwareSet, SignedManifest};
use protocol::semver::Version;
use serde::Serialize;
use virtual_board::board::Board;
use virtual_board::elf::{ElfError, FlashImage};
use virtual_board::unit::board;

use super::trace::Trace;

/// What is in the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Nothing is wrong with it: the image has to boot.
    Genuine,
    /// One bit of the signature is flipped, in its first half: that changes what the second half would have to be.
    BadSignature,
    /// One bit of the image is flipped.
    FlippedBody,
    /// Signed by a key that the unit does not know.
    UnknownKey,
    /// Well signed, for another revision of the board.
    OtherHardware,
    /// Well signed, of a version below the floor.
    BelowFloor,
    /// Nothing is wrong with it: its key is in a key set that two of three roots have signed. The image has to boot.
    GenuineByKeySet,
    /// Well signed by a key of the anchors, which a key set in force revokes.
    RevokedKey,
    /// Signed by a key that only a key set names, whose two signatures both are wrong by one bit.
    ForgedKeySet,
    /// The same on a unit where one signature would be enough, and that one is wrong.
    ForgedKeySetOfOne,
    /// Signed by a key that only a key set names, which one root has signed and two have to.
    BelowThreshold,
}

impl Scenario {
    /// Those that must not boot.
    pub const FORGED: [Self; 9] = [
        Self::BadSignature,
        Self::FlippedBody,
        Self::UnknownKey,
        Self::OtherHardware,
        Self::BelowFloor,
        Self::RevokedKey,
        Self::ForgedKeySet,
        Self::ForgedKeySetOfOne,
        Self::BelowThreshold,
    ];

    /// Those that have to boot.
    pub(super) const GENUINE: [Self; 2] = [Self::Genuine, Self::GenuineByKeySet];

    /// Whether a slip in this arithmetic could help the image: only in the one that its refusal comes from. Signatures of
    /// key sets are checked by the code that `BadSignature` goes through, so it is left out for them.
    pub(super) fn can_arithmetic_matter(self, function: &str) -> bool {
        let image_hash = function.contains("bootloader");
        match self {
            Self::BadSignature => !image_hash,
            Self::FlippedBody => image_hash || function.contains("mem"),
            _ => false,
        }
    }

    /// Root keys that have to sign a key set; 0 on a unit without them.
    fn threshold(self) -> u8 {
        match self {
            Self::GenuineByKeySet | Self::RevokedKey | Self::ForgedKeySet | Self::BelowThreshold => 2,
            Self::ForgedKeySetOfOne => 1,
            _ => 0,
        }
    }

    fn sign(self, release: &Release) -> SignedManifest {
        let key = match self {
            Self::UnknownKey => unknown_key(),
            Self::GenuineByKeySet | Self::ForgedKeySet | Self::ForgedKeySetOfOne | Self::BelowThreshold => {
                next_release_key()
            }
            _ => release_key(),
        };
        release.sign(&key)
    }

    fn key_set(self) -> Option<SignedKeySet> {
        let adding = key_set(1, &[release_entry(&next_release_key())], &[], None);
        let signed = match self {
            Self::GenuineByKeySet => sign_set(&adding, &[0, 1]),
            Self::RevokedKey => sign_set(&key_set(1, &[], &[id_of(&release_key())], None), &[0, 1]),
            Self::ForgedKeySet => spoilt(sign_set(&adding, &[0, 1])),
            Self::ForgedKeySetOfOne => spoilt(sign_set(&adding, &[0])),
            Self::BelowThreshold => sign_set(&adding, &[0]),
            _ => return None,
        };
        Some(signed)
    }

    fn flash(self) -> Vec<u8> {
        let mut release = Release::new(Slot::A, Version::new(1, 2, 0));
        release.image = image();
        if self == Self::OtherHardware {
            release.manifest.hardware = HardwareSet::only(REVISION + 1);
        }
        release = release.with_hash();
        let mut signed = self.sign(&release);
        match self {
            Self::BadSignature => flip_signature(&mut signed),
            Self::FlippedBody => release.image[IMAGE_SIZE / 2] ^= 1,
            _ => {}
        }
        let state = BootState {
            active: release.image_ref(),
            phase: Phase::Confirmed,
            floor: if self == Self::BelowFloor { Version::new(1, 3, 0) } else { Version::ZERO },
            floor_order: 0,
            last_switch: Switch::Factory,
        };
        let serial = Serial::parse("SKIP-1").expect("a good serial");
        let identity = Identity { hardware_revision: REVISION, unit_id: DEFAULT_UNIT_ID, serial };
        let mut flash = vec![ERASED; FLASH_SIZE as usize];
        let anchors = match self.threshold() {
            0 => anchors(),
            threshold => anchors_with_roots(threshold, Stage::Production),
        };
        put(&mut flash, ANCHORS_OFFSET, &anchors.emit());
        if let Some(set) = self.key_set() {
            put(&mut flash, KEY_SET_OFFSETS[0], &copy(&set, &AcceptanceNote { number: 1, given_up: None }));
        }
        put(&mut flash, IDENTITY_OFFSET, &identity.emit());
        for copy in BOOT_LOG_OFFSETS {
            put(&mut flash, copy, &BootRecord { sequence: 1, state }.emit());
        }
        put(&mut flash, Slot::A.offset(), &signed.0);
        put(&mut flash, Slot::A.image_offset(), &release.image);
        flash
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Genuine => "genuine image",
            Self::BadSignature => "bad signature",
            Self::FlippedBody => "flipped body",
            Self::UnknownKey => "unknown key",
            Self::OtherHardware => "other hardware",
            Self::BelowFloor => "below floor",
            Self::GenuineByKeySet => "genuine by key set",
            Self::RevokedKey => "revoked key",
            Self::ForgedKeySet => "forged key set",
            Self::ForgedKeySetOfOne => "forged key set, one root",
            Self::BelowThreshold => "key set below threshold",
        })
    }
}

/// More than one of the chunks in which an image is hashed.
const IMAGE_SIZE: usize = 1536;

/// A vector table and breakpoints.
fn image() -> Vec<u8> {
    const BREAKPOINT: [u8; 2] = 0xBE00_u16.to_le_bytes();
    let vectors = Release::new(Slot::A, Version::ZERO).image;
    let mut image = BREAKPOINT.repeat(IMAGE_SIZE / 2);
    image[..8].copy_from_slice(&vectors[..8]);
    image
}

/// Every signature of the set with one bit of its first half flipped.
fn spoilt(mut set: SignedKeySet) -> SignedKeySet {
    const ENTRIES: usize = BODY_SIZE + 8;
    const ENTRY_SIZE: usize = 72;
    const KEY_ID_SIZE: usize = 8;
    let count = usize::from(set.0[BODY_SIZE]);
    for entry in set.0[ENTRIES..].chunks_exact_mut(ENTRY_SIZE).take(count) {
        entry[KEY_ID_SIZE] ^= 1;
    }
    set
}

fn flip_signature(signed: &mut SignedManifest) {
    const SIGNATURE_SIZE: usize = 64;
    let start = signed.0.len() - SIGNATURE_SIZE;
    signed.0[start] ^= 1;
}

fn put(flash: &mut [u8], offset: u32, bytes: &[u8]) {
    flash[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
}

/// The loader, and units to put under it.
pub(super) struct Bench {
    loader: FlashImage,
}

impl Bench {
    pub(super) fn new(loader_elf: &[u8]) -> Result<Self, ElfError> {
        Ok(Self { loader: FlashImage::parse(loader_elf)? })
    }

    /// A unit at its first instruction.
    pub(super) fn start(&self, scenario: Scenario) -> Board {
        let mut flash = scenario.flash();
        self.loader.place(&mut flash);
        let mut board = board(flash, DEFAULT_UNIT_ID);
        board.power_on();
        board
    }

    /// The boot without a fault.
    pub(super) fn baseline(&self, scenario: Scenario) -> Trace {
        /// Far more than any boot of a small image takes.
        const LIMIT: u64 = 20_000_000;
        Trace::of(&mut self.start(scenario), LIMIT)
    }
}
