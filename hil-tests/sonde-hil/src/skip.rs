//! What one skipped instruction can do to the loader: a forged image in the slot, and a boot for each instruction on its
//! way that the core is made to leave out, as a glitch of supply or clock does.
//!
//! - Arithmetic (curve, field, hash, copying) is left out at the first and the last execution of each address; everything
//!   that judges, decides or jumps at [`INSTANTS`] executions of each address, spread evenly: first and last among them.
//! - One fault a boot. Two in a row, or a fault that changes an instruction instead of dropping it, are not looked at.
//! - The image is filled with breakpoints: any way into it counts, also one that misses its entry.

mod fault;
mod page;
mod report;
mod scenario;
mod shortcut;
mod stretch;
mod symbols;
mod trace;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use virtual_board::board::Board;
use virtual_board::elf::ElfError;

pub use fault::Outcome;
pub use page::page;
pub use report::{Counts, Report, ScenarioReport, SkipFound};
pub use scenario::Scenario;

use fault::Striker;
use scenario::Bench;
use shortcut::Shortcuts;
use symbols::Symbols;
use trace::{Instant, Trace};

/// Most executions of one address that are left out, outside of arithmetic.
pub const INSTANTS: usize = 8;

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything: minutes.
    Full,
    /// One instant in so many, outside of arithmetic: for a test.
    Slice(NonZero<usize>),
}

/// How it is run. The outcome is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What a disturbed boot has in common with the undisturbed one is run once.
    Short,
    /// Every instruction of every boot is run.
    Long,
}

/// Why nothing could be run.
#[derive(Debug, thiserror::Error)]
pub enum SkipError {
    /// The loader cannot be read.
    #[error("cannot read {}: {source}; run `cargo xtask chip`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The loader is no image for the chip.
    #[error("the loader is unusable: {0}")]
    Loader(#[from] ElfError),
    /// Without a fault the loader does not do what it should, so that a fault would prove nothing.
    #[error("without any fault, {scenario} gives: {found}; mend the loader first")]
    Baseline {
        /// The image in the slot.
        scenario: Scenario,
        /// What came of the boot.
        found: Outcome,
    },
}

/// Leaves out one instruction after the other, with each of `images` in turn, of [`Scenario::FORGED`].
///
/// # Errors
/// [`SkipError`] when there is nothing to run.
pub fn run(loader_elf: &Path, images: &[Scenario], extent: Extent, way: Way) -> Result<Report, SkipError> {
    let file =
        std::fs::read(loader_elf).map_err(|source| SkipError::File { path: loader_elf.to_path_buf(), source })?;
    let bench = Bench::new(&file)?;
    let symbols = Symbols::read(&file)?;
    for scenario in Scenario::GENUINE {
        let found = bench.outcome(scenario);
        if found != Outcome::ForgedBoot {
            return Err(SkipError::Baseline { scenario, found });
        }
    }
    let scenarios = images
        .iter()
        .map(|&scenario| {
            let trace = bench.baseline(scenario);
            if trace.outcome != Outcome::Refused {
                return Err(SkipError::Baseline { scenario, found: trace.outcome });
            }
            let instants = choose(&trace, scenario, &symbols, extent);
            let outcomes = strike(scenario, &bench.start(scenario), &trace, &instants, way);
            Ok(ScenarioReport::of(scenario, &outcomes, &symbols))
        })
        .collect::<Result<_, _>>()?;
    Ok(Report { scenarios })
}

/// The executions to leave out, in order.
fn choose(trace: &Trace, scenario: Scenario, symbols: &Symbols, extent: Extent) -> Vec<Instant> {
    let mut chosen = BTreeSet::new();
    for (address, times) in trace.by_address() {
        let function = symbols.name(address);
        let arithmetic = symbols::is_arithmetic(function);
        let (wanted, every) = match (arithmetic, extent) {
            (false, Extent::Full) => (INSTANTS, 1),
            (true, Extent::Full) if scenario.can_arithmetic_matter(function) => (2, 1),
            (false, Extent::Slice(every)) => (2, every.get()),
            (true, _) => continue,
        };
        chosen.extend(
            spread(&times, wanted)
                .filter(|_| (address as usize / 2).is_multiple_of(every))
                .map(|time| Instant { address, ..time }),
        );
    }
    chosen.into_iter().collect()
}

/// At most `wanted` of `all`, first and last among them.
fn spread(all: &[Instant], wanted: usize) -> impl Iterator<Item = Instant> {
    let count = all.len().min(wanted);
    (0..count).map(move |index| all[if count < 2 { 0 } else { index * (all.len() - 1) / (count - 1) }])
}

/// Runs all faults of a scenario on all cores of this machine.
fn strike(scenario: Scenario, start: &Board, trace: &Trace, instants: &[Instant], way: Way) -> Vec<(Instant, Outcome)> {
    /// Instants that a worker takes at once. They are in order, so each worker goes through the boot once.
    const BATCH: usize = 32;
    let shortcuts = match way {
        Way::Short => Shortcuts::of(trace, start),
        Way::Long => Shortcuts::default(),
    };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut striker = Striker::new(scenario, start, &shortcuts, trace.cycles);
        let mut outcomes = Vec::new();
        while let Some(batch) = instants.chunks(BATCH).nth(next.fetch_add(1, Ordering::Relaxed)) {
            outcomes.extend(batch.iter().map(|&instant| (instant, striker.strike(instant))));
        }
        outcomes
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|worker| worker.join().expect("a fault never panics the board")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_are_always_among_those_chosen() {
        let all: Vec<_> = (0..100).map(|cycle| Instant { cycle, address: 0 }).collect();
        for wanted in [2, 3, 8, 99, 100, 200] {
            let chosen: Vec<_> = spread(&all, wanted).collect();
            assert_eq!(chosen.len(), wanted.min(100));
            assert_eq!((chosen[0], chosen[chosen.len() - 1]), (all[0], all[99]));
        }
        assert_eq!(spread(&all[..1], 8).collect::<Vec<_>>(), all[..1]);
    }
}
