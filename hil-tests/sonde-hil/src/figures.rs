//! What is measured on the linked images: in virtual time, so that the figures do not depend on the machine.
//!
//! Names and goals are those of `docs/performance.md`; a figure that misses its goal is shown, not hidden.

mod answers;
mod boot;
mod channels;
mod frames;
mod master;
mod release;
mod traffic;
mod transfer;

use std::path::PathBuf;

use serde::Serialize;
use virtual_board::serve::ServeError;
use virtual_board::unit::FactoryError;

/// One measured number, as a line of JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Its name, which never changes.
    pub figure: &'static str,
    /// What was measured.
    pub value: f64,
    /// Unit of the value.
    pub unit: &'static str,
    /// What it should be.
    pub goal: &'static str,
    /// Whether it is.
    pub holds: bool,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// A linked image is missing or unusable.
    #[error("cannot use {}: {reason}; run `cargo xtask chip`", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No unit could be made.
    #[error(transparent)]
    Factory(#[from] FactoryError),
    /// The unit could not be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The unit did not do in time what was to be measured.
    #[error("the unit did not {what} within {within_ms} ms; see it run with `cargo xtask demo`")]
    TooLate {
        /// What it should have done.
        what: &'static str,
        /// The time it had, milliseconds.
        within_ms: u64,
    },
    /// The host library could not do its part.
    #[error("{what}: {reason}")]
    Host {
        /// What it was doing.
        what: &'static str,
        /// What it said.
        reason: String,
    },
}

/// Measures the figures of `group` (the name up to the first dot), or all of them when it is empty.
///
/// # Errors
/// [`FigureError`] when something cannot be measured at all.
pub fn measure(images: &std::path::Path, group: &str) -> Result<Vec<Figure>, FigureError> {
    let wanted = |groups: &[&str]| group.is_empty() || groups.contains(&group);
    let release = release::Release::of(images)?;
    let mut figures = Vec::new();
    if wanted(&["core", "boot"]) {
        figures.extend(boot::measure(&release)?);
    }
    if wanted(&["bus", "update"]) {
        figures.extend(transfer::measure(&release)?);
    }
    if wanted(&["answer"]) {
        figures.extend(answers::measure(&release)?);
    }
    if wanted(&["start", "stop", "estop", "overload", "silence", "dead_core"]) {
        figures.extend(channels::measure(&release)?);
    }
    if wanted(&["frames"]) {
        figures.extend(frames::measure());
    }
    Ok(figures)
}
