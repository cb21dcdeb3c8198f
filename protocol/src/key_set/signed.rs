//! A key set with its signatures, as it is stored and sent.

use super::{BODY_SIZE, KeySetError, count};
use crate::digest::KeyId;
use crate::layout::WORD_SIZE;

/// Most signatures on a set: as many as there can be root keys.
pub const MAX_SIGNATURES: usize = 4;
/// Bytes of a set with its signatures.
pub const SIGNED_SIZE: usize = SIGNATURES_OFFSET + MAX_SIGNATURES * SIGNATURE_SIZE;

/// Behind the count and seven zeros.
const SIGNATURES_OFFSET: usize = BODY_SIZE + 8;
/// Root key id and signature.
const SIGNATURE_SIZE: usize = 8 + 64;

const _: () = assert!(BODY_SIZE.is_multiple_of(WORD_SIZE as usize) && SIGNED_SIZE.is_multiple_of(WORD_SIZE as usize));
const _: () = assert!(MAX_SIGNATURES == crate::anchors::MAX_ANCHORS);

/// A key set with its signatures: nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedKeySet(pub [u8; SIGNED_SIZE]);

impl SignedKeySet {
    /// The fields, signed by nobody yet.
    #[must_use]
    pub fn unsigned(body: &[u8; BODY_SIZE]) -> Self {
        let mut bytes = [0; SIGNED_SIZE];
        bytes[..BODY_SIZE].copy_from_slice(body);
        Self(bytes)
    }

    /// The bytes under the signatures.
    #[must_use]
    pub fn body(&self) -> &[u8; BODY_SIZE] {
        self.0.first_chunk().expect("the body is the first part")
    }

    /// Checks the form of what stands behind the body: a count, sorted entries without a repetition, zeros.
    ///
    /// # Errors
    /// [`KeySetError`], naming what is wrong.
    pub fn check_form(&self) -> Result<(), KeySetError> {
        let used = count(self.0[BODY_SIZE], MAX_SIGNATURES)?;
        let zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
        let unused = SIGNATURES_OFFSET + used * SIGNATURE_SIZE;
        if !zero(&self.0[BODY_SIZE + 1..SIGNATURES_OFFSET]) || !zero(&self.0[unused..]) {
            return Err(KeySetError::Reserved);
        }
        let rise = self.signers().is_sorted_by(|one, next| one.0 < next.0);
        if rise { Ok(()) } else { Err(KeySetError::Order) }
    }

    /// Root keys that it claims to be signed by.
    pub fn signers(&self) -> impl Iterator<Item = KeyId> {
        self.ids().take(self.0[BODY_SIZE].into())
    }

    /// The signature that it claims to be by that root key.
    #[must_use]
    pub fn signature_by(&self, root: KeyId) -> Option<&[u8; 64]> {
        let index = self.signers().position(|id| id == root)?;
        self.0[SIGNATURES_OFFSET + index * SIGNATURE_SIZE + 8..].first_chunk()
    }

    /// The same with one more signature, or with another one by the same root key; `None` when all places are taken.
    #[must_use]
    pub fn with_signature(&self, root: KeyId, signature: &[u8; 64]) -> Option<Self> {
        let mut entries = [([0_u8; 8], [0_u8; 64]); MAX_SIGNATURES];
        let mut used = 0;
        let others = self.signers().filter(|id| *id != root).filter_map(|id| Some((id.0, *self.signature_by(id)?)));
        for entry in others.chain([(root.0, *signature)]) {
            *entries.get_mut(used)? = entry;
            used += 1;
        }
        entries[..used].sort_unstable_by_key(|(id, _)| *id);
        let mut signed = Self::unsigned(self.body());
        signed.0[BODY_SIZE] = used as u8;
        for (place, (id, signature)) in signed.0[SIGNATURES_OFFSET..].chunks_exact_mut(SIGNATURE_SIZE).zip(entries) {
            place[..8].copy_from_slice(&id);
            place[8..].copy_from_slice(&signature);
        }
        Some(signed)
    }

    fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.0[SIGNATURES_OFFSET..]
            .chunks_exact(SIGNATURE_SIZE)
            .map(|entry| KeyId(*entry.first_chunk().expect("an entry starts with its id")))
    }
}
