//! What emulated units are made of: the linked images, signed for the occasion, and flash with a past.

use std::path::Path;

use bootloader::update::marks::Marks;
use protocol::boot_record::{BootRecord, BootState, ImageRef, Phase, RECORD_SIZE, Switch};
use protocol::bundle::Bundle;
use protocol::layout::{BOOT_LOG_OFFSETS, ERASED, PAGE_SIZE, Slot};
use protocol::manifest::{HardwareSet, Manifest, SignedManifest};
use protocol::semver::Version;
use sonde::bundle::build::{ReleaseTerms, assemble, read_image};
use sonde::key::ReleaseKey;
use virtual_board::board::Board;
use virtual_board::unit::{FIRST_UNIT_ID, Factory, board};

use super::ArmError;

/// Hardware revision of the unit.
const HARDWARE: u8 = 1;

/// The release that every unit begins with.
pub(super) const OLD: Version = Version::new(1, 0, 0);
/// The release that comes.
pub(super) const NEW: Version = Version::new(1, 1, 0);

/// Everything that units are made of.
pub(super) struct Parts {
    factory: Factory,
    /// The old release, in slot A.
    pub(super) old: Image,
    /// The new one, in slot B.
    pub(super) new: Image,
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
        let key = ReleaseKey::generate();
        let old = bundle(&key, &folder.join("1.0.0"), OLD)?;
        let new = bundle(&key, &folder.join("1.1.0"), NEW)?;
        let path = folder.join("1.0.0").join("loader.elf");
        let loader =
            std::fs::read(&path).map_err(|error| ArmError::Image { path: path.clone(), reason: error.to_string() })?;
        let factory = Factory::new(&loader, &old, &[key.public().bytes()], HARDWARE)?;
        Ok(Self { factory, old: Image::of(&old, Slot::A), new: Image::of(&new, Slot::B) })
    }

    /// A unit without power: the old image in slot A, these parts of the new one in slot B, this state in force, as
    /// record number `records` of its log.
    pub(super) fn unit(&self, staged: Staged, state: BootState, records: usize) -> Board {
        let mut flash = self.factory.flash(FIRST_UNIT_ID);
        let mut put = |offset: u32, bytes: &[u8]| {
            flash[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        };
        match staged {
            Staged::Nothing => {}
            Staged::Body => {
                put(Slot::B.image_offset(), &self.new.bytes);
                self.new.marks().of_pages(&self.new.bytes).for_each(|(offset, mark)| put(offset, &mark));
            }
            Staged::Whole => {
                put(Slot::B.image_offset(), &self.new.bytes);
                put(Slot::B.offset(), &self.new.signed.0);
                self.new.marks().of_whole(&self.new.bytes).for_each(|(offset, mark)| put(offset, &mark));
            }
        }
        for copy in BOOT_LOG_OFFSETS {
            put(copy, &[ERASED; PAGE_SIZE as usize]);
            for index in 0..records {
                let record = BootRecord { sequence: index as u32 + 1, state };
                put(copy + (index * RECORD_SIZE) as u32, &record.emit());
            }
        }
        board(flash, FIRST_UNIT_ID)
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
    Whole,
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
    };
    assemble(key, &terms, &images).map_err(|error| ArmError::Image { path: folder.into(), reason: error.to_string() })
}
