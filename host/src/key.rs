//! Ed25519 keys: a release key signs manifests, a root key signs key sets; their public halves verify them.
//!
//! Does not decide which key a unit believes: the unit's trust anchors and its key set do (`boot:B10`).

pub mod anchors;
pub mod file;
pub mod pair;
pub mod passphrase;
pub mod root;

use ed25519_dalek::{Signature, Signer as _};
use protocol::digest::KeyId;
use protocol::manifest::{Manifest, SignedManifest};

use self::pair::{PrivateKey, Release};

pub use self::pair::PublicKey;

/// A private key that signs manifests.
pub type ReleaseKey = PrivateKey<Release>;

impl ReleaseKey {
    /// Signs a manifest as its key. The manifest's `key_id` is set here: a manifest cannot name a key that did not sign it.
    #[must_use]
    pub fn sign(&self, manifest: &Manifest) -> SignedManifest {
        let body = Manifest { key_id: self.public().id(), ..manifest.clone() }.emit();
        SignedManifest::new(&body, &self.0.sign(&body).to_bytes())
    }
}

impl PublicKey {
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
            last_day: None,
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
}
