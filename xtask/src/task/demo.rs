//! `cargo xtask demo`: the life of a unit, end to end, on the linked images.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::chip::{self, Variant};
use crate::workspace::Workspace;
use crate::{process, task, toolchain};

/// Builds images, `sonde` and the demo, then runs the demo. Ends with the demo's exit code: 0 only if every step did what it should.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Print the table of steps as JSON
    #[arg(long)]
    json: bool,
}

/// Builds and runs.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = command(workspace)?;
    if arguments.json {
        command.arg("--json");
    }
    Ok(task::forwarded(process::status(&mut command)?))
}

/// Builds what the demo needs and returns the call that runs it.
pub(crate) fn command(workspace: &Workspace) -> Result<Command> {
    let toolchain = toolchain::find(workspace)?;
    let images = chip::build(workspace, &toolchain, &Variant::ALL)?;
    let sonde = workspace.build_tool("sonde", "sonde")?;
    let mut command = Command::new(workspace.build_tool("sonde-hil", "demo")?);
    command.arg("--sonde").arg(sonde).arg("--images").arg(images).arg("--work").arg(workspace.folder("demo"));
    Ok(command)
}
