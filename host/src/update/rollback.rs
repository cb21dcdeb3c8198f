//! Goes back to the image in the other slot: a decision, not an operation.

use protocol::boot_record::ImageRef;
use protocol::layout::Slot;
use protocol::message::{ChannelPolicy, Request, SlotContent, UnitStatus};
use tokio::time::Instant;

use super::report::Report;
use super::trial::{self, Before, Expected, TrialLimits};
use super::{Options, Progress, UpdateError, Watch, conclude, switch};
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
    let status = session.status().await?;
    let before = Before::from(&status);
    let mut report = Report::new(unit, hello.serial.to_string(), before.running);
    watch(Progress::Step("rolling back"));
    let expected = request(&mut session, status.running.slot).await?;
    watch(Progress::Step("waiting for the unit"));
    let verdict = trial::watch(bus, unit, expected, &before, options.limits).await?;
    conclude(bus, unit, &mut report, verdict, &before, options, watch).await?;
    report.end(started, bus.wire() - wire);
    Ok(report)
}

/// Undoes a bad trial: back to `home`, which ran before.
pub(super) async fn undo(
    bus: &Bus,
    unit: UnitId,
    home: ImageRef,
    before: &Before,
    limits: TrialLimits,
) -> Result<UnitStatus, UpdateError> {
    let (mut session, _) = Session::open(bus, unit).await?;
    let now = session.status().await?;
    if now.running == home {
        return Ok(now); // it fell back by itself meanwhile
    }
    let expected = switch(&mut session, &ROLL_BACK, home).await?;
    match trial::watch(bus, unit, expected, before, limits).await? {
        trial::Verdict::Good { status, .. } | trial::Verdict::FellBack { status, .. } => Ok(status),
        trial::Verdict::Bad { .. } | trial::Verdict::InRecovery { .. } => {
            let (mut session, _) = Session::open(bus, unit).await?;
            Ok(session.status().await?)
        }
    }
}

const ROLL_BACK: Request = Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning };

/// Asks for a rollback to whatever the other slot holds. Looks there first, so that the answer may be lost.
async fn request(session: &mut Session, running: Slot) -> Result<Expected, UpdateError> {
    let report = session.slot_report(running.other()).await?;
    if let SlotContent::Bootable { image, .. } = report.content {
        return switch(session, &ROLL_BACK, image).await;
    }
    // The unit has its own words for what is wrong with that slot.
    let answer = session.ask(&ROLL_BACK).await?;
    Err(session.other_answer(&answer).into())
}
