//! `sonde channel reset`

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use protocol::channel::{ChannelId, ChannelState};
use serde::Serialize;
use sonde::channel;

use super::connection::Connection;
use super::values::channel_id;
use super::{Answer, Failed, channel_report};

/// Reset a channel that the unit stopped for a fault; starts nothing
///
/// Find the cause first: an overload that is still there comes back at once, and the fault with it. Exit code 1 when it does.
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
const PULSE: Duration = Duration::from_millis(150);

/// What the channel is at after its pulse.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The fault is gone.
    reset: bool,
    #[serde(flatten)]
    channels: channel_report::Report,
}

impl super::Report for Report {
    fn answer(&self) -> Answer {
        if self.reset { Answer::Yes } else { Answer::No }
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.channels.fmt(formatter)?;
        match self.reset {
            true => writeln!(formatter, "  the fault is gone; the channel stays off until it is started"),
            false => writeln!(
                formatter,
                "  the fault STAYS: its cause is still there; look at generator and horn, then reset again"
            ),
        }
    }
}

/// Resets it.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        channel::reset(&bus, unit, args.channel).await?;
        tokio::time::sleep(PULSE).await;
        let channels = channel_report::Report::read(&bus, unit).await?;
        let state = channels.channel(args.channel).state();
        let reset = !matches!(state, None | Some(ChannelState::Overload | ChannelState::Fault));
        Ok(Report { reset, channels })
    })
}
