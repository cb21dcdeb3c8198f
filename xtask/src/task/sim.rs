//! `cargo xtask sim -- ...`: serves emulated units, ready to be talked to.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::chip::{self, FIRST};
use crate::workspace::Workspace;
use crate::{output, process, toolchain};

/// Builds the images and the simulator, then becomes the simulator. Without `--bundle` the units start with release 1.0.0, signed by a key made for this.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Handed to the simulator: --units N --listen 127.0.0.1:PORT [--pty PATH] [--bundle FILE] [--pace real|fast] [--state DIR]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub(crate) simulator: Vec<String>,
}

/// Builds, then replaces this process, so that signals reach the simulator itself.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let toolchain = toolchain::find(workspace)?;
    let images = chip::build(workspace, &toolchain, &[FIRST])?.join(FIRST.folder());
    let given = |option: &str| arguments.simulator.iter().any(|argument| names(argument, option));
    let mut command = Command::new(workspace.build_tool("virtual-board", "sonde-sim")?);
    if !given("--loader") {
        command.arg("--loader").arg(images.join("loader.elf"));
    }
    if !given("--bundle") && !given("--help") && !given("-h") {
        let Release { bundle, key } = release(workspace, &images)?;
        command.arg("--bundle").arg(bundle);
        if !given("--trust") {
            command.arg("--trust").arg(key);
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

/// A signed release and the public key that vouches for it.
struct Release {
    bundle: PathBuf,
    key: PathBuf,
}

/// Signs the first release with a key of its own, made at the first call and kept below the target folder.
fn release(workspace: &Workspace, images: &Path) -> Result<Release> {
    let folder = workspace.folder("sim");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let sonde = workspace.build_tool("sonde", "sonde")?;
    let (private, key, bundle) = (folder.join("sim.key"), folder.join("sim.pub"), folder.join("1.0.0.bundle"));
    if !(private.exists() && key.exists()) {
        let mut command = Command::new(&sonde);
        process::run(command.args(["key", "new", "--no-passphrase", "--out"]).arg(&private))?;
    }
    let mut command = Command::new(&sonde);
    command.args(["bundle", "build", "--version", FIRST.version, "--key"]).arg(&private);
    command.arg("--image-a").arg(images.join("firmware-a.elf")).arg("--image-b").arg(images.join("firmware-b.elf"));
    process::run(command.arg("--out").arg(&bundle))?;
    Ok(Release { bundle, key })
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
