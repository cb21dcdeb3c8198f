//! Builds a release file from linked images and a key.

use std::path::{Path, PathBuf};

use protocol::bundle::{ENTRY_SIZE, HEADER_SIZE, MAX_ENTRIES, emit_head};
use protocol::digest::{KeyId, sha256};
use protocol::layout::Slot;
use protocol::manifest::{HardwareSet, Manifest, PRODUCT};
use protocol::registers::MAP_VERSION;
use protocol::semver::Version;

use crate::bundle::last_day::Day;
use crate::elf::{ElfError, LinkedImage};
use crate::failure::{Class, Failure};
use crate::key::ReleaseKey;
use crate::whole_file::{self, Existing, WriteError};

/// What all images of a release have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseTerms {
    /// Version of the release.
    pub version: Version,
    /// Hardware revisions it runs on.
    pub hardware: HardwareSet,
    /// Lowest version that may run once it is confirmed (`boot:B8`).
    pub security_floor: Version,
    /// Oldest loader that can boot it.
    pub minimum_loader: Version,
    /// Last day on which it is offered without a warning.
    pub last_day: Option<Day>,
}

/// Why a release could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An ELF file cannot be read.
    #[error("cannot read {}: {source}; check the path", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An ELF file holds no image for its slot.
    #[error("{}: {source}", path.display())]
    Elf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ElfError,
    },
    /// The release would shut itself out.
    #[error("--floor {floor} is above --version {version}: the release would shut itself out; lower --floor")]
    Floor {
        /// The floor.
        floor: Version,
        /// The version.
        version: Version,
    },
    /// No hardware revision is named.
    #[error("no hardware revision; name at least one from 0 to 31 with --hardware")]
    NoHardware,
    /// The release file cannot be written.
    #[error("cannot write {}: {source}; check the folder and its permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Failure for BuildError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "elf.open",
            Self::Elf { .. } => "elf.wrong",
            Self::Floor { .. } | Self::NoHardware => "bundle.terms",
            Self::Write { .. } => "bundle.write",
        }
    }
}

/// Reads the image linked for `slot` from an ELF file.
///
/// # Errors
/// [`BuildError::Open`] and [`BuildError::Elf`].
pub fn read_image(path: &Path, slot: Slot) -> Result<LinkedImage, BuildError> {
    let file = std::fs::read(path).map_err(|source| BuildError::Open { path: path.to_owned(), source })?;
    LinkedImage::from_elf(&file, slot).map_err(|source| BuildError::Elf { path: path.to_owned(), source })
}

/// Signs the images and puts the release together.
///
/// # Errors
/// [`BuildError::Floor`] and [`BuildError::NoHardware`].
pub fn assemble(key: &ReleaseKey, terms: &ReleaseTerms, images: &[LinkedImage; 2]) -> Result<Vec<u8>, BuildError> {
    if terms.security_floor > terms.version {
        return Err(BuildError::Floor { floor: terms.security_floor, version: terms.version });
    }
    if terms.hardware.0 == 0 {
        return Err(BuildError::NoHardware);
    }
    let own_build_id = build_id_of(images);
    let list: Vec<(Slot, u32)> = images.iter().map(|image| (image.slot, image.bytes.len() as u32)).collect();
    let mut head = [0; HEADER_SIZE + MAX_ENTRIES * ENTRY_SIZE];
    let used = emit_head(&list, &mut head).expect("two images that were placed in a slot fit a bundle");
    let mut bytes = head[..used].to_vec();
    for image in images {
        let signed = key.sign(&Manifest {
            slot: image.slot,
            product: PRODUCT,
            hardware: terms.hardware,
            length: image.bytes.len() as u32,
            version: terms.version,
            security_floor: terms.security_floor,
            register_map: MAP_VERSION,
            minimum_loader: terms.minimum_loader,
            last_day: terms.last_day.map(Day::in_manifest),
            build_id: image.build_id.unwrap_or(own_build_id),
            key_id: KeyId([0; 8]), // set by `sign`
            sha256: sha256(&image.bytes),
        });
        bytes.extend_from_slice(&signed.0);
        bytes.extend_from_slice(&image.bytes);
    }
    let digest = sha256(&bytes);
    bytes.extend_from_slice(&digest);
    Ok(bytes)
}

/// Names the build when the linker did not: both images together, so that both variants carry one id.
pub(crate) fn build_id_of(images: &[LinkedImage; 2]) -> [u8; 20] {
    let all: Vec<u8> = images.iter().flat_map(|image| image.bytes.iter().copied()).collect();
    *sha256(&all).first_chunk().expect("20 bytes of 32")
}

/// Writes a release file, whole or not at all; replaces one of the same name.
///
/// # Errors
/// [`BuildError::Write`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    whole_file::write(path, bytes, 0o644, Existing::Replace).map_err(|error| BuildError::Write {
        path: path.to_owned(),
        source: match error {
            WriteError::System(source) => source,
            WriteError::Exists => std::io::ErrorKind::AlreadyExists.into(),
        },
    })
}
