//! `cargo xtask fuzz`: looks for bytes that make a target panic (docs/fuzzing.md).
//!
//! Builds with libFuzzer's flags itself, so that a nightly compiler is all it takes; `cargo fuzz` works as well.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::table::table;
use crate::workspace::Workspace;
use crate::{output, process};

/// What is said where nothing could be run.
const NO_NIGHTLY: &str = "skipped: no nightly toolchain (rustup toolchain install nightly)";

/// What `cargo fuzz` passes: coverage of edges and comparisons for libFuzzer, and AddressSanitizer.
const FLAGS: [&str; 9] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Zsanitizer=address",
    "-Cforce-frame-pointers",
    "--cfg=fuzzing",
];

/// Longest input, bytes: two pages of boot log, or a long session.
const MAX_INPUT: u32 = 4096;

/// One input may not take longer, seconds; the slowest takes some milliseconds.
const TIMEOUT: u32 = 20;

/// Feeds each fuzz target invented bytes, starting from the committed corpus. Needs a nightly toolchain; without one every target is reported as skipped. New inputs are kept below the target folder, and an input that breaks a target is printed with the command that replays it; the exit code is 1 then.
#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask fuzz                           every target for a minute
  cargo xtask fuzz image --seconds 600       one target for longer
  cargo xtask fuzz image --replay FILE       one input, with the panic it causes

