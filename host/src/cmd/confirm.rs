//! `sonde confirm`

use serde::Serialize;
use sonde::update::{Image, confirm};

use super::Failed;
use super::connection::Connection;

/// Keep the version that is on trial
///
/// From now on it is the one to run, and the unit's floor rises to the one that the release names. Refused when nothing is
/// on trial or the self-test failed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde confirm rtu+tcp://10.0.0.7:4001 --unit 3")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
}

/// What is kept.
#[derive(Serialize)]
pub(crate) struct Report {
    unit: u8,
    confirmed: Image,
    floor: String,
}

impl super::Report for Report {}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { unit, confirmed, floor } = self;
        writeln!(formatter, "unit {unit}: {confirmed} confirmed, floor {floor}")
    }
}

/// Confirms.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        let confirmed = confirm(&bus, unit).await?;
        Ok(Report { unit: unit.get(), confirmed: confirmed.image.into(), floor: confirmed.floor.to_string() })
    })
}
