//! What an update did, for people and for programs.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use protocol::boot_record::ImageRef;
use protocol::layout::PAGE_SIZE;
use serde::Serialize;
use tokio::time::Instant;

use crate::bus::{UnitId, Wire};

/// What an update or a rollback did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The unit's id on its bus.
    pub unit: u8,
    /// Its serial number.
    pub serial: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What ran before; nothing on a unit in recovery.
    pub before: Option<Image>,
    /// What runs now; nothing on a unit in recovery.
    pub after: Option<Image>,
    /// The transfer, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferred: Option<Transferred>,
    /// From the restart to the first answer of the other image, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_s: Option<f64>,
    /// What went over the line.
    pub wire: Wire,
    /// All of it, seconds on this machine's clock.
    pub wall_s: f64,
}

/// How an update or a rollback ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The unit runs this release already; nothing was done.
    AlreadyRunning {
        /// What runs.
        image: Image,
    },
    /// The other image runs, is well, and is kept.
    Confirmed,
    /// The other image runs, is well, and waits to be confirmed.
    OnTrial,
    /// The unit ran nothing; now it runs the image, is well, and keeps it.
    Revived,
    /// The image was not well, and the unit has nothing to go back to: it runs it on trial.
    NotWell {
        /// Why.
        reason: Reason,
    },
    /// The unit gave up on the image by itself and has nothing to run.
    FellIntoRecovery {
        /// Why.
        reason: Reason,
    },
    /// The other image was not well; the unit was told to go back.
    RolledBack {
        /// Why.
        reason: Reason,
    },
    /// The unit gave up on the other image by itself.
    FellBack {
        /// Why.
        reason: Reason,
    },
}

impl Outcome {
    /// Whether the unit is as it was asked to be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::AlreadyRunning { .. } | Self::Confirmed | Self::OnTrial | Self::Revived)
    }
}

/// Why a trial failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Checks of the self-test failed.
    SelfTest {
        /// Which.
        failed: Vec<String>,
    },
    /// Outputs are not as they were before.
    Outputs {
        /// START outputs before, bit 0 = channel 1.
        before: u8,
        /// START outputs now.
        after: u8,
    },
    /// It answered but was not well within the time.
    NotSettled {
        /// The time, seconds.
        within_s: u64,
    },
    /// The loader gave up on it.
    FellBack {
        /// Why it gave up.
        cause: String,
        /// The reset that ended the last attempt.
        reset: String,
    },
    /// The loader stays in recovery.
    Recovery {
        /// Why it does.
        why: String,
        /// What is wrong with the slot.
        slot: String,
    },
}

impl Display for Reason {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfTest { failed } => write!(formatter, "its self-test failed: {}", failed.join(", ")),
            Self::Outputs { before, after } => {
                write!(formatter, "its START outputs are {after:#06b}, they were {before:#06b}")
            }
            Self::NotSettled { within_s } => write!(formatter, "it was not well within {within_s} s"),
            Self::FellBack { cause, reset } => write!(formatter, "{cause}; last reset: {reset}"),
            Self::Recovery { why, slot } => write!(formatter, "{why}; the slot: {slot}"),
        }
    }
}

/// An image, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its version.
    pub version: String,
    /// The slot it is in.
    pub slot: String,
    /// First 8 bytes of its SHA-256.
    pub tag: String,
}

impl From<ImageRef> for Image {
    fn from(image: ImageRef) -> Self {
        Self { version: image.version.to_string(), slot: image.slot.to_string(), tag: image.tag.to_string() }
    }
}

impl Display for Image {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (slot {})", self.version, self.slot)
    }
}

/// What a transfer sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transferred {
    /// Bytes of the image.
    pub image_bytes: u32,
    /// Pages of the image.
    pub pages: usize,
    /// Whole pages sent, repetitions included.
    pub pages_sent: usize,
    /// Pages that were in place already.
    pub pages_skipped: usize,
    /// Times that something was sent.
    pub rounds: u32,
    /// Image bytes sent.
    pub payload_bytes: u64,
    /// Time spent sending, seconds.
    pub sending_s: f64,
}

