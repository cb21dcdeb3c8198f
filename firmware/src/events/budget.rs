//! How many records may be written: a purse that fills slowly, so that flash lasts whatever goes wrong.
//!
//! The purse is kept over resets in RAM ([`crate::kept`]), so a unit in a reset loop does not start each time with a full
//! one. Power that comes and goes gives a small one each time: nobody can do that faster than by hand for long.
//! `docs/decisions/event-log.md` has what it comes to in years.

/// Most records that may be written at once.
pub const FULL: u8 = 64;
/// Records that may be written when power has come and nobody knows what was before.
pub const AT_POWER_ON: u8 = 32;
/// Time for which one more record may be written, milliseconds.
pub const EARN_MS: u64 = 30_000;

/// The purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: u8,
    /// Since when the next one is being earned, milliseconds since start.
    since_ms: u64,
}

impl Budget {
    /// After power came.
    #[must_use]
    pub const fn at_power_on() -> Self {
        Self { left: AT_POWER_ON, since_ms: 0 }
    }

    /// What was left before a reset.
    #[must_use]
    pub const fn of(left: u8) -> Self {
        Self { left: if left > FULL { FULL } else { left }, since_ms: 0 }
    }

    /// Time has passed.
    pub fn pass(&mut self, now_ms: u64) {
        let earned = now_ms.saturating_sub(self.since_ms) / EARN_MS;
        self.since_ms += earned * EARN_MS;
        self.left = u8::try_from(u64::from(self.left).saturating_add(earned)).unwrap_or(FULL).min(FULL);
    }

    /// Whether so many records may be written.
    #[must_use]
    pub const fn allows(&self, records: u8) -> bool {
        self.left >= records
    }

    /// They are written, or were tried.
    pub fn spend(&mut self, records: u8) {
        self.left = self.left.saturating_sub(records);
    }

    /// How many may be written.
    #[must_use]
    pub const fn left(&self) -> u8 {
        self.left
    }
}
