//! The forged images, each of them in slot A with slot B empty, and a boot log that calls it the confirmed one.

use bootloader::decide::MAX_ATTEMPTS;
use bootloader::model::key_sets::{anchors_with_roots, id_of, key_set, next_release_key, release_entry, sign_set};
use bootloader::model::release::{REVISION, Release, anchors, development_key, release_key, unknown_key};
use ed25519_dalek::{Signer as _, SigningKey};
use protocol::anchors::Stage;
use protocol::boot_record::{BootRecord, BootState, Phase, RECORD_SIZE, Switch};
use protocol::identity::{DEFAULT_UNIT_ID, Identity, Serial};
use protocol::key_set::{self, AcceptanceNote, FloorReset, ReleaseKey, SignedKeySet, Units, copy};
use protocol::layout::{
    ANCHORS_OFFSET, BOOT_LOG_OFFSETS, ERASED, FLASH_BASE, FLASH_SIZE, HANDOVER_ADDRESS, IDENTITY_OFFSET,
    KEY_SET_OFFSETS, PAGE_SIZE, Slot,
};
use protocol::manifest::{BODY_SIZE, HardwareSet, Manifest, SignedManifest};
use protocol::semver::Version;
use serde::Serialize;
use virtual_board::board::{Board, ResetCause, VirtualTime};
use virtual_board::elf::{ElfError, FlashImage};
use virtual_board::unit::board;

use super::fault::{Outcome, run_on};
use super::shortcut::Shortcuts;
use super::trace::Trace;

/// What is in the slot, and what the unit knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Nothing is wrong with it: the image has to boot.
    Genuine,
    /// Nothing is wrong with it: its key is in a key set that two of three roots have signed. The image has to boot.
    GenuineByKeySet,
    /// One bit of the signature is flipped, in its first half: that changes what the second half would have to be.
    BadSignature,
    /// One bit of the version in the manifest is flipped.
    FlippedManifest,
    /// One bit of the image is flipped.
    FlippedBody,
    /// Well signed, but for another purpose than an image.
    OtherDomain,
    /// Signed by a key that the unit does not know.
    UnknownKey,
    /// Well signed by a key that the unit believes for development only.
    DevelopmentKey,
    /// Well signed, for the other slot; its vectors are those of an image for this one.
    WrongSlot,
    /// Well signed, for another product.
    OtherProduct,
    /// Well signed, for another revision of the board.
    OtherHardware,
    /// Well signed, of a version below the floor.
    BelowFloor,
    /// Well signed, for a newer loader.
    NewerLoader,
    /// Well signed, with a stack that does not lie in RAM.
    StackOutside,
    /// Well signed, with an entry behind its last byte.
    EntryBehindImage,
    /// Well signed by a key of the anchors, which a key set in force revokes.
    RevokedKey,
    /// Well signed by a key of a key set in force, at the floor at which that key expires.
    ExpiredKey,
    /// Signed by a key that only a key set names, whose two signatures both are wrong by one bit.
    ForgedKeySet,
    /// The same on a unit where one signature would be enough, and that one is wrong.
    ForgedKeySetOfOne,
    /// Signed by a key that only a key set names, which one root has signed and two have to.
    BelowThreshold,
    /// Nothing is wrong with it, but it is on trial, the watchdog has just ended its third start, and nothing is behind it.
    WornTrial,
    /// Nothing is wrong with it, and it is on trial: it boots, but never without its start being counted.
    UncountedTrial,
    /// The same where a key set in force resets the floor, and the log has not heard of it: not below what the set says.
    TrialUnderReset,
}

