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
mod mailbox;
mod reply;
mod staging;
mod trouble;
mod worker;

use protocol::identity::Identity;
use protocol::manifest::PRODUCT;
use protocol::message::Transfer as Progress;
use protocol::recovery::{RecoveryReason, SlotTrouble};
use protocol::reset::ResetCause;
use protocol::semver::Version;
use protocol::version;

pub use trouble::trouble;
pub use worker::Worker;

use crate::boot_log::BootLog;
use crate::flash::Flash;
use crate::trust::Trust;
use crate::unit::{Criteria, LOADER_VERSION, read_identity};
use crate::update::Transfer;
use mailbox::Mailbox;
use reply::{Kind, Reply};

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

/// A unit in recovery, as the bus sees it. In this order: instructions reach what lies near the start with less.
#[derive(Debug)]
#[repr(C)]
pub struct Recovery {
    situation: Situation,
    identity: Option<Identity>,
    /// Which copies of the boot log read well.
    log_copies_good: [bool; 2],
    /// Lowest version that may run.
    floor: Version,
    /// Number of the key set in force; 0 when none.
    key_set: u16,
    /// Since the reset, milliseconds; goes round after 49 days.
    uptime_ms: u32,
    restart_at_ms: Option<u32>,
    /// Who asks, and the last reply.
    mailbox: Mailbox,
    /// The image that comes in.
    transfer: Transfer,
}

/// A unit that has just found out that it stays, and who works for it. The flash has to permit both slots.
#[inline(never)]
pub fn start<F: Flash>(mut flash: F, situation: Situation) -> (Recovery, Worker<F>) {
    let log = BootLog::read(&mut flash);
    let trust = Trust::read(&mut flash);
    let criteria = Criteria::of(&mut flash, trust, log.state(), LOADER_VERSION);
    let recovery = Recovery {
        situation,
        identity: read_identity(&mut flash),
        log_copies_good: log.copies_good(),
        floor: criteria.floor,
        key_set: criteria.trust.number(),
        mailbox: Mailbox::new(),
        transfer: Transfer::new(),
        uptime_ms: 0,
        restart_at_ms: None,
    };
    (recovery, Worker::new(flash, criteria, log.state()))
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

    /// What it says of itself: [`protocol::message::Recovery`].
    fn tell(&self, reply: &mut Reply) {
        let Situation { why, reset, slots: [a, b] } = self.situation;
        let [first, second] = self.log_copies_good;
        reply.done(Kind::Recovery).number(version::MIN.into()).number(version::RECOVERY.into()).number(PRODUCT);
        match &self.identity {
            Some(identity) => reply.u8(1).u8(identity.hardware_revision).u8(1).array(identity.serial.bytes()),
            None => reply.u8(0).u8(0),
        };
        reply.version(LOADER_VERSION).version(self.floor);
        reply.u8(why as u8).u8(a as u8).u8(b as u8).u8(reset as u8).u8(first.into()).u8(second.into());
        reply.number(self.key_set.into());
        match self.transfer.progress() {
            Progress::Idle => reply.u8(0),
            Progress::Receiving { slot, pages_done, pages } => reply.u8(1).slot(slot).u8(pages_done).u8(pages),
            Progress::Staged { image } => reply.u8(2).image(&image),
        };
        reply.number(self.uptime_ms);
    }

    /// A piece of work is done: the slot that it was about may be another one now.
    fn note_work(&mut self) {
        let (slot, trouble) = match self.transfer.progress() {
            Progress::Idle | Progress::Receiving { pages_done: 0, .. } => return,
            Progress::Receiving { slot, .. } => (slot, SlotTrouble::Empty),
            Progress::Staged { image } => (image.slot, SlotTrouble::None),
        };
        self.situation.slots[usize::from(slot.code())] = trouble;
    }
}

#[cfg(test)]
mod tests;
