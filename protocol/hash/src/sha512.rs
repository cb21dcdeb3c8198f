//! SHA-512, in as little code as it takes.

use crate::constants::{ROUND, START};

const BLOCK: usize = 128;

/// SHA-512 of some pieces of memory, one behind the other.
#[must_use]
pub fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    let mut hash = Sha512 { state: START, words: [0; 16], length: 0 };
    for part in parts {
        part.iter().for_each(|&byte| hash.push(byte));
    }
    let bits = hash.length as u128 * 8;
    hash.push(0x80);
    while hash.length % BLOCK != BLOCK - size_of_val(&bits) {
        hash.push(0);
    }
    bits.to_be_bytes().into_iter().for_each(|byte| hash.push(byte));
    let mut digest = [0; 64];
    for (bytes, word) in digest.as_chunks_mut::<8>().0.iter_mut().zip(hash.state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

struct Sha512 {
    state: [u64; 8],
    /// The block being filled; what is shifted out was hashed with the block before.
    words: [u64; BLOCK / 8],
    /// Bytes taken so far.
    length: usize,
}

impl Sha512 {
    #[inline(never)]
    fn push(&mut self, byte: u8) {
        let word = &mut self.words[self.length / 8 % 16];
        *word = *word << 8 | u64::from(byte);
        self.length += 1;
        if self.length.is_multiple_of(BLOCK) {
            compress(&mut self.state, &mut self.words);
        }
    }
}

/// FIPS 180-4 section 6.4.2, with the schedule made word by word in place.
fn compress(state: &mut [u64; 8], w: &mut [u64; 16]) {
    let mut v = *state;
    for (turn, k) in ROUND.iter().enumerate() {
        let [a, b, c, d, e, f, g, h] = v;
        let turned = |x: u64, one, two, three| x.rotate_right(one) ^ x.rotate_right(two) ^ x.rotate_right(three);
        let word = w[turn % 16];
        let one =
            h.wrapping_add(turned(e, 14, 18, 41)).wrapping_add(g ^ (e & (f ^ g))).wrapping_add(*k).wrapping_add(word);
        let two = turned(a, 28, 34, 39).wrapping_add((a & b) | (c & (a | b)));
        v = [one.wrapping_add(two), a, b, c, d.wrapping_add(one), e, f, g];
        // The word that takes this one's place sixteen rounds on.
        let (early, late) = (w[(turn + 1) % 16], w[(turn + 14) % 16]);
        w[turn % 16] = word
            .wrapping_add(early.rotate_right(1) ^ early.rotate_right(8) ^ early >> 7)
            .wrapping_add(w[(turn + 9) % 16])
            .wrapping_add(late.rotate_right(19) ^ late.rotate_right(61) ^ late >> 6);
    }
    for (word, new) in state.iter_mut().zip(v) {
        *word = word.wrapping_add(new);
    }
}
