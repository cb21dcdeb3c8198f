//! Watches a unit after it was told to run another image: does it come back, as what, and is it well (`boot:U7`)?

use std::time::Duration;

use protocol::boot_record::{ImageRef, Phase, Switch};
use protocol::message::{Recovery, SlotTrouble, UnitStatus};
use tokio::time::Instant;
use tracing::debug;

use super::UpdateError;
use super::report::Reason;
use crate::bus::{Bus, Patience, UnitId};
use crate::failure::{Class, Failure as _};
use crate::session::{Condition, Session, SessionError, Who};

/// Between two looks, until it is back and after.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(200));
/// First wait for an answer while the unit may be restarting: a unit answers within 50 ms (`bus:M6`). Doubled with each
/// look in vain, up to the bus's own timeout, since the way to the unit may be long.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// Attempts of one look.
const ATTEMPTS: u32 = 2;

/// How long a trial may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialLimits {
    /// Until the unit must be back and well. Three attempts of one watchdog period (1 s) and a boot each fit several
    /// times (`boot:B7`).
    pub deadline: Duration,
    /// How long the new image must have run before it is called good: longer than the watchdog's period, so that an
    /// image that does not feed it is not confirmed.
    pub soak: Duration,
}

impl Default for TrialLimits {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(15), soak: Duration::from_millis(1500) }
    }
}

/// What the unit was before it was told to run another image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// What ran, and what to go back to; nothing on a unit in recovery.
    pub(super) running: Option<ImageRef>,
    pub(super) outputs: u8,
    pub(super) last_switch: Option<Switch>,
}

impl Before {
    /// Nothing ran, and all outputs were off (`boot:B9`).
    pub(super) const RECOVERY: Self = Self { running: None, outputs: 0, last_switch: None };
}

impl From<&UnitStatus> for Before {
    fn from(status: &UnitStatus) -> Self {
        Self { running: Some(status.running), outputs: status.outputs, last_switch: Some(status.last_switch) }
    }
}

/// What is to run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) image: ImageRef,
    pub(super) said: Said,
}

/// Whether the unit said that it would switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It did.
    Yes,
    /// Its answer was lost, perhaps to the restart itself.
    Unknown,
}

/// What a trial showed.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It runs and is well.
    Good {
        status: UnitStatus,
        /// From the restart to its first answer.
        after: Duration,
    },
    /// It runs and is not well.
    Bad { reason: Reason },
    /// The unit gave up on it by itself.
    FellBack { status: UnitStatus, reason: Reason },
    /// The loader gave up on it and has nothing to fall back on.
    InRecovery { reason: Reason },
}

/// Looks until there is a verdict or the time is over.
pub(super) async fn watch(
    bus: &Bus,
    unit: UnitId,
    Expected { image, said }: Expected,
    before: &Before,
    limits: TrialLimits,
) -> Result<Verdict, UpdateError> {
    let started = Instant::now();
    let longest = bus.patience().timeout;
    let mut timeout = longest.min(FIRST_LOOK);
    let mut seen = Seen { switched: said == Said::Yes, ..Seen::default() };
    while started.elapsed() < limits.deadline {
        match look(&bus.with_patience(Patience { timeout, attempts: ATTEMPTS }), unit).await {
            Ok(Condition::Runs(status)) => {
                if let Some(verdict) = seen.judge(status, image, before, limits.soak, started.elapsed()) {
                    return Ok(verdict);
                }
            }
            Ok(Condition::Recovery(recovery)) => {
                if let Some(verdict) = judge_recovery(&recovery, image, started.elapsed()) {
                    return Ok(verdict);
                }
            }
            // Restarting, or hanging: that is what is being waited for.
            Err(error) if error.class() == Class::Bus => {
                debug!(%error, "not there");
                timeout = longest.min(timeout * 2);
            }
            Err(error) => debug!(%error, "not ready"),
        }
        tokio::time::sleep(if seen.first_answer.is_none() { LOOK_EVERY.0 } else { LOOK_EVERY.1 }).await;
    }
    let waited = limits.deadline;
    match (seen.first_answer, seen.last) {
        (Some(_), _) => Ok(Verdict::Bad { reason: Reason::NotSettled { within_s: waited.as_secs() } }),
        (None, Some(_)) => Err(UpdateError::NotActivated { unit, waited }),
        (None, None) => Err(UpdateError::NoReturn { unit, waited }),
    }
}

async fn look(bus: &Bus, unit: UnitId) -> Result<Condition, SessionError> {
    match Session::meet(bus, unit).await? {
        (mut session, Who::Firmware(_)) => session.condition().await,
        (_, Who::Recovery(recovery)) => Ok(Condition::Recovery(recovery)),
    }
}

/// A verdict when the loader has looked at the image and does not run it; none while it has not even restarted.
fn judge_recovery(recovery: &Recovery, expected: ImageRef, watched: Duration) -> Option<Verdict> {
    /// Between the answer to the request and the restart.
    const RESTART: Duration = Duration::from_millis(200);
    let trouble = recovery.slots[usize::from(expected.slot.code())];
    let has_restarted = Duration::from_millis(recovery.uptime_ms.into()) <= watched + RESTART;
    (has_restarted || trouble == SlotTrouble::CrashedOnTrial).then(|| Verdict::InRecovery {
        reason: Reason::Recovery { why: recovery.why.to_string(), slot: trouble.to_string() },
    })
}

/// Whether nothing needs to be confirmed.
pub(super) fn is_confirmed(status: &UnitStatus) -> bool {
    status.phase == Phase::Confirmed
}

/// What has been seen so far.
#[derive(Debug, Default)]
struct Seen {
    /// The unit said that it would switch.
    switched: bool,
    last: Option<UnitStatus>,
    /// When the expected image first answered.
    first_answer: Option<Duration>,
}

impl Seen {
    /// A verdict, or none yet.
    fn judge(
        &mut self,
        status: UnitStatus,
        expected: ImageRef,
        before: &Before,
        soak: Duration,
        now: Duration,
    ) -> Option<Verdict> {
        self.last = Some(status);
        if status.running != expected {
            // What was in the log before proves nothing, unless the unit is known to have switched since.
            let news = self.switched || self.first_answer.is_some() || Some(status.last_switch) != before.last_switch;
            return match status.last_switch {
                Switch::FellBack { from, cause, reset } if news && from == expected.version => {
                    let reason = Reason::FellBack { cause: cause.to_string(), reset: reset.to_string() };
                    Some(Verdict::FellBack { status, reason })
                }
                _ => None,
            };
        }
        let after = *self.first_answer.get_or_insert(now);
        if status.self_test.failed != 0 {
            let failed = status.self_test.failures().map(|check| check.to_string()).collect();
            return Some(Verdict::Bad { reason: Reason::SelfTest { failed } });
        }
        if status.outputs != before.outputs {
            let reason = Reason::Outputs { before: before.outputs, after: status.outputs };
            return Some(Verdict::Bad { reason });
        }
        let ran_long_enough = Duration::from_millis(status.uptime_ms.into()) >= soak;
        (status.self_test.passed() && ran_long_enough).then_some(Verdict::Good { status, after })
    }
}
