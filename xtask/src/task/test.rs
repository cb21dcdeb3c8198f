//! `cargo xtask test`: every test of the workspace.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::chip::{self, Variant};
use crate::task::sweep::SWEEP_FEATURE;
use crate::workspace::Workspace;
use crate::{output, process, toolchain};

/// Builds what tests start or execute (images for the chip, `sonde`), then runs `cargo test --workspace`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Handed to `cargo test` after `--workspace`, such as `-p sonde` or a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    cargo: Vec<String>,
}

/// Builds and tests; the tests' output is cargo's own.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    test(workspace, &arguments.cargo)?;
    Ok(ExitCode::SUCCESS)
}

/// The task for other tasks.
pub(crate) fn test(workspace: &Workspace, more: &[String]) -> Result<()> {
    let toolchain = toolchain::find(workspace)?;
    let images = chip::build(workspace, &toolchain, &Variant::ALL)?;
    let sonde = workspace.build_tool("sonde", "sonde")?;
    output::progress("tests");
    let mut command = workspace.cargo("test");
    command.args(["--workspace", "--features", SWEEP_FEATURE, "--no-fail-fast"]).args(more);
    // Tests that need neither run under a plain `cargo test` as well; those that do say `skipped` there.
    command.env("SONDE_CHIP_IMAGES", images).env("SONDE_PROGRAM", sonde);
    process::run(&mut command)
}
