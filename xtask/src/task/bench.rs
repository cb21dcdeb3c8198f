//! `cargo xtask bench [GROUP]`: measures, and holds the figures against their goals.
//!
//! A bench program is any `bench` or `*-bench` of a member; it prints a JSON object per figure. xtask adds the figures
//! that only it can see: sizes of images, and the demo's time.

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::chip::size::Sizes;
use crate::chip::{self, FIRST, Variant};
use crate::figure::{Figure, figures_markdown, figures_table};
use crate::task::demo;
use crate::workspace::Workspace;
use crate::{output, process, toolchain};

/// Measures and prints each figure with its goal. A goal that is not met is shown, and is not a failure.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only figures of this group, the name up to the first dot: core, boot, loader, firmware, demo, bus, ...
    group: Option<String>,
    /// Print a JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Write docs/performance.md from the figures
    #[arg(long, conflicts_with = "group")]
    write: bool,
}

/// Measures and prints; 1 when a program failed or nothing was measured.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let toolchain = toolchain::find(workspace)?;
    let images = chip::build(workspace, &toolchain, &Variant::ALL)?;
    let wanted = |group: &str| arguments.group.as_deref().is_none_or(|wanted| wanted == group);
    let mut figures = Vec::new();
    if wanted("loader") || wanted("firmware") {
        figures.extend(Sizes::read(&images, &FIRST)?.figures);
    }
    if !arguments.group.as_deref().is_some_and(|group| OWN_GROUPS.contains(&group)) {
        for program in programs(workspace) {
            figures.extend(program.measure(workspace, arguments.group.as_deref())?);
        }
    }
    if wanted("demo") {
        figures.extend(measure_demo(workspace)?);
    }
    figures.retain(|figure| wanted(figure.group()));
    if figures.is_empty() {
        bail!(
            "no figure in group `{}`; run `cargo xtask bench` to see all",
            arguments.group.as_deref().unwrap_or("all")
        );
    }
    if arguments.json {
        figures.iter().for_each(|figure| output::result(figure.json()));
    } else {
        output::result(figures_table(&figures).trim_end());
    }
    if arguments.write {
        let path = workspace.root.join("docs/performance.md");
        std::fs::write(&path, page(&figures)).with_context(|| format!("cannot write {}", path.display()))?;
        output::progress(format_args!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Figures of the group `boot`, from the images as they are.
pub(crate) fn boot(workspace: &Workspace) -> Result<Vec<Figure>> {
    const GROUP: &str = "boot";
    let rig = Program { package: "sonde-hil".into(), kind: "bin".into(), name: "bench".into() };
    let mut figures = rig.measure(workspace, Some(GROUP))?;
    figures.retain(|figure| figure.group() == GROUP);
    Ok(figures)
}

/// Groups that xtask measures without a bench program.
const OWN_GROUPS: [&str; 3] = ["loader", "firmware", "demo"];

/// A program that measures.
#[derive(Debug, PartialEq)]
struct Program {
    package: String,
    kind: String,
    name: String,
}

fn programs(workspace: &Workspace) -> Vec<Program> {
    let all = workspace.packages.iter().flat_map(|package| {
        package.programs.iter().map(|(kind, name)| Program {
            package: package.name.clone(),
            kind: kind.clone(),
            name: name.clone(),
        })
    });
    all.filter(|program| program.name == "bench" || program.name.ends_with("-bench")).collect()
}

impl Program {
    /// Builds with the profile `tool`, runs, and reads the figures.
    fn measure(&self, workspace: &Workspace, group: Option<&str>) -> Result<Vec<Figure>> {
        let mut command = if self.kind == "bench" {
            let mut command = workspace.cargo("bench");
            command.args(["--profile", "tool", "--package", &self.package, "--bench", &self.name]);
            command.args(["--", "--json"]);
            command
        } else {
            let mut command = Command::new(workspace.build_tool(&self.package, &self.name)?);
            command.arg("--json");
            command
        };
        command.current_dir(&workspace.root).env("SONDE_CHIP_IMAGES", chip::images(workspace));
        // A program with costly groups may leave the others out; one that measures all is filtered afterwards.
        command.env("SONDE_BENCH_GROUP", group.unwrap_or_default());
        let (status, printed) = process::capture_shown(&mut command)?;
        if !status.success() {
            bail!("`{}` of {} failed ({status})", self.name, self.package);
        }
        figures_in(&printed).with_context(|| format!("`{}` of {}", self.name, self.package))
    }
}

/// The figures among the lines of a program; other lines are ignored, a spoilt figure is not.
fn figures_in(printed: &str) -> Result<Vec<Figure>> {
    let lines = printed.lines().filter(|line| line.trim_start().starts_with(r#"{"figure""#));
    lines.map(|line| Figure::parse(line).with_context(|| format!("bad figure `{line}`"))).collect()
}

/// Runs the demo; its own figures win, else the time from its start to its end is taken.
fn measure_demo(workspace: &Workspace) -> Result<Vec<Figure>> {
    let mut command = demo::command(workspace)?;
    let started = Instant::now();
    let (status, printed) = process::capture_shown(command.arg("--json"))?;
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("the demo failed ({status}); run `cargo xtask demo` to see its steps");
    }
    let mut figures = figures_in(&printed)?;
    if !figures.iter().any(|figure| figure.name == "demo.wall_s") {
        figures.push(Figure::judged("demo.wall_s", seconds, "s", "<=60"));
    }
    Ok(figures)
}

/// docs/performance.md.
fn page(figures: &[Figure]) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let mut page = String::from("# Performance\n\n");
    page.push_str(
        "Generated by `cargo xtask bench --write`; do not edit. Times are virtual unless the name ends in `wall_s`.\n",
    );
    // Writing to a String cannot fail.
    let _ = writeln!(page, "Measured on {cores} cores, {}.\n", cpu.trim_start_matches([' ', '\t', ':']));
    page.push_str(&figures_markdown(figures));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_between_other_lines_and_spoilt_ones_are_errors() {
        let good = r#"{"figure":"core.mips","value":1,"unit":"1e6/s","goal":">=80","holds":false}"#;
        let figures = figures_in(&format!("warming up\n{good}\n\n{{\"step\":1}}\n")).unwrap();
        assert_eq!(figures.len(), 1);
        assert!(!figures[0].holds);
        assert!(figures_in(r#"{"figure":"core.mips"}"#).is_err());
    }

    #[test]
    fn the_page_shows_what_does_not_hold() {
        let page = page(&[Figure::judged("loader.bytes", 60_000.0, "B", "<=49152")]);
        assert!(page.contains("| loader.bytes | 60000 | B | <=49152 | NO |"), "{page}");
    }
}
