//! What came of the cuts: counted by how the operation was torn.

use std::collections::BTreeMap;
use std::fmt;

/// What a unit runs after its power came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The image that ran before the story began.
    Old,
    /// The image that the story brings.
    New,
    /// The loader stays up with all outputs off, as a unit without any image should.
    Recovery,
}

/// What must never come of a cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something runs that is not byte for byte a release.
    #[error("mixed image: {0}")]
    MixedImage(String),
    /// Nothing runs, though there is an image.
    #[error("unbootable: {0}")]
    Unbootable(String),
    /// The image that the host was told to be confirmed does not run, or is not confirmed any more.
    #[error("lost confirmed image: {0}")]
    LostConfirmed(String),
    /// A channel output was on.
    #[error("output on: {0}")]
    OutputOn(String),
    /// The floor is lower than it was.
    #[error("the floor sank: {0}")]
    FloorSank(String),
    /// The key set that the host was told to be in force is not any more.
    #[error("lost key set: {0}")]
    LostKeySet(String),
    /// The settings are neither those that the host was told nor those that it was about to set.
    #[error("lost settings: {0}")]
    LostSettings(String),
    /// The story does not come to its end any more.
    #[error("stuck: {0}")]
    Stuck(String),
}

impl Fault {
    /// Which kind of failure it is, in tables.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::MixedImage(_) => "mixed image",
            Self::Unbootable(_) => "unbootable",
            Self::LostConfirmed(_) => "lost confirmed image",
            Self::OutputOn(_) => "output on",
            Self::FloorSank(_) => "floor sank",
            Self::LostKeySet(_) => "lost key set",
            Self::LostSettings(_) => "lost settings",
            Self::Stuck(_) => "stuck",
        }
    }
}

/// A case that failed, and the seed that replays it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For `--replay`.
    pub seed: String,
    /// What went wrong.
    pub fault: Fault,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; replay it with `cargo xtask sweep --replay {}`", self.fault, self.seed)
    }
}

/// Counts of one way to tear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The old image runs.
    pub old: u64,
    /// The new image runs.
    pub new: u64,
    /// The loader stays up.
    pub recovery: u64,
    /// Something that must not be.
    pub failures: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.old + self.new + self.recovery + self.failures
    }

    fn add(&mut self, other: &Self) {
        self.old += other.old;
        self.new += other.new;
        self.recovery += other.recovery;
        self.failures += other.failures;
    }
}

/// The counts of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// By the name of the tear.
    pub modes: BTreeMap<&'static str, Counts>,
    /// By the name of the story.
    pub stories: BTreeMap<String, Counts>,
    /// Failures by the name of the tear, the name of the story, and their kind.
    pub kinds: BTreeMap<(&'static str, String, &'static str), u64>,
    /// Updates that were taken back though the new image never ran (`fault:S2`): no failure, the host sends them again.
    pub lost_trials: u64,
    /// The first failures, at most [`Tally::KEPT`].
    pub failures: Vec<Failure>,
}

impl Tally {
    /// Failures that are kept to be shown.
    pub const KEPT: usize = 20;

    /// Counts the cuts of one case.
    pub fn count(&mut self, modes: &[&'static str], story: &str, verdict: &Result<Outcome, Failure>) {
        let one = match verdict {
            Ok(Outcome::Old) => Counts { old: 1, ..Counts::default() },
            Ok(Outcome::New) => Counts { new: 1, ..Counts::default() },
            Ok(Outcome::Recovery) => Counts { recovery: 1, ..Counts::default() },
            Err(_) => Counts { failures: 1, ..Counts::default() },
        };
        if !self.stories.contains_key(story) {
            self.stories.insert(story.into(), Counts::default());
        }
        for mode in modes {
            self.modes.entry(mode).or_default().add(&one);
            self.stories.entry(story.into()).or_default().add(&one);
            if let Err(failure) = verdict {
                *self.kinds.entry((mode, story.into(), failure.fault.kind())).or_default() += 1;
            }
        }
        if let Err(failure) = verdict
            && self.failures.len() < Self::KEPT
        {
            self.failures.push(failure.clone());
        }
    }

    /// Adds what another thread has counted.
    pub fn merge(&mut self, other: Self) {
        for (mode, counts) in other.modes {
            self.modes.entry(mode).or_default().add(&counts);
        }
        for (story, counts) in other.stories {
            self.stories.entry(story).or_default().add(&counts);
        }
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.lost_trials += other.lost_trials;
        self.failures.extend(other.failures);
        self.failures.sort_by(|one, other| (one.seed.len(), &one.seed).cmp(&(other.seed.len(), &other.seed)));
        self.failures.truncate(Self::KEPT);
    }

    /// All cuts.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.modes.values().for_each(|counts| total.add(counts));
        total
    }
}
