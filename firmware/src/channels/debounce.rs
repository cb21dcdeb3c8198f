//! An input that bounces, and an amount that is too high for a moment.

/// A level that counts only when it has stayed for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Debounced {
    level: bool,
    /// Since when the input has differed, milliseconds.
    other_since_ms: Option<u64>,
}

impl Debounced {
    /// An input that counts as inactive until it has proved otherwise.
    #[must_use]
    pub(super) const fn inactive() -> Self {
        Self { level: false, other_since_ms: None }
    }

    /// Takes a look at the input; the level that counts.
    pub(super) fn look(&mut self, input: bool, now_ms: u64, settle_ms: u64) -> bool {
        if input == self.level {
            self.other_since_ms = None;
        } else if now_ms.saturating_sub(*self.other_since_ms.get_or_insert(now_ms)) >= settle_ms {
            (self.level, self.other_since_ms) = (input, None);
        }
        self.level
    }

    /// The level that counts.
    #[must_use]
    pub(super) const fn level(self) -> bool {
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_counts_when_it_has_stayed_for_so_long() {
        let mut input = Debounced::inactive();
        for now in 0..10 {
            assert!(!input.look(true, now, 10), "{now} ms");
        }
        assert!(input.look(true, 10, 10));
    }

    #[test]
    fn whoever_bounces_begins_again() {
        let mut input = Debounced::inactive();
        for now in 0..1_000 {
            assert!(!input.look(now % 10 != 9, now, 10), "{now} ms");
        }
    }

    #[test]
    fn looks_that_come_late_are_enough() {
        let mut input = Debounced::inactive();
        assert!(!input.look(true, 0, 10));
        assert!(input.look(true, 25, 10));
        assert!(input.look(false, 26, 10));
        assert!(!input.look(false, 36, 10));
    }
}
