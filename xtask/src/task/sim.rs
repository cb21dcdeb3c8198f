//! `cargo xtask sim -- ...`: serves emulated units, ready to be talked to.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::chip::{self, FIRST, SECOND, Variant};
use crate::workspace::Workspace;
use crate::{output, process, toolchain};

/// Builds the images and the simulator, then becomes the simulator. Without `--bundle` or `--empty` the units come with release 1.0.0. It and 1.1.0, to update to, are signed by a key made for this, in target/sonde/sim.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Handed to the simulator: --units N --listen 127.0.0.1:PORT [--pty PATH] [--bundle FILE | --empty] [--pace real|fast] [--state DIR] [--orders]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub(crate) simulator: Vec<String>,
}

/// Releases made for the units: the one they come with, and one to update to.
const RELEASES: [Variant; 2] = [FIRST, SECOND];

/// Hardware revisions the releases run on; the simulator's units are revision 1 unless told otherwise.
const HARDWARE: &str = "1";

/// Builds, then replaces this process, so that signals reach the simulator itself.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let given = |option: &str| arguments.simulator.iter().any(|argument| names(argument, option));
    let simulator = workspace.build_tool("virtual-board", "sonde-sim")?;
    let mut command = Command::new(simulator);
    if !given("--help") && !given("-h") {
        let toolchain = toolchain::find(workspace)?;
        let images = chip::build(workspace, &toolchain, &RELEASES)?;
        if !given("--loader") {
            command.arg("--loader").arg(images.join(FIRST.folder()).join("loader.elf"));
        }
        let made = sign(workspace, &images)?;
        if !given("--bundle") && !given("--empty") {
            command.arg("--bundle").arg(made.folder.join(file_of(&FIRST)));
        }
        // Our own first release must be believed whatever else the caller trusts.
        if !given("--bundle") || !given("--trust") {
            command.arg("--trust").arg(made.public_key);
        }
    }
    become_program(command.args(&arguments.simulator))
}

/// Whether an argument is this option, alone or as `--option=value`.
fn names(argument: &str, option: &str) -> bool {
    argument.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    output::progress(format_args!("$ {}", process::shown(command)));
    Err(command.exec()).with_context(|| format!("cannot start `{}`", process::shown(command)))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    Ok(crate::task::forwarded(process::status(command)?))
}

/// Signed releases and the public key that vouches for them.
struct Made {
    folder: PathBuf,
    public_key: PathBuf,
}

/// Signs the releases with a key of their own, made at the first call and kept below the target folder.
fn sign(workspace: &Workspace, images: &Path) -> Result<Made> {
    let folder = workspace.folder("sim");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let sonde = workspace.build_tool("sonde", "sonde")?;
    let (key, public_key) = (folder.join("sim.key"), folder.join("sim.key.pub.pem"));
    if !(key.exists() && public_key.exists()) {
        // Half a pair is of no use, and `sonde key new` overwrites nothing.
        for half in [&key, &public_key] {
            let _ = std::fs::remove_file(half);
        }
        let mut command = Command::new(&sonde);
        process::capture(command.args(["key", "new", "--no-passphrase", "--out"]).arg(&key))?;
    }
    for variant in RELEASES {
        let linked = images.join(variant.folder());
        let mut command = Command::new(&sonde);
        command.args(["bundle", "build", "--version", variant.version, "--hardware", HARDWARE]).arg("--key").arg(&key);
        command.arg("--slot-a").arg(linked.join("firmware-a.elf")).arg("--slot-b").arg(linked.join("firmware-b.elf"));
        process::capture(command.arg("--out").arg(folder.join(file_of(&variant))))?;
    }
    let names = RELEASES.map(|variant| file_of(&variant)).join(", ");
    output::progress(format_args!(
        "releases {names} and the key that signs them (sim.key) are in {}",
        folder.display()
    ));
    Ok(Made { folder, public_key })
}

fn file_of(release: &Variant) -> String {
    format!("{}.sonde", release.folder())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_recognised_alone_and_with_its_value() {
        assert!(names("--bundle", "--bundle"));
        assert!(names("--bundle=x", "--bundle"));
        assert!(!names("--bundles", "--bundle"));
        assert!(!names("bundle", "--bundle"));
    }
}
