//! A key pair and what it may sign: by type, so that a root key cannot sign a release, nor a release key a key set.

use std::fmt::{self, Debug, Display, Formatter};
use std::marker::PhantomData;

use ed25519_dalek::{SigningKey, VerifyingKey};
use protocol::digest::KeyId;
use rand_core::OsRng;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It signs images.
    Release,
    /// It signs key sets.
    Root,
}

impl Display for Role {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Release => "release",
            Self::Root => "root",
        })
    }
}

/// A role as a type.
pub trait Purpose {
    /// The role.
    const ROLE: Role;
}

/// [`Role::Release`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {}

impl Purpose for Release {
    const ROLE: Role = Role::Release;
}

/// [`Role::Root`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {}

impl Purpose for Root {
    const ROLE: Role = Role::Root;
}

/// A private key. Wiped from memory when dropped; never printed.
pub struct PrivateKey<P>(pub(super) SigningKey, PhantomData<P>);

impl<P: Purpose> PrivateKey<P> {
    pub(super) const fn new(key: SigningKey) -> Self {
        Self(key, PhantomData)
    }

    /// A new key from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(SigningKey::generate(&mut OsRng))
    }

    /// A key from its 32 secret bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self::new(SigningKey::from_bytes(secret))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey<P> {
        PublicKey::new(self.0.verifying_key())
    }
}

impl<P: Purpose> Debug for PrivateKey<P> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "PrivateKey({} {})", P::ROLE, self.public().id())
    }
}

/// A public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey<P = Release>(pub(super) VerifyingKey, PhantomData<P>);

impl<P> PublicKey<P> {
    pub(super) const fn new(key: VerifyingKey) -> Self {
        Self(key, PhantomData)
    }

    /// Reads its 32 bytes, as trust anchors hold them; `None` for bytes that are no key, or a weak one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self::new)
    }

    /// Its 32 bytes, as trust anchors hold them.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its short name, as manifests and key sets carry it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown_when_it_is_debug_printed() {
        let key = PrivateKey::<Root>::from_secret(&[1; 32]);
        assert_eq!(format!("{key:?}"), format!("PrivateKey(root {})", key.public().id()));
    }
}
