//! `sonde channel reset`

use protocol::channel::ChannelId;
use sonde::channel;

use super::Failed;
use super::channel_report::Report;
use super::connection::Connection;
use super::values::channel_id;

/// Reset a channel that the unit stopped for a fault; starts nothing
///
/// Find the cause first: an overload that is still there comes back at once, and the fault with it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde channel reset rtu:///dev/ttyUSB0 2")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// The channel, 1 to 4
    #[arg(value_parser = channel_id)]
    channel: ChannelId,
}

/// Longer than the pulse, and than the debouncing behind it.
const PULSE: std::time::Duration = std::time::Duration::from_millis(150);

/// Resets it.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        channel::reset(&bus, unit, args.channel).await?;
        tokio::time::sleep(PULSE).await;
        Report::read(&bus, unit).await
    })
}
