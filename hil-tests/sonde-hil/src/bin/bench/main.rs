//! Prints the figures of the linked images. With `--json` one object a line.
//!
//! `SONDE_CHIP_IMAGES` names the folder of images, `SONDE_BENCH_GROUP` the group to measure; `cargo xtask bench` sets both.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is all this program does")]

use std::path::PathBuf;
use std::process::ExitCode;

use sonde_hil::figures::measure;

fn main() -> ExitCode {
    let json = std::env::args().any(|argument| argument == "--json");
    let Some(images) = std::env::var_os("SONDE_CHIP_IMAGES").map(PathBuf::from) else {
        eprintln!("bench: SONDE_CHIP_IMAGES does not name the folder of images; run `cargo xtask bench`");
        return ExitCode::from(2);
    };
    let group = std::env::var("SONDE_BENCH_GROUP").unwrap_or_default();
    match measure(&images, &group) {
        Ok(figures) => {
            for figure in figures {
                if json {
                    println!("{}", serde_json::to_string(&figure).expect("a figure is plain data"));
                } else {
                    println!("{:<24} {:>14.3} {:<6} goal {}", figure.figure, figure.value, figure.unit, figure.goal);
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
