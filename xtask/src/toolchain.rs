//! Finds a way to build for the chip: the active toolchain, else what rustup can add to it, else Debian's.
//!
//! `plan` is a pure function from what was found on the machine to the next step; `find` carries steps out, looks
//! again, and ends with a toolchain or with one message that says what to install. Nothing is ever removed.

mod debian;
mod findings;
mod plan;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process;
use crate::toolchain::findings::{Findings, Memory};
use crate::toolchain::plan::{Route, Step};
use crate::workspace::Workspace;
use crate::{output, toolchain::debian::Packages};

/// The chip's target.
pub(crate) const TARGET: &str = "thumbv7em-none-eabihf";

/// Forces one route, for tests of the others: `rustup` or `debian`.
const FORCE: &str = "SONDE_CHIP_TOOLCHAIN";

/// rustup fetches about 5 MB; on a machine without network it may hang instead of failing.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Longer than any sequence of steps: a plan that goes in circles is our mistake and must end.
const MAX_STEPS: usize = 12;

/// A way to build for the chip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Toolchain {
    /// The toolchain that runs us has the target.
    Active,
    /// Debian's compiler, with `core` built from its source.
    Debian(Debian),
}

/// Debian's compiler and what it needs beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Debian {
    /// Linker for the chip.
    pub(crate) linker: PathBuf,
    /// The sysroot, which holds the library's source.
    pub(crate) sysroot: PathBuf,
}

/// Finds a way, installing what is missing where that is allowed.
pub(crate) fn find(workspace: &Workspace) -> Result<Toolchain> {
    let force = std::env::var(FORCE).ok().map(|name| Route::parse(&name)).transpose()?;
    let mut memory = Memory::load(&workspace.folder("toolchain.json"), force);
    let mut packages = Packages::new();
    let mut said = Vec::new();
    for _ in 0..MAX_STEPS {
        let findings = Findings::gather(&memory, &packages, force);
        let done = match plan::next(&findings) {
            Step::UseActive => {
                output::progress(format_args!("chip toolchain: the active one, {}", findings.active.identity_line()));
                return Ok(Toolchain::Active);
            }
            Step::UseDebian(debian) => {
                memory.save();
                output::progress(format_args!(
                    "chip toolchain: Debian's {}, core from source, linker {}",
                    findings.debian.identity_line(),
                    debian.linker.display()
                ));
                return Ok(Toolchain::Debian(debian));
            }
            Step::AddWithRustup => {
                output::progress(format_args!("the active toolchain has no {TARGET}; asking rustup to add it"));
                let added = add_with_rustup();
                memory.rustup_was_asked(&findings.active);
                added
            }
            Step::AptUpdate => packages.update(),
            Step::AptInstall(names) => packages.install(&names),
            Step::GiveUp(message) => {
                let tried: String = said.iter().map(|line| format!("\n  tried: {line}")).collect();
                bail!("{message}{tried}");
            }
        };
        if let Err(error) = done {
            output::progress(format_args!("{error:#}"));
            said.push(format!("{error:#}"));
        }
    }
    bail!("the search for a toolchain went in circles; set {FORCE}=rustup or {FORCE}=debian and report this")
}

fn add_with_rustup() -> Result<()> {
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).env("RUST_BACKTRACE", "0");
    process::run_within(&mut command, RUSTUP_LIMIT)
}

impl Toolchain {
    /// `cargo <subcommand>` for the chip: subcommand and target are given, packages and profile are the caller's.
    pub(crate) fn cargo(&self, workspace: &Workspace, subcommand: &str) -> Result<Command> {
        let mut command = match self {
            Self::Active => workspace.cargo(subcommand),
            Self::Debian(debian) => debian.cargo(workspace, subcommand)?,
        };
        // Flags of the caller's shell would make images that differ from machine to machine.
        for name in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", self.flags(workspace).join("\u{1f}"));
        command.env("CARGO_TARGET_DIR", workspace.folder("chip-build")).args(["--target", TARGET]);
        Ok(command)
    }

    /// What makes two builds differ although the sources are the same.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Active => findings::version_of(&findings::active_rustc()),
            Self::Debian(debian) => {
                format!("{} linked by {}", findings::version_of(Path::new(debian::RUSTC)), debian.linker.display())
            }
        }
    }

    /// Compiler flags: no path of this machine may reach an image. The last prefix that fits wins.
    fn flags(&self, workspace: &Workspace) -> Vec<String> {
        let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let mut flags = Vec::new();
        if let Some(home) = cargo_home() {
            flags.push(remap(&home, "/cargo"));
        }
        if let Self::Debian(debian) = self {
            flags.push(remap(&debian.sysroot.join("lib/rustlib/src/rust"), "/rust"));
        }
        flags.extend([remap(&workspace.root, "/sonde"), remap(&workspace.target, "/target")]);
        flags
    }
}

fn cargo_home() -> Option<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}
