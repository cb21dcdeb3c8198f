//! Settings and calibration as the unit has them: stored, in force, or on trial.
//!
//! - Each kind has two pages of its own ([`crate::store`]); a change is one record, so it is made as a whole or not at all.
//! - What can be applied at once is; the amplitude counts from the next start of the unit on.
//! - A change of the line - unit id, speed, parity - is tried first: it is in force a moment after its answer, and stored
//!   when a master has been heard over the new line. When none is within [`TRIAL_MS`], the old line comes back and
//!   nothing of the whole change was stored. So no slip of a finger makes a unit unreachable, not even with a loss of
//!   power in between.

use protocol::identity::DEFAULT_UNIT_ID;
use protocol::layout::{CALIBRATION_OFFSETS, SETTINGS_OFFSETS};
use protocol::message::{TellValues, ToldValue};
use protocol::settings::{Kind, SETTINGS_SCHEMA, Setting, TABLE, VALUES_SIZE, Values};

use bootloader::flash::CheckedRead;

use crate::store::{Record, Store, View};

/// Time from the answer to a change of the line to the change, milliseconds: enough for the answer to be polled at 9600
/// baud and through a gateway.
pub const SWITCH_DELAY_MS: u64 = 200;
/// How long a new line is tried, milliseconds.
pub const TRIAL_MS: u64 = 30_000;

/// The settings in flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingsRecord(pub Values);

/// The calibration in flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalibrationRecord(pub Values);

impl Record for SettingsRecord {
    const PAGES: [u32; 2] = SETTINGS_OFFSETS;
    const MAGIC: [u8; 4] = *b"SSET";
    const SIZE: usize = VALUES_SIZE;

    fn emit(&self, bytes: &mut [u8]) -> usize {
        self.0.emit(bytes)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        Values::parse(Kind::Setting, bytes).map(Self)
    }
}

impl Record for CalibrationRecord {
    const PAGES: [u32; 2] = CALIBRATION_OFFSETS;
    const MAGIC: [u8; 4] = *b"SCAL";
    const SIZE: usize = VALUES_SIZE;

    fn emit(&self, bytes: &mut [u8]) -> usize {
        self.0.emit(bytes)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        Values::parse(Kind::Calibration, bytes).map(Self)
    }
}

/// Values of one kind, and how they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The values.
    pub values: Values,
    /// Number of their record; 0 without one.
    pub sequence: u32,
    /// Which copies hold it.
    pub copies_good: [bool; 2],
}

impl Stored {
    /// Nothing was ever stored.
    #[must_use]
    pub const fn nothing(kind: Kind) -> Self {
        Self { values: Values::new(kind), sequence: 0, copies_good: [true; 2] }
    }

    /// Reads what is stored of a kind.
    pub fn read<F: CheckedRead>(flash: &mut F, kind: Kind) -> Self {
        match kind {
            Kind::Setting => Self::of(kind, Store::read(flash), |SettingsRecord(values)| values),
            Kind::Calibration => Self::of(kind, Store::read(flash), |CalibrationRecord(values)| values),
        }
    }

    /// What a store says. A record that this firmware does not understand leaves the defaults in force, and counts as no
    /// good copy.
    fn of<R>(kind: Kind, view: View<R>, values: impl Fn(R) -> Values) -> Self {
        let (sequence, copies_good) = (view.sequence, view.copies_good());
        match view.newest.known() {
            Some(record) => Self { values: values(record), sequence, copies_good },
            None if sequence == 0 => Self { copies_good, ..Self::nothing(kind) },
            None => Self { sequence, copies_good: [false; 2], ..Self::nothing(kind) },
        }
    }
}

/// How the unit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its address.
    pub unit_id: u8,
    /// Bits a second.
    pub baud: u32,
    /// Parity; one stop bit.
    pub parity: Parity,
}

/// Parity of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// None.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

impl Line {
    /// What the settings say; `unit_id` as long as nobody has set one.
    #[must_use]
    pub fn of(settings: &Values, unit_id: u8) -> Self {
        let number = |setting: Setting| settings.get(setting.code());
        Self {
            unit_id: settings.set(Setting::UnitId.code()).map_or(unit_id, |id| id as u8),
            baud: number(Setting::Baud) as u32,
            parity: match number(Setting::Parity) {
                1 => Parity::Even,
                2 => Parity::Odd,
                _ => Parity::None,
            },
        }
    }
}

