//! What a host may ask. Append-only.

use crate::layout::Slot;
use crate::manifest::SignedManifest;
use crate::settings::Change;

use super::MAX_CHANGES;

/// What to do when a channel emits power while the unit would have to reset (`boot:U5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ChannelPolicy {
    /// Refuse.
    RefuseWhileRunning,
}

/// Most bytes of a key set in one request: a multiple of a flash word that leaves room in the request window.
pub const MAX_KEY_SET_PART: usize = 192;

/// What a host is ready to lose by a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum GiveUp {
    /// Nothing: refuse a set that shuts out the image that runs.
    Nothing,
    /// The image that runs: take the set even so. The unit keeps it that this was chosen.
    RunningImage,
}

/// A request. New ones go last and name the version that brought them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Request {
    /// Opens a session and asks who is there. Takes the session over from a client that went away. (1)
    Hello,
    /// What runs, why, and how it is. (1)
    Status,
    /// What a slot holds. Verifies the image, so it takes a while. (1)
    SlotReport {
        /// The slot.
        slot: Slot,
    },
    /// Arms a transfer: the manifest is verified before anything is erased (`boot:U1`). (1)
    Begin {
        /// The signed manifest of the image to come.
        manifest: SignedManifest,
    },
    /// Hashes of the image pages as they are in flash, from `first` on (`boot:U2`). (1)
    PageMap {
        /// First page.
        first: u8,
    },
    /// All pages are sent: verify the image and write its manifest. (1)
    Finish,
    /// Make the staged image the trial and reset. (1)
    Activate {
        /// What to do about running channels.
        channels: ChannelPolicy,
    },
    /// The running trial is good: keep it. (1)
    Confirm,
    /// Go back to the image in the other slot and reset. (1)
    RollBack {
        /// What to do about running channels.
        channels: ChannelPolicy,
    },
    /// Forget the transfer. What was written stays, and a later transfer finds it. (1)
    Abort,
    /// A piece of a signed key set to come. The one with offset 0 comes first and starts a new set. (2)
    KeySetPart {
        /// Where in the set it belongs; a multiple of 8.
        offset: u16,
        /// Its bytes: 8 to [`MAX_KEY_SET_PART`], a multiple of 8.
        bytes: heapless::Vec<u8, MAX_KEY_SET_PART>,
    },
    /// All of the key set is sent: judge it and believe it from now on. (2)
    InstallKeySet {
        /// What may be lost by it.
        give_up: GiveUp,
    },
    /// Which keys the unit believes, and why. (2)
    KeySetReport,
    /// The settings, and how they are stored ([`crate::settings`]). (3)
    Settings,
    /// The calibration, and how it is stored. (3)
    Calibration,
    /// Change settings, all of these or none. (3)
    ChangeSettings {
        /// The changes.
        changes: heapless::Vec<Change, MAX_CHANGES>,
    },
    /// Change the calibration, all of these or nothing. (3)
    ChangeCalibration {
        /// The changes.
        changes: heapless::Vec<Change, MAX_CHANGES>,
    },
    /// What the event log holds. (3)
    EventHead,
    /// Records of the event log, from a number on. (3)
    Events {
        /// The first number that is wanted.
        since: u32,
    },
    /// A piece of the newest crash record. (3)
    CrashPart {
        /// Where it starts.
        offset: u16,
    },
}
