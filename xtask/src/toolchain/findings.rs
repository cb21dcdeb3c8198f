//! What there is on this machine to build for the chip with. Looks, and changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::process;
use crate::toolchain::TARGET;
use crate::toolchain::debian::{self, Packages};
use crate::toolchain::plan::Route;

/// All that the decision depends on.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    /// The route the caller insists on.
    pub(crate) force: Option<Route>,
    /// The oldest compiler the workspace accepts, (major, minor).
    pub(crate) oldest: (u32, u32),
    /// The toolchain that runs us.
    pub(crate) active: Active,
    /// Whether rustup can be asked.
    pub(crate) rustup: Rustup,
    /// Debian's toolchain, as far as it is there.
    pub(crate) debian: DebianFound,
    /// Whether apt can be asked.
    pub(crate) apt: Apt,
}

/// The toolchain that runs us.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    /// Whether it has the chip's core library.
    pub(crate) has_target: bool,
    /// What `rustc -vV` says.
    pub(crate) identity: String,
}

/// Whether rustup can be asked for the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rustup {
    /// The active toolchain is not one of rustup's.
    Absent,
    /// It was not asked yet.
    Untried,
    /// It was asked, for this toolchain, in vain.
    Refused,
}

/// Debian's toolchain, as far as it is there.
#[derive(Debug, Clone)]
pub(crate) struct DebianFound {
    /// Version of its compiler, (major, minor).
    pub(crate) version: Option<(u32, u32)>,
    /// What its `rustc -vV` says.
    pub(crate) identity: String,
    /// Its sysroot.
    pub(crate) sysroot: PathBuf,
    /// Whether its cargo is there.
    pub(crate) cargo: bool,
    /// Whether the library's source is there.
    pub(crate) source: bool,
    /// The linker.
    pub(crate) linker: Linker,
}

/// A linker for the chip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Linker {
    /// It is here.
    At(PathBuf),
    /// Debian's link leads to a package that is not installed.
    Dangling {
        /// That package.
        package: String,
    },
    /// There is not even a link.
    Absent,
}

/// Whether apt can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Apt {
    /// Whether it is there and we may use it without a password.
    pub(crate) usable: bool,
    /// Whether its lists were renewed in this run.
    pub(crate) updated: bool,
    /// The packages asked for since then.
    pub(crate) tried: Vec<String>,
}

impl Findings {
    /// Looks at the machine.
    pub(crate) fn gather(memory: &Memory, packages: &Packages, force: Option<Route>) -> Self {
        let rustc = active_rustc();
        let sysroot = sysroot_of(&rustc);
        let active =
            Active { has_target: sysroot.as_deref().is_some_and(has_core_for_chip), identity: version_of(&rustc) };
        let rustup = match &sysroot {
            Some(sysroot) if is_rustups(sysroot) => {
                if memory.refused_by.as_deref() == Some(&active.identity) {
                    Rustup::Refused
                } else {
                    Rustup::Untried
                }
            }
            _ => Rustup::Absent,
        };
        let apt = Apt { usable: packages.usable(), updated: packages.updated(), tried: packages.tried().to_vec() };
        let debian = DebianFound::gather(sysroot.as_deref());
        Self { force, oldest: oldest_accepted(), active, rustup, debian, apt }
    }
}

impl Active {
    /// The first line of `rustc -vV`.
    pub(crate) fn identity_line(&self) -> &str {
        self.identity.lines().next().unwrap_or_default()
    }
}

impl DebianFound {
    fn gather(active_sysroot: Option<&Path>) -> Self {
        let rustc = Path::new(debian::RUSTC);
        let identity = if rustc.exists() { version_of(rustc) } else { String::new() };
        let sysroot = if identity.is_empty() { None } else { sysroot_of(rustc) }.unwrap_or_else(|| "/usr".into());
        Self {
            version: release(&identity),
            cargo: Path::new(debian::CARGO).exists(),
            source: sysroot.join("lib/rustlib/src/rust/library/core/Cargo.toml").exists(),
            linker: linker(active_sysroot),
            identity,
            sysroot,
        }
    }

    /// The first line of `rustc -vV`.
    pub(crate) fn identity_line(&self) -> &str {
        self.identity.lines().next().unwrap_or_default()
    }
}

/// Debian's rust-lld, else that of the active toolchain, else the package that Debian's link leads to.
fn linker(active_sysroot: Option<&Path>) -> Linker {
    let debian = Path::new(debian::LINKER);
    if debian.exists() {
        return Linker::At(debian.to_owned());
    }
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let beside_active = active_sysroot.map(|sysroot| sysroot.join("lib/rustlib").join(host).join("bin/rust-lld"));
    if let Some(linker) = beside_active.filter(|linker| linker.exists()) {
        return Linker::At(linker);
    }
    match std::fs::read_link(debian).ok().as_deref().and_then(Path::file_name) {
        Some(name) => Linker::Dangling { package: name.to_string_lossy().into_owned() },
        None => Linker::Absent,
    }
}

