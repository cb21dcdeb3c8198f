//! `sonde config set`

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use sonde::config::{self, Assignment, ConfigError, Difference, Group};

use super::Failed;
use super::connection::Connection;
use crate::output;

/// Change settings of a unit, or values of its calibration, as one transaction
///
/// Says what will change and asks. A change of unit_id, baud or parity takes effect after its answer, and the unit keeps
/// the whole change only when it is heard over the new line within 30 s: sonde goes there by itself over a serial port;
/// the other end of a device server has to be set in that time.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde config set rtu:///dev/ttyUSB0 amplitude=60 stagger_ms=800\n  \
sonde config set rtu:///dev/ttyUSB0 amplitude=default --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// What to change: amplitude=60; default takes a setting back
    #[arg(value_name = "NAME=VALUE", required = true)]
    changes: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    outcome: Outcome,
    unit: u8,
    changes: Vec<Difference>,
    sequence: u32,
    copies_good: [bool; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// All of it is in flash.
    Stored,
    /// It was so before.
    Unchanged,
}

impl super::Report for Report {}

/// Changes.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let assignments: Result<Vec<Assignment>, _> = args.changes.iter().map(|text| text.parse()).collect();
    let assignments = assignments.map_err(ConfigError::from)?;
    let kind = config::kind_of(&assignments)?;
    args.connection.run(async |bus, unit| {
        let mut session = config::open(&bus, unit).await?;
        let before = config::read(&mut session, kind).await?;
        let changes = before.differences(&assignments);
        if changes.is_empty() {
            return Ok(report(Outcome::Unchanged, unit.get(), changes, &before));
        }
        if !args.yes {
            meant(unit.get(), &changes)?;
        }
        let after = config::write(&mut session, kind, &assignments).await?;
        if !before.moves(&assignments) {
            return Ok(report(Outcome::Stored, unit.get(), changes, &after));
        }
        // What the answer told is still the old line.
        let wanted = before.with(&assignments);
        drop((session, bus));
        let (endpoint, unit) = config::moved_endpoint(args.connection.endpoint(), unit, &wanted);
        let after = config::follow(&endpoint, unit).await?;
        Ok(report(Outcome::Stored, unit.get(), changes, &after))
    })
}

fn report(outcome: Outcome, unit: u8, changes: Vec<Difference>, now: &Group) -> Report {
    Report { outcome, unit, changes, sequence: now.sequence, copies_good: now.copies_good }
}

/// Shows what would change, and asks.
fn meant(unit: u8, changes: &[Difference]) -> Result<(), ConfigError> {
    let listed: String = changes.iter().map(|it| format!("  {it}\n")).collect();
    let question = format!("unit {unit}:\n{listed}Change this? [y/N] ");
    match output::ask(&question).as_deref() {
        Some("y" | "Y" | "yes") => Ok(()),
        Some(_) => Err(ConfigError::NotMeant { why: "it was not confirmed; say y, or --yes" }),
        None => Err(ConfigError::NotMeant { why: "there is no terminal to ask on; if it is meant, say --yes" }),
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        if self.outcome == Outcome::Unchanged {
            return writeln!(formatter, "unit {} has these settings already", self.unit);
        }
        writeln!(formatter, "unit {}, record {}:", self.unit, self.sequence)?;
        self.changes.iter().try_for_each(|change| writeln!(formatter, "  {change}"))
    }
}
