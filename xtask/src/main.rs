//! `cargo xtask <task>`: everything a person or CI does with this checkout, one file per task.
//!
//! Depends on none of our crates, so that it builds when they do not.
//!
//! Exit codes: 0 done, 1 a step failed or a check said no, 2 usage. `demo` and `sim` end with the exit code of the
//! program they start.

mod chip;
mod directions;
mod figure;
mod limits;
mod output;
mod process;
mod table;
mod task;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};

use crate::task::Task;
use crate::workspace::Workspace;

/// Builds, checks, tests and demonstrates sonde.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let done = Workspace::find().and_then(|workspace| arguments.task.run(&workspace));
    match done {
        Ok(code) => code,
        Err(error) => {
            output::failure(&error);
            ExitCode::from(1)
        }
    }
}

/// Prints what clap found wrong, and for an unknown task the list of tasks.
fn usage(error: &clap::Error) -> ExitCode {
    output::clap(error);
    if error.kind() == ErrorKind::InvalidSubcommand {
        output::progress_block(&Arguments::command().render_help().to_string());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sim_forwards_what_follows_the_two_dashes() {
        let arguments = Arguments::try_parse_from(["xtask", "sim", "--", "--units", "3"]).unwrap();
        let Task::Sim(sim) = arguments.task else { panic!("not the sim task") };
        assert_eq!(sim.simulator, ["--units", "3"]);
    }

    #[test]
    fn an_unknown_task_is_a_usage_error() {
        let Err(error) = Arguments::try_parse_from(["xtask", "fly"]) else { panic!("accepted") };
        assert_eq!(error.kind(), ErrorKind::InvalidSubcommand);
        assert_eq!(error.exit_code(), 2);
    }
}
