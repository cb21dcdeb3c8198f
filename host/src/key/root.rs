//! Root keys: sign key sets and nothing else.

use ed25519_dalek::{Signature, Signer as _};
use protocol::key_set::SignedKeySet;

use super::pair::{PrivateKey, PublicKey, Root};

/// A private root key.
pub type RootKey = PrivateKey<Root>;

/// A public root key.
pub type RootPublicKey = PublicKey<Root>;

impl RootKey {
    /// Adds its signature to a key set; `None` when all places are taken by others.
    #[must_use]
    pub fn sign(&self, set: &SignedKeySet) -> Option<SignedKeySet> {
        set.with_signature(self.public().id(), &self.0.sign(set.body()).to_bytes())
    }
}

impl RootPublicKey {
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
    use protocol::digest::KeyId;
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
}
