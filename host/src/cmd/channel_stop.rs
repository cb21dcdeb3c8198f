//! `sonde channel stop`

use sonde::channel;

use super::Failed;
use super::channel_report::Report;
use super::connection::Connection;
use super::values::channels;

/// Stop a channel, or all of them
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  sonde channel stop rtu:///dev/ttyUSB0 1\n  sonde channel stop rtu:///dev/ttyUSB0 all"
)]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// The channel, 1 to 4, or all
    #[arg(value_parser = channels)]
    channels: super::values::Channels,
}

/// Stops them.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        for &channel in args.channels.list() {
            channel::stop(&bus, unit, channel).await?;
        }
        Report::read(&bus, unit).await
    })
}
