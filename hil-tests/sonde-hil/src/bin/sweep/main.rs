//! Runs the power-cut sweeps and prints what came of the cuts.
//!
//! `SONDE_CHIP_IMAGES` names the folder of linked images; `cargo xtask sweep` sets it. Exit codes: 0 no failure, 1 a case
//! failed or nothing could be swept, 2 usage.

mod output;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use sonde_hil::sweep::arm::{self, ArmError};
use sonde_hil::sweep::page::{Swept, page};
use sonde_hil::sweep::seed::{Seed, Sweep};
use sonde_hil::sweep::tally::Tally;
use sonde_hil::sweep::{Extent, case_at_hand, embassy, native};

/// Cuts the power at every flash operation, in every way.
#[derive(Parser)]
struct Arguments {
    /// Only this sweep
    sweep: Option<Which>,
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
    /// Only some of each story, in seconds
    #[arg(long)]
    slice: bool,
    /// Only the stories of `native` whose names begin so
    #[arg(long, value_name = "STORY")]
    only: Option<String>,
    /// Write the page about power cuts
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "slice", "only"])]
    write: Option<PathBuf>,
    /// Run one case again, with a trace
    #[arg(long, value_name = "SEED", conflicts_with_all = ["sweep", "json", "slice", "write"])]
    replay: Option<Seed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The libraries over the flash model
    Native,
    /// The linked images on the virtual board
    Arm,
    /// embassy-boot over the same flash model, to compare with
    Embassy,
}

impl Which {
    const ALL: [Self; 3] = [Self::Native, Self::Arm, Self::Embassy];

    fn sweep(self) -> Sweep {
        match self {
            Self::Native => Sweep::Native,
            Self::Arm => Sweep::Arm,
            Self::Embassy => Sweep::Embassy,
        }
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Arm(#[from] ArmError),
    #[error("SONDE_CHIP_IMAGES does not name the folder of images; run `cargo xtask sweep`")]
    NoImages,
    #[error("cannot write {}: {source}; name a file that can be written", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    name_the_case_in_panics();
    let done = match &arguments.replay {
        Some(seed) => replay(seed),
        None => sweep(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            output::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A panic in loader or firmware is a failure like any other: it prints its seed, and ends the sweep.
fn name_the_case_in_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        if let Some(seed) = case_at_hand() {
            output::tell(&format!("this panic is a failure; replay it with `cargo xtask sweep --replay {seed}`"));
        }
    }));
}

/// Sweeps, prints and writes; whether nothing of ours failed.
fn sweep(arguments: &Arguments) -> Result<bool, SweepError> {
    let extent = if arguments.slice { Extent::Slice } else { Extent::Full };
    let mut tallies: Vec<(Sweep, Tally)> = Vec::new();
    for which in Which::ALL {
        if arguments.sweep.is_some_and(|wanted| wanted != which) {
            continue;
        }
        let sweep = which.sweep();
        output::tell(&format!("{}: this takes some minutes", sweep.name()));
        let started = Instant::now();
        let tally = match which {
            Which::Native => native::sweep(extent, arguments.only.as_deref()),
            Which::Arm => arm::sweep(&images()?, extent)?,
            Which::Embassy => embassy::sweep(extent),
        };
        let swept = Swept { sweep, tally: &tally };
        if arguments.json {
            output::json_of(swept);
        } else {
            output::table_of(swept, started.elapsed());
        }
        tallies.push((sweep, tally));
        let sweeps: Vec<Swept<'_>> = tallies.iter().map(|(sweep, tally)| Swept { sweep: *sweep, tally }).collect();
        if let Some(path) = &arguments.write {
            let written = std::fs::write(path, page(&sweeps));
            written.map_err(|source| SweepError::Write { path: path.clone(), source })?;
        }
    }
    let ours = tallies.iter().filter(|(sweep, _)| *sweep != Sweep::Embassy);
    Ok(ours.map(|(_, tally)| tally.total().failures).sum::<u64>() == 0)
}

fn images() -> Result<PathBuf, SweepError> {
    std::env::var_os("SONDE_CHIP_IMAGES").map(PathBuf::from).ok_or(SweepError::NoImages)
}

/// Runs one case; whether it went well.
fn replay(seed: &Seed) -> Result<bool, SweepError> {
    let mut tell = |line: String| output::line(&line);
    let verdict = match seed.sweep {
        Sweep::Native => native::replay(seed, &mut tell),
        Sweep::Arm => arm::replay(&images()?, seed, &mut tell)?,
        Sweep::Embassy => embassy::replay(seed, &mut tell),
    };
    match &verdict {
        Ok(outcome) => output::line(&format!("as it should be: {outcome:?}")),
        Err(failure) => output::line(&failure.to_string()),
    }
    Ok(verdict.is_ok())
}
