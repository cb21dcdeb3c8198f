//! What a unit answers. Append-only; one kind of answer for each kind of request, and one of a loader in recovery for the
//! first two.

use super::{CrashPart, EventHead, Events, KeySetInstalled, KeySetPart, KeySetReport, MAX_PAGE_HASHES, TellValues};
use crate::boot_record::{ImageRef, Phase, Switch};
use crate::coded::coded;
use crate::digest::PageHash;
use crate::handover::BootReason;
use crate::identity::Serial;
use crate::layout::Slot;
use crate::recovery::{RecoveryReason, SlotTrouble};
use crate::reset::ResetCause;
use crate::semver::Version;

/// The answer to a request of the kind that each variant names. New ones go last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Answer {
    /// To [`super::Request::Hello`]. (1)
    Hello(Hello),
    /// To [`super::Request::Status`]. (1)
    Status(UnitStatus),
    /// To [`super::Request::SlotReport`]. (1)
    SlotReport(SlotReport),
    /// To [`super::Request::Begin`]. (1)
    Began(Began),
    /// To [`super::Request::PageMap`]. (1)
    PageMap(PageMap),
    /// To [`super::Request::Finish`]. (1)
    Staged(Staged),
    /// To [`super::Request::Activate`] and [`super::Request::RollBack`]. (1)
    Activating(Activating),
    /// To [`super::Request::Confirm`]. (1)
    Confirmed(Confirmed),
    /// To [`super::Request::Abort`]. (1)
    Aborted,
    /// To [`super::Request::KeySetPart`]. (2)
    KeySetPart(KeySetPart),
    /// To [`super::Request::InstallKeySet`]. (2)
    KeySetInstalled(KeySetInstalled),
    /// To [`super::Request::KeySetReport`]. (2)
    KeySetReport(KeySetReport),
    /// To [`super::Request::Hello`] and [`super::Request::Status`], by a loader in recovery. (2)
    Recovery(Recovery),
    /// To [`super::Request::Settings`], [`super::Request::Calibration`], and the changes of both: what is in force now. (3)
    Values(TellValues),
    /// To [`super::Request::EventHead`]. (3)
    EventHead(EventHead),
    /// To [`super::Request::Events`]. (3)
    Events(Events),
    /// To [`super::Request::CrashPart`]. (3)
    CrashPart(CrashPart),
}

/// Who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hello {
    /// Oldest message version it understands.
    pub oldest_version: u16,
    /// Message version it speaks.
    pub current_version: u16,
    /// Product.
    pub product: u32,
    /// Hardware revision.
    pub hardware_revision: u8,
    /// Serial number.
    pub serial: Serial,
    /// The image that runs.
    pub running: ImageRef,
}

/// How the unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnitStatus {
    /// The image that runs.
    pub running: ImageRef,
    /// How far it is trusted.
    pub phase: Phase,
    /// Lowest version that may run.
    pub floor: Version,
    /// Why the active image is the active one.
    pub last_switch: Switch,
    /// Why the loader chose it.
    pub boot_reason: BootReason,
    /// Why the unit last reset.
    pub reset: ResetCause,
    /// Version of the loader.
    pub loader: Version,
    /// From reset to the jump into the image, microseconds.
    pub boot_us: u32,
    /// Which copies of the boot log read well.
    pub log_copies_good: [bool; 2],
    /// Result of the self-test.
    pub self_test: SelfTest,
    /// START outputs that are high, bit 0 = channel 1.
    pub outputs: u8,
    /// The transfer, if any.
    pub transfer: Transfer,
    /// Since the image started, milliseconds.
    pub uptime_ms: u32,
}

coded! {
    /// One check of the self-test; its code is its bit.
    SelfCheck {
        /// The loader left a report, and it names the slot this image runs from.
        Handover = 0, "hand-over from the loader";
        /// The manifest in front of the running image names the version it was built as.
        Manifest = 1, "manifest matches the build";
        /// At least one copy of the boot log reads well.
        BootLog = 2, "boot log";
        /// The unit knows who it is.
        Identity = 3, "identity";
        /// The system clock runs at the rate it was set to.
        Clock = 4, "system clock";
        /// All START and RESET outputs read low.
        OutputsOff = 5, "outputs off";
    }
}

