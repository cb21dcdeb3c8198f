//! Settings and calibration of a unit: read, planned, changed as one transaction.
//!
//! What there is, its ranges and its defaults come from the table in `protocol` (`docs/settings.md`). The unit checks
//! everything again and has the last word.

mod assignment;
mod error;
mod follow;

use protocol::message::{Answer, Request, TellValues};
use protocol::settings::{Change, Entry, Kind, Setting, TABLE};
use serde::Serialize;

pub use assignment::{Assignment, AssignmentError, entry_by_name};
pub use error::ConfigError;
pub use follow::{FOLLOW_LIMIT, follow, moved_endpoint};

use crate::bus::{Bus, UnitId};
use crate::session::Session;

/// Message version that brought settings.
const SINCE: u16 = 3;

/// The values of one kind, and how they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Schema of the unit's firmware.
    pub schema: u16,
    /// Newest schema of all firmwares that wrote the record; 0 when nothing was ever stored.
    pub written_by: u16,
    /// Number of the record; 0 when nothing was ever stored.
    pub sequence: u32,
    /// Which copies hold it.
    pub copies_good: [bool; 2],
    /// The values.
    pub values: Vec<Value>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: i32,
    /// Its number as people write it.
    pub text: String,
    /// Symbol of its unit; empty without one.
    pub unit: &'static str,
    /// Whether somebody has set it; else it is the default.
    pub is_set: bool,
    /// What it may be, in words.
    pub allowed: String,
    #[serde(skip)]
    code: u8,
}

/// One difference that a change makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name of the value.
    pub name: String,
    /// What it is.
    pub from: String,
    /// What it will be.
    pub to: String,
    /// Symbol of its unit; empty without one.
    pub unit: &'static str,
}

/// Opens a session with a unit that has settings.
///
/// # Errors
/// [`ConfigError::UnitTooOld`] for one that has none, or what the session says.
pub async fn open(bus: &Bus, unit: UnitId) -> Result<Session, ConfigError> {
    let (session, who) = Session::meet(bus, unit).await?;
    if who.speaks().1 < SINCE {
        return Err(ConfigError::UnitTooOld { unit });
    }
    Ok(session)
}

/// Reads the values of one kind.
///
/// # Errors
/// What the session says.
pub async fn read(session: &mut Session, kind: Kind) -> Result<Group, ConfigError> {
    let request = match kind {
        Kind::Setting => Request::Settings,
        Kind::Calibration => Request::Calibration,
    };
    ask(session, &request).await
}

/// Changes values, all of them or none; what is in force then.
///
/// # Errors
/// The unit's refusal, which names the value, or what the session says.
pub async fn write(session: &mut Session, kind: Kind, assignments: &[Assignment]) -> Result<Group, ConfigError> {
    let changes = assignments.iter().map(|it| Change { code: it.entry().code, number: it.number() }).collect();
    let request = match kind {
        Kind::Setting => Request::ChangeSettings { changes },
        Kind::Calibration => Request::ChangeCalibration { changes },
    };
    ask(session, &request).await
}

async fn ask(session: &mut Session, request: &Request) -> Result<Group, ConfigError> {
    match session.ask(request).await? {
        Answer::Values(told) => Ok(Group::of(&told)),
        _ => Err(ConfigError::UnitTooOld { unit: session.unit() }),
    }
}

/// The kind that all of these are of.
///
/// # Errors
/// [`ConfigError::BothKinds`], or [`ConfigError::Nothing`] for none.
pub fn kind_of(assignments: &[Assignment]) -> Result<Kind, ConfigError> {
    let mut kinds = assignments.iter().map(|assignment| assignment.entry().kind);
    let first = kinds.next().ok_or(ConfigError::Nothing)?;
    if kinds.all(|kind| kind == first) { Ok(first) } else { Err(ConfigError::BothKinds) }
}

impl Group {
    fn of(told: &TellValues) -> Self {
        let values = (0..).zip(&told.values).map(|(code, value)| {
            let entry = TABLE.iter().find(|entry| (entry.kind, entry.code) == (told.kind, code));
            Value {
                name: entry.map_or_else(|| format!("{}_{code}", told.kind), |entry| entry.name.to_owned()),
                number: value.number,
                text: entry.map_or_else(|| value.number.to_string(), |entry| text_of(entry, value.number)),
                unit: entry.map_or("", |entry| entry.unit.symbol()),
                is_set: value.is_set,
                allowed: entry.map_or_else(String::new, |entry| entry.allowed.to_string()),
                code,
            }
        });
        let &TellValues { schema, written_by, sequence, copies_good, .. } = told;
        Self { schema, written_by, sequence, copies_good, values: values.collect() }
    }

    /// A value by its name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.name.eq_ignore_ascii_case(name))
    }

    /// What assignments change of these values.
    #[must_use]
    pub fn differences(&self, assignments: &[Assignment]) -> Vec<Difference> {
        let difference = |assignment: &Assignment| {
            let (entry, value) = (assignment.entry(), self.value(assignment.entry().name));
            let (from, is_set) = value.map_or((None, false), |value| (Some(value.number), value.is_set));
            let to = match assignment.number() {
                Some(number) => text_of(entry, number),
                None => "default".to_owned(),
            };
            let same = if assignment.number().is_some() { assignment.number() == from } else { !is_set };
            let from = value.map_or_else(|| "unknown".to_owned(), |value| value.text.clone());
            (!same).then(|| Difference { name: entry.name.to_owned(), from, to, unit: entry.unit.symbol() })
        };
        assignments.iter().filter_map(difference).collect()
    }

    /// Whether assignments would move the unit to another line.
    #[must_use]
    pub fn moves(&self, assignments: &[Assignment]) -> bool {
        let line = [Setting::UnitId, Setting::Baud, Setting::Parity].map(Setting::code);
        let is_line = |entry: &Entry| entry.kind == Kind::Setting && line.contains(&entry.code);
        self.differences(assignments).iter().any(|it| TABLE.iter().any(|entry| entry.name == it.name && is_line(entry)))
    }

    /// These values as they are when the assignments are made.
    #[must_use]
    pub fn with(&self, assignments: &[Assignment]) -> Self {
        let mut changed = self.clone();
        for assignment in assignments {
            let entry = assignment.entry();
            let number = assignment.number().unwrap_or(entry.default);
            if let Some(value) = changed.values.iter_mut().find(|value| value.name == entry.name) {
                (value.number, value.text) = (number, text_of(entry, number));
            }
        }
        changed
    }

    fn number(&self, setting: Setting) -> Option<i32> {
        self.values.iter().find(|value| value.code == setting.code()).map(|value| value.number)
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, from, to, unit } = self;
        write!(formatter, "{name}: {from} -> {to} {unit}")
    }
}

fn text_of(entry: &Entry, number: i32) -> String {
    entry.name_of(number).map_or_else(|| number.to_string(), str::to_owned)
}
