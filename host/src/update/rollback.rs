//! Goes back to the image in the other slot: a decision, not an operation.

use std::time::Instant;

use protocol::message::{Answer, ChannelPolicy, Request, UnitStatus};

use super::report::Report;
use super::trial::{self, Expected, Said, TrialLimits};
use super::{Options, Progress, UpdateError, Watch, conclude};
use crate::bus::{Bus, UnitId};
use crate::session::Session;

/// Rolls a unit back to the image in its other slot, and confirms that when it was not confirmed before.
///
/// # Errors
/// [`UpdateError`] when the unit refuses, or when bus or unit fail.
pub async fn roll_back(bus: &Bus, unit: UnitId, options: &Options, watch: Watch<'_>) -> Result<Report, UpdateError> {
    let started = Instant::now();
    let wire = bus.wire();
    watch(Progress::Step("asking the unit"));
    let (mut session, hello) = Session::open(bus, unit).await?;
    let before = session.status().await?;
    let mut report = Report::new(unit, &hello, &before);
    watch(Progress::Step("rolling back"));
    let expected = request(&mut session).await?;
    watch(Progress::Step("waiting for the unit"));
    let verdict = trial::watch(bus, unit, expected, &before, options.limits).await?;
    conclude(bus, unit, &mut report, verdict, &before, options, watch).await?;
    report.end(started, bus.wire() - wire);
    Ok(report)
}

/// Undoes a bad trial: back to what ran before.
pub(super) async fn undo(
    bus: &Bus,
    unit: UnitId,
    before: &UnitStatus,
    limits: TrialLimits,
) -> Result<UnitStatus, UpdateError> {
    let (mut session, _) = Session::open(bus, unit).await?;
    let now = session.status().await?;
    if now.running == before.running {
        return Ok(now); // it fell back by itself meanwhile
    }
    let expected = request(&mut session).await?;
    match trial::watch(bus, unit, expected, before, limits).await? {
        trial::Verdict::Good { status, .. } | trial::Verdict::FellBack { status, .. } => Ok(status),
        trial::Verdict::Bad { .. } => {
            let (mut session, _) = Session::open(bus, unit).await?;
            Ok(session.status().await?)
        }
    }
}

/// Asks for the switch, waits for the restart to come, and tells what is going to run.
async fn request(session: &mut Session) -> Result<Expected, UpdateError> {
    let request = Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning };
    match session.ask(&request).await? {
        Answer::Activating(activating) => {
            tokio::time::sleep(std::time::Duration::from_millis(activating.reset_in_ms.into())).await;
            Ok(Expected { image: activating.image, said: Said::Yes })
        }
        other => Err(session.other_answer(&other).into()),
    }
}