/// Result of the self-test: one bit a check, [`SelfCheck::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SelfTest {
    /// Checks that ran.
    pub ran: u16,
    /// Checks that failed.
    pub failed: u16,
}

impl SelfTest {
    /// Whether every check ran and none failed.
    #[must_use]
    pub fn passed(self) -> bool {
        self.failed == 0 && SelfCheck::ALL.iter().all(|check| self.ran >> check.code() & 1 == 1)
    }

    /// The checks that failed.
    pub fn failures(self) -> impl Iterator<Item = SelfCheck> {
        SelfCheck::ALL.iter().copied().filter(move |check| self.failed >> check.code() & 1 == 1)
    }
}

/// Where a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Transfer {
    /// None is under way.
    Idle,
    /// Pages are coming in.
    Receiving {
        /// Slot they go to.
        slot: Slot,
        /// Pages in flash, read back.
        pages_done: u8,
        /// Pages in all.
        pages: u8,
    },
    /// The image is whole and verified.
    Staged {
        /// The image.
        image: ImageRef,
    },
}

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SlotReport {
    /// The slot.
    pub slot: Slot,
    /// Its content.
    pub content: SlotContent,
}

/// Content of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SlotContent {
    /// No manifest.
    Empty,
    /// Something that does not verify.
    Invalid,
    /// An image that would boot.
    Bootable {
        /// The image.
        image: ImageRef,
        /// Build it came from.
        build_id: [u8; 20],
    },
}

/// A transfer is armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Began {
    /// Goes into each chunk, 1-255.
    pub tag: u8,
    /// Slot that is written.
    pub slot: Slot,
    /// Pages of the image.
    pub pages: u8,
    /// Whether there is anything to send.
    pub staging: Staging,
}

/// Whether there is anything to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Staging {
    /// Ask for the page map and send what differs.
    Open,
    /// This very image is already in the slot, whole and verified: go on to activate.
    Complete,
}

/// Hashes of image pages as they are in flash.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PageMap {
    /// Page of the first hash.
    pub first: u8,
    /// Hashes of that page and the next ones; fewer than [`MAX_PAGE_HASHES`] only at the end of the image.
    pub hashes: heapless::Vec<PageHash, MAX_PAGE_HASHES>,
}

/// The image is whole, verified, and has its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Staged {
    /// The image.
    pub image: ImageRef,
}

/// The unit is about to reset into another image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Activating {
    /// The image on trial after the reset.
    pub image: ImageRef,
    /// Time until the reset, milliseconds: enough for this answer to leave.
    pub reset_in_ms: u16,
}

/// The running image is the one to run from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Confirmed {
    /// The image.
    pub image: ImageRef,
    /// The floor from now on.
    pub floor: Version,
}

/// Who is there and how it is, when no image runs: the loader in recovery (`boot:B9`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recovery {
    /// Oldest message version it understands.
    pub oldest_version: u16,
    /// Message version it speaks.
    pub current_version: u16,
    /// Product.
    pub product: u32,
    /// Hardware revision; `None` when the identity page cannot be read. Then nothing may run until it is written anew.
    pub hardware_revision: Option<u8>,
    /// Serial number; `None` when the identity page cannot be read.
    pub serial: Option<Serial>,
    /// Version of the loader.
    pub loader: Version,
    /// Lowest version that may run.
    pub floor: Version,
    /// Why it stays in recovery.
    pub why: RecoveryReason,
    /// What is wrong with slot A and slot B.
    pub slots: [SlotTrouble; 2],
    /// Why the unit last reset.
    pub reset: ResetCause,
    /// Which copies of the boot log read well.
    pub log_copies_good: [bool; 2],
    /// Number of the key set in force; 0 when none.
    pub key_set: u16,
    /// The transfer, if any.
    pub transfer: Transfer,
    /// Since the reset, milliseconds.
    pub uptime_ms: u32,
}
