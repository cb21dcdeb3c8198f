//! Signatures and keys that a lax Ed25519 check accepts (`fault:A6`), and that check.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::SigningKey;
use protocol::digest::KeyId;
use protocol::manifest::{Manifest, SignedManifest};
use sha2::{Digest as _, Sha512};
use sonde_bootloader::model::release::release_key;

use crate::unit::good;

/// 2^252 + 27742317777372353535851937790883648493, the order of the group, little-endian (RFC 8032 section 5.1).
const GROUP_ORDER: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The neutral point.
pub(crate) const IDENTITY: [u8; 32] = ends_with_ones(1, 0, 0);
/// The same with the sign of its x set, which is zero.
pub(crate) const IDENTITY_NEGATED: [u8; 32] = ends_with_ones(1, 0, 0x80);
/// The same with y = p + 1.
pub(crate) const IDENTITY_NOT_REDUCED: [u8; 32] = ends_with_ones(0xEE, 0xFF, 0x7F);

const fn ends_with_ones(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// Every encoding of a point of small order that a decoder may take: eight canonical ones, six others.
pub(crate) fn small_order_encodings() -> Vec<[u8; 32]> {
    let canonical = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes());
    let others = [
        IDENTITY_NEGATED,
        IDENTITY_NOT_REDUCED,
        ends_with_ones(0xEE, 0xFF, 0xFF),
        ends_with_ones(0xEC, 0xFF, 0xFF), // order 2, sign set
        ends_with_ones(0xED, 0xFF, 0x7F), // order 4, y = p
        ends_with_ones(0xED, 0xFF, 0xFF),
    ];
    canonical.chain(others).collect()
}

/// A point of order 8.
pub(crate) fn order_eight() -> [u8; 32] {
    EIGHT_TORSION[1].compress().to_bytes()
}

/// The good manifest with a signature whose S is written as S + L.
pub(crate) fn malleated() -> SignedManifest {
    let mut signed = good().sign(&release_key());
    let start = signed.0.len() - 32;
    add_group_order(&mut signed.0[start..]);
    signed
}

/// Writes S as S + L.
pub(crate) fn add_group_order(s: &mut [u8]) {
    let mut carry = 0;
    for (byte, order) in s.iter_mut().zip(GROUP_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0, "S + L fits 256 bits");
}

/// The good manifest, signed by the release key with a chosen R of small order: S = k a.
pub(crate) fn small_order_r(r: [u8; 32]) -> SignedManifest {
    let key = release_key();
    ground(key.verifying_key().to_bytes(), |public, body| {
        let scalar = challenge(&r, public, body) * key.to_scalar();
        join(&r, &scalar.to_bytes())
    })
}

/// The good manifest under a key of small order: S = 0, and nobody signed it.
pub(crate) fn signed_by_nobody(public_key: [u8; 32]) -> SignedManifest {
    ground(public_key, |_, _| join(&IDENTITY, &[0; 32]))
}

/// The good manifest with a signature of one byte value.
pub(crate) fn constant(fill: u8) -> SignedManifest {
    SignedManifest::new(good().sign(&release_key()).body(), &[fill; 64])
}

/// The image's manifest with R taken from another good signature of the same key.
pub(crate) fn with_r_of_another(key: &SigningKey) -> SignedManifest {
    let mut other = good();
    other.manifest.build_id = [0xAA; 20];
    let (mut signed, other) = (good().sign(key), other.sign(key));
    let start = signed.0.len() - 64;
    signed.0[start..start + 32].copy_from_slice(&other.signature()[..32]);
    signed
}

/// Changes the build id until a lax check accepts the signature: what an attacker would do.
fn ground(public_key: [u8; 32], sign: impl Fn(&[u8; 32], &[u8]) -> [u8; 64]) -> SignedManifest {
    (0..=u8::MAX)
        .find_map(|count| {
            let manifest = Manifest { key_id: KeyId::of(&public_key), build_id: [count; 20], ..good().manifest };
            let body = manifest.emit();
            let signature = sign(&public_key, &body);
            let signed = SignedManifest::new(&body, &signature);
            lax_check_accepts(&public_key, &signed).then_some(signed)
        })
        .expect("one in eight messages will do")
}

/// The equation of Ed25519 on points, with every encoding taken and S reduced: what the laxest library checks.
pub(crate) fn lax_check_accepts(public_key: &[u8; 32], signed: &SignedManifest) -> bool {
    let (r, s) = signed.signature().split_at(32);
    let r: [u8; 32] = r.try_into().expect("half of 64 bytes");
    let s = Scalar::from_bytes_mod_order(s.try_into().expect("half of 64 bytes"));
    let (Some(key), Some(point)) = (CompressedEdwardsY(*public_key).decompress(), CompressedEdwardsY(r).decompress())
    else {
        return false;
    };
    EdwardsPoint::mul_base(&s) == point + challenge(&r, public_key, signed.body()) * key
}

fn challenge(r: &[u8; 32], public_key: &[u8; 32], body: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(public_key).chain_update(body).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

fn join(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s);
    signature
}
