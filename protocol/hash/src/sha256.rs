//! SHA-256, as fast as it gets on the chip for little flash: hashing an image of 128 KB is most of a boot.
#![cfg_attr(target_arch = "arm", expect(unsafe_code, reason = "a round in assembly"))]

use crate::constants::{ROUND, START};

const BLOCK: usize = 64;

/// The words that the rounds take. The caller's, since clearing it for each block would cost 4 % of a boot.
type Schedule = [u32; 64];

/// A hash in the making.
#[derive(Debug, Clone)]
pub struct Sha256 {
    state: [u32; 8],
    /// Bytes taken so far.
    length: u64,
    /// The block being filled, up to `length % BLOCK`.
    block: [u8; BLOCK],
}

impl Sha256 {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { state: START.map(upper), length: 0, block: [0; BLOCK] }
    }

    /// Takes more bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let mut words = [0; 64];
        let filled = self.filled();
        self.length += bytes.len() as u64;
        if filled > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK - filled));
            self.block[filled..filled + head.len()].copy_from_slice(head);
            if filled + head.len() < BLOCK {
                return;
            }
            compress(&mut self.state, &self.block, &mut words);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            compress(&mut self.state, block, &mut words);
        }
        self.block[..rest.len()].copy_from_slice(rest);
    }

    /// The hash of what was taken.
    #[must_use]
    pub fn finish(mut self) -> [u8; 32] {
        /// Where the length goes in the last block.
        const LENGTH_AT: usize = BLOCK - 8;
        let mut words = [0; 64];
        let filled = self.filled();
        self.block[filled] = 0x80;
        self.block[filled + 1..].fill(0);
        if filled >= LENGTH_AT {
            compress(&mut self.state, &self.block, &mut words);
            self.block.fill(0);
        }
        self.block[LENGTH_AT..].copy_from_slice(&(self.length * 8).to_be_bytes());
        compress(&mut self.state, &self.block, &mut words);
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }

    const fn filled(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// SHA-256 of one piece of memory.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.finish()
}

const fn upper(word: u64) -> u32 {
    (word >> 32) as u32
}

/// One round, with the roles of the eight words given by their order, so that none has to move. `$bc` is `b ^ c`, which was
/// `$ab`, `a ^ b`, one round ago.
#[cfg(not(target_arch = "arm"))]
macro_rules! round {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $bc:ident $ab:ident, $k:ident[$index:literal], $w:ident) => {
        $h = $h
            .wrapping_add($w[$index])
            .wrapping_add(upper($k[$index]))
            .wrapping_add(three_turns::<6, 5, 14>($e))
            .wrapping_add($g ^ ($e & ($f ^ $g)));
        $d = $d.wrapping_add($h);
        $ab = $a ^ $b;
        // The majority of three.
        $h = $h.wrapping_add(three_turns::<2, 11, 9>($a)).wrapping_add($b ^ ($ab & $bc));
    };
}

