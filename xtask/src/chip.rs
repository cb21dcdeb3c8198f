//! The images for the chip: which variants there are, building them, and where they lie afterwards.
//!
//! All variants share one target folder, so that only what differs is compiled again. cargo keeps just the last variant
//! there; a stamp beside each finished image says from which inputs it was made and whether it is still current.

pub(crate) mod size;
mod stamp;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::chip::stamp::Stamp;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::Workspace;
use crate::{output, process};

/// The loader's package and program.
pub(crate) const LOADER: Unit = Unit { package: "sonde-bootloader", programs: &["loader"] };
/// The firmware's package and programs, linked for slot A and slot B.
pub(crate) const FIRMWARE: Unit = Unit { package: "sonde-firmware", programs: &["firmware-a", "firmware-b"] };

/// Environment variable by which the firmware's build learns its version.
const VERSION: &str = "SONDE_FIRMWARE_VERSION";

/// Packages whose manifests decide what an image is, beside the sources that the compiler names itself.
const MANIFESTS: [&str; 4] = ["sonde-hash", "sonde-protocol", "sonde-bootloader", "sonde-firmware"];

/// The good release that everything starts from.
pub(crate) const FIRST: Variant = Variant { version: "1.0.0", features: &[] };
/// The good release that the demo updates to.
pub(crate) const SECOND: Variant = Variant { version: "1.1.0", features: &[] };
/// The bad release: hangs after boot, so that the watchdog must bring the old one back.
pub(crate) const HANGING: Variant = Variant { version: "1.2.0", features: &["fault-hang-after-boot"] };

/// One firmware release.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Variant {
    /// Semantic version.
    pub(crate) version: &'static str,
    /// Cargo features of the firmware.
    pub(crate) features: &'static [&'static str],
}

impl Variant {
    /// Every variant there is.
    pub(crate) const ALL: [Self; 3] = [FIRST, SECOND, HANGING];

    /// Its folder below the images' folder: `1.2.0+feature`.
    pub(crate) fn folder(&self) -> String {
        [self.version].iter().chain(self.features).copied().collect::<Vec<_>>().join("+")
    }
}

/// What one cargo call builds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    /// The package.
    pub(crate) package: &'static str,
    /// Its programs.
    pub(crate) programs: &'static [&'static str],
}

/// The folder that holds a folder per variant.
pub(crate) fn images(workspace: &Workspace) -> PathBuf {
    workspace.folder("chip")
}

/// Builds loader and firmware of these variants where they are not current, and returns the images' folder.
pub(crate) fn build(workspace: &Workspace, toolchain: &Toolchain, variants: &[Variant]) -> Result<PathBuf> {
    let images = images(workspace);
    std::fs::create_dir_all(&images).with_context(|| format!("cannot create {}", images.display()))?;
    // Two calls at once would take each other's images out of the shared target folder.
    let lock = File::create(workspace.folder("chip.lock")).context("cannot create the lock of the chip builds")?;
    lock.lock().context("cannot lock the chip builds")?;
    let loader = workspace.folder("loader");
    build_unit(workspace, toolchain, LOADER, None, &loader)?;
    for variant in variants {
        let folder = images.join(variant.folder());
        build_unit(workspace, toolchain, FIRMWARE, Some(*variant), &folder)?;
        copy(&loader.join("loader.elf"), &folder.join("loader.elf"))?;
    }
    Ok(images)
}

fn build_unit(
    workspace: &Workspace,
    toolchain: &Toolchain,
    unit: Unit,
    variant: Option<Variant>,
    folder: &Path,
) -> Result<()> {
    let mut command = toolchain.cargo(workspace, "build")?;
    command.args(["--profile", "chip", "--package", unit.package]);
    for program in unit.programs {
        command.args(["--bin", program]);
    }
    command.env_remove(VERSION);
    if let Some(variant) = variant {
        command.env(VERSION, variant.version);
        if !variant.features.is_empty() {
            command.arg("--features").arg(variant.features.join(","));
        }
    }
    let key = stamp::key(&command, &toolchain.identity());
    let outputs: Vec<PathBuf> = unit.programs.iter().map(|program| folder.join(format!("{program}.elf"))).collect();
    let stamp = folder.join(format!("{}.stamp.json", unit.package));
    let what =
        variant.map_or_else(|| unit.package.to_owned(), |variant| format!("{} {}", unit.package, variant.folder()));
    if Stamp::load(&stamp).is_some_and(|stamp| stamp.is_current(&key, &outputs)) {
        output::progress(format_args!("{what}: up to date"));
        return Ok(());
    }
    output::progress(format_args!("{what}: building"));
    process::run(&mut command)?;
    let built = workspace.folder("chip-build").join(TARGET).join("chip");
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (program, output) in unit.programs.iter().zip(&outputs) {
        copy(&built.join(program), output)?;
    }
    let dep_infos: Vec<PathBuf> = unit.programs.iter().map(|program| built.join(format!("{program}.d"))).collect();
    Stamp::new(key, &inputs(workspace, &dep_infos)?, &outputs)?.save(&stamp)
}

/// Every file that decides what a unit becomes, outside the target folder.
fn inputs(workspace: &Workspace, dep_infos: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut inputs = vec![workspace.root.join("Cargo.toml"), workspace.root.join("Cargo.lock")];
    inputs.push(workspace.root.join(".cargo/config.toml"));
    for name in MANIFESTS {
        inputs.push(workspace.package(name)?.folder.join("Cargo.toml"));
    }
    for dep_info in dep_infos {
        let text = std::fs::read_to_string(dep_info).with_context(|| format!("cannot read {}", dep_info.display()))?;
        inputs.extend(stamp::dependencies(&text));
    }
    // What a build script writes follows from its sources and is overwritten by the next variant.
    inputs.retain(|input| !input.starts_with(&workspace.target));
    inputs.sort();
    inputs.dedup();
    Ok(inputs)
}

/// Copies a file whole or not at all: a test that reads it meanwhile sees the old one or the new one.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let beside = to.with_extension("new");
    std::fs::copy(from, &beside).with_context(|| format!("cannot copy {} to {}", from.display(), beside.display()))?;
    std::fs::rename(&beside, to).with_context(|| format!("cannot rename {} to {}", beside.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_lies_in_a_folder_named_after_version_and_features() {
        assert_eq!(FIRST.folder(), "1.0.0");
        assert_eq!(HANGING.folder(), "1.2.0+fault-hang-after-boot");
    }
}
