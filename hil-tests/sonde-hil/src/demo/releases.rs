//! Keys and release files of the story, made with `sonde`.

use std::path::{Path, PathBuf};

use super::DemoError;
use crate::sonde::Sonde;

/// Hardware revision of the unit.
pub(super) const HARDWARE: u8 = 1;
/// A revision that the unit is not.
const OTHER_HARDWARE: u8 = 7;

/// The folder of linked images: `<version>[+feature]/{loader,firmware-a,firmware-b}.elf`.
#[derive(Debug, Clone)]
pub struct Images {
    folder: PathBuf,
}

impl Images {
    /// Images below `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    fn file(&self, variant: &str, file: &str) -> PathBuf {
        self.folder.join(variant).join(file)
    }

    /// Bytes of the loader.
    pub(super) fn loader(&self) -> Result<Vec<u8>, DemoError> {
        read(&self.file(FIRST, "loader.elf"))
    }
}

/// Folder of the first release.
const FIRST: &str = "1.0.0";
/// Folder of the good update.
const SECOND: &str = "1.1.0";
/// Folder of the release whose firmware hangs after boot.
const HANGING: &str = "1.2.0+fault-hang-after-boot";

/// The release files.
#[derive(Debug, Clone)]
pub struct Releases {
    /// The public key that the unit believes.
    pub trusted_key: PathBuf,
    /// 1.0.0.
    pub first: PathBuf,
    /// 1.1.0.
    pub second: PathBuf,
    /// 1.2.0, which hangs after boot.
    pub hanging: PathBuf,
    /// 1.1.0 with one byte flipped in the middle of an image.
    pub flipped: PathBuf,
    /// 1.1.0 for another hardware revision.
    pub other_hardware: PathBuf,
    /// 1.1.0 signed by a key that the unit does not know.
    pub unknown_key: PathBuf,
}

impl Releases {
    /// Makes two keys and all release files in `folder`, which is emptied first.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn make(sonde: &Sonde, images: &Images, folder: &Path) -> Result<Self, DemoError> {
        let failed = |source| DemoError::File { path: folder.into(), source };
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(failed)?;
        }
        std::fs::create_dir_all(folder).map_err(failed)?;
        let (trusted, unknown) = (folder.join("release.key"), folder.join("unknown.key"));
        for key in [&trusted, &unknown] {
            sonde.must([
                "key".as_ref(),
                "new".as_ref(),
                "--no-passphrase".as_ref(),
                "--out".as_ref(),
                key.as_os_str(),
            ])?;
        }
        let build = |name: &str, key: &Path, variant: &str, hardware: u8| {
            build(sonde, images, &folder.join(name), key, variant, hardware)
        };
        let second = build("1.1.0.sonde", &trusted, SECOND, HARDWARE)?;
        Ok(Self {
            trusted_key: folder.join("release.key.pub.pem"),
            first: build("1.0.0.sonde", &trusted, FIRST, HARDWARE)?,
            hanging: build("1.2.0.sonde", &trusted, HANGING, HARDWARE)?,
            flipped: flip(&second, &folder.join("1.1.0-flipped.sonde"))?,
            other_hardware: build("1.1.0-other-hardware.sonde", &trusted, SECOND, OTHER_HARDWARE)?,
            unknown_key: build("1.1.0-unknown-key.sonde", &unknown, SECOND, HARDWARE)?,
            second,
        })
    }
}

fn build(
    sonde: &Sonde,
    images: &Images,
    out: &Path,
    key: &Path,
    variant: &str,
    hardware: u8,
) -> Result<PathBuf, DemoError> {
    let version = variant.split('+').next().unwrap_or(variant);
    let hardware = hardware.to_string();
    let [slot_a, slot_b] = ["firmware-a.elf", "firmware-b.elf"].map(|file| images.file(variant, file));
    sonde.must([
        "bundle".as_ref(),
        "build".as_ref(),
        "--version".as_ref(),
        version.as_ref(),
        "--hardware".as_ref(),
        hardware.as_ref(),
        "--key".as_ref(),
        key.as_os_str(),
        "--slot-a".as_ref(),
        slot_a.as_os_str(),
        "--slot-b".as_ref(),
        slot_b.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
    ])?;
    Ok(out.into())
}

/// A copy with one bit turned in its middle.
fn flip(from: &Path, to: &Path) -> Result<PathBuf, DemoError> {
    let mut bytes = read(from)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0x10;
    }
    std::fs::write(to, bytes).map_err(|source| DemoError::File { path: to.into(), source })?;
    Ok(to.into())
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DemoError> {
    std::fs::read(path).map_err(|source| DemoError::File { path: path.into(), source })
}
