//! `sonde channel show`

use super::Failed;
use super::channel_report::Report;
use super::connection::Connection;

/// Show what the four channels of a unit are at
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde channel show rtu:///dev/ttyUSB0 --unit 3")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
}

/// Asks the unit.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| Report::read(&bus, unit).await)
}
