//! Root keys: sign key sets and nothing else. Types of their own, so that one cannot sign a release.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use protocol::digest::KeyId;
use protocol::key_set::SignedKeySet;
use rand_core::OsRng;

/// A private root key. Wiped from memory when dropped; never printed.
pub struct RootKey(pub(super) SigningKey);

impl RootKey {
    /// A new key from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(SigningKey::generate(&mut OsRng))
    }

    /// A key from its 32 secret bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> RootPublicKey {
        RootPublicKey(self.0.verifying_key())
    }

    /// Adds its signature to a key set; `None` when all places are taken by others.
    #[must_use]
    pub fn sign(&self, set: &SignedKeySet) -> Option<SignedKeySet> {
        set.with_signature(self.public().id(), &self.0.sign(set.body()).to_bytes())
    }
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RootKey({})", self.public().id())
    }
}

/// A public root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootPublicKey(pub(super) VerifyingKey);

impl RootPublicKey {
    /// Reads its 32 bytes, as trust anchors hold them; `None` for bytes that are no key, or a weak one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// Its 32 bytes, as trust anchors hold them.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its short name, as key sets carry it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(self.0.as_bytes())
    }

    /// Whether this key signed the set. Strict, as units are (`boot:B4`).
    #[must_use]
    pub fn signed(&self, set: &SignedKeySet) -> bool {
        set.signature_by(self.id())
            .is_some_and(|signature| self.0.verify_strict(set.body(), &Signature::from_bytes(signature)).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::key_set::{BODY_SIZE, KeySet};
    use protocol::manifest::PRODUCT;

    fn set() -> SignedKeySet {
        let set = KeySet::new(1, PRODUCT, None, &[], &[KeyId([7; 8])]).expect("a small set");
        SignedKeySet::unsigned(&set.emit())
    }

    #[test]
    fn a_signature_is_that_of_its_key_over_these_bytes_only() {
        let (key, stranger) = (RootKey::from_secret(&[1; 32]), RootKey::from_secret(&[2; 32]));
        let signed = key.sign(&set()).expect("room");
        assert!(key.public().signed(&signed) && !stranger.public().signed(&signed));
        for at in 0..BODY_SIZE {
            let mut forged = signed.clone();
            forged.0[at] ^= 1;
            assert!(!key.public().signed(&forged), "byte {at}");
        }
        let both = stranger.sign(&signed).expect("room");
        assert!(key.public().signed(&both) && stranger.public().signed(&both));
    }

    #[test]
    fn a_key_that_signs_twice_is_there_once() {
        let key = RootKey::from_secret(&[1; 32]);
        let once = key.sign(&set()).expect("room");
        assert_eq!(key.sign(&once), Some(once.clone()));
        assert_eq!(once.signers().count(), 1);
    }

    #[test]
    fn a_key_is_not_shown_when_it_is_debug_printed() {
        let key = RootKey::from_secret(&[1; 32]);
        assert_eq!(format!("{key:?}"), format!("RootKey({})", key.public().id()));
    }
}
