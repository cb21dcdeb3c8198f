//! The command line of sonde: parses, runs one command, hands its report or its error to [`output`], exits.
//!
//! Exit codes: 0 done, 1 the answer is no, 2 usage, 3 unit or bus failed (`docs/cli.md`).

mod cli;
mod cmd;
mod output;
mod passphrase;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    output::start_log(arguments.common.verbose);
    cmd::run(&arguments)
}
