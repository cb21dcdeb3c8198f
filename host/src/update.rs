//! Takes one unit to another version: stage, activate, watch the trial, confirm, or go back and say why (`boot:U1`-`U7`).
//! A unit in recovery is revived in the same way (`boot:B9`).
//!
//! Does not retry a whole update and knows one unit only: a rollout decides about more.

mod choose;
mod error;
mod report;
mod revive;
mod rollback;
mod stage;
mod trial;

use std::time::Duration;

use protocol::boot_record::{ImageRef, Phase};
use protocol::message::{Answer, ChannelPolicy, Hello, Refusal, Request, UnitStatus};
use tokio::time::Instant;

use crate::bundle::{Release, ReleaseImage};
use crate::bus::{Bus, BusError, UnitId};
use crate::key::PublicKey;
use crate::session::{Session, SessionError, Who};

use self::choose::Chosen;
pub use self::choose::{ChooseError, Precheck};
pub use self::error::UpdateError;
pub use self::report::{Image, Outcome, Reason, Report, Transferred};
pub use self::rollback::roll_back;
pub use self::trial::TrialLimits;
use self::trial::{Before, Expected, Said};

/// How an update is to go.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who judges whether the release fits.
    pub precheck: Precheck,
    /// Keys one of which must have signed it; empty leaves that to the unit.
    pub trusted: Vec<PublicKey>,
    /// What to do when the trial is good.
    pub then: Then,
    /// How long the trial may take.
    pub limits: TrialLimits,
}

/// What to do when the new image shows that it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Confirm it.
    Confirm,
    /// Leave it on trial; a restart counts as an attempt.
    LeaveOnTrial,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Another part begins.
    Step(&'static str),
    /// Image bytes are being sent.
    Sending {
        /// Bytes the unit has taken.
        done: u64,
        /// Bytes to send in all, as far as is known.
        total: u64,
    },
}

