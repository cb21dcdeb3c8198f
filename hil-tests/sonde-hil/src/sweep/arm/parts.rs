//! What emulated units are made of: the linked images, signed for the occasion, and flash with a past.

mod sets;

use std::path::Path;

use bootloader::model::key_sets::{ROOTS, root_key};
use bootloader::update::marks::Marks;
use protocol::boot_record::{BootRecord, BootState, ImageRef, Phase, RECORD_SIZE, Switch};
use protocol::bundle::Bundle;
use protocol::layout::{BOOT_LOG_OFFSETS, ERASED, PAGE_SIZE, SLOT_SIZE, Slot, WORD_SIZE};
use protocol::manifest::{HardwareSet, Manifest, SignedManifest};
use protocol::semver::Version;
use sonde::bundle::build::{ReleaseTerms, assemble, read_image};
use sonde::key::ReleaseKey;
use virtual_board::board::Board;
use virtual_board::unit::{self, FIRST_UNIT_ID, Factory, anchors, board};

use self::sets::Sets;
pub(super) use self::sets::{KeyOrder, KeyState, KeyStory};
use super::ArmError;

/// Hardware revision of the unit.
const HARDWARE: u8 = 1;

/// The release that every unit begins with.
pub(super) const OLD: Version = Version::new(1, 0, 0);
/// The release that comes.
pub(super) const NEW: Version = Version::new(1, 1, 0);

/// Where a damaged image differs, and a damaged manifest: anywhere will do.
const DAMAGE_IN_IMAGE: usize = 0x800;
const DAMAGE_IN_MANIFEST: usize = 20;
/// Root keys that have to sign a key set.
const THRESHOLD: u8 = 2;
/// Secrets of the release keys: always the same, so that a seed names the same case each time.
const KEY: [u8; 32] = [0x51; 32];
const NEXT_KEY: [u8; 32] = [0x52; 32];

/// Everything that units are made of.
pub(super) struct Parts {
    without_roots: Factory,
    with_roots: Factory,
    with_set: Factory,
    sets: Sets,
    /// The old release, in slot A.
    pub(super) old: Image,
    /// The new one, in slot B.
    pub(super) new: Image,
}

/// What a unit was given before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// The old image; no root keys.
    Image,
    /// The old image, and root keys.
    Roots,
    /// A key set besides, without which the old image would not boot.
    Set,
    /// No image.
    Nothing,
    /// The old image, which has a byte turned by now.
    Damaged,
}

/// Flash of a unit before its story begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) given: Given,
    pub(super) staged: Staged,
    /// The state in force.
    pub(super) state: BootState,
    /// How many records the log holds, this one last.
    pub(super) records: usize,
}

/// One signed image.
pub(super) struct Image {
    pub(super) slot: Slot,
    pub(super) version: Version,
    pub(super) signed: SignedManifest,
    pub(super) bytes: Vec<u8>,
    name: ImageRef,
}

impl Parts {
    /// From the images that `cargo xtask chip` has linked into `folder`.
    pub(super) fn of(folder: &Path) -> Result<Self, ArmError> {
        let (key, next) = (ReleaseKey::from_secret(&KEY), ReleaseKey::from_secret(&NEXT_KEY));
        let old = bundle(&key, &folder.join("1.0.0"), OLD)?;
        let new = bundle(&key, &folder.join("1.1.0"), NEW)?;
        let old_by_next = bundle(&next, &folder.join("1.0.0"), OLD)?;
        let path = folder.join("1.0.0").join("loader.elf");
        let loader =
            std::fs::read(&path).map_err(|error| ArmError::Image { path: path.clone(), reason: error.to_string() })?;
        let roots: Vec<_> = (0..ROOTS).map(|number| root_key(number).verifying_key().to_bytes()).collect();
        let believed = anchors(&[key.public().bytes()], &roots, THRESHOLD)?;
        let sets = Sets::new(&key.public(), &next.public());
        let rooted = |bundle: &[u8], key_set| {
            let (loader, anchors, bundle, hardware_revision) = (&loader[..], &believed, Some(bundle), HARDWARE);
            Factory::of(&unit::Parts { loader, anchors, key_set, bundle, hardware_revision })
        };
        Ok(Self {
            without_roots: Factory::new(&loader, &old, &[key.public().bytes()], HARDWARE)?,
            with_roots: rooted(&old, None)?,
            with_set: rooted(&old_by_next, Some(&sets.in_force().0))?,
            sets,
            old: Image::of(&old, Slot::A),
            new: Image::of(&new, Slot::B),
        })
    }

