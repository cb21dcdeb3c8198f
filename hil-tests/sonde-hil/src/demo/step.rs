//! One step of the story, and what came of it.

use serde::Serialize;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What is done.
    pub step: String,
    /// What should come of it.
    pub expected: String,
    /// What came of it.
    pub seen: String,
    /// Whether that is as expected.
    pub holds: bool,
    /// Bytes on the line, both ways.
    pub bytes_on_the_wire: u64,
    /// Virtual time, seconds.
    pub virtual_s: f64,
    /// Wall time, seconds.
    pub wall_s: f64,
    /// Flash words programmed and pages erased.
    pub flash_operations: u64,
    /// Instructions that the unit executed.
    pub instructions: u64,
}

/// What an act saw: words, and whether each thing looked at is as it should be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    words: Vec<String>,
    wrong: Vec<String>,
}

impl Seen {
    /// Nothing yet.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Something worth telling.
    #[must_use]
    pub fn tell(mut self, words: impl Into<String>) -> Self {
        self.words.push(words.into());
        self
    }

    /// Something that has to be so; only what is not is told.
    #[must_use]
    pub fn must(mut self, so: bool, otherwise: impl Into<String>) -> Self {
        if !so {
            self.wrong.push(otherwise.into());
        }
        self
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.words.extend(other.words);
        self.wrong.extend(other.wrong);
        self
    }

    /// Whether everything is as it should be.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }

    /// All of it in words, what is wrong first.
    #[must_use]
    pub fn words(&self) -> String {
        self.wrong.iter().map(|wrong| format!("NOT: {wrong}")).chain(self.words.clone()).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_first_and_decides() {
        let good = Seen::nothing().tell("1.1.0 runs").must(true, "exit 0");
        assert!(good.holds());
        assert_eq!(good.words(), "1.1.0 runs");
        let bad = good.and(Seen::nothing().must(false, "no flash operation, but 7"));
        assert!(!bad.holds());
        assert_eq!(bad.words(), "NOT: no flash operation, but 7; 1.1.0 runs");
    }
}
