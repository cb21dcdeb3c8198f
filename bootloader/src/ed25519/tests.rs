//! Held against `verify_strict` of `ed25519-dalek`, which the host signs and checks with.

use super::*;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::traits::IsIdentity as _;
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};

/// L.
const ORDER_BYTES: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn witness(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<Valid, Invalid> {
    let key = VerifyingKey::from_bytes(public_key).map_err(|_| Invalid::Key)?;
    let strict = key.verify_strict(message, &Signature::from_bytes(signature));
    strict.map(|()| Valid(Valid::YES)).map_err(|_| Invalid::Signature)
}

/// Whether the check that is not strict accepts it.
fn plain(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let key = VerifyingKey::from_bytes(public_key).expect("a point");
    key.verify(message, &Signature::from_bytes(signature)).is_ok()
}

/// What both say.
fn agreed(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), Invalid> {
    let ours = verify(public_key, message, signature);
    assert_eq!(ours, witness(public_key, message, signature), "{public_key:02x?} {message:02x?} {signature:02x?}");
    ours.map(drop)
}

fn join(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s);
    signature
}

/// k, by the witness.
fn challenge(r: &[u8; 32], public_key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(public_key).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// The number plus `times` L; `None` from 2^256 on.
fn plus_orders(number: [u8; 32], times: usize) -> Option<[u8; 32]> {
    (0..times).try_fold(number, |mut sum, _| {
        let mut carry = 0;
        for (byte, order) in sum.iter_mut().zip(ORDER_BYTES) {
            let next = u16::from(*byte) + u16::from(order) + carry;
            (*byte, carry) = (next as u8, next >> 8);
        }
        (carry == 0).then_some(sum)
    })
}

/// Every way to write a point that its y alone, the sign alone, or both make odd: points of small order, also with the
/// other sign, and each y from p to 2^255 - 1, most of which are of large order, and some no points.
fn odd_encodings() -> Vec<[u8; 32]> {
    let torsion = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes());
    let not_reduced = (0xED..=0xFF).map(|low| {
        let mut bytes = [0xFF; 32];
        (bytes[0], bytes[31]) = (low, 0x7F);
        bytes
    });
    let one_sign = torsion.chain(not_reduced);
    let mut all: Vec<_> = one_sign.flat_map(|bytes| [0, 0x80].map(|sign| flipped(bytes, 31, sign))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn flipped(mut bytes: [u8; 32], place: usize, bits: u8) -> [u8; 32] {
    bytes[place] ^= bits;
    bytes
}

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[0x5A; 32])
}

/// The first message of two bytes for which `good` says so.
fn message_for(mut good: impl FnMut(&[u8]) -> bool) -> [u8; 2] {
    (0..=u16::MAX).map(u16::to_le_bytes).find(|message| good(message)).expect("one in eight will do")
}

#[test]
fn the_first_example_of_the_standard_holds() {
    // RFC 8032 section 7.1, test 1: the empty message.
    let public_key = SigningKey::from_bytes(&[
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ]);
    let signature = [
        0xe5, 0x56, 0x43, 0x00, 0xc3, 0x60, 0xac, 0x72, 0x90, 0x86, 0xe2, 0xcc, 0x80, 0x6e, 0x82, 0x8a, 0x84, 0x87,
        0x7f, 0x1e, 0xb8, 0xe5, 0xd9, 0x74, 0xd8, 0x73, 0xe0, 0x65, 0x22, 0x49, 0x01, 0x55, 0x5f, 0xb8, 0x82, 0x15,
        0x90, 0xa3, 0x3b, 0xac, 0xc6, 0x1e, 0x39, 0x70, 0x1c, 0xf9, 0xb4, 0x6b, 0xd2, 0x5b, 0xf5, 0xf0, 0x59, 0x5b,
        0xbe, 0x24, 0x65, 0x51, 0x41, 0x43, 0x8e, 0x7a, 0x10, 0x0b,
    ];
    assert_eq!(agreed(public_key.verifying_key().as_bytes(), b"", &signature), Ok(()));
}

