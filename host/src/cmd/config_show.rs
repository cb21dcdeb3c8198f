//! `sonde config show`, `get` and `export`

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use protocol::settings::Kind;
use serde::Serialize;
use sonde::bus::UnitId;
use sonde::config::{self, ConfigError, Group, Value};

use super::Failed;
use super::connection::Connection;

/// Show the settings and the calibration of a unit, and how they are stored
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde config show rtu:///dev/ttyUSB0 --unit 3")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
}

/// Show one setting of a unit
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde config get rtu:///dev/ttyUSB0 amplitude")]
pub(crate) struct GetArgs {
    #[command(flatten)]
    connection: Connection,
    /// Name of the setting, or of a value of the calibration
    name: String,
}

/// Show everything that was set, as NAME=VALUE lines that `sonde config set` takes
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde config export rtu:///dev/ttyUSB0 > unit-3.txt")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    connection: Connection,
}

/// What `show` found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    unit: u8,
    settings: Group,
    calibration: Group,
}

/// What `get` found.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct GetReport(Value);

/// What `export` found: what was set, by name.
#[derive(Debug, Serialize)]
pub(crate) struct ExportReport {
    settings: BTreeMap<String, String>,
    calibration: BTreeMap<String, String>,
}

impl super::Report for Report {}
impl super::Report for GetReport {}
impl super::Report for ExportReport {}

/// Shows all.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    read(&args.connection)
}

/// Shows one.
pub(crate) fn get(args: &GetArgs) -> Result<GetReport, Failed> {
    let entry = config::entry_by_name(&args.name).map_err(ConfigError::from)?;
    let Report { settings, calibration, unit } = read(&args.connection)?;
    let group = if entry.kind == Kind::Setting { settings } else { calibration };
    let value = group.value(entry.name).cloned();
    let too_old = || ConfigError::UnitTooOld { unit: UnitId::new(unit).unwrap_or(UnitId::DEFAULT) };
    Ok(value.map(GetReport).ok_or_else(too_old)?)
}

/// Shows what was set.
pub(crate) fn export(args: &ExportArgs) -> Result<ExportReport, Failed> {
    let Report { settings, calibration, .. } = read(&args.connection)?;
    let set = |group: Group| group.values.into_iter().filter(|it| it.is_set).map(|it| (it.name, it.text)).collect();
    Ok(ExportReport { settings: set(settings), calibration: set(calibration) })
}

fn read(connection: &Connection) -> Result<Report, Failed> {
    connection.run(async |bus, unit| {
        let mut session = config::open(&bus, unit).await?;
        let settings = config::read(&mut session, Kind::Setting).await?;
        let calibration = config::read(&mut session, Kind::Calibration).await?;
        Ok(Report { unit: unit.get(), settings, calibration })
    })
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (title, group) in [("settings", &self.settings), ("calibration", &self.calibration)] {
            let stored = match (group.sequence, group.copies_good) {
                (0, [true, true]) => "nothing was ever set".to_owned(),
                (sequence, [true, true]) => format!("record {sequence}, both copies good"),
                (0, _) => "UNREADABLE: the defaults are in force; set what the site needs".to_owned(),
                (_, [false, false]) => "NOT UNDERSTOOD: the defaults are in force; update the unit".to_owned(),
                (sequence, _) => format!("record {sequence}, ONE COPY ONLY: the next change repairs it"),
            };
            writeln!(formatter, "unit {}: {title}, schema {}; {stored}", self.unit, group.schema)?;
            for value in &group.values {
                let Value { name, text, unit, is_set, allowed, .. } = value;
                let origin = if *is_set { "set" } else { "default" };
                writeln!(formatter, "  {name:<20} {text:>10} {unit:<8} {origin:<8} {allowed}")?;
            }
        }
        Ok(())
    }
}

impl Display for GetReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Value { name, text, .. } = &self.0;
        writeln!(formatter, "{name}={text}")
    }
}

impl Display for ExportReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut all = self.settings.iter().chain(&self.calibration);
        all.try_for_each(|(name, text)| writeln!(formatter, "{name}={text}"))
    }
}
