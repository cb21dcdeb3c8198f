//! Interrupt lines before they reach the NVIC: several peripherals may share one.

use crate::core::bus::IrqLines;

/// Levels of the 128 interrupt lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines([u32; 4]);

impl Lines {
    /// Drives line `number` high if `high`; a line is high when any source drives it high.
    pub(crate) fn raise(&mut self, number: usize, high: bool) {
        if high {
            self.0[number / 32] |= 1 << (number % 32);
        }
    }

    /// Makes the core's lines like these; `before` is what they were, if that is known.
    pub(crate) fn apply(self, before: Option<Lines>, lines: &mut IrqLines) {
        for word in 0..self.0.len() {
            let mut changed = before.map_or(u32::MAX, |before| self.0[word] ^ before.0[word]);
            while changed != 0 {
                let bit = changed.trailing_zeros() as usize;
                lines.set(word * 32 + bit, self.0[word] & (1 << bit) != 0);
                changed &= changed - 1;
            }
        }
    }

    /// Whether line `number` is high.
    #[cfg(test)]
    pub(crate) fn is_high(self, number: usize) -> bool {
        self.0[number / 32] & (1 << (number % 32)) != 0
    }
}
