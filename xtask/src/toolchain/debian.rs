//! Debian's Rust toolchain (the packages named `-web`, which follow the browsers' needs): calling it, installing it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::output;
use crate::process;
use crate::toolchain::{Debian, TARGET};
use crate::workspace::Workspace;

/// Debian's compiler, never a proxy of rustup.
pub(crate) const RUSTC: &str = "/usr/bin/rustc";
/// Debian's cargo.
pub(crate) const CARGO: &str = "/usr/bin/cargo";
/// Debian's link to the linker of its LLVM.
pub(crate) const LINKER: &str = "/usr/bin/rust-lld";

const CLIPPY: &str = "/usr/bin/cargo-clippy";
const CLIPPY_PACKAGE: &str = "rust-web-clippy";

/// The packages are 100 MB; a slow mirror is not a broken one.
const INSTALL_LIMIT: Duration = Duration::from_secs(900);
const UPDATE_LIMIT: Duration = Duration::from_secs(180);

/// Variables that would lead Debian's cargo back to another toolchain.
const MISLEADING: [&str; 10] = [
    "CARGO",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
    "LD_LIBRARY_PATH",
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WRAPPER",
];

/// Takes away what the outer cargo and rustup left for their own compiler.
pub(crate) fn scrub(command: &mut Command) {
    for name in MISLEADING {
        command.env_remove(name);
    }
}

impl Debian {
    /// Debian's `cargo <subcommand>`, set to build `core` and `alloc` from source.
    pub(crate) fn cargo(&self, workspace: &Workspace, subcommand: &str) -> Result<Command> {
        let mut command = if subcommand == "clippy" {
            install_clippy()?;
            Command::new(CLIPPY)
        } else {
            Command::new(CARGO)
        };
        workspace.prepare(&mut command);
        scrub(&mut command);
        command.arg(subcommand).arg("-Zbuild-std=core,alloc");
        command.env("CARGO", CARGO).env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1").env("PATH", system_first());
        let linker = format!("CARGO_TARGET_{}_LINKER", TARGET.to_uppercase().replace('-', "_"));
        command.env(linker, &self.linker);
        Ok(command)
    }
}

fn install_clippy() -> Result<()> {
    if Path::new(CLIPPY).exists() {
        return Ok(());
    }
    let mut packages = Packages::new();
    let name = [CLIPPY_PACKAGE.to_owned()];
    if packages.usable()
        && (packages.install(&name).is_ok() || (packages.update().is_ok() && packages.install(&name).is_ok()))
    {
        return Ok(());
    }
    bail!("clippy for the chip needs {CLIPPY}; install it with `apt-get install {CLIPPY_PACKAGE}`")
}

/// PATH with the system's folder first, so that whoever calls `rustc` by name gets Debian's.
fn system_first() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once("/usr/bin".into()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or_else(|_| "/usr/bin:/bin".into())
}

/// apt, and what it was asked for in this run.
pub(crate) struct Packages {
    how: Option<Vec<&'static str>>,
    updated: bool,
    tried: Vec<String>,
}

impl Packages {
    /// Finds out whether apt can be used without a password.
    pub(crate) fn new() -> Self {
        Self { how: way_to_apt(), updated: false, tried: Vec::new() }
    }

    /// Whether it can be used.
    pub(crate) fn usable(&self) -> bool {
        self.how.is_some()
    }

    /// Whether the lists were renewed.
    pub(crate) fn updated(&self) -> bool {
        self.updated
    }

    /// The packages asked for since then.
    pub(crate) fn tried(&self) -> &[String] {
        &self.tried
    }

    /// Renews the lists.
    pub(crate) fn update(&mut self) -> Result<()> {
        self.updated = true;
        self.tried.clear();
        output::progress("renewing apt's lists");
        process::run_within(self.command()?.arg("update"), UPDATE_LIMIT)
    }

    /// Installs packages; refuses when that would remove others (Debian's `rustup` package, say).
    pub(crate) fn install(&mut self, names: &[String]) -> Result<()> {
        self.tried.extend(names.iter().cloned());
        output::progress(format_args!("installing {} with apt", names.join(" ")));
        let mut command = self.command()?;
        command.args(["install", "-y", "--no-remove", "--no-install-recommends"]).args(names);
        process::run_within(&mut command, INSTALL_LIMIT)
    }

    fn command(&self) -> Result<Command> {
        let Some([program, arguments @ ..]) = self.how.as_deref() else { bail!("apt cannot be used here") };
        let mut command = Command::new(program);
        command.args(arguments).args(["-q", "-o", "DPkg::Lock::Timeout=120"]);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        scrub(&mut command);
        Ok(command)
    }
}

fn way_to_apt() -> Option<Vec<&'static str>> {
    let apt = "apt-get";
    if !Path::new("/usr/bin/apt-get").exists() {
        return None;
    }
    let root = process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if root {
        return Some(vec![apt]);
    }
    let sudo = process::capture(Command::new("sudo").args(["-n", "true"])).is_ok();
    // sudo drops the environment; the variable must travel as an argument.
    sudo.then(|| vec!["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", apt])
}
