//! `sonde estop`

use sonde::channel;

use super::Failed;
use super::channel_report::Report;
use super::connection::Connection;

/// Stop all channels of a unit at once, and keep them off until it is lifted
///
/// A convenience, not a safety device: it needs this computer, the line and the unit. Where people can be hurt there has to be
/// a button that takes the power away.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  sonde estop rtu:///dev/ttyUSB0 --unit 3\n  sonde estop rtu:///dev/ttyUSB0 --unit 3 --lift"
)]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Lift it; starts nothing
    #[arg(long)]
    lift: bool,
}

/// Stops, or lifts.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        match args.lift {
            false => channel::emergency_stop(&bus, unit).await?,
            true => channel::lift_emergency_stop(&bus, unit).await?,
        }
        Report::read(&bus, unit).await
    })
}
