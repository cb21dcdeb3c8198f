//! What a unit answers about its keys.

use crate::boot_record::ImageRef;
use crate::coded::coded;
use crate::digest::KeyId;
use crate::semver::Version;

/// Most keys that one report tells: what fits the response window.
pub const MAX_KEY_REPORTS: usize = 22;

/// A piece of a key set has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeySetPart {
    /// Bytes of the set that have arrived so far.
    pub received: u16,
}

/// The key set is in flash, read back, and in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeySetInstalled {
    /// Its number.
    pub number: u16,
    /// The floor from now on.
    pub floor: Version,
}

/// Which keys the unit believes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeySetReport {
    /// Number of the key set in force; 0 when none.
    pub number: u16,
    /// Which copies of it read well. Both, when there is none to hold.
    pub copies_good: [bool; 2],
    /// The image that was given up on purpose when the set was accepted.
    pub given_up: Option<ImageRef>,
    /// Root keys that have to sign a key set; 0 when the unit has none.
    pub threshold: u8,
    /// Lowest version that may run.
    pub floor: Version,
    /// Keys there are to tell about.
    pub total: u8,
    /// The first of them: root keys, release keys, revoked keys.
    pub keys: heapless::Vec<KeyReport, MAX_KEY_REPORTS>,
}

/// One key and what it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyReport {
    /// The key.
    pub key: KeyId,
    /// What it is worth.
    pub state: KeyState,
}

coded! {
    /// What a key is worth to a unit.
    KeyState {
        /// A root key that counts towards the threshold.
        Root = 1, "root key";
        /// A release key that the anchors name: believed.
        Anchored = 2, "believed, from the anchors";
        /// A release key that the key set names: believed.
        Added = 3, "believed, from the key set";
        /// A release key whose expiry the floor has reached: not believed.
        Expired = 4, "expired";
        /// Revoked by the key set: not believed.
        Revoked = 5, "revoked";
        /// A development key, and this is a release build: not believed.
        Development = 6, "development key, not believed";
    }
}
