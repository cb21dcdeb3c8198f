//! Which image of a release is for this unit, or why none is. Saves the time of a transfer that the unit would refuse.
//!
//! Is no protection: the unit judges for itself (`boot:U1`).

use protocol::boot_record::{ImageRef, Phase};
use protocol::digest::KeyId;
use protocol::layout::Slot;
use protocol::manifest::HardwareSet;
use protocol::message::{Hello, UnitStatus};
use protocol::semver::Version;

use super::Options;
use crate::bundle::{Release, ReleaseImage};
use crate::failure::{Class, Failure};
use crate::key::{Vouched, vouch};

/// Who judges whether a release fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precheck {
    /// This program first, the unit then.
    Here,
    /// The unit alone: its manifest is sent whatever it says.
    UnitOnly,
}

/// Why a release is not for a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// No image for the slot that does not run.
    #[error(
        "the bundle holds no image for slot {slot}, the one that does not run; build it with --slot-a and --slot-b"
    )]
    NoImageForSlot {
        /// The idle slot.
        slot: Slot,
    },
    /// For another product.
    #[error(
        "the bundle is for product {bundle:#010x}, the unit is product {unit:#010x}; use a release for this product"
    )]
    WrongProduct {
        /// The unit's.
        unit: u32,
        /// The bundle's.
        bundle: u32,
    },
    /// For other hardware.
    #[error(
        "the bundle is for hardware revision {bundle}, the unit is revision {unit}; use a release for this hardware"
    )]
    WrongHardware {
        /// The unit's revision.
        unit: u8,
        /// The bundle's.
        bundle: HardwareSet,
    },
    /// Below the lowest version that may run.
    #[error(
        "version {bundle} is below the unit's floor {floor}: versions below it are known to be bad; use a newer release"
    )]
    BelowFloor {
        /// The unit's floor.
        floor: Version,
        /// The bundle's version.
        bundle: Version,
    },
    /// Needs a newer loader.
    #[error("the bundle needs loader {needed}, the unit has {unit}; use a release that this loader can boot")]
    LoaderTooOld {
        /// The unit's loader.
        unit: Version,
        /// What the bundle needs.
        needed: Version,
    },
    /// Signed by a key that is not among the trusted ones.
    #[error("the bundle names key {key}, which is none of those given with --trust; check where the bundle comes from")]
    UnknownKey {
        /// The key it names.
        key: KeyId,
    },
    /// Not signed by the key it names.
    #[error("the signature of the bundle is not that of key {key}: it was changed after it was signed; fetch it again")]
    BadSignature {
        /// The key it names.
        key: KeyId,
    },
}

impl Failure for ChooseError {
    fn class(&self) -> Class {
        Class::No
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::NoImageForSlot { .. } => "precheck.no_image_for_slot",
            Self::WrongProduct { .. } => "precheck.wrong_product",
            Self::WrongHardware { .. } => "precheck.wrong_hardware",
            Self::BelowFloor { .. } => "precheck.below_floor",
            Self::LoaderTooOld { .. } => "precheck.loader_too_old",
            Self::UnknownKey { .. } => "precheck.unknown_key",
            Self::BadSignature { .. } => "precheck.bad_signature",
        }
    }
}

/// The image for a unit.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    pub(super) image: &'a ReleaseImage,
    /// The unit runs this release already, confirmed.
    pub(super) already_running: Option<ImageRef>,
}

pub(super) fn choose<'a>(
    release: &'a Release,
    hello: &Hello,
    status: &UnitStatus,
    options: &Options,
) -> Result<Chosen<'a>, ChooseError> {
    let runs = status.running;
    let already_running = (status.phase == Phase::Confirmed)
        .then(|| release.images().iter().any(|image| image.manifest.tag() == runs.tag))
        .and_then(|same| same.then_some(runs));
    let idle = runs.slot.other();
    let for_slot = || release.images().iter().filter(move |image| image.manifest.slot == idle);
    let fits = |image: &&ReleaseImage| image.manifest.hardware.contains(hello.hardware_revision);
    let image =
        for_slot().find(fits).or_else(|| for_slot().next()).ok_or(ChooseError::NoImageForSlot { slot: idle })?;
    if options.precheck == Precheck::Here {
        check(image, hello, status)?;
    }
    believe(image, options)?;
    Ok(Chosen { image, already_running })
}

fn check(image: &ReleaseImage, hello: &Hello, status: &UnitStatus) -> Result<(), ChooseError> {
    let manifest = &image.manifest;
    if manifest.product != hello.product {
        return Err(ChooseError::WrongProduct { unit: hello.product, bundle: manifest.product });
    }
    if !manifest.hardware.contains(hello.hardware_revision) {
        return Err(ChooseError::WrongHardware { unit: hello.hardware_revision, bundle: manifest.hardware });
    }
    if manifest.version < status.floor {
        return Err(ChooseError::BelowFloor { floor: status.floor, bundle: manifest.version });
    }
    if manifest.minimum_loader > status.loader {
        return Err(ChooseError::LoaderTooOld { unit: status.loader, needed: manifest.minimum_loader });
    }
    Ok(())
}

fn believe(image: &ReleaseImage, options: &Options) -> Result<(), ChooseError> {
    if options.trusted.is_empty() {
        return Ok(());
    }
    match vouch(&image.signed, &options.trusted) {
        Vouched::By(_) => Ok(()),
        Vouched::UnknownKey(key) => Err(ChooseError::UnknownKey { key }),
        Vouched::BadSignature(key) => Err(ChooseError::BadSignature { key }),
    }
}
