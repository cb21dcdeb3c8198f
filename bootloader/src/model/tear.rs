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
    /// Words read as they should, until power is lost once more.
    Weak(u64),
}

impl Tear {
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
        if old != Word::Erased && old != Word::Weak {
            return old;
        }
        match self {
            Self::Before => old,
            Self::After => Word::Written(value),
            // One in eight looks erased and is not.
            Self::Garbage(seed) if random(seed).is_multiple_of(8) => Word::Written(u64::MAX),
            Self::Garbage(seed) => Word::Written(value | random(seed)),
            Self::Poison(_) => Word::Poisoned,
            Self::Unstable(_) => Word::Unstable(u64::MAX, value),
            Self::Half(seed) => Word::Written(value | if seed.is_multiple_of(2) { 0xFFFF_FFFF } else { !0xFFFF_FFFF }),
            Self::Weak(_) => Word::Decaying(value),
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
            Self::Weak(_) => return Word::Weak,
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
