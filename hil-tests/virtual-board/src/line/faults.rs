//! Disturbances of the line, repeatable by their seed.

use crate::chip::Noise;

/// How bad the line is. The default is a good one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LineFaults {
    /// Characters of a million that nobody hears.
    pub drop_byte_per_million: u32,
    /// Characters of a million that arrive with one bit turned.
    pub corrupt_per_million: u32,
    /// Which ones.
    pub seed: u64,
}

/// What becomes of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Whole,
    Dropped,
    /// To be XORed.
    Corrupted(u8),
}

/// The faults in the course of time.
#[derive(Debug)]
pub(super) struct Disturber {
    faults: LineFaults,
    noise: Noise,
}

impl Disturber {
    pub(super) fn new(faults: LineFaults) -> Self {
        Self { faults, noise: Noise::new(faults.seed) }
    }

    /// Of the next character.
    pub(super) fn fate(&mut self) -> Fate {
        let LineFaults { drop_byte_per_million: drop, corrupt_per_million: corrupt, .. } = self.faults;
        if drop == 0 && corrupt == 0 {
            return Fate::Whole;
        }
        let drawn = self.noise.next_u64();
        let chance = (drawn % 1_000_000) as u32;
        if chance < drop {
            Fate::Dropped
        } else if chance < drop.saturating_add(corrupt) {
            Fate::Corrupted(1 << (drawn >> 61))
        } else {
            Fate::Whole
        }
    }

    /// What a receiver makes of a character that it cannot make sense of.
    pub(super) fn garbage(&mut self) -> u8 {
        self.noise.next_u64() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_disturbs_the_same_characters_about_as_often_as_asked() {
        let faults = LineFaults { drop_byte_per_million: 100_000, corrupt_per_million: 50_000, seed: 7 };
        let fates = |faults| {
            let mut disturber = Disturber::new(faults);
            (0..10_000).map(|_| disturber.fate()).collect::<Vec<_>>()
        };
        let first = fates(faults);
        assert_eq!(first, fates(faults));
        assert_ne!(first, fates(LineFaults { seed: 8, ..faults }));
        let dropped = first.iter().filter(|fate| **fate == Fate::Dropped).count();
        let corrupted = first.iter().filter(|fate| matches!(fate, Fate::Corrupted(_))).count();
        assert!((800..1200).contains(&dropped), "{dropped}");
        assert!((350..650).contains(&corrupted), "{corrupted}");
    }
}
