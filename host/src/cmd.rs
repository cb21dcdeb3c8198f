//! One file per command: `Args`, `Report` and `run`.

pub(crate) mod bundle_build;
pub(crate) mod bundle_show;
pub(crate) mod bundle_verify;
pub(crate) mod channel_amplitude;
mod channel_report;
pub(crate) mod channel_reset;
pub(crate) mod channel_show;
pub(crate) mod channel_start;
pub(crate) mod channel_stop;
pub(crate) mod config_set;
pub(crate) mod config_show;
pub(crate) mod confirm;
mod connection;
pub(crate) mod crash;
pub(crate) mod estop;
pub(crate) mod events;
mod floor_reset;
pub(crate) mod key_install;
pub(crate) mod key_list;
pub(crate) mod key_new;
pub(crate) mod key_revoke;
pub(crate) mod key_root_anchors;
pub(crate) mod key_root_new;
pub(crate) mod key_rotate;
mod key_set_view;
pub(crate) mod key_show;
pub(crate) mod key_sign;
mod release_age;
pub(crate) mod rollback;
pub(crate) mod status;
mod status_health;
mod status_recovery;
mod trial_options;
pub(crate) mod update;
mod values;

use std::fmt::Display;
use std::process::ExitCode;

use serde::Serialize;
use sonde::failure::{Class, Failure};

use crate::cli::{Arguments, BundleCommand, ChannelCommand, Command, Common, ConfigCommand, KeyCommand, RootCommand};
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
        Command::Channel(command) => run_channel(command, common),
        Command::Estop(args) => output::finish(estop::run(args), common),
        Command::Config(command) => run_config(command, common),
        Command::Events(args) => output::finish(events::run(args, common.json), common),
        Command::Crash(args) => output::finish(crash::run(args), common),
        Command::Key(command) => run_key(command, common),
        Command::Bundle(BundleCommand::Build(args)) => output::finish(bundle_build::run(args), common),
        Command::Bundle(BundleCommand::Show(args)) => output::finish(bundle_show::run(args), common),
        Command::Bundle(BundleCommand::Verify(args)) => output::finish(bundle_verify::run(args), common),
    }
}

fn run_channel(command: &ChannelCommand, common: Common) -> ExitCode {
    match command {
        ChannelCommand::Show(args) => output::finish(channel_show::run(args), common),
        ChannelCommand::Start(args) => output::finish(channel_start::run(args), common),
        ChannelCommand::Stop(args) => output::finish(channel_stop::run(args), common),
        ChannelCommand::Amplitude(args) => output::finish(channel_amplitude::run(args), common),
        ChannelCommand::Reset(args) => output::finish(channel_reset::run(args), common),
    }
}

fn run_config(command: &ConfigCommand, common: Common) -> ExitCode {
    match command {
        ConfigCommand::Show(args) => output::finish(config_show::run(args), common),
        ConfigCommand::Get(args) => output::finish(config_show::get(args), common),
        ConfigCommand::Set(args) => output::finish(config_set::run(args), common),
        ConfigCommand::Export(args) => output::finish(config_show::export(args), common),
    }
}

fn run_key(command: &KeyCommand, common: Common) -> ExitCode {
    match command {
        KeyCommand::New(args) => output::finish(key_new::run(args), common),
        KeyCommand::Show(args) => output::finish(key_show::run(args), common),
        KeyCommand::Root(RootCommand::New(args)) => output::finish(key_root_new::run(args), common),
        KeyCommand::Root(RootCommand::Anchors(args)) => output::finish(key_root_anchors::run(args), common),
        KeyCommand::Rotate(args) => output::finish(key_rotate::run(args), common),
        KeyCommand::Revoke(args) => output::finish(key_revoke::run(args), common),
        KeyCommand::Sign(args) => output::finish(key_sign::run(args), common),
        KeyCommand::List(args) => output::finish(key_list::run(args), common),
        KeyCommand::Install(args) => output::finish(key_install::run(args), common),
    }
}
