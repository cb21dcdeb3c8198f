//! Settings and calibration: what a site chooses and what a bench has measured, as one table (`docs/settings.md`).
//!
//! Ranges are checked from the table, the page of the manual is generated from it, and the host makes its command from
//! it. The two kinds are stored and changed apart: restoring the settings of one unit to another must not take the
//! calibration along. Who the unit is belongs to neither ([`crate::identity`]).
//!
//! A safety figure - the silence after which channels stop, the debounce of an overload, the watchdog - is no setting.
//!
//! The table is **append-only**: a value keeps its code, its unit and its meaning for ever. A range may grow; what a
//! firmware does not find in its own range it takes as never set ([`Values::get`]), and keeps.
//!
//! The functions are `#[inline]` so that they are compiled where they are used: the loader uses none, and is to stay the
//! same to the byte when a setting is added.

mod table;
mod values;

pub use table::{Calibration, SETTINGS_SCHEMA, Setting, TABLE};
pub use values::{Change, ChangeError, MAX_VALUES, VALUES_SIZE, Values};

use crate::coded::coded;

coded! {
    /// What a value is for.
    Kind {
        /// Chosen by a site.
        Setting = 1, "setting";
        /// Measured on a bench, of this very unit.
        Calibration = 2, "calibration";
    }
}

/// What a value's number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number without a unit.
    None,
    /// One of a list of meanings.
    Code,
    /// One bit for each channel, bit 0 = channel 1.
    Channels,
    /// Bits a second.
    Baud,
    /// Percent.
    Percent,
    /// Milliseconds.
    Milliseconds,
    /// Watts.
    Watts,
    /// Ten-thousandths: 10000 is 1.
    TenThousandths,
    /// Tenths of a percent of full scale.
    PerMille,
    /// Degrees Celsius.
    Celsius,
}

impl Unit {
    /// Symbol for people; empty when there is none.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Baud => "baud",
            Self::Percent => "%",
            Self::Milliseconds => "ms",
            Self::Watts => "W",
            Self::TenThousandths => "1/10000",
            Self::PerMille => "1/1000",
            Self::Celsius => "°C",
            Self::None | Self::Code | Self::Channels => "",
        }
    }
}

/// Which numbers a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// All from the first to the last one.
    Range(i32, i32),
    /// These, each with its name.
    OneOf(&'static [(i32, &'static str)]),
}

impl Allowed {
    /// Whether a number is allowed.
    #[must_use]
    #[inline]
    pub fn permits(self, value: i32) -> bool {
        match self {
            Self::Range(lowest, highest) => (lowest..=highest).contains(&value),
            Self::OneOf(choices) => choices.iter().any(|&(choice, _)| choice == value),
        }
    }
}

impl core::fmt::Display for Allowed {
    #[inline]
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Range(lowest, highest) => write!(formatter, "{lowest} to {highest}"),
            Self::OneOf(choices) => choices.iter().enumerate().try_for_each(|(index, (_, name))| {
                formatter.write_str(if index == 0 { "" } else { ", " })?;
                formatter.write_str(name)
            }),
        }
    }
}

/// One entry of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is for.
    pub kind: Kind,
    /// Its number among its kind, on the wire and in flash.
    pub code: u8,
    /// Its name for people. The chip itself has no use for it.
    #[cfg(not(target_os = "none"))]
    pub name: &'static str,
    /// What its number means.
    pub unit: Unit,
    /// Which numbers it may have.
    pub allowed: Allowed,
    /// Its number when nobody has set it.
    pub default: i32,
    /// The schema that brought it.
    pub since: u16,
    /// Meaning, in one line.
    #[cfg(not(target_os = "none"))]
    pub text: &'static str,
}

impl Entry {
    /// A number as people write it: its name where it has one.
    #[must_use]
    #[inline]
    pub fn name_of(&self, value: i32) -> Option<&'static str> {
        match self.allowed {
            Allowed::OneOf(choices) => choices.iter().find(|(choice, _)| *choice == value).map(|(_, name)| *name),
            Allowed::Range(..) => None,
        }
    }

    /// What people wrote as a number; `None` for what is neither a number nor a name of one. The range is not checked.
    #[must_use]
    #[inline]
    pub fn number(&self, text: &str) -> Option<i32> {
        let named = match self.allowed {
            Allowed::OneOf(choices) => choices.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)),
            Allowed::Range(..) => None,
        };
        named.map(|(choice, _)| *choice).or_else(|| text.parse().ok())
    }
}

/// The entry with that code, if a firmware of that schema has it.
#[must_use]
#[inline]
pub fn entry(kind: Kind, code: u8, schema: u16) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| (entry.kind, entry.code) == (kind, code) && entry.since <= schema)
}

/// Name of a value for people; the chip, which has no names, tells its code.
#[cfg(feature = "messages")]
pub(crate) struct Named(pub(crate) Kind, pub(crate) u8);

#[cfg(feature = "messages")]
impl core::fmt::Display for Named {
    #[inline]
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        #[cfg(not(target_os = "none"))]
        if let Some(entry) = entry(self.0, self.1, u16::MAX) {
            return formatter.write_str(entry.name);
        }
        write!(formatter, "{} number {}", self.0, self.1)
    }
}

/// Looks an entry up by its name, without regard to case.
#[cfg(not(target_os = "none"))]
#[must_use]
#[inline]
pub fn by_name(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