/// What an earlier run learned and a later one need not try again.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    refused_by: Option<String>,
}

impl Memory {
    /// Reads the file; one that is absent or spoilt is an empty memory. Who insists on rustup wants it asked again.
    pub(crate) fn load(path: &Path, force: Option<Route>) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let refused_by = value[REFUSED].as_str().map(str::to_owned).filter(|_| force != Some(Route::Rustup));
        Self { path: path.to_owned(), refused_by }
    }

    /// Notes that rustup was asked for this toolchain; whether it helped is seen in the next findings.
    pub(crate) fn rustup_was_asked(&mut self, active: &Active) {
        self.refused_by = Some(active.identity.clone());
    }

    /// Writes the file. Not being able to only costs time in the next run.
    pub(crate) fn save(&self) {
        let text = json!({ REFUSED: self.refused_by, "note": "remove this file to have rustup asked again" });
        if let Some(folder) = self.path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = std::fs::write(&self.path, format!("{text:#}\n"));
    }
}

const REFUSED: &str = "rustup did not add the target to";

/// The compiler beside the cargo that started us.
pub(crate) fn active_rustc() -> PathBuf {
    let beside = std::env::var_os("CARGO").map(PathBuf::from).and_then(|cargo| Some(cargo.parent()?.join("rustc")));
    beside.filter(|rustc| rustc.exists()).unwrap_or_else(|| "rustc".into())
}

/// What `rustc -vV` says; empty when it does not run.
pub(crate) fn version_of(rustc: &Path) -> String {
    let mut command = Command::new(rustc);
    if rustc == Path::new(debian::RUSTC) {
        debian::scrub(&mut command);
    }
    process::capture(command.arg("-vV")).unwrap_or_default()
}

fn sysroot_of(rustc: &Path) -> Option<PathBuf> {
    let mut command = Command::new(rustc);
    if rustc == Path::new(debian::RUSTC) {
        debian::scrub(&mut command);
    }
    let path = process::capture(command.args(["--print", "sysroot"])).ok()?;
    Some(PathBuf::from(path.trim()))
}

/// Whether the chip's core library is in that sysroot; the folder alone may be a half-removed target.
fn has_core_for_chip(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(libraries).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-")))
    })
}

/// rustup keeps each toolchain in a folder `toolchains`, with a file that lists its components.
fn is_rustups(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/multirust-channel-manifest.toml").exists()
}

/// The workspace's `rust-version`.
fn oldest_accepted() -> (u32, u32) {
    major_minor(env!("CARGO_PKG_RUST_VERSION")).expect("the workspace states a rust-version of the form 1.95")
}

fn release(identity: &str) -> Option<(u32, u32)> {
    major_minor(identity.lines().find_map(|line| line.strip_prefix("release: "))?)
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_from_what_rustc_says() {
        assert_eq!(release("rustc 1.96.0 (x)\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22.1\n"), Some((1, 96)));
        assert_eq!(release(""), None);
        assert_eq!(release("release: soon"), None);
    }

    #[test]
    fn a_refusal_is_remembered_for_that_toolchain_only_and_asked_again_on_demand() {
        let path = std::env::temp_dir().join(format!("xtask-memory-{}.json", std::process::id()));
        let active = Active { has_target: false, identity: "rustc 1.95.0\nhost: x".into() };
        let mut memory = Memory::load(&path, None);
        assert_eq!(memory.refused_by, None);
        memory.rustup_was_asked(&active);
        memory.save();
        assert_eq!(Memory::load(&path, None).refused_by.as_deref(), Some("rustc 1.95.0\nhost: x"));
        assert_eq!(Memory::load(&path, Some(Route::Rustup)).refused_by, None);
        std::fs::write(&path, "spoilt").unwrap();
        assert_eq!(Memory::load(&path, None).refused_by, None);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_target_folder_without_a_core_library_is_not_a_target() {
        let sysroot = std::env::temp_dir().join(format!("xtask-sysroot-{}", std::process::id()));
        let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
        std::fs::create_dir_all(&libraries).unwrap();
        assert!(!has_core_for_chip(&sysroot));
        std::fs::write(libraries.join("libcore-1.rlib"), "").unwrap();
        assert!(has_core_for_chip(&sysroot));
        std::fs::remove_dir_all(&sysroot).unwrap();
    }
}