#[test]
fn every_flipped_bit_of_key_message_and_signature_is_refused() {
    // fault:A1
    let (key, message) = (signer().verifying_key().to_bytes(), *b"manifest");
    let signature = signer().sign(&message).to_bytes();
    assert_eq!(agreed(&key, &message, &signature), Ok(()));
    for bit in 0..256 {
        assert!(agreed(&flipped(key, bit / 8, 1 << (bit % 8)), &message, &signature).is_err());
    }
    for bit in 0..512 {
        let mut signature = signature;
        signature[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(agreed(&key, &message, &signature), Err(Invalid::Signature));
    }
    for bit in 0..64 {
        let mut message = message;
        message[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(agreed(&key, &message, &signature), Err(Invalid::Signature));
    }
}

#[test]
fn a_second_spelling_of_s_is_refused() {
    // fault:A6: S + L, S + 2 L, and so on, as far as 32 bytes go.
    let key = signer().verifying_key().to_bytes();
    let signature = signer().sign(b"manifest").to_bytes();
    let [r, s] = halves(&signature);
    let spellings: Vec<_> = (1..).map_while(|times| plus_orders(*s, times)).collect();
    assert!(spellings.len() >= 14);
    for s in spellings {
        assert_eq!(agreed(&key, b"manifest", &join(r, &s)), Err(Invalid::Signature));
    }
}

#[test]
fn odd_spellings_of_key_and_r_are_judged_as_the_witness_does() {
    // fault:A6: each with each, under an S at each edge.
    let encodings = odd_encodings();
    assert!(encodings.len() >= 46 && encodings.iter().any(|bytes| VerifyingKey::from_bytes(bytes).is_err()));
    let usual = [signer().verifying_key().to_bytes(), ED25519_BASEPOINT_POINT.compress().0];
    let below = plus_orders([0xFF; 32], 0).expect("itself");
    let edges = [[0; 32], flipped([0; 32], 0, 1), flipped(ORDER_BYTES, 0, 1), ORDER_BYTES, below];
    for key in encodings.iter().chain(&usual) {
        for r in encodings.iter().chain(&usual) {
            for s in &edges {
                assert!(agreed(key, b"manifest", &join(r, s)).is_err(), "nobody signed this");
            }
        }
    }
}

#[test]
fn a_key_of_small_order_signs_nothing() {
    // fault:A6: R = S B, and a message for which k A vanishes; the plain check accepts it.
    let s = Scalar::from(7_u64);
    let r = EdwardsPoint::mul_base(&s).compress().0;
    let small = odd_encodings().into_iter().filter_map(|bytes| Some((bytes, CompressedEdwardsY(bytes).decompress()?)));
    let small: Vec<_> = small.filter(|(_, point)| point.is_small_order()).collect();
    assert_eq!(small.len(), 14, "as many as a decoder takes");
    for (key, point) in small {
        let message = message_for(|message| (challenge(&r, &key, message) * point).is_identity());
        let signature = join(&r, s.as_bytes());
        assert!(plain(&key, &message, &signature));
        assert_eq!(agreed(&key, &message, &signature), Err(Invalid::Signature));
    }
}

#[test]
fn an_r_of_small_order_is_refused() {
    // fault:A6: under a key with a share of small order, S = k a leaves just that share; the plain check accepts it.
    for share in EIGHT_TORSION {
        let (a, key) = mixed(&share);
        for r in EIGHT_TORSION {
            let r_bytes = r.compress().0;
            let fits = |message: &[u8]| -(challenge(&r_bytes, &key, message) * share) == r;
            if !(0..64_u16).any(|message| fits(&message.to_le_bytes())) {
                continue; // Not a multiple of the key's share.
            }
            let message = message_for(fits);
            let signature = join(&r_bytes, (challenge(&r_bytes, &key, &message) * a).as_bytes());
            assert!(plain(&key, &message, &signature));
            assert_eq!(agreed(&key, &message, &signature), Err(Invalid::Signature));
        }
    }
}

#[test]
fn keys_and_rs_with_a_share_of_small_order_are_judged_as_the_witness_does() {
    // Accepted when the shares cancel, by both: what is left out of the equation is nothing.
    let nonce = Scalar::from(0x1234_5678_9ABC_u64);
    let mut seen = [0; 2];
    for share in EIGHT_TORSION {
        let (a, key) = mixed(&share);
        for other in EIGHT_TORSION {
            let r = (EdwardsPoint::mul_base(&nonce) + other).compress().0;
            for message in 0..24_u8 {
                let k = challenge(&r, &key, &[message]);
                let answer = agreed(&key, &[message], &join(&r, (nonce + k * a).as_bytes()));
                assert_eq!(answer.is_ok(), (k * share + other).is_identity());
                seen[usize::from(answer.is_ok())] += 1;
            }
        }
    }
    assert!(seen.iter().all(|&count| count > 100), "{seen:?}");
}

/// A secret scalar, and its public key with a share of small order.
fn mixed(share: &EdwardsPoint) -> (Scalar, [u8; 32]) {
    let a = Scalar::from_bytes_mod_order([0x37; 32]);
    (a, (EdwardsPoint::mul_base(&a) + share).compress().0)
}

#[test]
fn remainders_at_the_edges_are_those_of_the_witness() {
    let wide = |low: [u8; 32], high: [u8; 32]| join(&low, &high);
    let around = |bytes: [u8; 32]| (0..8).flat_map(move |bit| [bytes, flipped(bytes, 0, 1 << bit)]);
    let lows = (0..16).filter_map(|times| plus_orders([0; 32], times)).flat_map(around);
    for low in lows.chain([[0xFF; 32]]) {
        for high in [[0; 32], flipped([0; 32], 0, 1), ORDER_BYTES, flipped(ORDER_BYTES, 0, 1), [0xFF; 32]] {
            check_remainder(&wide(low, high));
        }
    }
    for bit in 0..512 {
        let mut power = [0; 64];
        power[bit / 8] = 1 << (bit % 8);
        check_remainder(&power);
        let mut ones = [0; 64];
        (0..bit).for_each(|bit| ones[bit / 8] |= 1 << (bit % 8));
        check_remainder(&ones);
    }
    assert_eq!(bytes(&modulo_order(&wide(ORDER_BYTES, [0; 32]))), [0; 32]);
}

/// The remainder, and what the curve makes of it.
fn check_remainder(wide: &[u8; 64]) {
    let ours = bytes(&modulo_order(wide));
    let expected = Scalar::from_bytes_mod_order_wide(wide);
    assert_eq!(ours, expected.to_bytes());
    assert_eq!(scalar(ours), expected);
}

proptest! {
    #[test]
    fn any_remainder_is_that_of_the_witness(low in any::<[u8; 32]>(), high in any::<[u8; 32]>()) {
        check_remainder(&join(&low, &high));
    }

    #[test]
    fn any_scalar_multiplies_as_that_of_the_witness(wide in any::<[u8; 32]>(), other in any::<[u8; 32]>()) {
        let [a, b] = [wide, other].map(Scalar::from_bytes_mod_order);
        let point = EIGHT_TORSION[1] + ED25519_BASEPOINT_POINT;
        let ours = EdwardsPoint::vartime_double_scalar_mul_basepoint(
            &scalar(a.to_bytes()), &point, &scalar(b.to_bytes()),
        );
        prop_assert_eq!(ours, a * point + EdwardsPoint::mul_base(&b));
    }

    #[test]
    fn any_signature_is_judged_as_the_witness_does(
        seed in any::<[u8; 32]>(),
        message in proptest::collection::vec(any::<u8>(), 0..600),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0_u32..8), 0..3),
    ) {
        let key = SigningKey::from_bytes(&seed);
        let mut all = [&key.verifying_key().to_bytes()[..], &key.sign(&message).to_bytes(), &message].concat();
        for (place, bit) in &flips {
            let place = place.index(all.len());
            all[place] ^= 1 << bit;
        }
        let (public_key, rest) = all.split_first_chunk().expect("a key");
        let (signature, message) = rest.split_first_chunk().expect("a signature");
        let answer = agreed(public_key, message, signature);
        prop_assert!(!flips.is_empty() || answer.is_ok());
    }

    #[test]
    fn any_bytes_are_judged_as_the_witness_does(
        public_key in any::<[u8; 32]>(), r in any::<[u8; 32]>(), s in any::<[u8; 32]>(), top in any::<bool>(),
    ) {
        let s = if top { s } else { flipped(s, 31, s[31] & 0xF0) };
        prop_assert!(agreed(&public_key, b"manifest", &join(&r, &s)).is_err());
    }
}
