//! Brings a key set into a unit: says what it changes, sends it, looks what the unit made of it.
//!
//! Signatures are checked by the unit; here only whether enough of its root keys have signed at all.

mod error;
mod plan;
mod report;

use protocol::key_set::SIGNED_SIZE;
use protocol::layout::Slot;
use protocol::message::{
    Answer, GiveUp, KeySetInstalled, KeySetReport, MAX_KEY_SET_PART, Refusal, Request, SlotContent,
};
use tracing::debug;

pub use self::error::{InstallError, PrecheckError};
pub use self::report::{KeyChange, Outcome, Report, SlotLine};

use super::file::KeySetFile;
use super::unit;
use crate::bus::{Bus, UnitId};
use crate::session::{Session, SessionError, Who};
use crate::update::Precheck;

/// Restarts of the unit that one installation puts up with.
const RESUMES: u32 = 3;

/// How it is to go.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What may be lost by it.
    pub give_up: GiveUp,
    /// Who judges whether it fits.
    pub precheck: Precheck,
    /// Whether it is to go at all.
    pub act: Act,
}

/// Whether something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing: the report says what would change.
    Plan,
    /// The set is sent and installed.
    Install,
}

/// Installs a key set. `warn` is told before anything is sent what may be lost by it.
///
/// # Errors
/// [`InstallError`] when the unit refuses, or when bus or unit fail.
pub async fn install(
    bus: &Bus,
    unit: UnitId,
    file: &KeySetFile,
    options: &Options,
    warn: &mut (dyn FnMut(&str) + Send),
) -> Result<Report, InstallError> {
    let (mut session, who) = Session::meet(bus, unit).await?;
    let before = unit::ask(&mut session, &who).await?;
    if options.precheck == Precheck::Here {
        plan::check(file, &who, &before)?;
    }
    let slots = slots(&mut session).await?;
    let after = plan::predict(&file.set, &before, &who);
    let mut report = Report::planned(unit, &who, &file.set, &before, &after, &slots);
    report.warnings.iter().for_each(|warning| warn(warning));
    if options.act == Act::Plan {
        return Ok(report);
    }
    let installed = send(&mut session, file, options.give_up).await?;
    if installed.number != file.set.number() {
        let answer = Answer::KeySetInstalled(installed);
        return Err(session.other_answer(&answer).into());
    }
    let now = unit::ask(&mut session, &who).await?;
    let slots_now = self::slots(&mut session).await?;
    report.installed(&before, &now, &slots_now);
    Ok(report)
}

/// What both slots hold.
async fn slots(session: &mut Session) -> Result<[SlotContent; 2], SessionError> {
    Ok([session.slot_report(Slot::A).await?.content, session.slot_report(Slot::B).await?.content])
}

/// Starts over when the unit restarts meanwhile: what it had of the set is in its RAM.
async fn send(session: &mut Session, file: &KeySetFile, give_up: GiveUp) -> Result<KeySetInstalled, SessionError> {
    for _ in 0..RESUMES {
        match send_once(session, file, give_up).await {
            Err(error) if has_restarted(&error) => {
                debug!(%error, "starting over");
                let (bus, unit) = (session.bus().clone(), session.unit());
                *session = Session::meet(&bus, unit).await?.0;
            }
            result => return result,
        }
    }
    send_once(session, file, give_up).await
}

async fn send_once(session: &mut Session, file: &KeySetFile, give_up: GiveUp) -> Result<KeySetInstalled, SessionError> {
    for offset in (0..SIGNED_SIZE).step_by(MAX_KEY_SET_PART) {
        let part = &file.signed.0[offset..SIGNED_SIZE.min(offset + MAX_KEY_SET_PART)];
        let request = Request::KeySetPart { offset: offset as u16, bytes: part.iter().copied().collect() };
        match session.ask(&request).await? {
            // More, when the unit has the rest from an earlier attempt.
            Answer::KeySetPart(answer) if usize::from(answer.received) >= offset + part.len() => {}
            other => return Err(session.other_answer(&other)),
        }
    }
    match session.ask(&Request::InstallKeySet { give_up }).await? {
        Answer::KeySetInstalled(installed) => Ok(installed),
        other => Err(session.other_answer(&other)),
    }
}

/// Whether the unit forgot session and parts, and no other client took over.
fn has_restarted(error: &SessionError) -> bool {
    let SessionError::Refused { refusal, .. } = error else { return false };
    matches!(refusal, Refusal::OtherSession { open: 0 } | Refusal::KeySetIncomplete { .. })
}

/// The serial number, when whoever answers knows it.
fn serial_of(who: &Who) -> Option<protocol::identity::Serial> {
    match who {
        Who::Firmware(hello) => Some(hello.serial),
        Who::Recovery(recovery) => recovery.serial,
    }
}

/// The root keys of a unit.
fn roots(report: &KeySetReport) -> impl Iterator<Item = protocol::digest::KeyId> {
    use protocol::message::KeyState;
    report.keys.iter().filter(|key| key.state == KeyState::Root).map(|key| key.key)
}
