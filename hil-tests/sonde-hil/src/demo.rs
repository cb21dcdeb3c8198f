//! The life of a unit, told with the linked images and the real `sonde` program.
//!
//! Every step says what it expects, looks at what came of it, and reads the meters before and after. A step that does
//! not do what it should does not end the story: the table shows all.

mod measure;
mod releases;
mod report;
mod step;
mod story;
mod told;

pub use releases::{Images, Releases};
pub use report::Report;
pub use step::{Seen, Step};
pub use story::tell;

use std::io;
use std::path::PathBuf;

use virtual_board::serve::{ServeError, ServerGone};
use virtual_board::unit::{FactoryError, TrustError};

use crate::sonde::SondeError;

/// Why the story cannot be told to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file cannot be read or written.
    #[error("{}: {source}; check --images and --work", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A call of `sonde` that has to work did not.
    #[error(transparent)]
    Sonde(#[from] SondeError),
    /// The unit cannot be made.
    #[error("cannot make the unit: {0}")]
    Factory(#[from] FactoryError),
    /// The public key cannot be read.
    #[error("{}: {source}", path.display())]
    Trust {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TrustError,
    },
    /// The unit cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The unit's server ended.
    #[error(transparent)]
    Gone(#[from] ServerGone),
}
