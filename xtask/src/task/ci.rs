//! `cargo xtask ci`: every check, each to its end, then a table.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::chip::size::Sizes;
use crate::chip::{self, FIRMWARE, FIRST, LOADER, Variant};
use crate::figure::{Figure, figures_table};
use crate::table::table;
use crate::task::sweep::SWEEP_FEATURE;
use crate::toolchain::{self, Toolchain};
use crate::workspace::Workspace;
use crate::{directions, limits, output, process, task};

/// Checks format, lints, documentation, dependency directions, images for the chip, their sizes and the instructions of a boot, then runs all tests. A failed check does not stop the others.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Leave out the tests, for a caller that runs `cargo xtask test` next
    #[arg(long)]
    no_tests: bool,
}

/// Runs the checks and prints the table; 1 when one failed.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let mut steps = Steps { done: Vec::new() };
    steps.run("fmt", || process::run(workspace.cargo("fmt").args(["--all", "--check"])));
    steps.run("clippy", || {
        let mut command = workspace.cargo("clippy");
        command.args(["--workspace", "--all-targets", "--features", SWEEP_FEATURE, "--", "-D", "warnings"]);
        process::run(&mut command)
    });
    steps.run("rustdoc", || {
        let mut command = workspace.cargo("doc");
        command.args(["--workspace", "--no-deps", "--features", SWEEP_FEATURE]).env("RUSTDOCFLAGS", "-D warnings");
        process::run(&mut command)
    });
    steps.run("directions", || check_directions(workspace));
    let toolchain = steps.run("chip toolchain", || toolchain::find(workspace));
    let toolchain = || toolchain.as_ref().context("needs a chip toolchain");
    steps.run("chip clippy", || chip_clippy(workspace, toolchain()?));
    let images = steps.run("chip images", || chip::build(workspace, toolchain()?, &Variant::ALL));
    steps.run("sizes", || check_sizes(images.as_deref().context("needs the chip images")?));
    steps.run("boot counts", || images.as_ref().context("needs the chip images").and_then(|_| check_boot(workspace)));
    if !arguments.no_tests {
        steps.run("tests", || task::test::test(workspace, &[]));
    }
    output::result(steps.table().trim_end());
    Ok(if steps.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Steps {
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    ok: bool,
    seconds: f64,
}

impl Steps {
    /// Runs one step, says how it ended, and goes on either way.
    fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T>) -> Option<T> {
        output::progress(format_args!("--- {name}"));
        let started = Instant::now();
        let result = step();
        self.done.push(Step { name, ok: result.is_ok(), seconds: started.elapsed().as_secs_f64() });
        result.map_err(|error| output::failure(&error.context(name))).ok()
    }

    fn failed(&self) -> bool {
        self.done.iter().any(|step| !step.ok)
    }

    fn table(&self) -> String {
        let row = |step: &Step| {
            let verdict = if step.ok { "ok" } else { "FAILED" };
            vec![step.name.to_owned(), verdict.to_owned(), format!("{:.1}", step.seconds)]
        };
        table(&["step", "result", "seconds"], &self.done.iter().map(row).collect::<Vec<_>>())
    }
}

fn check_directions(workspace: &Workspace) -> Result<()> {
    let violations = directions::violations(&workspace.root, &workspace.packages);
    if violations.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\nsee the drawing in docs/architecture.md; what needs both sides belongs in hil-tests",
        violations.join("\n")
    )
}

/// The host's clippy never sees what is compiled for the chip only.
fn chip_clippy(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    for unit in [LOADER, FIRMWARE] {
        let mut command = toolchain.cargo(workspace, "clippy")?;
        command.args(["--profile", "chip", "--no-deps", "--package", unit.package, "--lib"]);
        for program in unit.programs {
            command.args(["--bin", program]);
        }
        process::run(command.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn check_sizes(images: &Path) -> Result<()> {
    let sizes = Sizes::read(images, &FIRST)?;
    output::result(sizes.table().trim_end());
    within_limits(&sizes.figures, &["loader", "firmware"])
}

/// Instructions of a boot: the same on every machine, unlike its time.
fn check_boot(workspace: &Workspace) -> Result<()> {
    let figures = task::bench::boot(workspace)?;
    output::result(figures_table(&figures).trim_end());
    within_limits(&figures, &["boot"])
}

fn within_limits(figures: &[Figure], groups: &[&str]) -> Result<()> {
    let violations = limits::violations(figures, groups);
    if violations.is_empty() { Ok(()) } else { bail!("{}", violations.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_whole_and_does_not_stop_the_next() {
        let mut steps = Steps { done: Vec::new() };
        assert_eq!(steps.run("one", || -> Result<()> { bail!("broken") }), None);
        assert_eq!(steps.run("two", || Ok(7)), Some(7));
        assert!(steps.failed());
        let table = steps.table();
        assert!(table.contains("one   FAILED") && table.contains("two   ok"), "{table}");
    }
}