/// What plain Modbus writes may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlcWrites {
    /// Everything that the map lets be written.
    Open,
    /// Set points, stops and the emergency stop.
    SetPoints,
}

/// A change of the line that no master has been heard over yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trial {
    /// What is to be stored.
    values: Values,
    /// When the new line is in force, milliseconds since start.
    from_ms: u64,
    /// A master was heard over it.
    is_heard: bool,
}

/// The settings and the calibration of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    settings: Stored,
    calibration: Stored,
    /// Address as long as nobody has set one.
    given_unit_id: u8,
    trial: Option<Trial>,
}

impl Settings {
    /// Nothing was ever stored.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            settings: Stored::nothing(Kind::Setting),
            calibration: Stored::nothing(Kind::Calibration),
            given_unit_id: DEFAULT_UNIT_ID,
            trial: None,
        }
    }

    /// What was read from flash, of a unit that was given that address in production.
    #[must_use]
    pub const fn stored(settings: Stored, calibration: Stored, given_unit_id: u8) -> Self {
        Self { settings, calibration, given_unit_id, trial: None }
    }

    /// What is stored.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> &Stored {
        match kind {
            Kind::Setting => &self.settings,
            Kind::Calibration => &self.calibration,
        }
    }

    /// Takes in what is stored now. What was on trial is so no longer.
    pub fn take_in(&mut self, kind: Kind, stored: Stored) {
        match kind {
            Kind::Setting => (self.settings, self.trial) = (stored, None),
            Kind::Calibration => self.calibration = stored,
        }
    }

    /// Whether these settings would move the unit to another line.
    #[must_use]
    pub fn changes_line(&self, settings: &Values) -> bool {
        Line::of(settings, self.given_unit_id) != Line::of(&self.settings.values, self.given_unit_id)
    }

    /// Tries settings that change the line.
    pub fn try_line(&mut self, values: Values, now_ms: u64) {
        self.trial = Some(Trial { values, from_ms: now_ms + SWITCH_DELAY_MS, is_heard: false });
    }

    /// The settings in force now: those on trial while they are.
    #[must_use]
    pub fn in_force(&self, now_ms: u64) -> &Values {
        match &self.trial {
            Some(trial) if (trial.from_ms..trial.from_ms + TRIAL_MS).contains(&now_ms) || trial.is_heard => {
                &trial.values
            }
            _ => &self.settings.values,
        }
    }

    /// How the unit is reached now.
    #[must_use]
    pub fn line(&self, now_ms: u64) -> Line {
        Line::of(self.in_force(now_ms), self.given_unit_id)
    }

    /// A frame for this unit was heard; whether that ends a trial, and its settings are to be stored.
    pub fn hear_master(&mut self, now_ms: u64) {
        if let Some(trial) = &mut self.trial
            && (trial.from_ms..trial.from_ms + TRIAL_MS).contains(&now_ms)
        {
            trial.is_heard = true;
        }
    }

    /// The settings of a trial that a master was heard in, to be stored. A trial that is over without is forgotten.
    pub fn proven(&mut self, now_ms: u64) -> Option<Values> {
        match self.trial {
            Some(Trial { is_heard: true, values, .. }) => Some(values),
            Some(Trial { from_ms, .. }) if now_ms >= from_ms + TRIAL_MS => {
                self.trial = None;
                None
            }
            _ => None,
        }
    }

    /// What plain Modbus writes may do.
    #[must_use]
    pub fn plc_writes(&self) -> PlcWrites {
        if self.settings.values.get(Setting::PlcWrites.code()) == 0 { PlcWrites::Open } else { PlcWrites::SetPoints }
    }

    /// What a host is told.
    #[must_use]
    pub fn tell(&self, kind: Kind, now_ms: u64) -> TellValues {
        let Stored { values: stored, sequence, copies_good } = *self.of(kind);
        let values = if kind == Kind::Setting { self.in_force(now_ms) } else { &stored };
        let told = TABLE.iter().filter(|entry| entry.kind == kind).map(|entry| {
            let set = values.set(entry.code);
            let number = match set {
                None if (kind, entry.code) == (Kind::Setting, Setting::UnitId.code()) => self.given_unit_id.into(),
                _ => values.get(entry.code),
            };
            ToldValue { number, is_set: set.is_some() }
        });
        let values = told.collect();
        TellValues { kind, schema: SETTINGS_SCHEMA, written_by: stored.schema(), sequence, copies_good, values }
    }
}

#[cfg(test)]
mod tests;