impl Scenario {
    /// Those that must not boot; the last two may, but not uncounted.
    pub const FORGED: [Self; 21] = [
        Self::BadSignature,
        Self::FlippedManifest,
        Self::FlippedBody,
        Self::OtherDomain,
        Self::UnknownKey,
        Self::DevelopmentKey,
        Self::WrongSlot,
        Self::OtherProduct,
        Self::OtherHardware,
        Self::BelowFloor,
        Self::NewerLoader,
        Self::StackOutside,
        Self::EntryBehindImage,
        Self::RevokedKey,
        Self::ExpiredKey,
        Self::ForgedKeySet,
        Self::ForgedKeySetOfOne,
        Self::BelowThreshold,
        Self::WornTrial,
        Self::UncountedTrial,
        Self::TrialUnderReset,
    ];

    /// Those that have to boot.
    pub(super) const GENUINE: [Self; 2] = [Self::Genuine, Self::GenuineByKeySet];

    /// What a boot means here, `flash` being what it left: never a lower floor, and the image on trial may run when its
    /// start is counted.
    pub(super) fn judge(self, outcome: Outcome, flash: &[u8]) -> Outcome {
        let newest = newest(flash);
        if newest.is_none_or(|state| state.floor < self.lowest_floor()) {
            return Outcome::ForgedBoot;
        }
        match (self, outcome, newest.map(|state| state.phase)) {
            (
                Self::UncountedTrial | Self::TrialUnderReset,
                Outcome::ForgedBoot,
                Some(Phase::Trial { attempts: 1.., .. }),
            ) => Outcome::Refused,
            (Self::UncountedTrial | Self::TrialUnderReset | Self::WornTrial, Outcome::ForgedBoot, _) => {
                Outcome::Uncounted
            }
            _ => outcome,
        }
    }

    /// The floor that nothing may bring further down.
    fn lowest_floor(self) -> Version {
        match self {
            Self::TrialUnderReset => RESET_FLOOR,
            _ => self.floor(),
        }
    }

    fn floor(self) -> Version {
        match self {
            Self::BelowFloor => Version::new(1, 3, 0),
            Self::ExpiredKey => VERSION,
            Self::UncountedTrial => Version::new(1, 1, 0),
            Self::TrialUnderReset => Version::new(1, 3, 0),
            _ => Version::ZERO,
        }
    }

    /// Whether a slip in this arithmetic could help the image: only in the one that its refusal comes from. Signatures of
    /// key sets are checked by the code that `BadSignature` goes through, so it is left out for them.
    pub(super) fn can_arithmetic_matter(self, function: &str) -> bool {
        let image_hash = function.contains("sha256");
        match self {
            Self::BadSignature => !image_hash,
            Self::FlippedBody => image_hash || function.contains("mem"),
            _ => false,
        }
    }

    /// Root keys that have to sign a key set; 0 on a unit without them.
    fn threshold(self) -> u8 {
        match self {
            Self::GenuineByKeySet
            | Self::RevokedKey
            | Self::ExpiredKey
            | Self::ForgedKeySet
            | Self::BelowThreshold
            | Self::TrialUnderReset => 2,
            Self::ForgedKeySetOfOne => 1,
            _ => 0,
        }
    }

    fn key(self) -> SigningKey {
        match self {
            Self::UnknownKey => unknown_key(),
            Self::DevelopmentKey => development_key(),
            Self::GenuineByKeySet
            | Self::ExpiredKey
            | Self::ForgedKeySet
            | Self::ForgedKeySetOfOne
            | Self::BelowThreshold => next_release_key(),
            _ => release_key(),
        }
    }

    fn key_set(self) -> Option<SignedKeySet> {
        let next = release_entry(&next_release_key());
        let adding = key_set(1, &[next], &[], None);
        let signed = match self {
            Self::GenuineByKeySet => sign_set(&adding, &[0, 1]),
            Self::RevokedKey => sign_set(&key_set(1, &[], &[id_of(&release_key())], None), &[0, 1]),
            Self::ExpiredKey => {
                let expired = ReleaseKey { expires_at_floor: Some(VERSION), ..next };
                sign_set(&key_set(1, &[expired], &[], None), &[0, 1])
            }
            Self::ForgedKeySet => spoilt(sign_set(&adding, &[0, 1])),
            Self::ForgedKeySetOfOne => spoilt(sign_set(&adding, &[0])),
            Self::BelowThreshold => sign_set(&adding, &[0]),
            Self::TrialUnderReset => {
                let reset = FloorReset { to: RESET_FLOOR, units: Units::Any };
                sign_set(&key_set(1, &[], &[], Some(reset)), &[0, 1])
            }
            _ => return None,
        };
        Some(signed)
    }

