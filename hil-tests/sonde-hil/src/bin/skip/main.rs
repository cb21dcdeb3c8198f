//! Leaves out one instruction of the loader after the other, with forged images in the slot; prints how many boot them.
//!
//! Exit codes: 0 none boots, 1 some do or nothing could be run, 2 usage.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing counts is all this program does")]

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sonde_hil::skip::{Extent, Scenario, Way, page, run};

/// Skips single instructions of the loader.
#[derive(Parser)]
struct Arguments {
    /// The loader as it was linked
    #[arg(value_name = "LOADER_ELF")]
    loader: PathBuf,
    /// Only one address in so many, outside of arithmetic: for a quick look
    #[arg(long, value_name = "N", conflicts_with = "write")]
    slice: Option<NonZero<usize>>,
    /// Only images whose name contains this
    #[arg(long, value_name = "TEXT", conflicts_with = "write")]
    only: Option<String>,
    /// Print JSON: the report, then the figure
    #[arg(long)]
    json: bool,
    /// Write the page `docs/instruction-skips.md` there
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let extent = arguments.slice.map_or(Extent::Full, Extent::Slice);
    let only = arguments.only.as_deref().unwrap_or_default();
    let images: Vec<_> = Scenario::FORGED.into_iter().filter(|image| image.to_string().contains(only)).collect();
    let report = match run(&arguments.loader, &images, extent, Way::Short) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("skip: {error}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&report).expect("a report is plain data"));
        println!("{}", serde_json::to_string(&report.figure()).expect("a figure is plain data"));
    } else {
        print!("{report}");
    }
    if let Some(path) = &arguments.write
        && let Err(error) = std::fs::write(path, page(&report))
    {
        eprintln!("skip: cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    if report.forged_boots() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
