//! Brings a unit back that has nothing to run: the loader itself takes the image (`boot:B9`).
//!
//! Interrupted anywhere, it is run again: the same slot is chosen, and what is in place is not sent twice.

use protocol::message::{Recovery, Refusal};
use tracing::debug;

use super::report::Report;
use super::trial::Before;
use super::{Options, UpdateError, Watch, choose, end_trial, stage_and_activate};
use crate::bundle::Release;
use crate::session::{Session, SessionError, Who};

pub(super) async fn revive(
    mut session: Session,
    recovery: &Recovery,
    release: &Release,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report, UpdateError> {
    let images = choose::choose_to_revive(release, recovery, options)?;
    let mut report = Report::new(session.unit(), Who::Recovery(*recovery).serial(), None);
    let mut rest = images.as_slice();
    let staged = loop {
        let (image, others) = rest.split_first().expect("an image was chosen");
        match stage_and_activate(&mut session, release, image, watch).await {
            // That slot holds the image that was confirmed: recovery was only asked for.
            Err(error) if is_kept_slot(&error) && !others.is_empty() => {
                debug!(%error, "trying the other slot");
                rest = others;
            }
            result => break result?,
        }
    };
    report.transferred = Some(staged.0);
    end_trial(&session, &mut report, staged.1, &Before::RECOVERY, options, watch).await?;
    Ok(report)
}

fn is_kept_slot(error: &UpdateError) -> bool {
    matches!(error, UpdateError::Session(SessionError::Refused { refusal: Refusal::SlotRuns { .. }, .. }))
}
