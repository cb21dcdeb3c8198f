//! The one place that prints. Results go to stdout, progress and errors to stderr.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "xtask is a tool for a terminal; this is its output module"
)]

use std::fmt::Display;

/// A result: what the caller asked for.
pub(crate) fn result(text: impl Display) {
    println!("{text}");
}

/// One line of progress.
pub(crate) fn progress(text: impl Display) {
    eprintln!("xtask: {text}");
}

/// Several lines of progress, as they are.
pub(crate) fn progress_block(text: &str) {
    eprintln!("{}", text.trim_end());
}

/// An error with its causes.
pub(crate) fn failure(error: &anyhow::Error) {
    eprintln!("xtask: error: {error:#}");
}

/// A message of clap, on the stream clap means it for, with its colours.
pub(crate) fn clap(error: &clap::Error) {
    if error.print().is_err() {
        eprintln!("{error}");
    }
}