    /// Manifest and image as they lie in the slot.
    fn release(self) -> (SignedManifest, Release) {
        let mut release = Release::new(Slot::A, VERSION);
        release.image = image();
        let Manifest { slot, product, hardware, minimum_loader, .. } = &mut release.manifest;
        match self {
            Self::WrongSlot => *slot = Slot::B,
            Self::OtherProduct => *product ^= 1,
            Self::OtherHardware => *hardware = HardwareSet::only(REVISION + 1),
            Self::NewerLoader => *minimum_loader = Version::new(u16::MAX, 0, 0),
            _ => {}
        }
        let entry = Slot::A.image_address() + 0x101;
        release = match self {
            Self::StackOutside => release.with_vectors(FLASH_BASE, entry),
            Self::EntryBehindImage => release.with_vectors(HANDOVER_ADDRESS, entry + IMAGE_SIZE as u32),
            _ => release.with_hash(),
        };
        let mut signed = release.sign(&self.key());
        match self {
            Self::BadSignature => signed.0[BODY_SIZE] ^= 1,
            Self::FlippedManifest => signed.0[VERSION_OFFSET] ^= 1,
            Self::OtherDomain => {
                let mut body = *signed.body();
                body[..16].copy_from_slice(b"sonde.config.v1\0");
                signed = SignedManifest::new(&body, &self.key().sign(&body).to_bytes());
            }
            Self::FlippedBody => release.image[IMAGE_SIZE / 2] ^= 1,
            _ => {}
        }
        (signed, release)
    }

    fn state(self, release: &Release) -> BootState {
        BootState {
            active: release.image_ref(),
            phase: match self {
                Self::WornTrial => Phase::Trial { attempts: MAX_ATTEMPTS, fallback: None },
                Self::UncountedTrial | Self::TrialUnderReset => Phase::Trial { attempts: 0, fallback: None },
                _ => Phase::Confirmed,
            },
            floor: self.floor(),
            floor_order: 0,
            last_switch: Switch::Factory,
        }
    }

    fn flash(self) -> Vec<u8> {
        let (signed, release) = self.release();
        let state = self.state(&release);
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
            Self::GenuineByKeySet => "genuine by key set",
            Self::BadSignature => "bad signature",
            Self::FlippedManifest => "flipped manifest",
            Self::FlippedBody => "flipped body",
            Self::OtherDomain => "signed for another purpose",
            Self::UnknownKey => "unknown key",
            Self::DevelopmentKey => "development key",
            Self::WrongSlot => "for the other slot",
            Self::OtherProduct => "other product",
            Self::OtherHardware => "other hardware",
            Self::BelowFloor => "below floor",
            Self::NewerLoader => "for a newer loader",
            Self::StackOutside => "stack outside RAM",
            Self::EntryBehindImage => "entry behind the image",
            Self::RevokedKey => "revoked key",
            Self::ExpiredKey => "expired key",
            Self::ForgedKeySet => "forged key set",
            Self::ForgedKeySetOfOne => "forged key set, one root",
            Self::BelowThreshold => "key set below threshold",
            Self::WornTrial => "worn-out trial",
            Self::UncountedTrial => "trial not counted",
            Self::TrialUnderReset => "trial under a reset",
        })
    }
}

