//! Which image of a release is for this unit, or why none is. Saves the time of a transfer that the unit would refuse.
//!
//! Is no protection: the unit judges for itself (`boot:U1`).

use protocol::boot_record::{ImageRef, Phase};
use protocol::digest::KeyId;
use protocol::layout::Slot;
use protocol::manifest::HardwareSet;
use protocol::message::{Hello, Recovery, SlotTrouble, Transfer, UnitStatus};
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
    /// No image at all for hardware like this.
    #[error("the bundle holds no image for either slot of hardware revision {unit}; build it with --hardware {unit}")]
    NoImage {
        /// The unit's revision.
        unit: u8,
    },
    /// The unit does not know what it is.
    #[error(
        "the unit's identity page cannot be read, so nothing may run on it; write its identity anew over SWD, then update it"
    )]
    NoIdentity,
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
            Self::NoImage { .. } => "precheck.no_image",
            Self::NoIdentity => "precheck.no_identity",
            Self::WrongProduct { .. } => "precheck.wrong_product",
            Self::WrongHardware { .. } => "precheck.wrong_hardware",
            Self::BelowFloor { .. } => "precheck.below_floor",
            Self::LoaderTooOld { .. } => "precheck.loader_too_old",
            Self::UnknownKey { .. } => "precheck.unknown_key",
            Self::BadSignature { .. } => "precheck.bad_signature",
        }
    }
}

/// What an image has to fit.
#[derive(Debug, Clone, Copy)]
struct Fit {
    product: u32,
    hardware_revision: u8,
    floor: Version,
    loader: Version,
}

/// What to do for a unit that runs something.
#[derive(Debug)]
pub(super) enum Chosen<'a> {
    /// It runs this release already, confirmed.
    AlreadyRunning(ImageRef),
    /// It runs this release already, on trial: what is left of an update that was cut off.
    OnTrial { image: ImageRef, fallback: Option<ImageRef> },
    /// This image for its idle slot.
    Image(&'a ReleaseImage),
}

/// For a unit that runs something.
pub(super) fn choose<'a>(
    release: &'a Release,
    hello: &Hello,
    status: &UnitStatus,
    options: &Options,
) -> Result<Chosen<'a>, ChooseError> {
    let runs = status.running;
    let same = release.images().iter().any(|image| image.manifest.tag() == runs.tag);
    match status.phase {
        Phase::Confirmed if same => return Ok(Chosen::AlreadyRunning(runs)),
        Phase::Trial { fallback, .. } if same => return Ok(Chosen::OnTrial { image: runs, fallback }),
        _ => {}
    }
    let fit = Fit {
        product: hello.product,
        hardware_revision: hello.hardware_revision,
        floor: status.floor,
        loader: status.loader,
    };
    let idle = runs.slot.other();
    let image = for_slot(release, idle, fit.hardware_revision).ok_or(ChooseError::NoImageForSlot { slot: idle })?;
    judge(image, &fit, options)?;
    Ok(Chosen::Image(image))
}

/// For a unit in recovery: an image for each slot that there is one for, the slot to try first first.
pub(super) fn choose_to_revive<'a>(
    release: &'a Release,
    recovery: &Recovery,
    options: &Options,
) -> Result<Vec<&'a ReleaseImage>, ChooseError> {
    let hardware_revision = recovery.hardware_revision.ok_or(ChooseError::NoIdentity)?;
    let (product, floor, loader) = (recovery.product, recovery.floor, recovery.loader);
    let fit = Fit { product, hardware_revision, floor, loader };
    let mut slots = Slot::ALL;
    slots.sort_by_key(|slot| worth_keeping(recovery, *slot));
    let images: Vec<_> = slots.into_iter().filter_map(|slot| for_slot(release, slot, hardware_revision)).collect();
    let first = images.first().ok_or(ChooseError::NoImage { unit: hardware_revision })?;
    judge(first, &fit, options)?;
    Ok(images)
}

/// The same answer after an interruption as before: a slot that an image has come into is empty until it is whole.
fn worth_keeping(recovery: &Recovery, slot: Slot) -> u8 {
    if matches!(recovery.transfer, Transfer::Receiving { slot: to, .. } if to == slot) {
        return 0;
    }
    match recovery.slots[usize::from(slot.code())] {
        SlotTrouble::Empty => 1,
        SlotTrouble::CrashedOnTrial => 3,
        SlotTrouble::None => 4,
        _ => 2,
    }
}

fn for_slot(release: &Release, slot: Slot, hardware_revision: u8) -> Option<&ReleaseImage> {
    let for_slot = || release.images().iter().filter(move |image| image.manifest.slot == slot);
    for_slot().find(|image| image.manifest.hardware.contains(hardware_revision)).or_else(|| for_slot().next())
}

fn judge(image: &ReleaseImage, fit: &Fit, options: &Options) -> Result<(), ChooseError> {
    if options.precheck == Precheck::Here {
        check(image, fit)?;
    }
    believe(image, options)
}

fn check(image: &ReleaseImage, fit: &Fit) -> Result<(), ChooseError> {
    let manifest = &image.manifest;
    if manifest.product != fit.product {
        return Err(ChooseError::WrongProduct { unit: fit.product, bundle: manifest.product });
    }
    if !manifest.hardware.contains(fit.hardware_revision) {
        return Err(ChooseError::WrongHardware { unit: fit.hardware_revision, bundle: manifest.hardware });
    }
    if manifest.version < fit.floor {
        return Err(ChooseError::BelowFloor { floor: fit.floor, bundle: manifest.version });
    }
    if manifest.minimum_loader > fit.loader {
        return Err(ChooseError::LoaderTooOld { unit: fit.loader, needed: manifest.minimum_loader });
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
