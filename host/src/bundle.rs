//! The release file on this side: read and checked, built, verified.
//!
//! A [`Release`] is well formed and its images are those its manifests describe; who signed it is asked separately.

pub mod build;
pub mod last_day;
pub mod verify;

use std::ops::Range;
use std::path::{Path, PathBuf};

use protocol::bundle::{Bundle, BundleError, DIGEST_SIZE, ENTRY_SIZE, HEADER_SIZE, MAX_ENTRIES};
use protocol::digest::sha256;
use protocol::layout::{MAX_IMAGE, Slot};
use protocol::manifest::{Manifest, ManifestError, SIGNED_SIZE, SignedManifest};

use crate::failure::{Class, Failure};

/// Longest file that can be a bundle, bytes.
const MAX_FILE: u64 =
    (HEADER_SIZE + MAX_ENTRIES * (ENTRY_SIZE + SIGNED_SIZE + MAX_IMAGE as usize) + DIGEST_SIZE) as u64;

/// A well-formed release file.
#[derive(Debug, Clone)]
pub struct Release {
    bytes: Vec<u8>,
    images: Vec<ReleaseImage>,
}

/// One image of a release.
#[derive(Debug, Clone)]
pub struct ReleaseImage {
    /// What its manifest says.
    pub manifest: Manifest,
    /// The manifest as it was signed.
    pub signed: SignedManifest,
    range: Range<usize>,
}

/// Why bytes are not a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The container is wrong.
    #[error("{0}; fetch the file again, or build it with: sonde bundle build")]
    Container(BundleError),
    /// A manifest is not one.
    #[error("image {index}: {reason}; build the bundle again with: sonde bundle build")]
    Manifest {
        /// Which image, from 0.
        index: usize,
        /// What is wrong with it.
        reason: ManifestError,
    },
    /// Container and manifest contradict each other.
    #[error(
        "image {index}: listed for slot {listed} with {listed_length} bytes, its manifest says slot {slot} with {length} bytes; build the bundle again"
    )]
    Contradiction {
        /// Which image, from 0.
        index: usize,
        /// Slot in the container's list.
        listed: Slot,
        /// Length in the container's list, bytes.
        listed_length: usize,
        /// Slot in the manifest.
        slot: Slot,
        /// Length in the manifest, bytes.
        length: u32,
    },
    /// The image is another one than the manifest describes.
    #[error("image {index} (slot {slot}): its SHA-256 is {found}, its manifest says {expected}; fetch the file again")]
    Image {
        /// Which image, from 0.
        index: usize,
        /// Its slot.
        slot: Slot,
        /// First bytes of the hash in the manifest.
        expected: protocol::digest::ImageTag,
        /// First bytes of the image's hash.
        found: protocol::digest::ImageTag,
    },
}

/// Why a release file is not used.
#[derive(Debug, thiserror::Error)]
pub enum ReadReleaseError {
    /// It cannot be read.
    #[error("cannot read the bundle {}: {source}; check the path", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Longer than any bundle.
    #[error("{}: {found} bytes, a bundle has at most {MAX_FILE}; name a file that `sonde bundle build` made", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length, bytes.
        found: u64,
    },
    /// It is not a release.
    #[error("{}: {source}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReleaseError,
    },
}

impl ReleaseError {
    /// Whether the file is a bundle whose contents were changed: "does not verify" rather than "is something else".
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Container(BundleError::Damaged) | Self::Image { .. })
    }
}

impl Failure for ReadReleaseError {
    fn class(&self) -> Class {
        match self {
            Self::Wrong { source, .. } if source.is_damage() => Class::No,
            _ => Class::Usage,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "bundle.open",
            Self::Wrong { source, .. } if source.is_damage() => "bundle.damaged",
            Self::TooLong { .. } | Self::Wrong { .. } => "bundle.malformed",
        }
    }
}

impl Release {
    /// Reads a release file.
    ///
    /// # Errors
    /// [`ReadReleaseError`]; its message names the file.
    pub fn read(path: &Path) -> Result<Self, ReadReleaseError> {
        let failed = |source| ReadReleaseError::Open { path: path.to_owned(), source };
        let length = path.metadata().map_err(failed)?.len();
        if length > MAX_FILE {
            return Err(ReadReleaseError::TooLong { path: path.to_owned(), found: length });
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        Self::parse(bytes).map_err(|source| ReadReleaseError::Wrong { path: path.to_owned(), source })
    }

    /// Checks bytes: container, manifests, image hashes. Not signatures.
    ///
    /// # Errors
    /// [`ReleaseError`] for anything that is not exactly a release.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ReleaseError> {
        let bundle = Bundle::parse(&bytes).map_err(ReleaseError::Container)?;
        let mut images = Vec::new();
        let mut end = HEADER_SIZE + ENTRY_SIZE * bundle.variants().count();
        for (index, variant) in bundle.variants().enumerate() {
            let signed = variant.signed_manifest();
            let manifest = Manifest::parse(signed.body()).map_err(|reason| ReleaseError::Manifest { index, reason })?;
            if variant.slot != manifest.slot || variant.image.len() != manifest.length as usize {
                return Err(ReleaseError::Contradiction {
                    index,
                    listed: variant.slot,
                    listed_length: variant.image.len(),
                    slot: manifest.slot,
                    length: manifest.length,
                });
            }
            let found = sha256(variant.image);
            if found != manifest.sha256 {
                let found = protocol::digest::ImageTag::of(&found);
                return Err(ReleaseError::Image { index, slot: manifest.slot, expected: manifest.tag(), found });
            }
            let start = end + SIGNED_SIZE;
            end = start + variant.image.len();
            images.push(ReleaseImage { manifest, signed, range: start..end });
        }
        Ok(Self { bytes, images })
    }

    /// Its images, in the order of the file.
    #[must_use]
    pub fn images(&self) -> &[ReleaseImage] {
        &self.images
    }

    /// The bytes of one of its images.
    #[must_use]
    pub fn bytes_of(&self, image: &ReleaseImage) -> &[u8] {
        &self.bytes[image.range.clone()]
    }
}

#[cfg(test)]
mod tests;
