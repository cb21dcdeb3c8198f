//! The warning of a release past its last day.

use sonde::bundle::Release;
use sonde::bundle::last_day::{Day, warning};

/// Warns of a release that should have been followed by a newer one (`fault:R7`). No reason to stop: a site may be cut
/// off from its makers, and the unit that needs an image needs it now.
pub(crate) fn warn_of_age(release: &Release) {
    let Ok(today) = Day::today() else {
        tracing::warn!("this computer's clock is not set, so the age of the release is not known; set the clock");
        return;
    };
    if let Some(warning) = release.images().first().and_then(|image| warning(&image.manifest, today)) {
        tracing::warn!("{warning}");
    }
}
