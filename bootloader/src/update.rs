//! The update service: who asks, what comes in, what is written. The firmware serves all of it; the loader's recovery shares
//! the transfer, the marks and the refusals, and has messages and steps of its own ([`crate::recovery`]).
//!
//! - [`session`] is the mailbox, [`transfer`] the image that comes in; both are an [`Update`], which never waits.
//! - [`marks`] are what flash itself tells of it after a loss of power.
//! - [`stager`] does what takes time: signatures, hashes, flash. It holds the unit only between its steps.
//!
//! Allocates nothing, has no clock, decides nothing about channels: whether an update is welcome is the unit's business.

pub mod session;
pub mod stager;
pub mod transfer;

mod background_flash;
mod finish;
mod inspect;
mod keys;
pub mod marks;
pub mod refusals;
mod write_page;

use protocol::mailbox::{self, StatusWindow};
use protocol::version;

pub use background_flash::BackgroundFlash;
pub use keys::{KeySite, Keys};
pub use session::Session;
pub use stager::Stager;
pub use transfer::{Intake, PAGE, Transfer};

/// The part of a unit that an update changes.
#[derive(Debug, Default)]
pub struct Update {
    /// Who asks, and the last answer.
    pub session: Session,
    /// The update under way.
    pub transfer: Transfer,
}

/// A unit that can be updated.
pub trait Updatable {
    /// Its update.
    fn update(&mut self) -> &mut Update;
}

/// A unit behind whatever lock its surroundings need. The closure must be short: the bus waits for it.
pub trait Shared {
    /// The unit.
    type Unit;

    /// Asks or changes it.
    fn with<R>(&self, ask: impl FnOnce(&mut Self::Unit) -> R) -> R;
}

/// Whether there was anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A piece of work is done; there may be more.
    Worked,
    /// Nothing to do until the bus brings something.
    Idle,
}

impl Update {
    /// Nobody asking, nothing under way.
    #[must_use]
    pub const fn new() -> Self {
        Self { session: Session::new(), transfer: Transfer::new() }
    }

    /// What the status window shows.
    #[must_use]
    pub fn status_window(&self) -> StatusWindow {
        // Not an argument of the transfer's: the loader is not to change when messages grow.
        StatusWindow { current_version: version::CURRENT, ..self.transfer.status_window(self.session.sequence()) }
    }

    /// Reads a window that starts at `start` into `out`; `None` when none does, or it is shorter than asked for.
    pub fn read_window(&self, start: u16, out: &mut [u8]) -> Option<()> {
        let registers = (out.len() / 2) as u16;
        match start {
            mailbox::RESPONSE if registers <= mailbox::RESPONSE_REGISTERS => self.session.read_response(out),
            mailbox::STATUS if registers <= mailbox::STATUS_REGISTERS => self.status_window().read(out),
            _ => return None,
        }
        Some(())
    }
}
