//! `demo`: tells the life of a unit and prints the table.
//!
//! Exit codes: 0 every step did what it should, 1 a step did not, 2 usage, or the story could not be told.

mod output;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sonde_hil::demo::{Images, tell};
use sonde_hil::sonde::Sonde;

/// Takes an emulated unit through its life with the real `sonde` program: update, trial, rollback, a release that hangs,
/// bundles that are refused, a power cut in a transfer.
///
/// Exit codes: 0 every step did what it should, 1 a step did not, 2 usage, or the story could not be told to its end.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// The program `sonde`
    #[arg(long, value_name = "PATH")]
    sonde: PathBuf,
    /// Linked images: DIR/VERSION[+FEATURE]/{loader,firmware-a,firmware-b}.elf
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// For keys and bundles, DIR/releases, which is emptied first, and what went over the line, DIR/line.log
    #[arg(long, value_name = "DIR")]
    work: PathBuf,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (sonde, images) = (Sonde::new(&arguments.sonde), Images::new(&arguments.images));
    match tell(&sonde, &images, &arguments.work, &output::progress) {
        Ok(report) => {
            output::report(&report, arguments.json);
            if report.holds { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}
