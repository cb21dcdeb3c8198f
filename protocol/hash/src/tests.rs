use proptest::prelude::*;
use sha2::Digest as _;

use crate::{Sha256, sha512};

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finish()
}

/// That both hash these parts as `sha2` does the bytes that they are parts of.
fn hash_as_sha2_does(bytes: &[u8], parts: &[&[u8]]) {
    assert_eq!(sha256(parts)[..], sha2::Sha256::digest(bytes)[..], "SHA-256 of {} bytes", bytes.len());
    assert_eq!(sha512(parts)[..], sha2::Sha512::digest(bytes)[..], "SHA-512 of {} bytes", bytes.len());
}

#[test]
fn the_examples_of_the_standard_hold() {
    // FIPS 180-4 example values, "abc" and two blocks.
    assert_eq!(sha256(&[b"abc"])[..8], [0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA]);
    let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    assert_eq!(sha256(&[two_blocks])[..8], [0x24, 0x8D, 0x6A, 0x61, 0xD2, 0x06, 0x38, 0xB8]);
    assert_eq!(sha512(&[b"abc"])[..8], [0xDD, 0xAF, 0x35, 0xA1, 0x93, 0x61, 0x7A, 0xBA]);
}

#[test]
fn every_length_around_three_blocks_hashes_as_sha2_does() {
    let bytes = [0xA5; 400];
    for length in 0..=bytes.len() {
        hash_as_sha2_does(&bytes[..length], &[&bytes[..length]]);
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_hash_as_sha2_does(
        bytes in proptest::collection::vec(any::<u8>(), 0..1000), cuts in any::<[proptest::sample::Index; 2]>(),
    ) {
        let mut places = cuts.map(|cut| cut.index(bytes.len() + 1));
        places.sort_unstable();
        let [first, second] = places;
        hash_as_sha2_does(&bytes, &[&bytes[..first], &bytes[first..second], &bytes[second..]]);
    }
}
