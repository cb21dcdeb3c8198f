//! Key sets for stories about keys, and what is true before and after each is installed.

use bootloader::model::key_sets::{key_set, sign_set};
use protocol::anchors::Stage;
use protocol::key_set::{FloorReset, KeySet, ReleaseKey, SignedKeySet, Units};
use protocol::semver::Version;
use sonde::key::PublicKey;

/// What is done with key sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum KeyStory {
    /// The first set adds a release key.
    First,
    /// A set revokes the factory's release key; the one in force vouches for the image that runs.
    Rotate,
    /// A set lowers the floor.
    ResetFloor,
}

/// A key set to be installed.
#[derive(Debug, Clone)]
pub(in super::super) struct KeyOrder {
    pub(in super::super) signed: SignedKeySet,
    /// What the unit says before.
    pub(in super::super) before: KeyState,
    /// What it says once the set is in force.
    pub(in super::super) after: KeyState,
}

/// What a unit says about keys and floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct KeyState {
    /// Number of the key set in force; 0 for none.
    pub(in super::super) number: u16,
    pub(in super::super) floor: Version,
}

/// The floor that a story begins with.
const HIGH: Version = Version::new(1, 0, 0);
/// The floor that the reset asks for.
const LOW: Version = Version::new(0, 9, 0);

/// The sets of all stories.
pub(super) struct Sets {
    adding: SignedKeySet,
    revoking: SignedKeySet,
    resetting: SignedKeySet,
}

impl Sets {
    /// With the factory's release key and the next one.
    pub(super) fn new(key: &PublicKey, next: &PublicKey) -> Self {
        let added = [release_entry(next)];
        let reset = FloorReset { to: LOW, units: Units::Any };
        Self {
            adding: signed(&key_set(1, &added, &[], None)),
            revoking: signed(&key_set(2, &added, &[key.id()], None)),
            resetting: signed(&key_set(1, &[], &[], Some(reset))),
        }
    }

    /// The one that a unit comes with, if with any.
    pub(super) fn in_force(&self) -> &SignedKeySet {
        &self.adding
    }

    pub(super) fn order(&self, story: KeyStory) -> KeyOrder {
        let (signed, before, after, floor) = match story {
            KeyStory::First => (&self.adding, 0, 1, HIGH),
            KeyStory::Rotate => (&self.revoking, 1, 2, HIGH),
            KeyStory::ResetFloor => (&self.resetting, 0, 1, LOW),
        };
        KeyOrder {
            signed: signed.clone(),
            before: KeyState { number: before, floor: HIGH },
            after: KeyState { number: after, floor },
        }
    }
}

fn release_entry(key: &PublicKey) -> ReleaseKey {
    ReleaseKey { public_key: key.bytes(), stage: Stage::Production, expires_at_floor: None }
}

/// By two of the three.
fn signed(set: &KeySet) -> SignedKeySet {
    sign_set(set, &[0, 2])
}
