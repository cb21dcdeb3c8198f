//! The releases under test: the images that `cargo xtask chip` linked, signed with a key made for this run.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use protocol::boot_record::ImageRef;
use protocol::bundle::Bundle;
use protocol::layout::Slot;
use protocol::manifest::{HardwareSet, Manifest, SIGNED_SIZE, SignedManifest};
use protocol::semver::Version;
use sonde::bundle::build::{ReleaseTerms, assemble, read_image};
use sonde::key::ReleaseKey;
use virtual_board::unit::Factory;

/// Names the folder of linked images: `<version>[+feature]/{loader,firmware-a,firmware-b}.elf`.
const IMAGES: &str = "SONDE_CHIP_IMAGES";
/// Hardware revision of the unit.
pub(crate) const HARDWARE: u8 = 1;

/// What the tests lack, if they lack the images.
pub(crate) fn missing() -> Option<String> {
    let found = folder().is_some_and(|folder| folder.is_dir());
    (!found).then(|| format!("{IMAGES} names no folder of linked images; use `cargo xtask test`"))
}

/// The folder of linked images.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(IMAGES).map(PathBuf::from)
}

/// Everything that tests start from.
pub(crate) struct Releases {
    /// Makes units that run 1.0.0.
    pub(crate) factory: Factory,
    /// 1.0.0.
    pub(crate) first: Release,
    /// 1.1.0.
    pub(crate) second: Release,
    /// 1.2.0, which hangs after boot.
    pub(crate) hanging: Release,
}

/// The releases, made at the first call.
pub(crate) fn releases() -> &'static Releases {
    static RELEASES: OnceLock<Releases> = OnceLock::new();
    RELEASES.get_or_init(|| Releases::of(&folder().expect("no test runs without images")))
}

impl Releases {
    fn of(folder: &Path) -> Self {
        let key = ReleaseKey::generate();
        let release = |variant, version| Release::of(&key, &folder.join(variant), version);
        let first = release("1.0.0", Version::new(1, 0, 0));
        let loader = std::fs::read(folder.join("1.0.0/loader.elf")).expect("the loader lies beside the firmware");
        let factory =
            Factory::new(&loader, &first.0, &[key.public().bytes()], HARDWARE).expect("the parts fit each other");
        let second = release("1.1.0", Version::new(1, 1, 0));
        let hanging = release("1.2.0+fault-hang-after-boot", Version::new(1, 2, 0));
        Self { factory, first, second, hanging }
    }
}

/// The bytes of a bundle.
pub(crate) struct Release(Vec<u8>);

/// One signed image.
pub(crate) struct Image {
    pub(crate) signed: SignedManifest,
    pub(crate) manifest: Manifest,
    pub(crate) bytes: Vec<u8>,
}

impl Release {
    fn of(key: &ReleaseKey, folder: &Path, version: Version) -> Self {
        let image = |slot, file| read_image(&folder.join(file), slot).expect("the chip's build links good images");
        let images = [image(Slot::A, "firmware-a.elf"), image(Slot::B, "firmware-b.elf")];
        let terms = ReleaseTerms {
            version,
            hardware: HardwareSet::only(HARDWARE),
            security_floor: Version::ZERO,
            minimum_loader: Version::ZERO,
            last_day: None,
        };
        Self(assemble(key, &terms, &images).expect("these terms are sound"))
    }

    /// Its image for a slot.
    pub(crate) fn image(&self, slot: Slot) -> Image {
        let bundle = Bundle::parse(&self.0).expect("we have just built it");
        let variant = bundle.variants().find(|variant| variant.slot == slot).expect("it has both slots");
        let signed = variant.signed_manifest();
        let manifest = Manifest::parse(signed.body()).expect("we have just built it");
        Image { signed, manifest, bytes: variant.image.to_vec() }
    }
}

impl Image {
    /// How the boot log names it.
    pub(crate) fn named(&self) -> ImageRef {
        ImageRef { slot: self.manifest.slot, version: self.manifest.version, tag: self.manifest.tag() }
    }

    /// The manifest's bytes in flash.
    pub(crate) fn manifest_bytes(&self) -> &[u8; SIGNED_SIZE] {
        &self.signed.0
    }
}
