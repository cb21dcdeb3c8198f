//! Two releases to measure with: the real firmware, signed with a key made for the occasion; and one of 128 KB.

use std::path::Path;

use bootloader::model::key_sets::{ROOTS, key_set, release_entry, root_key, sign_set};
use protocol::digest::KeyId;
use protocol::key_set::{MAX_RELEASE_KEYS, MAX_REVOKED};
use protocol::layout::Slot;
use protocol::manifest::HardwareSet;
use protocol::semver::Version;
use sonde::bundle::build::{ReleaseTerms, assemble, read_image};
use sonde::elf::LinkedImage;
use sonde::key::ReleaseKey;
use virtual_board::unit::{Factory, Parts, anchors};

use super::FigureError;

/// Bytes of the image (`design/figures.md`).
pub(super) const IMAGE_SIZE: usize = 128 * 1024;
/// Hardware revision of the unit.
const HARDWARE: u8 = 1;

/// Everything that a measurement starts from.
pub(super) struct Release {
    /// Makes units that run the first release.
    pub(super) factory: Factory,
    /// Makes units with an image of [`IMAGE_SIZE`], to be judged and not to be run.
    pub(super) sized: Factory,
    /// The same with a key set as long as it gets, which two of three root keys have to sign.
    pub(super) with_key_set: Factory,
    /// Bytes of the second release.
    pub(super) update: Vec<u8>,
}

impl Release {
    /// Makes the releases from the linked images below `folder`.
    pub(super) fn of(folder: &Path) -> Result<Self, FigureError> {
        let key = ReleaseKey::generate();
        let first = bundle(&key, folder, "1.0.0", Version::new(1, 0, 0), Length::AsLinked)?;
        let update = bundle(&key, folder, "1.1.0", Version::new(1, 1, 0), Length::AsLinked)?;
        let sized = bundle(&key, folder, "1.0.0", Version::new(1, 0, 0), Length::ImageSize)?;
        let path = folder.join("1.0.0").join("loader.elf");
        let loader = std::fs::read(&path)
            .map_err(|error| FigureError::Image { path: path.clone(), reason: error.to_string() })?;
        let public = key.public().bytes();
        let factory = Factory::new(&loader, &first, &[public], HARDWARE)?;
        let roots: Vec<_> = (0..ROOTS).map(|number| root_key(number).verifying_key().to_bytes()).collect();
        let signed = longest_key_set();
        let with_key_set = Factory::of(&Parts {
            loader: &loader,
            anchors: &anchors(&[public], &roots, 2)?,
            key_set: Some(&signed),
            bundle: Some(&sized),
            hardware_revision: HARDWARE,
        })?;
        let sized = Factory::new(&loader, &sized, &[public], HARDWARE)?;
        Ok(Self { factory, sized, with_key_set, update })
    }
}

/// Full lists of keys that nobody uses.
fn longest_key_set() -> Vec<u8> {
    let strangers: Vec<_> = (0..MAX_RELEASE_KEYS as u8).map(|number| release_entry(&root_key(0x10 + number))).collect();
    let revoked: Vec<_> = (0..MAX_REVOKED as u8).map(|number| KeyId([number; 8])).collect();
    sign_set(&key_set(1, &strangers, &revoked, None), &[0, 2]).0.to_vec()
}

/// How long an image is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    AsLinked,
    /// [`IMAGE_SIZE`]: what is missing is filled up, what is too much is cut off.
    ImageSize,
}

fn bundle(
    key: &ReleaseKey,
    folder: &Path,
    variant: &str,
    version: Version,
    length: Length,
) -> Result<Vec<u8>, FigureError> {
    let image = |slot, file| -> Result<LinkedImage, FigureError> {
        let path = folder.join(variant).join(file);
        let mut linked = read_image(&path, slot)
            .map_err(|error| FigureError::Image { path: path.clone(), reason: error.to_string() })?;
        if length == Length::ImageSize {
            resize(&mut linked);
        }
        Ok(linked)
    };
    let images = [image(Slot::A, "firmware-a.elf")?, image(Slot::B, "firmware-b.elf")?];
    let terms = ReleaseTerms {
        version,
        hardware: HardwareSet::only(HARDWARE),
        security_floor: Version::ZERO,
        minimum_loader: Version::ZERO,
        last_day: None,
    };
    assemble(key, &terms, &images)
        .map_err(|error| FigureError::Host { what: "building a release", reason: error.to_string() })
}

/// Gives an image its size, with bytes that no page shares with another.
fn resize(image: &mut LinkedImage) {
    let mut state = 0x9E37_79B9_u32;
    image.bytes.resize_with(IMAGE_SIZE, || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
}
