//! What a flash operation leaves behind when power goes in the middle of it (`fault:P1`, `fault:P3`, `fault:P4`).

use super::array::{FlashArray, Oddity};
use super::{Operation, WORD_BYTES};
use crate::chip::noise::Noise;

/// How a cut operation is torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tear {
    /// Power went before the operation touched a cell.
    Before,
    /// The operation was complete, yet software never saw it.
    After,
    /// Some bits are as before and some as after; each read gives the same. The seed decides which.
    Garbage(u64),
    /// The cells are beyond ECC: reads raise NMI. A torn erase poisons some words of the page, and leaves others.
    Poison(u64),
    /// The cells are at the edge: some bits read differently from one read to the next.
    Unstable(u64),
}

impl Tear {
    /// Leaves of `operation` on `array` what this tear leaves.
    pub(crate) fn apply(self, array: &mut FlashArray, operation: Operation) {
        match self {
            Tear::Before => {}
            Tear::After => operation.complete(array),
            Tear::Garbage(seed) | Tear::Poison(seed) | Tear::Unstable(seed) => {
                let mut noise = Noise::new(seed);
                match operation {
                    Operation::Program { word, value } => self.tear_program(array, word, value, &mut noise),
                    Operation::ErasePage { .. } | Operation::EraseBanks { .. } => {
                        let range = operation.range();
                        for word in range.start / WORD_BYTES..range.end / WORD_BYTES {
                            self.tear_erased_word(array, word, &mut noise);
                        }
                    }
                }
            }
        }
    }

    /// Bits that the operation was to clear may still be set.
    fn tear_program(self, array: &mut FlashArray, word: usize, value: u64, noise: &mut Noise) {
        let old = array.word(word);
        let reached = old & (value | noise.next_u64());
        match self {
            Tear::Poison(_) => array.set(word, reached, Some(Oddity::Poisoned)),
            Tear::Unstable(_) => {
                let mask = flipping(old ^ (old & value), noise);
                array.set(word, reached, (mask != 0).then_some(Oddity::Unstable { mask }));
            }
            _ => array.set(word, reached, (reached == u64::MAX).then_some(Oddity::ProgrammedBlank)),
        }
    }

    /// Per word: erased, untouched, or in between.
    fn tear_erased_word(self, array: &mut FlashArray, word: usize, noise: &mut Noise) {
        let old = array.word(word);
        match noise.next_u64() % 4 {
            0 => return,
            1 => return array.set(word, u64::MAX, None),
            _ => {}
        }
        let reached = old | noise.next_u64();
        match self {
            Tear::Poison(_) => array.set(word, reached, Some(Oddity::Poisoned)),
            Tear::Unstable(_) => {
                let mask = flipping(!old, noise);
                array.set(word, reached, (mask != 0).then_some(Oddity::Unstable { mask }));
            }
            _ => array.set(word, reached, None),
        }
    }
}

/// Some of the bits that change; all of them when chance picked none.
fn flipping(changing: u64, noise: &mut Noise) -> u64 {
    let some = changing & noise.next_u64();
    if some == 0 { changing } else { some }
}
