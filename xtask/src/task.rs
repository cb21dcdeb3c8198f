//! The tasks, one file each.

mod bench;
mod chip;
mod ci;
mod demo;
mod fuzz;
mod sim;
mod sweep;
mod test;

use std::process::{ExitCode, ExitStatus};

use anyhow::Result;
use clap::Subcommand;

use crate::workspace::Workspace;

/// What can be asked for.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Take a virtual unit through its life with the real `sonde`: update, confirm, watchdog, rollback, refusals, power cut
    Demo(demo::Arguments),
    /// Run all tests
    Test(test::Arguments),
    /// Check everything that is checked before a change lands: format, lints, docs, directions, images, sizes, tests
    Ci(ci::Arguments),
    /// Feed invented bytes to everything that reads bytes from outside
    Fuzz(fuzz::Arguments),
    /// Serve emulated units as one RS-485 segment over TCP or a pty
    Sim(sim::Arguments),
    /// Measure, and print each figure with its goal
    Bench(bench::Arguments),
    /// Cut power at every flash operation, in every way, and count what the unit comes back with
    Sweep(sweep::Arguments),
    /// Build the loader and the firmware for the chip
    Chip(chip::Arguments),
}

impl Task {
    /// Runs the task.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        match self {
            Self::Demo(arguments) => demo::run(arguments, workspace),
            Self::Test(arguments) => test::run(arguments, workspace),
            Self::Ci(arguments) => ci::run(arguments, workspace),
            Self::Fuzz(arguments) => fuzz::run(arguments, workspace),
            Self::Sim(arguments) => sim::run(arguments, workspace),
            Self::Bench(arguments) => bench::run(arguments, workspace),
            Self::Sweep(arguments) => sweep::run(arguments, workspace),
            Self::Chip(arguments) => chip::run(arguments, workspace),
        }
    }
}

/// The exit code of a program as ours; one that a signal ended counts as failed.
fn forwarded(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
