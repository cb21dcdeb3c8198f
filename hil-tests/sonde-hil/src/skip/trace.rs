//! One boot, instruction by instruction.

use std::collections::HashMap;

use virtual_board::board::Board;
use virtual_board::core::Recording;

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
    /// Cycle at which the recording began.
    pub(super) begin: u64,
    /// All that it did.
    pub(super) recording: Recording,
}

impl Trace {
    /// Runs a boot that takes no longer than `limit` cycles.
    pub(super) fn of(board: &mut Board, limit: u64) -> Self {
        /// How late the end may be noticed, cycles.
        const LOOK: u64 = 16;
        let begin = board.core().cycles();
        board.core_mut().start_recording();
        let outcome = loop {
            let cycle = board.core().cycles();
            if cycle > limit {
                break Outcome::Hang;
            }
            let stop = board.core_mut().run_until(cycle + LOOK);
            if let Some(outcome) = settled(board, &stop) {
                break outcome;
            }
        };
        let recording = board.core_mut().take_recording().expect("it was started above");
        Self { outcome, cycles: board.core().cycles(), begin, recording }
    }

    /// When each address was executed, the addresses in order.
    pub(super) fn by_address(&self) -> Vec<(u32, Vec<Instant>)> {
        let mut found: HashMap<u32, Vec<Instant>> = HashMap::new();
        for step in &self.recording.steps {
            let instant = Instant { cycle: self.begin + u64::from(step.cycle), address: step.address };
            found.entry(step.address).or_default().push(instant);
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable_by_key(|&(address, _)| address);
        found
    }
}