/// The same by hand: the words fit the core's registers to the last one, but the compiler loads words of the schedule long
/// before their round and keeps others on the stack meanwhile, which costs a boot 300,000 instructions.
#[cfg(target_arch = "arm")]
macro_rules! round {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $bc:ident $ab:ident, $k:ident[$index:literal], $w:ident) => {
        // SAFETY: reads word `$index` of the schedule and the upper half of that of the constants, which lies behind the
        // lower one; both arrays have eight and are borrowed here. Changes nothing but registers that it names.
        unsafe {
            core::arch::asm!(
                "ldr {ab}, [{w}, #{offset}]",
                "add {h}, {h}, {ab}",
                "ldr {ab}, [{k}, #{upper}]",
                "add {h}, {h}, {ab}",
                "eor {ab}, {e}, {e}, ror #14",
                "eor {ab}, {e}, {ab}, ror #5",
                "add {h}, {h}, {ab}, ror #6",
                "eor {ab}, {f}, {g}",
                "and {ab}, {ab}, {e}",
                "eor {ab}, {ab}, {g}",
                "add {h}, {h}, {ab}",
                "add {d}, {d}, {h}",
                "eor {ab}, {a}, {a}, ror #9",
                "eor {ab}, {a}, {ab}, ror #11",
                "add {h}, {h}, {ab}, ror #2",
                "eor {ab}, {a}, {b}",
                "and {bc}, {bc}, {ab}",
                "eor {bc}, {bc}, {b}",
                "add {h}, {h}, {bc}",
                a = in(reg) $a, b = in(reg) $b, d = inout(reg) $d, e = in(reg) $e, f = in(reg) $f, g = in(reg) $g,
                h = inout(reg) $h, bc = inout(reg) $bc => _, ab = out(reg) $ab,
                k = in(reg) (&raw const *$k), w = in(reg) (&raw const *$w), offset = const 4 * $index,
                upper = const 8 * $index + 4,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
    };
}

/// `x` turned right by A, by A + B and by A + B + C, all three xor-ed. Nested like this, so that each step is one instruction
/// of the core, which turns its second operand for nothing; side by side the compiler takes one more.
#[cfg(not(target_arch = "arm"))]
#[inline(always)]
const fn three_turns<const A: u32, const B: u32, const C: u32>(x: u32) -> u32 {
    (x ^ (x ^ x.rotate_right(C)).rotate_right(B)).rotate_right(A)
}

/// FIPS 180-4 section 6.2.2.
#[inline(never)]
fn compress(state: &mut [u32; 8], block: &[u8; BLOCK], w: &mut Schedule) {
    // Written out, since a loop would cost half as much again.
    macro_rules! take_words {
        ($($index:literal)*) => {
            $(w[$index] = u32::from_be_bytes([block[4 * $index], block[4 * $index + 1], block[4 * $index + 2], block[4 * $index + 3]]);)*
        };
    }
    take_words!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    schedule(w);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    let mut even = b ^ c;
    let mut odd: u32;
    // Eight rounds bring each word back to its name. Sixteen of them, and of the schedule, take 1,000 bytes more and 1.7 % less
    // of a boot.
    for (k, w) in ROUND.as_chunks::<8>().0.iter().zip(w.as_chunks::<8>().0) {
        round!(a b c d e f g h, even odd, k[0], w);
        round!(h a b c d e f g, odd even, k[1], w);
        round!(g h a b c d e f, even odd, k[2], w);
        round!(f g h a b c d e, odd even, k[3], w);
        round!(e f g h a b c d, even odd, k[4], w);
        round!(d e f g h a b c, odd even, k[5], w);
        round!(c d e f g h a b, even odd, k[6], w);
        round!(b c d e f g h a, odd even, k[7], w);
    }
    // Written out as well: a loop over eight words costs more than twice as much.
    macro_rules! add_to_state {
        ($($index:literal $word:ident),*) => {$( state[$index] = state[$index].wrapping_add($word); )*};
    }
    add_to_state!(0 a, 1 b, 2 c, 3 d, 4 e, 5 f, 6 g, 7 h);
}

/// All words of the schedule behind the first sixteen, four at a time.
#[inline(never)]
fn schedule(w: &mut Schedule) {
    macro_rules! next {
        ($w:ident: $($index:literal)*) => {$(
            let (early, late): (u32, u32) = ($w[$index + 1], $w[$index + 14]);
            $w[$index + 16] = $w[$index]
                .wrapping_add(early.rotate_right(7) ^ early.rotate_right(18) ^ early >> 3)
                .wrapping_add($w[$index + 9])
                .wrapping_add(late.rotate_right(17) ^ late.rotate_right(19) ^ late >> 10);
        )*};
    }
    for start in (0..48).step_by(4) {
        let window: &mut [u32; 20] = w[start..].first_chunk_mut().expect("twenty words are left");
        next!(window: 0 1 2 3);
    }
}
