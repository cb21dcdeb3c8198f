//! What a new unit believes: its anchors, and the key set that it may come with.

use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use protocol::anchors::{Anchor, Anchors, MAX_ANCHORS, Role, Stage};
use protocol::digest::KeyId;
use protocol::key_set::{AcceptanceNote, COPY_SIZE, KeySet, SIGNED_SIZE, SignedKeySet, copy};

use super::FactoryError;

/// The line that a root key's files begin with.
const ROOT_LINE: &str = "Sonde-Key-Role: root";

/// A public key file that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not a key.
    #[error("not an Ed25519 public key in PEM: {reason}; give the .pub.pem file that `sonde key new` wrote")]
    NotAKey {
        /// What is wrong with it.
        reason: String,
    },
    /// A root key for a release key, or the other way round.
    #[error("{}", if *is_root { "a root key, which signs no release; give the .pub.pem file that `sonde key new` wrote" }
        else { "a release key, which signs no key set; give the .pub.pem file that `sonde key root new` wrote" })]
    OtherRole {
        /// Whether it is a root key.
        is_root: bool,
    },
}

/// Reads a public release key as `sonde key new` writes it: SubjectPublicKeyInfo in PEM.
///
/// # Errors
/// [`TrustError`] for anything else.
pub fn public_key_from_pem(text: &str) -> Result<[u8; 32], TrustError> {
    match key_and_role(text)? {
        (key, false) => Ok(key),
        (_, is_root) => Err(TrustError::OtherRole { is_root }),
    }
}

/// Reads a public root key as `sonde key root new` writes it.
///
/// # Errors
/// [`TrustError`] for anything else.
pub fn root_key_from_pem(text: &str) -> Result<[u8; 32], TrustError> {
    match key_and_role(text)? {
        (key, true) => Ok(key),
        (_, is_root) => Err(TrustError::OtherRole { is_root }),
    }
}

fn key_and_role(text: &str) -> Result<([u8; 32], bool), TrustError> {
    let key =
        VerifyingKey::from_public_key_pem(text).map_err(|error| TrustError::NotAKey { reason: error.to_string() })?;
    Ok((key.to_bytes(), text.lines().any(|line| line.trim_end() == ROOT_LINE)))
}

/// Anchors with these keys, all for production.
///
/// # Errors
/// [`FactoryError::TooManyKeys`], [`FactoryError::Threshold`].
pub fn anchors(release: &[[u8; 32]], roots: &[[u8; 32]], threshold: u8) -> Result<Anchors, FactoryError> {
    let anchor = |role| move |&public_key| Anchor { role, stage: Stage::Production, public_key };
    let keys: Vec<_> = roots.iter().map(anchor(Role::Root)).chain(release.iter().map(anchor(Role::Release))).collect();
    if keys.len() > MAX_ANCHORS {
        return Err(FactoryError::TooManyKeys { found: keys.len() });
    }
    Anchors::with_threshold(&keys, threshold).ok_or(FactoryError::Threshold { threshold, roots: roots.len() })
}

/// The release keys of a new unit.
pub(super) struct Trust<'a> {
    anchors: &'a Anchors,
    key_set: Option<(KeySet, [u8; COPY_SIZE])>,
}

impl<'a> Trust<'a> {
    /// Checks the key set as a unit would.
    pub(super) fn new(anchors: &'a Anchors, key_set: Option<&[u8]>) -> Result<Self, FactoryError> {
        let key_set = key_set.map(|bytes| accepted(anchors, bytes)).transpose()?;
        Ok(Self { anchors, key_set })
    }

    /// What stands in each copy.
    pub(super) fn key_set_copy(&self) -> Option<&[u8; COPY_SIZE]> {
        self.key_set.as_ref().map(|(_, copy)| copy)
    }

    /// The release key with that id, if it is believed. A new unit's floor is 0.0.0, where nothing has expired.
    pub(super) fn believed(&self, signer: KeyId) -> Result<[u8; 32], FactoryError> {
        let set = self.key_set.as_ref().map(|(set, _)| set);
        if set.is_some_and(|set| set.revoked().any(|revoked| revoked == signer)) {
            return Err(FactoryError::RevokedKey { signer });
        }
        let added = set.and_then(|set| set.find(signer)).map(|key| key.public_key);
        let anchored = self.anchors.find(signer).filter(|anchor| anchor.role == Role::Release);
        added.or(anchored.map(|anchor| anchor.public_key)).ok_or(FactoryError::UnknownKey { signer })
    }
}

fn accepted(anchors: &Anchors, bytes: &[u8]) -> Result<(KeySet, [u8; COPY_SIZE]), FactoryError> {
    let signed = <[u8; SIGNED_SIZE]>::try_from(bytes).map_err(|_| FactoryError::KeySetLength { found: bytes.len() })?;
    let signed = SignedKeySet(signed);
    let set = KeySet::parse(signed.body()).map_err(FactoryError::KeySet)?;
    signed.check_form().map_err(FactoryError::KeySet)?;
    let valid = anchors.roots().filter(|root| signed_by(&signed, &root.public_key)).count();
    let needed = anchors.threshold();
    if needed == 0 || valid < usize::from(needed) {
        return Err(FactoryError::KeySetSignatures { valid, needed });
    }
    let note = AcceptanceNote { number: set.number(), given_up: None };
    Ok((set, copy(&signed, &note)))
}

fn signed_by(set: &SignedKeySet, root: &[u8; 32]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(root) else { return false };
    set.signature_by(KeyId::of(root))
        .is_some_and(|signature| key.verify_strict(set.body(), &Signature::from_bytes(signature)).is_ok())
}
