//! Which keys a unit believes, by its own word.

use std::fmt::{self, Display, Formatter};

use protocol::message::{Answer, KeyReport, KeySetReport, KeyState, Refusal, Request};
use serde::Serialize;

use crate::bus::UnitId;
use crate::failure::{Class, Failure};
use crate::session::{Session, SessionError, Who};
use crate::update::Image;

/// Message version that brought key sets.
const SINCE: u16 = 2;

/// Why a unit's keys are not known.
#[derive(Debug, thiserror::Error)]
pub enum UnitKeysError {
    /// The unit refused, or could not be asked.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Its loader answers, and that judges no key sets.
    #[error(
        "unit {unit} is in recovery, where it takes no key set and lists no keys; revive it first with a release by a key that it believes: sonde update URL BUNDLE"
    )]
    InRecovery {
        /// The unit.
        unit: UnitId,
    },
    /// It does not know key sets.
    #[error(
        "unit {unit} speaks message version {speaks}, key sets came with version {SINCE}: it believes the keys of its anchors for good; bring it firmware and a loader that know key sets first"
    )]
    TooOld {
        /// The unit.
        unit: UnitId,
        /// The newest message version it speaks.
        speaks: u16,
    },
}

impl Failure for UnitKeysError {
    fn class(&self) -> Class {
        match self {
            Self::Session(error) => error.class(),
            Self::InRecovery { .. } | Self::TooOld { .. } => Class::No,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Session(error) => error.kind(),
            Self::InRecovery { .. } => "session.in_recovery",
            Self::TooOld { .. } => "key_set.unit_too_old",
        }
    }
}

/// Asks a unit.
///
/// # Errors
/// [`UnitKeysError`].
pub async fn ask(session: &mut Session, who: &Who) -> Result<KeySetReport, UnitKeysError> {
    let (unit, (_, speaks)) = (session.unit(), who.speaks());
    if speaks < SINCE {
        return Err(UnitKeysError::TooOld { unit, speaks });
    }
    match session.ask(&Request::KeySetReport).await {
        Ok(Answer::KeySetReport(report)) => Ok(report),
        Ok(other) => Err(session.other_answer(&other).into()),
        // Asked all the same: whether a loader judges key sets is for the loader to say.
        Err(SessionError::Refused { refusal: Refusal::InRecovery | Refusal::NotUnderstood, .. })
            if matches!(who, Who::Recovery(_)) =>
        {
            Err(UnitKeysError::InRecovery { unit })
        }
        Err(error) => Err(error.into()),
    }
}

/// What a key is worth, in one word for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Counts towards the threshold of a key set.
    Root,
    /// Signs images that boot.
    Believed,
    /// The floor has reached its expiry.
    Expired,
    /// Revoked.
    Revoked,
    /// For development, and this is a release build.
    Development,
    /// The unit does not know it.
    NotKnown,
}

impl From<KeyState> for Standing {
    fn from(state: KeyState) -> Self {
        match state {
            KeyState::Root => Self::Root,
            KeyState::Anchored | KeyState::Added => Self::Believed,
            KeyState::Expired => Self::Expired,
            KeyState::Revoked => Self::Revoked,
            KeyState::Development => Self::Development,
        }
    }
}

impl Display for Standing {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Root => "root key",
            Self::Believed => "believed",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Development => "development key, not believed",
            Self::NotKnown => "not known",
        })
    }
}

/// A unit's keys, for people and for programs.
#[derive(Debug, Clone, Serialize)]
pub struct UnitKeys {
    /// The unit's id on its bus.
    pub unit: u8,
    /// Its serial number.
    pub serial: String,
    /// Number of its key set; 0 when none.
    pub number: u16,
    /// Which copies of it read well.
    pub copies_good: [bool; 2],
    /// The image that was given up on purpose when the set was accepted.
    pub given_up: Option<Image>,
    /// Root keys that have to sign a key set.
    pub threshold: u8,
    /// Lowest version that may run.
    pub floor: String,
    /// Its keys.
    pub keys: Vec<UnitKey>,
    /// Keys that it has beyond those.
    pub more: usize,
}

/// One key of a unit.
#[derive(Debug, Clone, Serialize)]
pub struct UnitKey {
    /// The key.
    pub key_id: String,
    /// What it is worth.
    pub standing: Standing,
    /// The same with where it comes from.
    pub detail: String,
}

impl From<&KeyReport> for UnitKey {
    fn from(report: &KeyReport) -> Self {
        Self { key_id: report.key.to_string(), standing: report.state.into(), detail: report.state.to_string() }
    }
}

impl UnitKeys {
    /// Puts the unit's answer into words.
    #[must_use]
    pub fn new(unit: UnitId, who: &Who, report: &KeySetReport) -> Self {
        Self {
            unit: unit.get(),
            serial: who.serial(),
            number: report.number,
            copies_good: report.copies_good,
            given_up: report.given_up.map(Image::from),
            threshold: report.threshold,
            floor: report.floor.to_string(),
            keys: report.keys.iter().map(UnitKey::from).collect(),
            more: usize::from(report.total).saturating_sub(report.keys.len()),
        }
    }
}

impl Display for UnitKeys {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { unit, serial, number, threshold, floor, more, .. } = self;
        let roots = self.keys.iter().filter(|key| key.standing == Standing::Root).count();
        match number {
            0 => writeln!(formatter, "unit {unit} ({serial}): no key set, the anchors alone")?,
            _ => writeln!(formatter, "unit {unit} ({serial}): key set {number}")?,
        }
        match self.copies_good {
            _ if *number == 0 => {}
            [true, true] => writeln!(formatter, "  copies     both read well")?,
            [one, _] => {
                let bad = if one { "second" } else { "first" };
                writeln!(
                    formatter,
                    "  copies     the {bad} does NOT read well; install the same set again to mend it"
                )?;
            }
        }
        if let Some(image) = &self.given_up {
            writeln!(formatter, "  accepted   WITH LOSS: {image} ran and was given up on purpose")?;
        }
        match threshold {
            0 => writeln!(formatter, "  roots      none: it takes no key set")?,
            _ => writeln!(formatter, "  roots      {threshold} of {roots} have to sign a key set")?,
        }
        writeln!(formatter, "  floor      {floor}")?;
        for UnitKey { key_id, detail, .. } in &self.keys {
            writeln!(formatter, "  key        {key_id}  {detail}")?;
        }
        match more {
            0 => Ok(()),
            _ => writeln!(formatter, "  and {more} more"),
        }
    }
}
