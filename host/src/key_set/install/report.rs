//! What a key set changes, or has changed, for people and for programs.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use protocol::digest::KeyId;
use protocol::key_set::KeySet;
use protocol::layout::Slot;
use protocol::message::{KeySetReport, SlotContent};
use protocol::semver::Version;
use serde::Serialize;

use super::plan::{Standings, told};
use super::serial_of;
use crate::bus::UnitId;
use crate::key_set::unit::Standing;
use crate::session::Who;
use crate::update::Image;

/// What an installation did, or would do.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The unit's id on its bus.
    pub unit: u8,
    /// Its serial number.
    pub serial: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Number of the key set before; 0 when none.
    pub from: u16,
    /// Number of the key set now, or to be.
    pub to: u16,
    /// Release keys that are worth something else than before.
    pub changes: Vec<KeyChange>,
    /// Lowest version that may run, before and after.
    pub floor: [String; 2],
    /// What the slots hold.
    pub slots: Vec<SlotLine>,
    /// What is lost by it.
    pub warnings: Vec<String>,
}

/// How an installation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was sent.
    Planned,
    /// It is in force.
    Installed,
    /// It was in force already.
    AlreadyInstalled {
        /// A copy that did not read well was written again.
        repaired: bool,
    },
}

/// A release key that is worth something else than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// The key.
    pub key_id: String,
    /// What it was worth.
    pub before: Standing,
    /// What it is worth, or would be.
    pub after: Standing,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotLine {
    /// The slot.
    pub slot: String,
    /// The image that boots from it, if one does.
    pub bootable: Option<Image>,
    /// It did before, and does no more.
    pub lost: bool,
}

impl Report {
    pub(super) fn planned(
        unit: UnitId,
        who: &Who,
        set: &KeySet,
        before: &KeySetReport,
        (after, floor): &(Standings, Version),
        slots: &[SlotContent; 2],
    ) -> Self {
        let mut report = Self {
            unit: unit.get(),
            serial: who.serial(),
            outcome: Outcome::Planned,
            from: before.number,
            to: set.number(),
            changes: changes(&told(before), after),
            floor: [before.floor.to_string(), floor.to_string()],
            slots: Slot::ALL.into_iter().zip(slots).map(|(slot, content)| SlotLine::new(slot, content)).collect(),
            warnings: Vec::new(),
        };
        report.warn(set, who);
        report
    }

    fn warn(&mut self, set: &KeySet, who: &Who) {
        let lost = self.changes.iter().filter(|change| change.before == Standing::Believed);
        let held = self.slots.iter().filter_map(|line| line.bootable.as_ref()).map(Image::to_string);
        let held = held.collect::<Vec<_>>().join(" and ");
        let mut warnings: Vec<String> = lost
            .map(|KeyChange { key_id, after, .. }| {
                let told = if held.is_empty() { String::new() } else { format!("; the slots hold {held}") };
                format!("key {key_id} will be {after}: an image that it signed does not boot any more{told}")
            })
            .collect();
        if let Some(reset) = set.floor_reset() {
            if !reset.units.include(serial_of(who)) {
                warnings.push("the floor reset in this set is for another unit and changes nothing here".to_owned());
            } else if self.floor[0] != self.floor[1] {
                let [from, to] = &self.floor;
                warnings
                    .push(format!("the floor goes from {from} down to {to}: versions known to be bad may run again"));
            }
        }
        self.warnings = warnings;
    }

    /// Replaces what was predicted by what the unit says.
    pub(super) fn installed(&mut self, before: &KeySetReport, now: &KeySetReport, slots: &[SlotContent; 2]) {
        self.outcome = if before.number == now.number {
            Outcome::AlreadyInstalled { repaired: before.copies_good != [true; 2] && now.copies_good == [true; 2] }
        } else {
            Outcome::Installed
        };
        self.changes = changes(&told(before), &told(now));
        self.floor[1] = now.floor.to_string();
        for (line, content) in self.slots.iter_mut().zip(slots) {
            let now = bootable(content);
            line.lost = line.bootable.is_some() && now.is_none();
            // What is lost keeps its name.
            line.bootable = now.or(line.bootable.take());
        }
        if now.copies_good != [true; 2] {
            self.warnings.push(
                "a copy of the key set does not read well: its page may be worn out; replace the unit soon".to_owned(),
            );
        }
    }
}

impl SlotLine {
    fn new(slot: Slot, content: &SlotContent) -> Self {
        Self { slot: slot.to_string(), bootable: bootable(content), lost: false }
    }
}

fn bootable(content: &SlotContent) -> Option<Image> {
    match content {
        SlotContent::Bootable { image, .. } => Some((*image).into()),
        SlotContent::Empty | SlotContent::Invalid => None,
    }
}

fn changes(before: &Standings, after: &Standings) -> Vec<KeyChange> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of = |standings: &Standings, key| standings.get(key).copied().unwrap_or(Standing::NotKnown);
    keys.into_iter()
        .map(|key| KeyChange { key_id: KeyId(*key).to_string(), before: of(before, key), after: of(after, key) })
        .filter(|change| change.before != change.after)
        .collect()
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { unit, serial, from, to, floor: [floor_before, floor_after], .. } = self;
        let planned = self.outcome == Outcome::Planned;
        match self.outcome {
            Outcome::Planned => writeln!(formatter, "unit {unit} ({serial}): would go from key set {from} to {to}")?,
            Outcome::Installed => writeln!(formatter, "unit {unit} ({serial}): key set {from} -> {to}, in force")?,
            Outcome::AlreadyInstalled { repaired: false } => {
                writeln!(formatter, "unit {unit} ({serial}): has key set {to} already, nothing done")?;
            }
            Outcome::AlreadyInstalled { repaired: true } => {
                writeln!(formatter, "unit {unit} ({serial}): had key set {to} already, its damaged copy was mended")?;
            }
        }
        for KeyChange { key_id, before, after } in &self.changes {
            writeln!(formatter, "  key    {key_id}  {before} -> {after}")?;
        }
        if self.changes.is_empty() {
            writeln!(formatter, "  key    no key changes")?;
        }
        if floor_before == floor_after {
            writeln!(formatter, "  floor  {floor_after}")?;
        } else {
            writeln!(formatter, "  floor  {floor_before} -> {floor_after}")?;
        }
        for SlotLine { slot, bootable, lost } in &self.slots {
            match (bootable, lost) {
                (Some(image), true) => writeln!(formatter, "  slot {slot} {} DOES NOT BOOT ANY MORE", image.version)?,
                (Some(image), false) => writeln!(formatter, "  slot {slot} {} boots", image.version)?,
                (None, _) => writeln!(formatter, "  slot {slot} nothing that boots")?,
            }
        }
        if planned {
            self.warnings.iter().try_for_each(|warning| writeln!(formatter, "  WARNING {warning}"))?;
            writeln!(formatter, "nothing was sent; leave --plan out to install it")?;
        }
        Ok(())
    }
}
