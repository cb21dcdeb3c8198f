//! One boot, instruction by instruction.

use std::collections::BTreeMap;

use virtual_board::board::Board;

use super::fault::{Outcome, settled};

/// One executed instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant {
    /// Cycle at which it is next.
    pub cycle: u64,
    /// Where it is.
    pub address: u32,
}

/// A boot without a fault.
#[derive(Debug)]
pub(super) struct Trace {
    /// What came of it.
    pub(super) outcome: Outcome,
    /// How long it took.
    pub(super) cycles: u64,
    instants: Vec<Instant>,
}

impl Trace {
    /// Runs a boot that takes no longer than `limit` cycles.
    pub(super) fn of(board: &mut Board, limit: u64) -> Self {
        let mut instants = Vec::new();
        let outcome = loop {
            let cycle = board.core().cycles();
            if cycle > limit {
                break Outcome::Hang;
            }
            instants.push(Instant { cycle, address: board.core().registers()[15] });
            let stop = board.core_mut().run_until(cycle + 1);
            if let Some(outcome) = settled(board, &stop) {
                break outcome;
            }
        };
        Self { outcome, cycles: board.core().cycles(), instants }
    }

    /// When each address was executed.
    pub(super) fn by_address(&self) -> BTreeMap<u32, Vec<Instant>> {
        let mut found: BTreeMap<u32, Vec<Instant>> = BTreeMap::new();
        for &instant in &self.instants {
            found.entry(instant.address).or_default().push(instant);
        }
        found
    }
}
