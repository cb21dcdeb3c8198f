//! The command line as a type.

use clap::{Args, Parser, Subcommand};

use crate::cmd;

/// Signs releases for multi-sonicator controllers and takes units through updates over their own bus.
#[derive(Parser, Debug)]
#[command(name = "sonde", version, after_help = EXIT_CODES, after_long_help = LONG_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Common {
    /// Print the result, or the error, as one JSON object on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Tell on stderr what happens on the way; -vv also shows every frame
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Status(cmd::status::Args),
    Update(cmd::update::Args),
    Confirm(cmd::confirm::Args),
    Rollback(cmd::rollback::Args),
    /// Start, stop and look after single channels; EMITS POWER
    #[command(subcommand)]
    Channel(ChannelCommand),
    Estop(cmd::estop::Args),
    /// Show and change the settings of a unit, and its calibration
    #[command(subcommand)]
    Config(ConfigCommand),
    Events(cmd::events::Args),
    Crash(cmd::crash::Args),
    /// Make keys, and decide which ones units believe
    #[command(subcommand)]
    Key(KeyCommand),
    /// Build, show and verify release files
    #[command(subcommand)]
    Bundle(BundleCommand),
}

/// The commands on channels.
#[derive(Subcommand, Debug)]
pub(crate) enum ChannelCommand {
    Show(cmd::channel_show::Args),
    Start(cmd::channel_start::Args),
    Stop(cmd::channel_stop::Args),
    Amplitude(cmd::channel_amplitude::Args),
    Reset(cmd::channel_reset::Args),
}

/// The commands on settings.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    Show(cmd::config_show::Args),
    Get(cmd::config_show::GetArgs),
    Set(cmd::config_set::Args),
    Export(cmd::config_show::ExportArgs),
}

/// The commands on keys.
#[derive(Subcommand, Debug)]
pub(crate) enum KeyCommand {
    New(cmd::key_new::Args),
    Show(cmd::key_show::Args),
    /// Root keys, which decide about release keys
    #[command(subcommand)]
    Root(RootCommand),
    Rotate(cmd::key_rotate::Args),
    Revoke(cmd::key_revoke::Args),
    Sign(cmd::key_sign::Args),
    List(cmd::key_list::Args),
    Install(cmd::key_install::Args),
}

/// The commands on root keys.
#[derive(Subcommand, Debug)]
pub(crate) enum RootCommand {
    New(cmd::key_root_new::Args),
    Anchors(cmd::key_root_anchors::Args),
}

/// The commands on release files.
#[derive(Subcommand, Debug)]
pub(crate) enum BundleCommand {
    Build(cmd::bundle_build::Args),
    Show(cmd::bundle_show::Args),
    Verify(cmd::bundle_verify::Args),
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the answer is no (refused, does not verify, rolled back), \
2 usage (arguments, files), 3 unit or bus failed.";

const LONG_HELP: &str = "\
Exit codes:
  0  done
  1  the answer is no: refused, does not verify, rolled back
  2  usage: an argument or a file is not what it should be
  3  the unit or the bus failed

Examples:
  sonde key new --out release.key
  sonde bundle build --key release.key --version 1.1.0 --slot-a firmware-a --slot-b firmware-b --hardware 1 --out 1.1.0.sonde
  sonde status rtu:///dev/ttyUSB0
  sonde update rtu+tcp://10.0.0.7:4001 1.1.0.sonde --unit 2
  sonde rollback rtu+tcp://10.0.0.7:4001";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
