//! The counts of a run, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::fault::Outcome;
use super::scenario::Scenario;
use super::symbols::Symbols;
use super::trace::Instant;
use crate::figures::Figure;

/// What came of all faults.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// One entry a forged image.
    pub scenarios: Vec<ScenarioReport>,
}

/// What came of the faults with one image.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioReport {
    /// The image.
    pub scenario: Scenario,
    /// How often what came of them.
    pub counts: Counts,
    /// The skips that booted it.
    pub boots: Vec<SkipFound>,
    /// The skips that started it uncounted.
    pub uncounted: Vec<SkipFound>,
}

/// Boots by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Instructions left out, one a boot.
    pub skips: u64,
    /// Refused as without a fault.
    pub refused: u64,
    /// The loader reset itself.
    pub resets: u64,
    /// The loader came to no end.
    pub hangs: u64,
    /// The core could not go on.
    pub crashes: u64,
    /// A good image on trial ran, and its start was not counted, or was one too many.
    pub uncounted: u64,
    /// The image ran, or the floor was lowered.
    pub forged_boots: u64,
}

/// An instruction without which the forged image boots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SkipFound {
    /// The function it is in.
    pub function: String,
    /// Its address.
    pub address: u32,
    /// Executions of it that boot the image when left out.
    pub times: u64,
}

impl Report {
    /// Skips that booted a forged image, over all scenarios.
    #[must_use]
    pub fn forged_boots(&self) -> u64 {
        self.total().forged_boots
    }

    /// [`Self::forged_boots`] as a figure.
    #[must_use]
    pub fn figure(&self) -> Figure {
        let value = self.forged_boots();
        Figure { figure: "sweep.skip.forged_boots", value: value as f64, unit: "1", goal: "=0", holds: value == 0 }
    }

    /// All scenarios together.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.scenarios.iter().fold(Counts::default(), |sum, one| sum.plus(one.counts))
    }
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            skips: self.skips + other.skips,
            refused: self.refused + other.refused,
            resets: self.resets + other.resets,
            hangs: self.hangs + other.hangs,
            crashes: self.crashes + other.crashes,
            uncounted: self.uncounted + other.uncounted,
            forged_boots: self.forged_boots + other.forged_boots,
        }
    }

    fn count(&mut self, outcome: Outcome) {
        self.skips += 1;
        *match outcome {
            Outcome::Refused => &mut self.refused,
            Outcome::Reset => &mut self.resets,
            Outcome::Hang => &mut self.hangs,
            Outcome::Crash => &mut self.crashes,
            Outcome::Uncounted => &mut self.uncounted,
            Outcome::ForgedBoot => &mut self.forged_boots,
        } += 1;
    }
}

impl ScenarioReport {
    pub(super) fn of(scenario: Scenario, outcomes: &[(Instant, Outcome)], symbols: &Symbols) -> Self {
        let mut counts = Counts::default();
        for &(_, outcome) in outcomes {
            counts.count(outcome);
        }
        let found = |wanted| SkipFound::all(outcomes, wanted, symbols);
        Self { scenario, counts, boots: found(Outcome::ForgedBoot), uncounted: found(Outcome::Uncounted) }
    }
}

impl SkipFound {
    /// Those that `wanted` came of, by address.
    fn all(outcomes: &[(Instant, Outcome)], wanted: Outcome, symbols: &Symbols) -> Vec<Self> {
        let mut found: BTreeMap<u32, u64> = BTreeMap::new();
        for (instant, _) in outcomes.iter().filter(|&&(_, outcome)| outcome == wanted) {
            *found.entry(instant.address).or_default() += 1;
        }
        let name = |address| symbols.name(address).to_owned();
        found.into_iter().map(|(address, times)| Self { function: name(address), address, times }).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:<27} {:>7} {:>12} {:>10} {:>8} {:>7} {:>6} {:>8}",
            "image in slot A", "skips", "forged boots", "uncounted", "refused", "resets", "hangs", "crashes"
        )?;
        let total = ("all".to_owned(), self.total());
        let lines = self.scenarios.iter().map(|one| (one.scenario.to_string(), one.counts));
        for (name, counts) in lines.chain([total]) {
            let Counts { skips, refused, resets, hangs, crashes, uncounted, forged_boots } = counts;
            writeln!(
                formatter,
                "{name:<27} {skips:>7} {forged_boots:>12} {uncounted:>10} {refused:>8} {resets:>7} {hangs:>6} {crashes:>8}"
            )?;
        }
        for one in &self.scenarios {
            for SkipFound { function, address, times } in &one.boots {
                writeln!(
                    formatter,
                    "{}: the image boots without {address:#010x} in {function} ({times} times)",
                    one.scenario
                )?;
            }
        }
        Ok(())
    }
}