    /// A unit without power.
    pub(super) fn unit(&self, past: Past) -> Board {
        let mut flash = self.given(past.given);
        let mut put = |offset: u32, bytes: &[u8]| {
            flash[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        };
        if past.staged != Staged::Nothing {
            put(Slot::B.image_offset(), &self.new.bytes);
            self.new.marks().of_pages(&self.new.bytes).for_each(|(offset, mark)| put(offset, &mark));
        }
        if matches!(past.staged, Staged::Whole | Staged::Damaged) {
            put(Slot::B.offset(), &self.new.signed.0);
            self.new.marks().of_whole(&self.new.bytes).for_each(|(offset, mark)| put(offset, &mark));
        }
        for copy in BOOT_LOG_OFFSETS {
            put(copy, &[ERASED; PAGE_SIZE as usize]);
            for index in 0..past.records {
                let record = BootRecord { sequence: index as u32 + 1, state: past.state };
                put(copy + (index * RECORD_SIZE) as u32, &record.emit());
            }
        }
        if let Staged::AllBut(page) = past.staged
            && let Some((mark, _)) = self.new.marks().of_pages(&self.new.bytes).take(self.new.pages()).nth(page)
        {
            put(mark, &[ERASED; WORD_SIZE as usize]);
            put(Slot::B.image_offset() + page as u32 * PAGE_SIZE, &[ERASED; PAGE_SIZE as usize]);
        }
        if past.staged == Staged::Damaged {
            flash[Slot::B.offset() as usize + DAMAGE_IN_MANIFEST] ^= 0x40;
        }
        board(flash, FIRST_UNIT_ID)
    }

    fn given(&self, given: Given) -> Vec<u8> {
        let factory = match given {
            Given::Image | Given::Nothing | Given::Damaged => &self.without_roots,
            Given::Roots => &self.with_roots,
            Given::Set => &self.with_set,
        };
        let mut flash = factory.flash(FIRST_UNIT_ID);
        match given {
            Given::Nothing => flash[Slot::A.offset() as usize..][..SLOT_SIZE as usize].fill(ERASED),
            Given::Damaged => flash[Slot::A.image_offset() as usize + DAMAGE_IN_IMAGE] ^= 0x40,
            Given::Image | Given::Roots | Given::Set => {}
        }
        flash
    }

    /// What a host orders in a story about keys.
    pub(super) fn key_order(&self, story: KeyStory) -> KeyOrder {
        self.sets.order(story)
    }

    /// The old image is confirmed.
    pub(super) fn old_confirmed(&self) -> BootState {
        let (active, phase) = (self.old.name, Phase::Confirmed);
        BootState { active, phase, floor: Version::ZERO, floor_order: 0, last_switch: Switch::Factory }
    }

    /// The new image is on trial.
    pub(super) fn on_trial(&self, attempts: u8) -> BootState {
        let phase = Phase::Trial { attempts, fallback: Some(self.old.name) };
        BootState { phase, ..self.new_confirmed() }
    }

    /// The new image, brought by recovery, is on trial: nothing to fall back on, or the old image, whatever it reads as.
    pub(super) fn recovered(&self, given: Given) -> BootState {
        let fallback = (given == Given::Damaged).then_some(self.old.name);
        let from = if given == Given::Damaged { OLD } else { Version::ZERO };
        let last_switch = Switch::Activated { from };
        BootState { phase: Phase::Trial { attempts: 0, fallback }, last_switch, ..self.new_confirmed() }
    }

    /// The new image is confirmed.
    pub(super) fn new_confirmed(&self) -> BootState {
        let (active, phase) = (self.new.name, Phase::Confirmed);
        let last_switch = Switch::Activated { from: OLD };
        BootState { active, phase, floor: Version::ZERO, floor_order: 0, last_switch }
    }
}

/// What of the new image lies in slot B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staged {
    Nothing,
    /// All pages, without the manifest.
    Body,
    /// All pages but this one, without the manifest.
    AllBut(usize),
    Whole,
    /// The same with a byte of the manifest turned.
    Damaged,
}

impl Image {
    fn of(bundle: &[u8], slot: Slot) -> Self {
        let bundle = Bundle::parse(bundle).expect("we have just built it");
        let variant = bundle.variants().find(|variant| variant.slot == slot).expect("it has both slots");
        let signed = variant.signed_manifest();
        let manifest = Manifest::parse(signed.body()).expect("we have just built it");
        let name = ImageRef { slot, version: manifest.version, tag: manifest.tag() };
        Self { slot, version: manifest.version, signed, bytes: variant.image.to_vec(), name }
    }

    /// The marks that its transfer leaves.
    fn marks(&self) -> Marks {
        Marks::of(&Manifest::parse(self.signed.body()).expect("we have built it"))
    }

    /// Pages of the image.
    pub(super) fn pages(&self) -> usize {
        self.bytes.len().div_ceil(PAGE_SIZE as usize)
    }
}

fn bundle(key: &ReleaseKey, folder: &Path, version: Version) -> Result<Vec<u8>, ArmError> {
    let image = |slot, file: &str| {
        let path = folder.join(file);
        read_image(&path, slot).map_err(|error| ArmError::Image { path, reason: error.to_string() })
    };
    let images = [image(Slot::A, "firmware-a.elf")?, image(Slot::B, "firmware-b.elf")?];
    let terms = ReleaseTerms {
        version,
        hardware: HardwareSet::only(HARDWARE),
        security_floor: Version::ZERO,
        minimum_loader: Version::ZERO,
        last_day: None,
    };
    assemble(key, &terms, &images).map_err(|error| ArmError::Image { path: folder.into(), reason: error.to_string() })
}
