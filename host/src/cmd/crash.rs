//! `sonde crash`

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use serde::Serialize;
use sonde::events::{
    self,
    crash::{self, CrashView, Symbols},
};

use super::Failed;
use super::connection::Connection;

/// Show what the core was at when the firmware last crashed
///
/// Registers, fault and stack as the fault handler left them. Addresses get the names of functions only from the ELF files
/// that the release was built from: another build is refused.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde crash rtu:///dev/ttyUSB0 --unit 3\n  \
sonde crash rtu:///dev/ttyUSB0 --elf firmware-a --elf firmware-b")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// ELF file of the build that crashed, for the names of functions; once for each slot
    #[arg(long, value_name = "FILE")]
    elf: Vec<PathBuf>,
}

/// The crash.
#[derive(Serialize)]
pub(crate) struct Report {
    unit: u8,
    #[serde(flatten)]
    crash: CrashView,
}

impl super::Report for Report {}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "unit {}", self.unit)?;
        self.crash.fmt(formatter)
    }
}

/// Reads the record and names what can be named.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        let mut session = events::open(&bus, unit).await?;
        let record = crash::read(&mut session).await?;
        let symbols = if args.elf.is_empty() { Symbols::default() } else { Symbols::read(&args.elf, &record)? };
        Ok(Report { unit: unit.get(), crash: CrashView::new(&record, &symbols) })
    })
}
