//! `sonde channel start`

use std::fmt::{self, Display, Formatter};
use std::future::pending;
use std::time::Duration;

use protocol::channel::{Amplitude, ChannelId};
use serde::Serialize;
use sonde::channel::{self, ChannelView};

use super::Failed;
use super::connection::Connection;
use super::values::{amplitude, channel_id};
use crate::progress::Progress;

/// Start a channel, and keep it running until Ctrl-C
///
/// EMITS POWER: up to 2 kW at the horn. The channel runs as long as this command does, and no longer: on Ctrl-C, after --for,
/// and on any error it is stopped; when this computer or the line dies, the unit stops it within 1.2 s.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde channel start rtu:///dev/ttyUSB0 1 --amplitude 40 --for 10\n  \
sonde channel start rtu+tcp://10.0.0.7:4001 4 --unit 3")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// The channel, 1 to 4
    #[arg(value_parser = channel_id)]
    channel: ChannelId,
    /// Amplitude, percent, 20 to 100 [default: what is set]
    #[arg(long, value_name = "PERCENT", value_parser = amplitude)]
    amplitude: Option<Amplitude>,
    /// Stop after so many seconds [default: at Ctrl-C]
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: Option<u32>,
}

/// What the channel was at when it was told to stop.
#[derive(Serialize)]
pub(crate) struct Report {
    unit: u8,
    last: ChannelView,
}

impl super::Report for Report {}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { unit, last } = self;
        writeln!(
            formatter,
            "unit {unit}: channel {} ran at {} %, {} W, {} Hz, and is stopped",
            last.channel, last.amplitude, last.watts, last.hertz
        )
    }
}

/// Starts it, keeps it running, stops it.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        if let Some(amplitude) = args.amplitude {
            channel::set_amplitude(&bus, unit, args.channel, amplitude).await?;
        }
        // Whoever presses Ctrl-C before the answer is there wants it stopped as well.
        let end = async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = after(args.seconds) => {}
            }
        };
        let mut progress = Progress::start();
        channel::start(&bus, unit, args.channel).await?;
        let watched = channel::watch(&bus, unit, args.channel, end, |view| progress.tell(&told(view))).await;
        let stopped = channel::stop(&bus, unit, args.channel).await;
        let last = watched?;
        stopped?;
        Ok(Report { unit: unit.get(), last })
    })
}

fn told(view: &ChannelView) -> String {
    format!(
        "channel {} {}: {} %, {} W, {} Hz; Ctrl-C stops it",
        view.channel,
        view.state_word(),
        view.amplitude,
        view.watts,
        view.hertz
    )
}

async fn after(seconds: Option<u32>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
        None => pending().await,
    }
}