/// Takes progress in.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Updates a unit to a release, or revives it with one.
///
/// # Errors
/// [`UpdateError`] when the unit refuses, or when bus or unit fail. A trial that failed is no error but an [`Outcome`].
pub async fn update(
    bus: &Bus,
    unit: UnitId,
    release: &Release,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report, UpdateError> {
    let started = Instant::now();
    let wire = bus.wire();
    watch(Progress::Step("asking the unit"));
    let (session, who) = Session::meet(bus, unit).await?;
    let mut report = match who {
        Who::Firmware(hello) => update_running(session, &hello, release, options, watch).await?,
        Who::Recovery(recovery) => revive::revive(session, &recovery, release, options, watch).await?,
    };
    report.end(started, bus.wire() - wire);
    Ok(report)
}

async fn update_running(
    mut session: Session,
    hello: &Hello,
    release: &Release,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report, UpdateError> {
    let status = session.status().await?;
    let mut report = Report::new(session.unit(), hello.serial.to_string(), Some(status.running));
    match choose::choose(release, hello, &status, options)? {
        Chosen::AlreadyRunning(running) => report.outcome = Outcome::AlreadyRunning { image: running.into() },
        Chosen::OnTrial { image, fallback } => {
            report.before = fallback.map(Image::from);
            let before = Before { running: fallback, ..Before::from(&status) };
            let expected = Expected { image, said: Said::Yes };
            end_trial(&session, &mut report, expected, &before, options, watch).await?;
        }
        Chosen::Image(image) => {
            let staged = stage_and_activate(&mut session, release, image, watch).await?;
            report.transferred = Some(staged.0);
            end_trial(&session, &mut report, staged.1, &Before::from(&status), options, watch).await?;
        }
    }
    Ok(report)
}

async fn stage_and_activate(
    session: &mut Session,
    release: &Release,
    image: &ReleaseImage,
    watch: Watch<'_>,
) -> Result<(Transferred, Expected), UpdateError> {
    let transferred = stage::stage(session, release, image, watch).await?;
    watch(Progress::Step("activating"));
    let expected = ImageRef { slot: image.manifest.slot, version: image.manifest.version, tag: image.manifest.tag() };
    let request = Request::Activate { channels: ChannelPolicy::RefuseWhileRunning };
    Ok((transferred, switch(session, &request, expected).await?))
}

async fn end_trial(
    session: &Session,
    report: &mut Report,
    expected: Expected,
    before: &Before,
    options: &Options,
    watch: Watch<'_>,
) -> Result<(), UpdateError> {
    watch(Progress::Step("waiting for the trial"));
    let (bus, unit) = (session.bus(), session.unit());
    let verdict = trial::watch(bus, unit, expected, before, options.limits).await?;
    conclude(bus, unit, report, verdict, before, options, watch).await
}

/// Asks for a switch to `image` and lets the time until the restart pass. The answer may be lost to the restart itself:
/// what the unit runs afterwards tells.
async fn switch(session: &mut Session, request: &Request, image: ImageRef) -> Result<Expected, UpdateError> {
    match session.ask(request).await {
        Ok(Answer::Activating(activating)) if activating.image == image => {
            tokio::time::sleep(Duration::from_millis(activating.reset_in_ms.into())).await;
            Ok(Expected { image, said: Said::Yes })
        }
        Ok(other) => Err(session.other_answer(&other).into()),
        Err(SessionError::Refused { refusal: Refusal::OtherSession { .. }, .. })
        | Err(SessionError::Overtaken { .. } | SessionError::Bus(BusError::NoAnswer { .. })) => {
            Ok(Expected { image, said: Said::Unknown })
        }
        Err(error) => Err(error.into()),
    }
}

/// Acts on what the trial showed and writes the outcome into the report.
async fn conclude(
    bus: &Bus,
    unit: UnitId,
    report: &mut Report,
    verdict: trial::Verdict,
    before: &Before,
    options: &Options,
    watch: Watch<'_>,
) -> Result<(), UpdateError> {
    let kept = if before.running.is_some() { Outcome::Confirmed } else { Outcome::Revived };
    match verdict {
        trial::Verdict::Good { status, after } => {
            report.restart_s = Some(after.as_secs_f64());
            report.after = Some(status.running.into());
            report.outcome = match (trial::is_confirmed(&status), options.then) {
                (true, _) => kept,
                (false, Then::LeaveOnTrial) => Outcome::OnTrial,
                (false, Then::Confirm) => {
                    watch(Progress::Step("confirming"));
                    confirm(bus, unit).await?;
                    kept
                }
            };
        }
        trial::Verdict::FellBack { status, reason } => {
            report.after = Some(status.running.into());
            report.outcome = Outcome::FellBack { reason };
        }
        trial::Verdict::InRecovery { reason } => {
            report.after = None;
            report.outcome = Outcome::FellIntoRecovery { reason };
        }
        trial::Verdict::Bad { reason } => {
            let status = Session::open(bus, unit).await?.0.status().await?;
            report.after = Some(status.running.into());
            report.outcome = match before.running.or(fallback(&status)) {
                Some(home) => {
                    watch(Progress::Step("rolling back"));
                    let status = rollback::undo(bus, unit, home, before, options.limits).await?;
                    report.after = Some(status.running.into());
                    Outcome::RolledBack { reason }
                }
                None => Outcome::NotWell { reason },
            };
        }
    }
    Ok(())
}

/// Recovery may have been asked for while there was an image to keep: that one is still there to go back to.
fn fallback(status: &UnitStatus) -> Option<ImageRef> {
    match status.phase {
        Phase::Trial { fallback, .. } => fallback,
        Phase::Confirmed => None,
    }
}

/// Keeps the running image.
///
/// # Errors
/// [`SessionError`], among others when the image is not on trial.
pub async fn confirm(bus: &Bus, unit: UnitId) -> Result<protocol::message::Confirmed, SessionError> {
    let (mut session, _) = Session::open(bus, unit).await?;
    match session.ask(&Request::Confirm).await? {
        Answer::Confirmed(confirmed) => Ok(confirmed),
        other => Err(session.other_answer(&other)),
    }
}
