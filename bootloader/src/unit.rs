//! What the unit itself says about what may run on it: its hardware, its keys, its floor.

use protocol::anchors::{ANCHORS_SIZE, Anchors};
use protocol::boot_record::BootState;
use protocol::identity::{IDENTITY_SIZE, Identity};
use protocol::layout::{ANCHORS_OFFSET, IDENTITY_OFFSET};
use protocol::manifest::PRODUCT;
use protocol::semver::Version;

use crate::flash::CheckedRead;
use crate::trust::Trust;

/// Version of the loader that this library is built into, or (in the firmware) was built beside.
pub const LOADER_VERSION: Version = match Version::parse(env!("CARGO_PKG_VERSION")) {
    Some(version) => version,
    None => panic!("the crate's version is major.minor.patch"),
};

/// Stands for a revision that the identity page does not tell: no manifest can name it.
pub const UNKNOWN_REVISION: u8 = u8::MAX;

/// What an image has to be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardware {
    /// The product.
    pub product: u32,
    /// Revision of the board, 0-31; `None` when the identity page does not say. Then nothing may run: an image for
    /// another revision could drive outputs that are something else here.
    pub revision: Option<u8>,
}

/// Which keys are believed (`boot:B10`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStages {
    /// Production keys only.
    ProductionOnly,
    /// Development keys too.
    DevelopmentToo,
}

impl KeyStages {
    /// What this build believes: development keys only with the feature `development-keys`.
    pub const OF_THIS_BUILD: Self =
        if cfg!(feature = "development-keys") { Self::DevelopmentToo } else { Self::ProductionOnly };
}

/// Everything that an image is judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Criteria {
    /// The keys that the unit believes.
    pub trust: Trust,
    /// What the image has to be made for.
    pub hardware: Hardware,
    /// Lowest version that may run.
    pub floor: Version,
    /// Version of the loader that has to boot it.
    pub loader: Version,
}

impl Criteria {
    /// Reads keys and identity of the unit. What cannot be read is as good as absent, and then nothing verifies.
    /// `loader` is [`LOADER_VERSION`] in the loader itself; the firmware passes what the boot report says.
    pub fn read<F: CheckedRead>(flash: &mut F, floor: Version, loader: Version) -> Self {
        let trust = Trust::read(flash);
        Self { floor, ..Self::of(flash, trust, None, loader) }
    }

    /// The same for keys that were read before, with the floor that they and the boot log make.
    pub fn of<F: CheckedRead>(flash: &mut F, trust: Trust, log: Option<BootState>, loader: Version) -> Self {
        let identity = read_identity(flash);
        let floor = trust.floor(log, identity.map(|identity| identity.serial));
        let revision = identity.map(|identity| identity.hardware_revision);
        Self { trust, hardware: Hardware { product: PRODUCT, revision }, floor, loader }
    }
}

/// The trust anchors; none when the page cannot be read or is not a record of them.
pub fn read_anchors<F: CheckedRead>(flash: &mut F) -> Anchors {
    let mut bytes = [0; ANCHORS_SIZE];
    match flash.read(ANCHORS_OFFSET, &mut bytes) {
        Ok(()) => Anchors::parse(&bytes).unwrap_or(Anchors::NONE),
        Err(_) => Anchors::NONE,
    }
}

/// The unit's identity, if its page holds one.
pub fn read_identity<F: CheckedRead>(flash: &mut F) -> Option<Identity> {
    let mut bytes = [0; IDENTITY_SIZE];
    flash.read(IDENTITY_OFFSET, &mut bytes).ok()?;
    Identity::parse(&bytes).ok()
}
