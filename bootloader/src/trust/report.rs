//! What the unit believes, for a host.

use protocol::anchors::{Anchor, Role};
use protocol::digest::KeyId;
use protocol::key_set::KeySet;
use protocol::message::{KeyReport, KeySetReport, KeyState};
use protocol::semver::Version;

use super::store::KeyStore;
use super::{Trust, votes};
use crate::flash::CheckedRead;
use crate::verify::Refusal;

impl Trust {
    /// Which keys are believed at a floor, and how the copies of the set are.
    pub fn report<F: CheckedRead>(&self, flash: &mut F, floor: Version) -> KeySetReport {
        let (copies_good, given_up) = match &self.in_force {
            None => ([true; 2], None),
            Some(in_force) => {
                let holding = KeyStore::read_copy(flash, in_force.copy)
                    .map_or([false; 2], |(signed, _)| KeyStore::holding(flash, &signed));
                let note = KeyStore::read_note(flash, in_force.copy, in_force.set.number());
                (holding, note.and_then(|note| note.given_up))
            }
        };
        let total = self.keys(floor).count() as u8;
        KeySetReport {
            number: self.number(),
            copies_good,
            given_up,
            threshold: self.anchors.threshold(),
            floor,
            total,
            keys: self.keys(floor).take(protocol::message::MAX_KEY_REPORTS).collect(),
        }
    }

    /// Root keys, release keys, and those revoked keys that are neither.
    fn keys(&self, floor: Version) -> impl Iterator<Item = KeyReport> {
        let roots = self.anchors.roots().map(|root| self.root(root));
        let anchored = self.anchors.iter().filter(|anchor| anchor.role == Role::Release).map(|key| key.public_key);
        let added = self.key_set().into_iter().flat_map(|set| set.keys().map(|key| key.public_key));
        let only_added = added.filter(|key| self.anchored(KeyId::of(key)).is_none());
        let release = anchored.chain(only_added).map(move |key| self.release(KeyId::of(&key), floor));
        let revoked = self.key_set().into_iter().flat_map(KeySet::revoked);
        let others =
            revoked.filter(|id| self.anchored(*id).is_none() && self.key_set().and_then(|set| set.find(*id)).is_none());
        roots.chain(release).chain(others.map(|key| KeyReport { key, state: KeyState::Revoked }))
    }

    fn root(&self, root: &Anchor) -> KeyReport {
        let state = if votes::counts(root, self.stages) { KeyState::Root } else { KeyState::Development };
        KeyReport { key: KeyId::of(&root.public_key), state }
    }

    fn release(&self, key: KeyId, floor: Version) -> KeyReport {
        let added = self.key_set().and_then(|set| set.find(key)).is_some();
        let state = match self.believe(key, floor) {
            Ok(_) if added => KeyState::Added,
            Ok(_) => KeyState::Anchored,
            Err(Refusal::RevokedKey { .. }) => KeyState::Revoked,
            Err(Refusal::ExpiredKey { .. }) => KeyState::Expired,
            Err(_) => KeyState::Development,
        };
        KeyReport { key, state }
    }

    fn anchored(&self, id: KeyId) -> Option<&Anchor> {
        self.anchors.find(id).filter(|anchor| anchor.role == Role::Release)
    }
}
