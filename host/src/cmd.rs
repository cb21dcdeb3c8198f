//! One file per command: `Args`, `Report` and `run`.

pub(crate) mod bundle_build;
pub(crate) mod bundle_show;
pub(crate) mod bundle_verify;
pub(crate) mod confirm;
mod connection;
pub(crate) mod key_new;
pub(crate) mod key_show;
pub(crate) mod rollback;
pub(crate) mod status;
mod trial_options;
pub(crate) mod update;

use std::fmt::Display;
use std::process::ExitCode;

use serde::Serialize;
use sonde::failure::{Class, Failure};

use crate::cli::{Arguments, BundleCommand, Command, KeyCommand};
use crate::output;

/// What a command found: the answer is yes, or no.
pub(crate) trait Report: Serialize + Display {
    /// Whether the exit code is 0; else it is 1.
    fn answer(&self) -> Answer {
        Answer::Yes
    }
}

/// The answer to what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or so it is.
    Yes,
    /// Not so.
    No,
}

/// An error on its way to the user.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Decides the exit code.
    pub(crate) class: Class,
    /// Stable name for scripts.
    pub(crate) kind: &'static str,
    /// What to say.
    pub(crate) error: anyhow::Error,
}

impl<E: Failure> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { class: error.class(), kind: error.kind(), error: error.into() }
    }
}

/// Runs the command that was asked for.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let common = arguments.common;
    match &arguments.command {
        Command::Status(args) => output::finish(status::run(args), common),
        Command::Update(args) => output::finish(update::run(args), common),
        Command::Confirm(args) => output::finish(confirm::run(args), common),
        Command::Rollback(args) => output::finish(rollback::run(args), common),
        Command::Key(KeyCommand::New(args)) => output::finish(key_new::run(args), common),
        Command::Key(KeyCommand::Show(args)) => output::finish(key_show::run(args), common),
        Command::Bundle(BundleCommand::Build(args)) => output::finish(bundle_build::run(args), common),
        Command::Bundle(BundleCommand::Show(args)) => output::finish(bundle_show::run(args), common),
        Command::Bundle(BundleCommand::Verify(args)) => output::finish(bundle_verify::run(args), common),
    }
}
