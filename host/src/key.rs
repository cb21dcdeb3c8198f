//! Ed25519 keys: a release key signs manifests, a root key signs key sets; their public halves verify them.
//!
//! Does not decide which key a unit believes: the unit's trust anchors and its key set do (`boot:B10`).

pub mod anchors;
pub mod file;
pub mod passphrase;
pub mod root;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use protocol::digest::KeyId;
use protocol::manifest::{Manifest, SignedManifest};
use rand_core::OsRng;

/// A private key that signs manifests. Wiped from memory when dropped; never printed.
pub struct ReleaseKey(SigningKey);

impl ReleaseKey {
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
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a manifest as its key. The manifest's `key_id` is set here: a manifest cannot name a key that did not sign it.
    #[must_use]
    pub fn sign(&self, manifest: &Manifest) -> SignedManifest {
        let body = Manifest { key_id: self.public().id(), ..manifest.clone() }.emit();
        SignedManifest::new(&body, &self.0.sign(&body).to_bytes())
    }
}

impl std::fmt::Debug for ReleaseKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ReleaseKey({})", self.public().id())
    }
}

/// A public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Its 32 bytes, as trust anchors hold them.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its short name, as manifests carry it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(self.0.as_bytes())
    }

    /// Whether this key signed the manifest. Strict: small-order keys and malleable signatures do not count (`boot:B4`).
    #[must_use]
    pub fn signed(&self, manifest: &SignedManifest) -> bool {
        self.0.verify_strict(manifest.body(), &Signature::from_bytes(manifest.signature())).is_ok()
    }
}

/// Whether some keys vouch for a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouched {
    /// The key that the manifest names signed it.
    By(KeyId),
    /// The manifest names a key that is not among the trusted ones.
    UnknownKey(KeyId),
    /// The named key is trusted, but the signature is not its own over these bytes.
    BadSignature(KeyId),
}

/// Asks the trusted keys about a manifest.
#[must_use]
pub fn vouch(manifest: &SignedManifest, trusted: &[PublicKey]) -> Vouched {
    let id = manifest.key_id();
    match trusted.iter().find(|key| key.id() == id) {
        None => Vouched::UnknownKey(id),
        Some(key) if key.signed(manifest) => Vouched::By(id),
        Some(_) => Vouched::BadSignature(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::layout::Slot;
    use protocol::manifest::{HardwareSet, PRODUCT, SIGNED_SIZE};
    use protocol::semver::Version;

    fn manifest() -> Manifest {
        Manifest {
            slot: Slot::A,
            product: PRODUCT,
            hardware: HardwareSet::only(1),
            length: 100,
            version: Version::new(1, 0, 0),
            security_floor: Version::ZERO,
            register_map: 1,
            minimum_loader: Version::ZERO,
            build_id: [1; 20],
            key_id: KeyId([0; 8]),
            sha256: [2; 32],
        }
    }

    #[test]
    fn a_signed_manifest_names_and_satisfies_its_key_only() {
        let (key, stranger) = (ReleaseKey::from_secret(&[1; 32]), ReleaseKey::from_secret(&[2; 32]));
        let signed = key.sign(&manifest());
        let id = key.public().id();
        assert_eq!(vouch(&signed, &[stranger.public(), key.public()]), Vouched::By(id));
        assert_eq!(vouch(&signed, &[stranger.public()]), Vouched::UnknownKey(id));
    }

    #[test]
    fn every_flipped_byte_of_a_signed_manifest_is_noticed() {
        // fault:A1
        let key = ReleaseKey::from_secret(&[1; 32]);
        let signed = key.sign(&manifest());
        for at in 0..SIGNED_SIZE {
            let mut forged = signed.clone();
            forged.0[at] ^= 1;
            assert!(!matches!(vouch(&forged, &[key.public()]), Vouched::By(_)), "byte {at}");
        }
    }

    #[test]
    fn a_key_is_not_shown_when_it_is_debug_printed() {
        let key = ReleaseKey::from_secret(&[1; 32]);
        assert_eq!(format!("{key:?}"), format!("ReleaseKey({})", key.public().id()));
    }
}
