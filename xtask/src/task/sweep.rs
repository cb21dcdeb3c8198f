//! `cargo xtask sweep [native|arm|embassy]`: power is cut at every flash operation, in every way; embassy-boot goes through
//! the same to compare with. `cargo xtask sweep skip`: the loader leaves out one instruction after the other with a forged image in the slot.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::chip::{self, FIRST, SECOND};
use crate::workspace::Workspace;
use crate::{process, task, toolchain};

/// Cuts power at every flash operation of an update and what follows it; prints counts by mode and outcome.
///
/// Exits with 1 when a cut left a mixed image, a unit that does not boot, lost a confirmed image or switched an output on;
/// each failure names the seed that replays it. Failures of embassy-boot are counted and are none of ours.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only this sweep: the libraries over a flash model, the linked images on the virtual board, embassy-boot over the same
    /// flash model, or skipped instructions of the loader (only when named)
    sweep: Option<Which>,
    /// Only the stories of `native` whose names begin so
    #[arg(long, value_name = "STORY", conflicts_with = "write")]
    only: Option<String>,
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

/// The feature that the sweep's program and its slice among the tests want.
pub(crate) const SWEEP_FEATURE: &str = "sonde-hil/embassy-boot";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Native,
    Arm,
    Embassy,
    Skip,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Arm => "arm",
            Self::Embassy => "embassy",
            Self::Skip => "skip",
        }
    }

    /// Whether it runs linked images.
    fn needs_images(self) -> bool {
        matches!(self, Self::Arm | Self::Skip)
    }
}

/// Builds and runs; ends with the exit code of the sweep.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    if needs_images(arguments) {
        chip::build(workspace, &toolchain::find(workspace)?, &[FIRST, SECOND])?;
    }
    if arguments.sweep == Some(Which::Skip) {
        return skip(arguments, workspace);
    }
    let mut command = Command::new(workspace.build_tool_with("sonde-hil", "sweep", &[SWEEP_FEATURE])?);
    command.current_dir(&workspace.root).env("SONDE_CHIP_IMAGES", chip::images(workspace));
    command.args(arguments.sweep.map(Which::name));
    if arguments.json {
        command.arg("--json");
    }
    if arguments.write {
        command.args(["--write", "docs/power-cuts.md"]);
    }
    if let Some(story) = &arguments.only {
        command.args(["--only", story]);
    }
    if let Some(seed) = &arguments.replay {
        command.args(["--replay", seed]);
    }
    Ok(task::forwarded(process::status(&mut command)?))
}

fn needs_images(arguments: &Arguments) -> bool {
    match (arguments.sweep, &arguments.replay) {
        (Some(which), _) => which.needs_images(),
        (None, Some(seed)) => seed.starts_with(Which::Arm.name()),
        (None, None) => true,
    }
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
