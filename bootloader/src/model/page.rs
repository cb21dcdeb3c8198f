//! One page of words, each with the state that its last operation left it in.

use protocol::layout::{PAGE_SIZE, WORD_SIZE};

#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) words: [Word; Page::WORDS],
}

impl Page {
    pub(super) const WORDS: usize = (PAGE_SIZE / WORD_SIZE) as usize;
    pub(super) const ERASED: Self = Self { words: [Word::Erased; Self::WORDS] };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Erased,
    Written(u64),
    /// A double ECC error.
    Poisoned,
    /// Reads as one or the other, or bits of both.
    Unstable(u64, u64),
    /// Reads as erased and can be written, but holds it for that many power-ons only.
    Weak(u8),
    /// Written while weak, or torn near its end: reads well for that many power-ons.
    Decaying(u64, u8),
}

impl Word {
    /// What it reads as; `None` when it faults. `salt` differs at each read.
    pub(super) fn read(self, salt: u64) -> Option<u64> {
        match self {
            Self::Erased | Self::Weak(_) => Some(u64::MAX),
            Self::Written(value) | Self::Decaying(value, _) => Some(value),
            Self::Poisoned => None,
            Self::Unstable(one, other) => {
                let choice = random(salt);
                let mask = match choice % 4 {
                    0 => 0,
                    1 => u64::MAX,
                    _ => random(choice),
                };
                Some(one & mask | other & !mask)
            }
        }
    }

    pub(super) fn is_weak(self) -> bool {
        matches!(self, Self::Weak(_) | Self::Decaying(..))
    }

    /// Power came back: a weak word holds once less, or not any more.
    pub(super) fn decay(&mut self) {
        *self = match *self {
            Self::Weak(0) => Self::Unstable(u64::MAX, u64::MAX ^ 1 << 9),
            Self::Decaying(value, 0) if value & 1 == 0 => Self::Poisoned,
            Self::Decaying(value, 0) => Self::Unstable(value, u64::MAX),
            Self::Weak(holds) => Self::Weak(holds - 1),
            Self::Decaying(value, holds) => Self::Decaying(value, holds - 1),
            other => other,
        };
    }
}

/// Splitmix64: the same numbers for the same seed, everywhere.
pub(super) fn random(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
