//! What an operation leaves behind that power was lost in.

use super::page::{Page, Word, random};

/// How far an operation came, and what its words are like (`fault:P1`, `fault:P3`, `fault:P4`). The number is a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tear {
    /// Power went just before it.
    Before,
    /// Power went just after it.
    After,
    /// Words read as a mixture, always the same.
    Garbage(u64),
    /// Words have double ECC errors.
    Poison(u64),
    /// Words read differently each time.
    Unstable(u64),
    /// An erase reached half of the page; a word half of its bits.
    Half(u64),
    /// Words read as they should, for some power-ons more: none to [`Tear::LONGEST`], as the seed says.
    Weak(u64),
}

impl Tear {
    /// Most power-ons that a weak word still reads well at. Four seeds in a row have each number of them once.
    pub const LONGEST: u8 = 3;

    /// Each kind once; `seed` for those that have one.
    #[must_use]
    pub const fn kinds(seed: u64) -> [Self; 7] {
        [
            Self::Before,
            Self::After,
            Self::Garbage(seed),
            Self::Poison(seed),
            Self::Unstable(seed),
            Self::Half(seed),
            Self::Weak(seed),
        ]
    }

    /// The word after a torn program of `value`.
    pub(super) fn program(self, old: Word, value: u64) -> Word {
        let bits = match old {
            Word::Erased | Word::Weak(_) => u64::MAX,
            // All zeros go over anything, so they can be torn there too.
            Word::Written(bits) if value == 0 => bits,
            _ => return old,
        };
        match self {
            Self::Before => old,
            Self::After => Word::Written(value),
            // One in eight looks as before and is not.
            Self::Garbage(seed) if random(seed).is_multiple_of(8) => Word::Written(bits),
            Self::Garbage(seed) => Word::Written(bits & (value | random(seed))),
            Self::Poison(_) => Word::Poisoned,
            Self::Unstable(_) => Word::Unstable(bits, value),
            Self::Half(seed) => {
                let half = if seed.is_multiple_of(2) { 0xFFFF_FFFF } else { !0xFFFF_FFFF };
                Word::Written(bits & (value | half))
            }
            Self::Weak(seed) => Word::Decaying(value, holds(seed)),
        }
    }

    /// The page after a torn erase.
    pub(super) fn erase(self, words: &mut [Word; Page::WORDS]) {
        for (index, word) in words.iter_mut().enumerate() {
            *word = self.erase_word(*word, index);
        }
    }

    fn erase_word(self, old: Word, index: usize) -> Word {
        let bits = old.read(index as u64).unwrap_or(0);
        let (seed, odd) = match self {
            Self::Before => return old,
            Self::After => return Word::Erased,
            // All words of the page hold as long, or each by itself.
            Self::Weak(seed) if seed & 4 == 0 => return Word::Weak(holds(seed)),
            Self::Weak(seed) => return Word::Weak(holds(random(seed ^ index as u64))),
            Self::Half(seed) => {
                let is_first_half = index < Page::WORDS / 2;
                return if is_first_half == seed.is_multiple_of(2) { Word::Erased } else { old };
            }
            Self::Garbage(seed) => (seed, Word::Written(bits | random(seed ^ index as u64))),
            Self::Poison(seed) => (seed, Word::Poisoned),
            Self::Unstable(seed) => (seed, Word::Unstable(bits, u64::MAX)),
        };
        match random(seed.wrapping_add(index as u64)) % 3 {
            0 => old,
            1 => Word::Erased,
            _ => odd,
        }
    }
}

/// Power-ons that a weak word still reads well at.
fn holds(seed: u64) -> u8 {
    (seed % (u64::from(Tear::LONGEST) + 1)) as u8
}