/// Version of the image.
const VERSION: Version = Version::new(1, 2, 0);
/// Where a key set resets the floor to.
const RESET_FLOOR: Version = Version::new(1, 1, 0);
/// Where a signed manifest holds it (`protocol::manifest`).
const VERSION_OFFSET: usize = 36;

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
    const ENTRIES: usize = key_set::BODY_SIZE + 8;
    const ENTRY_SIZE: usize = 72;
    const KEY_ID_SIZE: usize = 8;
    let count = usize::from(set.0[key_set::BODY_SIZE]);
    for entry in set.0[ENTRIES..].chunks_exact_mut(ENTRY_SIZE).take(count) {
        entry[KEY_ID_SIZE] ^= 1;
    }
    set
}

/// The state that the boot log in `flash` says. Its numbers begin at 1, so the newest is the highest.
fn newest(flash: &[u8]) -> Option<BootState> {
    let places = BOOT_LOG_OFFSETS.iter().flat_map(|&page| {
        let bytes = &flash[page as usize..(page + PAGE_SIZE) as usize];
        bytes.chunks_exact(RECORD_SIZE).filter_map(|bytes| bytes.try_into().ok())
    });
    let records = places.filter_map(|bytes| BootRecord::parse(bytes).ok());
    records.max_by_key(|record| record.sequence).map(|record| record.state)
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
        if scenario == Scenario::WornTrial {
            // The loader reads why it was reset and forgets it within 0.1 ms; then something hangs.
            let _ = board.run_until(VirtualTime::from_micros(1000));
            board.reset_by(ResetCause::Watchdog);
        }
        board
    }

    /// The boot without a fault.
    pub(super) fn baseline(&self, scenario: Scenario) -> Trace {
        let mut board = self.start(scenario);
        let mut trace = Trace::of(&mut board, LIMIT);
        trace.outcome = scenario.judge(trace.outcome, board.flash());
        trace
    }

    /// What comes of it.
    pub(super) fn outcome(&self, scenario: Scenario) -> Outcome {
        run_on(&mut self.start(scenario), &Shortcuts::default(), LIMIT)
    }
}

/// Far more than any boot of a small image takes, cycles.
const LIMIT: u64 = 20_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use bootloader::boot::{Asked, Boot, boot};
    use bootloader::model::FlashModel;
    use protocol::recovery::SlotTrouble;
    use protocol::reset::ResetCause;

    /// What the loader has to say about the image.
    fn trouble(scenario: Scenario) -> Option<SlotTrouble> {
        use SlotTrouble as T;
        Some(match scenario {
            Scenario::Genuine | Scenario::GenuineByKeySet | Scenario::UncountedTrial | Scenario::TrialUnderReset => {
                return None;
            }
            Scenario::BadSignature | Scenario::FlippedManifest => T::BadSignature,
            Scenario::FlippedBody => T::ImageDiffers,
            Scenario::OtherDomain => T::BadManifest,
            Scenario::UnknownKey | Scenario::ForgedKeySet | Scenario::ForgedKeySetOfOne | Scenario::BelowThreshold => {
                T::UnknownKey
            }
            Scenario::DevelopmentKey => T::DevelopmentKey,
            Scenario::WrongSlot => T::OtherSlot,
            Scenario::OtherProduct | Scenario::OtherHardware => T::OtherHardware,
            Scenario::BelowFloor => T::BelowFloor,
            Scenario::NewerLoader => T::LoaderTooOld,
            Scenario::StackOutside | Scenario::EntryBehindImage => T::BadVectors,
            Scenario::RevokedKey => T::RevokedKey,
            Scenario::ExpiredKey => T::ExpiredKey,
            Scenario::WornTrial => T::CrashedOnTrial,
        })
    }

    #[test]
    fn each_image_is_refused_for_its_own_reason_alone() {
        for scenario in Scenario::GENUINE.into_iter().chain(Scenario::FORGED) {
            let mut flash = FlashModel::erased();
            flash.place(0, &scenario.flash());
            let found = match boot(&mut flash, ResetCause::Watchdog, None, Asked::Nothing) {
                Boot::Run { .. } => None,
                Boot::Recovery { slots: [a, _], .. } => Some(a),
            };
            assert_eq!(found, trouble(scenario), "{scenario}");
        }
    }
}
