//! `sonde status` of a unit that runs nothing: why, what is wrong with its slots, what to do.

use std::fmt::{self, Display, Formatter};

use protocol::layout::Slot;
use protocol::message::{Recovery, RecoveryReason, SlotTrouble};
use serde::Serialize;
use sonde::bus::{UnitId, Wire};
use sonde::session::Who;

use super::status::TransferReport;

/// How a unit in recovery is.
#[derive(Serialize)]
pub(crate) struct RecoveryReport {
    unit: u8,
    serial: String,
    product: String,
    hardware_revision: Option<u8>,
    /// Always `recovery`, where a unit that runs something says `confirmed` or `trial`.
    phase: &'static str,
    why: String,
    slots: Vec<Trouble>,
    next: &'static str,
    floor: String,
    key_set: u16,
    reset: String,
    loader: String,
    uptime_ms: u32,
    boot_log_copies_good: [bool; 2],
    transfer: TransferReport,
    wire: Wire,
}

#[derive(Serialize)]
struct Trouble {
    slot: String,
    trouble: String,
}

impl RecoveryReport {
    pub(crate) fn new(unit: UnitId, recovery: &Recovery, wire: Wire) -> Self {
        let troubles = Slot::ALL.into_iter().zip(recovery.slots);
        Self {
            unit: unit.get(),
            serial: Who::Recovery(*recovery).serial(),
            product: format!("{:#010x}", recovery.product),
            hardware_revision: recovery.hardware_revision,
            phase: "recovery",
            why: recovery.why.to_string(),
            slots: troubles
                .map(|(slot, trouble)| Trouble { slot: slot.to_string(), trouble: trouble.to_string() })
                .collect(),
            next: next_step(recovery),
            floor: recovery.floor.to_string(),
            key_set: recovery.key_set,
            reset: recovery.reset.to_string(),
            loader: recovery.loader.to_string(),
            uptime_ms: recovery.uptime_ms,
            boot_log_copies_good: recovery.log_copies_good,
            transfer: recovery.transfer.into(),
            wire,
        }
    }
}

fn next_step(recovery: &Recovery) -> &'static str {
    let any = |trouble| recovery.slots.contains(&trouble);
    let key = [SlotTrouble::RevokedKey, SlotTrouble::ExpiredKey, SlotTrouble::UnknownKey].into_iter().any(any);
    match recovery.why {
        _ if recovery.hardware_revision.is_none() => {
            "its identity page cannot be read: write it anew over SWD, then run `sonde update URL BUNDLE`"
        }
        RecoveryReason::Pin | RecoveryReason::Requested if any(SlotTrouble::None) => {
            "let go of the pin and reset the unit to run what it has, or run `sonde update URL BUNDLE`"
        }
        RecoveryReason::TrialCrashed => "update it to another release: sonde update URL BUNDLE",
        _ if key => {
            "update it with a release signed by a key that it believes; it takes a key set only while an image runs: sonde update URL BUNDLE"
        }
        _ if any(SlotTrouble::BelowFloor) => "update it with a release at or above its floor: sonde update URL BUNDLE",
        _ => "update it: sonde update URL BUNDLE",
    }
}

impl Display for RecoveryReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { unit, serial, product, why, next, .. } = self;
        let revision = self.hardware_revision.map_or("unknown".to_owned(), |revision| revision.to_string());
        writeln!(formatter, "unit {unit}  serial {serial}, product {product}, hardware revision {revision}")?;
        writeln!(formatter, "  IN RECOVERY  runs nothing, outputs are off: {why}")?;
        for Trouble { slot, trouble } in &self.slots {
            writeln!(formatter, "  slot {slot}       {trouble}")?;
        }
        writeln!(formatter, "  next         {next}")?;
        writeln!(formatter, "  last reset   {}, {:.1} s ago", self.reset, f64::from(self.uptime_ms) / 1000.0)?;
        writeln!(formatter, "  loader       {}", self.loader)?;
        writeln!(formatter, "  floor        {}", self.floor)?;
        match self.key_set {
            0 => writeln!(formatter, "  key set      none")?,
            number => writeln!(formatter, "  key set      {number}")?,
        }
        writeln!(formatter, "  transfer     {}", self.transfer)?;
        match self.boot_log_copies_good {
            [true, true] => Ok(()),
            [false, false] => writeln!(formatter, "  boot log     none"),
            _ => writeln!(formatter, "  boot log     1 of 2 copies does NOT read well; the next switch mends it"),
        }
    }
}
