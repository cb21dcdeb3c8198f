//! Who has signed a key set, and whether that is enough.

use protocol::anchors::Anchors;
use protocol::digest::KeyId;
use protocol::key_set::{MAX_SIGNATURES, SignedKeySet};

use crate::failure::{Class, Failure};
use crate::key::root::{RootKey, RootPublicKey};

use super::file::KeySetFile;

/// What one signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// Made by that root key over these bytes.
    Valid,
    /// Not made by that root key over these bytes.
    Invalid,
    /// By a key that is none of the roots, or they are not known here.
    NotKnown,
}

/// Root keys, and how many of them have to agree.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// The keys.
    pub keys: Vec<RootPublicKey>,
    /// How many have to sign.
    pub threshold: u8,
}

impl Roots {
    /// Those of an anchors page. A root that is no key can sign nothing.
    #[must_use]
    pub fn of(anchors: &Anchors) -> Self {
        let keys = anchors.roots().filter_map(|anchor| RootPublicKey::from_bytes(&anchor.public_key)).collect();
        Self { keys, threshold: anchors.threshold() }
    }

    /// What each signature of a set is worth, by root key id.
    #[must_use]
    pub fn judge(&self, set: &SignedKeySet) -> Vec<(KeyId, Worth)> {
        let worth = |id| match self.keys.iter().find(|root| root.id() == id) {
            None => Worth::NotKnown,
            Some(root) if root.signed(set) => Worth::Valid,
            Some(_) => Worth::Invalid,
        };
        set.signers().map(|id| (id, worth(id))).collect()
    }
}

/// Why signatures cannot be put on a set.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// All places are taken.
    #[error("the key set has {MAX_SIGNATURES} signatures already, none by key {key}; start from a copy with fewer")]
    Full {
        /// The key that would sign.
        key: KeyId,
    },
    /// Signatures over another set.
    #[error(
        "the copy says something else than the set (number {copy}, the set is number {set}): signatures belong to one content; have the same set signed"
    )]
    OtherContent {
        /// Number of the set.
        set: u16,
        /// Number of the copy.
        copy: u16,
    },
}

impl Failure for SignError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Full { .. } => "key_set.full",
            Self::OtherContent { .. } => "key_set.other_content",
        }
    }
}

impl KeySetFile {
    /// The same set with one more signature.
    ///
    /// # Errors
    /// [`SignError::Full`].
    pub fn signed_by(&self, key: &RootKey) -> Result<Self, SignError> {
        let signed = key.sign(&self.signed).ok_or(SignError::Full { key: key.public().id() })?;
        Ok(Self { set: self.set, signed })
    }

    /// The same set with the signatures of a copy that was signed elsewhere.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn collecting(&self, copy: &Self) -> Result<Self, SignError> {
        if copy.signed.body() != self.signed.body() {
            return Err(SignError::OtherContent { set: self.set.number(), copy: copy.set.number() });
        }
        let mut signed = self.signed.clone();
        for key in copy.signed.signers() {
            let signature = copy.signed.signature_by(key).expect("a signer has its signature");
            signed = signed.with_signature(key, signature).ok_or(SignError::Full { key })?;
        }
        Ok(Self { set: self.set, signed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::key_set::KeySet;
    use protocol::manifest::PRODUCT;

    fn file(number: u16) -> KeySetFile {
        KeySetFile::unsigned(KeySet::new(number, PRODUCT, None, &[], &[KeyId([7; 8])]).expect("a small set"))
    }

    fn root(fill: u8) -> RootKey {
        RootKey::from_secret(&[fill; 32])
    }

    #[test]
    fn two_holders_at_two_places_sign_copies_and_the_signatures_come_together() {
        let (one, two) = (file(1).signed_by(&root(1)).expect("room"), file(1).signed_by(&root(2)).expect("room"));
        let both = one.collecting(&two).expect("the same set");
        assert_eq!(both, two.collecting(&one).expect("the same set"), "the order does not matter");
        assert_eq!(both, one.signed_by(&root(2)).expect("room"), "nor whether one signs after the other");
        let roots = Roots { keys: vec![root(1).public(), root(2).public(), root(3).public()], threshold: 2 };
        assert!(roots.judge(&both.signed).iter().all(|(_, worth)| *worth == Worth::Valid));
    }

    #[test]
    fn signatures_of_another_set_are_not_taken_over() {
        let other = file(2).signed_by(&root(1)).expect("room");
        assert!(matches!(file(1).collecting(&other), Err(SignError::OtherContent { set: 1, copy: 2 })));
    }

    #[test]
    fn a_stranger_and_a_forger_count_for_nothing() {
        let stranger = file(1).signed_by(&root(9)).expect("room");
        let roots = Roots { keys: vec![root(1).public()], threshold: 1 };
        assert_eq!(roots.judge(&stranger.signed), [(root(9).public().id(), Worth::NotKnown)]);
        let forged = file(1).signed.with_signature(root(1).public().id(), &[1; 64]).expect("room");
        assert_eq!(roots.judge(&forged), [(root(1).public().id(), Worth::Invalid)]);
    }

    #[test]
    fn a_fifth_signer_finds_no_place() {
        let full = (1..=4).fold(file(1), |file, fill| file.signed_by(&root(fill)).expect("room"));
        assert!(matches!(full.signed_by(&root(5)), Err(SignError::Full { .. })));
        full.signed_by(&root(4)).expect("its own place is there");
    }
}
