//! `cargo xtask sweep [native|arm]`: power is cut at every flash operation, in every way. `cargo xtask sweep skip`: the
//! loader leaves out one instruction after the other with a forged image in the slot.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::chip::{self, FIRST, SECOND};
use crate::workspace::Workspace;
use crate::{process, task, toolchain};

/// Cuts power at every flash operation of an update and what follows it; prints counts by mode and outcome.
///
/// Exits with 1 when a cut left a mixed image, a unit that does not boot, lost a confirmed image or switched an output on;
/// each failure names the seed that replays it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only this sweep: the libraries over a flash model, the linked images on the virtual board, or skipped instructions
    /// of the loader (only when named)
    sweep: Option<Which>,
    /// Print a JSON object a line instead of tables
    #[arg(long)]
    json: bool,
    /// Write docs/power-cuts.md from the counts, with `skip` docs/instruction-skips.md
    #[arg(long)]
    write: bool,
    /// Run one case again, with a trace
    #[arg(long, value_name = "SEED", conflicts_with_all = ["sweep", "json", "write"])]
    replay: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Native,
    Arm,
    Skip,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Arm => "arm",
            Self::Skip => "skip",
        }
    }
}

/// Builds and runs; ends with the exit code of the sweep.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let replays_native = arguments.replay.as_deref().is_some_and(|seed| seed.starts_with(Which::Native.name()));
    if arguments.sweep != Some(Which::Native) && !replays_native {
        chip::build(workspace, &toolchain::find(workspace)?, &[FIRST, SECOND])?;
    }
    if arguments.sweep == Some(Which::Skip) {
        return skip(arguments, workspace);
    }
    let mut command = Command::new(workspace.build_tool("sonde-hil", "sweep")?);
    command.current_dir(&workspace.root).env("SONDE_CHIP_IMAGES", chip::images(workspace));
    command.args(arguments.sweep.map(Which::name));
    if arguments.json {
        command.arg("--json");
    }
    if arguments.write {
        command.args(["--write", "docs/power-cuts.md"]);
    }
    if let Some(seed) = &arguments.replay {
        command.args(["--replay", seed]);
    }
    Ok(task::forwarded(process::status(&mut command)?))
}

/// Skipped instructions: a program of its own, which takes the loader alone.
fn skip(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = Command::new(workspace.build_tool("sonde-hil", "skip")?);
    command.current_dir(&workspace.root).arg(chip::images(workspace).join("1.0.0").join("loader.elf"));
    if arguments.json {
        command.arg("--json");
    }
    if arguments.write {
        command.args(["--write", "docs/instruction-skips.md"]);
    }
    Ok(task::forwarded(process::status(&mut command)?))
}
