//! Settings and calibration on the wire ([`crate::settings`]).

use crate::settings::Kind;

/// Most changes in one request.
pub const MAX_CHANGES: usize = 24;
/// Most values in one answer.
pub const MAX_TOLD_VALUES: usize = 24;

/// The values of one kind, and how they are stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TellValues {
    /// What they are for.
    pub kind: Kind,
    /// Schema of the unit's firmware: how far it knows the table.
    pub schema: u16,
    /// Newest schema of all firmwares that wrote the record; 0 without one.
    pub written_by: u16,
    /// Number of the record; 0 without one.
    pub sequence: u32,
    /// Which copies hold it. Both, where nothing was ever stored.
    pub copies_good: [bool; 2],
    /// The values, each in the place of its code.
    pub values: heapless::Vec<ToldValue, MAX_TOLD_VALUES>,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ToldValue {
    /// The number in force.
    pub number: i32,
    /// Whether somebody has set it; else it is the default.
    pub is_set: bool,
}
