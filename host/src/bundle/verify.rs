//! Asks whether a release is to be believed: every image signed by a trusted key.

use protocol::digest::KeyId;
use protocol::layout::Slot;
use protocol::semver::Version;

use super::Release;
use crate::key::{PublicKey, Vouched, vouch};

/// What was found about one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageVerdict {
    /// The slot it is for.
    pub slot: Slot,
    /// Its version.
    pub version: Version,
    /// Who vouches for it.
    pub vouched: Vouched,
}

impl ImageVerdict {
    /// The key, when it vouches.
    #[must_use]
    pub fn believed(&self) -> Option<KeyId> {
        match self.vouched {
            Vouched::By(key) => Some(key),
            Vouched::UnknownKey(_) | Vouched::BadSignature(_) => None,
        }
    }
}

/// One verdict for each image. A release is believed when every image is: there are no half-good releases.
#[must_use]
pub fn verify(release: &Release, trusted: &[PublicKey]) -> Vec<ImageVerdict> {
    let verdict = |image: &super::ReleaseImage| ImageVerdict {
        slot: image.manifest.slot,
        version: image.manifest.version,
        vouched: vouch(&image.signed, trusted),
    };
    release.images().iter().map(verdict).collect()
}
