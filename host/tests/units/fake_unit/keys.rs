//! Key sets, as a unit in memory takes them.

use protocol::digest::KeyId;
use protocol::key_set::{KeySet, SIGNED_SIZE, SignedKeySet};
use protocol::message::{
    Answer, GiveUp, KeyReport, KeySetInstalled, KeySetPart, KeySetReport, KeyState, Refusal, Request,
};
use sonde::key::PublicKey;
use sonde::key_set::signatures::{Roots, Worth};

use super::FakeUnit;

/// Its root keys and its key set.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) roots: Roots,
    pub(crate) in_force: Option<SignedKeySet>,
    /// The key that signed what runs.
    pub(crate) running: Option<KeyId>,
    pub(crate) copies_good: [bool; 2],
    /// Forgets the parts once, after so many: the unit was restarted.
    pub(crate) restart_after_parts: Option<usize>,
    given_up: bool,
    parts: Vec<u8>,
    pub(crate) parts_taken: usize,
}

impl Keys {
    pub(super) fn set(&self) -> Option<KeySet> {
        self.in_force.as_ref().map(|signed| KeySet::parse(signed.body()).expect("it was checked when it came"))
    }

    pub(super) fn forget_parts(&mut self) {
        self.parts.clear();
    }

    fn revokes(&self, key: KeyId) -> bool {
        self.set().is_some_and(|set| set.revoked().any(|revoked| revoked == key))
    }
}

impl FakeUnit {
    /// The key that believes in a manifest by that id.
    pub(super) fn believed(&self, key: KeyId) -> Result<PublicKey, Refusal> {
        if self.keys.revokes(key) {
            return Err(Refusal::RevokedKey { key });
        }
        self.trusted.iter().find(|trusted| trusted.id() == key).copied().ok_or(Refusal::UnknownKey { key })
    }

    pub(super) fn on_keys(&mut self, request: Request) -> Result<Answer, Refusal> {
        if self.speaks < 2 {
            return Err(Refusal::NotUnderstood);
        }
        if self.recovery.is_some() {
            return Err(Refusal::InRecovery);
        }
        match request {
            Request::KeySetPart { offset, bytes } => {
                // What came before stays when the same set is sent again.
                if offset == 0 && !self.keys.parts.starts_with(&bytes) {
                    self.keys.parts.clear();
                }
                self.keys.parts_taken += 1;
                if self.keys.restart_after_parts == Some(self.keys.parts_taken) {
                    self.keys.parts.clear();
                    return Err(Refusal::KeySetIncomplete { have: 0, need: SIGNED_SIZE as u16 });
                }
                let (start, end) = (usize::from(offset), usize::from(offset) + bytes.len());
                assert!(start <= self.keys.parts.len(), "parts come in order");
                self.keys.parts.resize(self.keys.parts.len().max(end), 0);
                self.keys.parts[start..end].copy_from_slice(&bytes);
                Ok(Answer::KeySetPart(KeySetPart { received: self.keys.parts.len() as u16 }))
            }
            Request::InstallKeySet { give_up } => self.install(give_up).map(Answer::KeySetInstalled),
            _ => Ok(Answer::KeySetReport(self.key_report())),
        }
    }

    fn install(&mut self, give_up: GiveUp) -> Result<KeySetInstalled, Refusal> {
        let bytes: [u8; SIGNED_SIZE] = self.keys.parts.as_slice().try_into().expect("all parts came");
        let signed = SignedKeySet(bytes);
        let set = KeySet::parse(signed.body()).map_err(|_| Refusal::BadKeySet)?;
        let unit = self.keys.set().map_or(0, |set| set.number());
        let installed = KeySetInstalled { number: set.number(), floor: self.floor };
        if self.keys.in_force.as_ref() == Some(&signed) {
            self.keys.copies_good = [true; 2];
            return Ok(installed);
        }
        if set.number() <= unit {
            return Err(Refusal::KeySetOld { unit, offered: set.number() });
        }
        let valid = self.keys.roots.judge(&signed).iter().filter(|(_, worth)| *worth == Worth::Valid).count() as u8;
        let needed = self.keys.roots.threshold;
        if valid < needed {
            return Err(Refusal::KeySetSignatures { valid, needed });
        }
        let shut_out = self.keys.running.is_some_and(|key| set.revoked().any(|revoked| revoked == key));
        if shut_out && give_up == GiveUp::Nothing {
            return Err(Refusal::WouldNotBoot { slot: self.running.slot, version: self.running.version });
        }
        let floor = set.floor_reset().map_or(self.floor, |reset| reset.to);
        (self.floor, self.keys.given_up, self.keys.copies_good) = (floor, shut_out, [true; 2]);
        self.keys.in_force = Some(signed);
        Ok(KeySetInstalled { floor, ..installed })
    }

    fn key_report(&self) -> KeySetReport {
        let set = self.keys.set();
        let roots = self.keys.roots.keys.iter().map(|root| (root.id(), KeyState::Root));
        let anchored = self.trusted.iter().map(PublicKey::id).filter(|id| !self.keys.revokes(*id));
        let added = set.iter().flat_map(KeySet::keys).map(|key| (KeyId::of(&key.public_key), KeyState::Added));
        let revoked = set.iter().flat_map(KeySet::revoked).map(|id| (id, KeyState::Revoked));
        let keys = roots.chain(anchored.map(|id| (id, KeyState::Anchored))).chain(added).chain(revoked);
        let keys: Vec<_> = keys.map(|(key, state)| KeyReport { key, state }).collect();
        KeySetReport {
            number: set.map_or(0, |set| set.number()),
            copies_good: if set.is_some() { self.keys.copies_good } else { [true; 2] },
            given_up: self.keys.given_up.then_some(self.running),
            threshold: self.keys.roots.threshold,
            floor: self.floor,
            total: keys.len() as u8,
            keys: keys.into_iter().collect(),
        }
    }
}
