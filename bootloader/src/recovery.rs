//! Recovery (`boot:B9`): the loader stays up and takes an image over the bus, because no slot holds one that may run, or
//! because it was asked to.
//!
//! - [`Recovery`] is the unit on the bus: the mailbox windows and nothing else, the same messages as the firmware's.
//! - [`Worker`] serves its requests: a signed manifest above the floor is enough, for either slot but the one whose image
//!   was confirmed and still verifies.
//! - An image that comes in this way is on trial like any other. It is on record as such before it is whole, so that no
//!   loss of power makes it the confirmed one.
//! - Knows no UART and no clock, drives no output; nothing here outlives a reset but what is in flash.

mod bus;
pub mod run;
mod trouble;
mod worker;

use protocol::boot_record::BootState;
use protocol::identity::Identity;
use protocol::manifest::PRODUCT;
use protocol::message::{self, Transfer};
use protocol::recovery::{RecoveryReason, SlotTrouble};
use protocol::reset::ResetCause;
use protocol::semver::Version;
use protocol::version;

pub use trouble::NotRun;
pub use worker::Worker;

use crate::boot_log::{BootLog, LogView};
use crate::trust::Trust;
use crate::unit::{LOADER_VERSION, read_identity};
use crate::update::{BackgroundFlash, Update};

/// Time from the answer to a request for a restart to the restart, milliseconds: enough for the answer to be polled.
pub const RESTART_DELAY_MS: u16 = 100;

/// Why a unit is in recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Why it stays.
    pub why: RecoveryReason,
    /// Why it reset before that.
    pub reset: ResetCause,
    /// What is wrong with slot A and slot B.
    pub slots: [SlotTrouble; 2],
}

/// A unit in recovery, as the bus sees it.
#[derive(Debug)]
pub struct Recovery {
    situation: Situation,
    identity: Option<Identity>,
    /// The boot log, as it was last read.
    log: LogView,
    /// Lowest version that may run.
    floor: Version,
    /// Number of the key set in force; 0 when none.
    key_set: u16,
    /// Who asks, and the image that comes in.
    update: Update,
    /// Since the reset, milliseconds; goes round after 49 days.
    uptime_ms: u32,
    restart_at_ms: Option<u32>,
}

/// A unit that has just found out that it stays, and who works for it. The flash has to permit both slots.
pub fn start<F: BackgroundFlash>(mut flash: F, situation: Situation) -> (Recovery, Worker<F>) {
    let log = BootLog::read(&mut flash);
    let trust = Trust::read(&mut flash);
    let identity = read_identity(&mut flash);
    let floor = trust.floor(log.state(), identity.map(|identity| identity.serial));
    let recovery = Recovery {
        situation,
        identity,
        log,
        floor,
        key_set: trust.number(),
        update: Update::new(),
        uptime_ms: 0,
        restart_at_ms: None,
    };
    (recovery, Worker::new(flash, trust))
}

impl Recovery {
    /// Brings its time up to date.
    pub fn observe(&mut self, uptime_ms: u32) {
        self.uptime_ms = uptime_ms;
    }

    /// Whether the time of a planned restart has come.
    #[must_use]
    pub fn restart_is_due(&self) -> bool {
        self.restart_at_ms.is_some_and(|at| self.uptime_ms.wrapping_sub(at).cast_signed() >= 0)
    }

    fn plan_restart(&mut self) {
        self.restart_at_ms.get_or_insert(self.uptime_ms.wrapping_add(u32::from(RESTART_DELAY_MS)));
    }

    /// The boot state in force.
    fn state(&self) -> Option<BootState> {
        self.log.state()
    }

    /// What it says of itself.
    fn tell(&self) -> message::Recovery {
        message::Recovery {
            oldest_version: version::MIN,
            current_version: version::CURRENT,
            product: PRODUCT,
            hardware_revision: self.identity.map(|identity| identity.hardware_revision),
            serial: self.identity.map(|identity| identity.serial),
            loader: LOADER_VERSION,
            floor: self.floor,
            why: self.situation.why,
            slots: self.situation.slots,
            reset: self.situation.reset,
            log_copies_good: self.log.copies_good(),
            key_set: self.key_set,
            transfer: self.update.transfer.progress(),
            uptime_ms: self.uptime_ms,
        }
    }

    /// A piece of work is done: the slot that it was about may be another one now.
    fn note_work(&mut self) {
        let (slot, trouble) = match self.update.transfer.progress() {
            Transfer::Idle => return,
            Transfer::Receiving { pages_done: 0, .. } => return,
            Transfer::Receiving { slot, .. } => (slot, SlotTrouble::Empty),
            Transfer::Staged { image } => (image.slot, SlotTrouble::None),
        };
        self.situation.slots[usize::from(slot.code())] = trouble;
    }
}

#[cfg(test)]
mod tests;
