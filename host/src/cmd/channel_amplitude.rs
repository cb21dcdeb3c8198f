//! `sonde channel amplitude`

use protocol::channel::Amplitude;
use sonde::channel;

use super::Failed;
use super::channel_report::Report;
use super::connection::Connection;
use super::values::{Channels, amplitude, channels};

/// Set the amplitude of a channel, or of all; what runs follows at once
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde channel amplitude rtu:///dev/ttyUSB0 all 60")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// The channel, 1 to 4, or all
    #[arg(value_parser = channels)]
    channels: Channels,
    /// Percent, 20 to 100
    #[arg(value_parser = amplitude)]
    amplitude: Amplitude,
}

/// Sets it.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        for &channel in args.channels.list() {
            channel::set_amplitude(&bus, unit, channel, args.amplitude).await?;
        }
        Report::read(&bus, unit).await
    })
}
