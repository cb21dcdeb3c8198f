//! What is known about the unit when it starts and stays so until it resets.

use protocol::boot_record::ImageRef;
use protocol::digest::ImageTag;
use protocol::handover::{BootReason, BootReport};
use protocol::identity::{DEFAULT_UNIT_ID, Identity, Serial};
use protocol::layout::Slot;
use protocol::manifest::{Manifest, SIGNED_SIZE, SignedManifest};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use bootloader::flash::CheckedRead;
use bootloader::unit::{UNKNOWN_REVISION, read_anchors, read_identity};

/// Facts of this start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Who the unit is; `None` when its page does not say.
    pub identity: Option<Identity>,
    /// What the loader left; `None` when it left nothing, for instance under a debugger.
    pub report: Option<BootReport>,
    /// The slot that this image is linked for.
    pub slot: Slot,
    /// The manifest in front of this image; `None` when there is none to be read. The loader has verified it.
    pub manifest: Option<Manifest>,
    /// The version that this image was built as.
    pub version: Version,
    /// Whether the unit has root keys, and so may have a key set.
    pub has_roots: bool,
}

impl Facts {
    /// Gathers the facts from flash and from what the loader left.
    pub fn gather<F: CheckedRead>(flash: &mut F, slot: Slot, report: Option<BootReport>, version: Version) -> Self {
        let has_roots = read_anchors(flash).threshold() > 0;
        Self { identity: read_identity(flash), report, slot, manifest: read_manifest(flash, slot), version, has_roots }
    }

    /// Address on the bus, as long as no setting says otherwise.
    #[must_use]
    pub fn given_unit_id(&self) -> u8 {
        self.identity.map_or(DEFAULT_UNIT_ID, |identity| identity.unit_id)
    }

    /// Serial number.
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.identity.map_or_else(|| Serial::parse("unknown").expect("a good serial"), |identity| identity.serial)
    }

    /// Revision of the board, [`UNKNOWN_REVISION`] when nobody knows.
    #[must_use]
    pub fn hardware_revision(&self) -> u8 {
        self.identity.map_or(UNKNOWN_REVISION, |identity| identity.hardware_revision)
    }

    /// How the boot log names the running image. Without a manifest it has a name that no log contains.
    #[must_use]
    pub fn running(&self) -> ImageRef {
        let tag = self.manifest.as_ref().map_or(ImageTag([0; 8]), Manifest::tag);
        let version = self.manifest.as_ref().map_or(self.version, |manifest| manifest.version);
        ImageRef { slot: self.slot, version, tag }
    }

    /// Why the unit last reset.
    #[must_use]
    pub fn reset(&self) -> ResetCause {
        self.report.map_or(ResetCause::Unknown, |report| report.reset)
    }

    /// Why the loader chose this image.
    #[must_use]
    pub fn boot_reason(&self) -> BootReason {
        self.report.map_or(BootReason::OnlyImage, |report| report.reason)
    }

    /// Version of the loader; zero when it left no report, and then no image that names a loader is accepted.
    #[must_use]
    pub fn loader(&self) -> Version {
        self.report.map_or(Version::ZERO, |report| report.loader)
    }
}

fn read_manifest<F: CheckedRead>(flash: &mut F, slot: Slot) -> Option<Manifest> {
    let mut bytes = [0; SIGNED_SIZE];
    flash.read(slot.offset(), &mut bytes).ok()?;
    Manifest::parse(SignedManifest(bytes).body()).ok()
}
