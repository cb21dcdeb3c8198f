//! A unit in memory that runs nothing.

use protocol::boot_record::Phase;
use protocol::identity::Serial;
use protocol::layout::Slot;
use protocol::manifest::PRODUCT;
use protocol::message::{Recovery, RecoveryReason, SlotTrouble, Transfer};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::FakeUnit;

/// Why it is in recovery, and what is wrong with its slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) why: RecoveryReason,
    pub(crate) slots: [SlotTrouble; 2],
    /// The slot whose image was confirmed and verifies: not written.
    pub(crate) kept: Option<Slot>,
}

impl Trouble {
    /// Never given an image.
    pub(crate) const EMPTY: Self = Self { why: RecoveryReason::NoImage, slots: [SlotTrouble::Empty; 2], kept: None };
}

impl FakeUnit {
    pub(super) fn recovery_answer(&self, trouble: Trouble) -> Recovery {
        Recovery {
            oldest_version: 1,
            current_version: 2,
            product: PRODUCT,
            hardware_revision: Some(self.hardware),
            serial: Serial::parse("FAKE-1"),
            loader: Version::new(0, 1, 0),
            floor: self.floor,
            why: trouble.why,
            slots: trouble.slots,
            reset: ResetCause::PowerOn,
            log_copies_good: [false; 2],
            key_set: 0,
            transfer: Transfer::Idle,
            uptime_ms: self.started.elapsed().as_millis() as u32,
        }
    }

    /// The loader gives up on an image that has nothing behind it.
    pub(super) fn fall_into_recovery(&mut self) {
        let mut slots = [SlotTrouble::Empty; 2];
        slots[usize::from(self.running.slot.code())] = SlotTrouble::CrashedOnTrial;
        self.recovery = Some(Trouble { why: RecoveryReason::TrialCrashed, slots, kept: None });
        self.phase = Phase::Confirmed;
    }
}