impl Transferred {
    pub(super) fn new(pages: usize, image_bytes: u32) -> Self {
        Self { image_bytes, pages, pages_sent: 0, pages_skipped: pages, rounds: 0, payload_bytes: 0, sending_s: 0.0 }
    }

    pub(super) fn round(&mut self, wrong: usize) {
        if self.rounds == 0 {
            self.pages_skipped = self.pages - wrong;
        }
        self.rounds += 1;
    }

    pub(super) fn sent(&mut self, payload: u64, time: Duration) {
        self.pages_sent += (payload / u64::from(PAGE_SIZE)) as usize;
        self.payload_bytes += payload;
        self.sending_s += time.as_secs_f64();
    }

    /// Image bytes a second while sending; `None` when nothing was sent.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.payload_bytes > 0 && self.sending_s > 0.0).then(|| self.payload_bytes as f64 / self.sending_s)
    }
}

impl Display for Transferred {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { pages, pages_sent, pages_skipped, image_bytes, .. } = self;
        write!(formatter, "{pages_sent} of {pages} pages sent, {pages_skipped} were in place ({image_bytes} bytes)")?;
        match self.rate() {
            Some(rate) => write!(formatter, ", {rate:.0} B/s"),
            None => Ok(()),
        }
    }
}

impl Report {
    pub(super) fn new(unit: UnitId, serial: String, before: Option<ImageRef>) -> Self {
        Self {
            unit: unit.get(),
            serial,
            outcome: Outcome::OnTrial,
            before: before.map(Image::from),
            after: before.map(Image::from),
            transferred: None,
            restart_s: None,
            wire: Wire::default(),
            wall_s: 0.0,
        }
    }

    pub(super) fn end(&mut self, started: Instant, wire: Wire) {
        self.wire = wire;
        self.wall_s = started.elapsed().as_secs_f64();
    }
}

impl Report {
    fn headline(&self) -> String {
        let name = |image: &Option<Image>| image.as_ref().map_or("nothing".to_owned(), Image::to_string);
        let (before, after) = (name(&self.before), name(&self.after));
        match &self.outcome {
            Outcome::AlreadyRunning { image } => format!("already runs {image}, nothing done"),
            Outcome::Confirmed => format!("{before} -> {after}, confirmed"),
            Outcome::OnTrial => format!("{before} -> {after}, on trial; keep it with: sonde confirm"),
            Outcome::Revived => format!("REVIVED from recovery, runs {after}, confirmed"),
            Outcome::NotWell { reason } => format!(
                "NOT WELL, runs {after} on trial with nothing to go back to: {reason}; update it to another release"
            ),
            Outcome::FellIntoRecovery { reason } => {
                format!("IN RECOVERY, runs nothing: {reason}; update it to another release")
            }
            Outcome::RolledBack { reason } => format!("ROLLED BACK, runs {after}: {reason}"),
            Outcome::FellBack { reason } => format!("FELL BACK by itself, runs {after}: {reason}"),
        }
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { unit, serial, .. } = self;
        writeln!(formatter, "unit {unit} ({serial}): {}", self.headline())?;
        if let Some(transferred) = &self.transferred {
            writeln!(formatter, "  transfer  {transferred}")?;
        }
        if let Some(restart) = self.restart_s {
            writeln!(formatter, "  restart   {:.0} ms to the first answer", restart * 1000.0)?;
        }
        let Wire { bytes_sent, bytes_received, retries, .. } = self.wire;
        writeln!(formatter, "  wire      {bytes_sent} bytes sent, {bytes_received} received, {retries} repetitions")?;
        writeln!(formatter, "  time      {:.1} s", self.wall_s)
    }
}