Targets are listed in docs/fuzzing.md. Needs a nightly toolchain and a C++ compiler; without a nightly every
target is reported as skipped. Exit codes: 0 nothing found, or skipped; 1 a target is broken, and its input and the
command that replays it are printed. The committed corpus is replayed on any toolchain by `cargo xtask test`.")]
pub(crate) struct Arguments {
    /// Only these targets; all when none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Targets that run at the same time [default: one for each processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Run the target on this one input instead
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

/// Builds, runs, prints the table; 1 when a target broke.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let source = workspace.root.join("protocol").join("fuzz");
    let targets = chosen(&arguments.targets, &all_targets(&source)?)?;
    let Some(nightly) = nightly() else {
        output::result(NO_NIGHTLY);
        output::result(report(&targets.iter().map(|target| Outcome::skipped(target)).collect::<Vec<_>>()).trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    let programs = build(workspace, &source, &nightly, &targets)?;
    if let Some(input) = &arguments.replay {
        return replay(&programs, &targets, input);
    }
    let bench = Bench { programs, corpus: source.join("corpus"), work: workspace.folder("fuzz"), arguments };
    let outcomes = bench.run_all(&targets)?;
    output::result(report(&outcomes).trim_end());
    for (outcome, input) in outcomes.iter().filter_map(|outcome| Some((outcome, outcome.broken_by()?))) {
        output::result(format_args!("\n{} is broken by {}", outcome.target, input.display()));
        output::result(format_args!("  replay: cargo xtask fuzz {} --replay {}", outcome.target, input.display()));
        output::result(format_args!(
            "  keep:   cp {} protocol/fuzz/corpus/{}/ && cargo test -p sonde-firmware --test fuzz_corpus",
            input.display(),
            outcome.target
        ));
    }
    let broken = outcomes.iter().any(|outcome| !matches!(outcome.verdict, Verdict::Quiet));
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every target has a folder in the corpus: the replay of the corpus sees to that.
fn all_targets(source: &Path) -> Result<Vec<String>> {
    let folder = source.join("fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut targets: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    targets.sort();
    Ok(targets)
}

fn chosen(named: &[String], all: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        bail!("there is no target `{unknown}`; choose from {}", all.join(", "));
    }
    Ok(if named.is_empty() { all } else { named }.to_vec())
}

/// The name of a nightly toolchain, as rustup lists it.
fn nightly() -> Option<String> {
    let listed = process::capture(Command::new("rustup").args(["toolchain", "list"])).ok()?;
    nightly_of(&listed).map(str::to_owned)
}

/// The plain nightly first, else one with a date: those with a date come in ascending order.
fn nightly_of(listed: &str) -> Option<&str> {
    let names = || listed.lines().filter_map(|line| line.split_whitespace().next());
    let dated = |name: &&str| name.starts_with("nightly-");
    let has_date = |name: &&str| name.strip_prefix("nightly-").is_some_and(|rest| rest.starts_with("20"));
    names().find(|name| dated(name) && !has_date(name)).or_else(|| names().rfind(dated))
}

/// Builds the targets; the folder they are in.
fn build(workspace: &Workspace, source: &Path, nightly: &str, targets: &[String]) -> Result<PathBuf> {
    let host = host(nightly)?;
    let folder = workspace.folder("fuzz");
    let mut command = Command::new("rustup");
    workspace.prepare(&mut command);
    // The cargo that started us would find its own compiler.
    command.env_remove("RUSTC").env_remove("CARGO").env_remove("RUSTFLAGS");
    command.env("CARGO_TARGET_DIR", &folder).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    // A target given outright keeps the flags away from build scripts.
    command.args(["run", nightly, "cargo", "build", "--release", "--locked", "--target", &host, "--manifest-path"]);
    command.arg(source.join("Cargo.toml"));
    for target in targets {
        command.args(["--bin", target]);
    }
    process::run(&mut command)?;
    Ok(folder.join(host).join("release"))
}

fn host(nightly: &str) -> Result<String> {
    let said = process::capture(Command::new("rustup").args(["run", nightly, "rustc", "-vV"]))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn replay(programs: &Path, targets: &[String], input: &Path) -> Result<ExitCode> {
    let [target] = targets else { bail!("--replay needs exactly one TARGET: `cargo xtask fuzz TARGET --replay FILE`") };
    let input = fs::canonicalize(input).with_context(|| format!("cannot read {}", input.display()))?;
    let status = process::status(Command::new(programs.join(target)).arg(&input))?;
    let verdict = if status.success() { "quiet" } else { "broken" };
    output::result(format_args!("{target}: {verdict}"));
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What it takes to run targets.
struct Bench<'a> {
    programs: PathBuf,
    corpus: PathBuf,
    work: PathBuf,
    arguments: &'a Arguments,
}

/// How a target ended.
#[derive(Debug, PartialEq)]
enum Verdict {
    Skipped,
    Quiet,
    Broken {
        input: PathBuf,
    },
    /// It ended badly and left no input: the fuzzer itself could not run.
    Failed {
        log: PathBuf,
    },
}

#[derive(Debug)]
struct Outcome {
    target: String,
    executions: Option<u64>,
    new_inputs: Option<u64>,
    verdict: Verdict,
}

impl Outcome {
    fn skipped(target: &str) -> Self {
        Self { target: target.to_owned(), executions: None, new_inputs: None, verdict: Verdict::Skipped }
    }

    fn broken_by(&self) -> Option<&Path> {
        if let Verdict::Broken { input } = &self.verdict { Some(input) } else { None }
    }
}

impl Bench<'_> {
    /// Runs the targets, some at a time; the outcomes in the order of the targets.
    fn run_all(&self, targets: &[String]) -> Result<Vec<Outcome>> {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = self.arguments.jobs.map_or(processors, usize::from).min(targets.len());
        let waiting: Mutex<VecDeque<(usize, &String)>> = Mutex::new(targets.iter().enumerate().collect());
        let next = || waiting.lock().ok()?.pop_front();
        let work = || {
            let mut done = Vec::new();
            while let Some((place, target)) = next() {
                done.push((place, self.run_one(target)));
            }
            done
        };
        let mut done: Vec<(usize, Result<Outcome>)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect()
        });
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn run_one(&self, target: &str) -> Result<Outcome> {
        let (found, broken) = (self.work.join("corpus").join(target), self.work.join("broken").join(target));
        for folder in [&found, &broken] {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        output::progress(format_args!("fuzz {target}, {} s", self.arguments.seconds));
        let mut command = Command::new(self.programs.join(target));
        command.args([
            format!("-max_total_time={}", self.arguments.seconds),
            format!("-max_len={MAX_INPUT}"),
            format!("-timeout={TIMEOUT}"),
            format!("-artifact_prefix={}/", broken.display()),
            // Needs ptrace, which containers forbid; and what is tested allocates nothing.
            "-detect_leaks=0".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
        // What is new goes into the first folder; the committed one is only read.
        command.arg(&found).arg(self.corpus.join(target));
        let done = command.output().with_context(|| format!("cannot start target {target}"))?;
        let said = String::from_utf8_lossy(&done.stderr);
        let log = self.work.join(format!("{target}.log"));
        fs::write(&log, said.as_bytes()).with_context(|| format!("cannot write {}", log.display()))?;
        Ok(Outcome {
            target: target.to_owned(),
            executions: statistic(&said, "number_of_executed_units"),
            new_inputs: statistic(&said, "new_units_added"),
            verdict: verdict(&said, done.status.success(), log),
        })
    }
}

/// A number of libFuzzer's last words.
fn statistic(said: &str, name: &str) -> Option<u64> {
    said.lines()
        .find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

fn verdict(said: &str, ended_well: bool, log: PathBuf) -> Verdict {
    let written = said.lines().find_map(|line| line.split_once("Test unit written to ").map(|(_, path)| path.trim()));
    match written {
        Some(input) => Verdict::Broken { input: input.into() },
        None if ended_well => Verdict::Quiet,
        None => Verdict::Failed { log },
    }
}

fn report(outcomes: &[Outcome]) -> String {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let row = |outcome: &Outcome| {
        let verdict = match &outcome.verdict {
            Verdict::Skipped => NO_NIGHTLY.to_owned(),
            Verdict::Quiet => "nothing found".to_owned(),
            Verdict::Broken { .. } => "BROKEN".to_owned(),
            Verdict::Failed { log } => format!("FAILED to run, see {}", log.display()),
        };
        vec![outcome.target.clone(), number(outcome.executions), number(outcome.new_inputs), verdict]
    };
    table(&["target", "executions", "new corpus entries", "result"], &outcomes.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_nightly_is_preferred_to_one_with_a_date() {
        let listed = "stable-x86_64-unknown-linux-gnu (active, default)\nnightly-2026-01-02-x86_64-unknown-linux-gnu\n\
            nightly-x86_64-unknown-linux-gnu\n1.95.0-x86_64-unknown-linux-gnu\n";
        assert_eq!(nightly_of(listed), Some("nightly-x86_64-unknown-linux-gnu"));
        let dated = "nightly-2025-01-02-x86_64-apple-darwin\nnightly-2026-01-02-x86_64-apple-darwin\n";
        assert_eq!(nightly_of(dated), Some("nightly-2026-01-02-x86_64-apple-darwin"));
        assert_eq!(nightly_of("stable-x86_64-unknown-linux-gnu (default)\n"), None);
    }

    #[test]
    fn a_broken_target_is_told_from_a_quiet_one_and_from_one_that_did_not_run() {
        let log = PathBuf::from("x.log");
        let crash = "==1== ERROR: libFuzzer: deadly signal\nartifact_prefix='/t/'; Test unit written to /t/crash-12\n";
        assert_eq!(verdict(crash, false, log.clone()), Verdict::Broken { input: "/t/crash-12".into() });
        assert_eq!(verdict("Done 5 runs in 1 second(s)\n", true, log.clone()), Verdict::Quiet);
        assert_eq!(verdict("cannot map memory\n", false, log.clone()), Verdict::Failed { log });
        assert_eq!(statistic("stat::number_of_executed_units: 1234\n", "number_of_executed_units"), Some(1234));
    }

    #[test]
    fn a_skipped_target_says_so_and_never_that_nothing_was_found() {
        let text = report(&[Outcome::skipped("image")]);
        assert!(text.contains("skipped: no nightly") && !text.contains("nothing found"), "{text}");
    }

    #[test]
    fn an_unknown_target_is_refused_with_the_list() {
        let all = ["image".to_owned(), "server".to_owned()];
        let error = chosen(&["slot".to_owned()], &all).unwrap_err().to_string();
        assert!(error.contains("image, server"), "{error}");
        assert_eq!(chosen(&[], &all).unwrap(), all);
    }
}
