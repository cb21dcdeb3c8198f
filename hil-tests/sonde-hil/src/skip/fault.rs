//! The fault itself, and what comes of it.

use protocol::layout::{FLASH_BASE, SLOT_SIZE, Slot};
use serde::Serialize;
use virtual_board::board::Board;
use virtual_board::core::Stop;

use super::scenario::Scenario;
use super::shortcut::Shortcuts;
use super::trace::Instant;

/// What came of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The loader rests, outputs off: as without the fault.
    Refused,
    /// The loader reset itself; the next boot has no fault.
    Reset,
    /// The loader does not come to an end; its watchdog resets it after 16 s, and the next boot has no fault.
    Hang,
    /// The core cannot go on: locked up, or lost outside of anything that is there.
    Crash,
    /// A good image on trial runs, and its start is not counted, or was one too many.
    Uncounted,
    /// The image in the slot runs, or the boot log has a lower floor than before.
    ForgedBoot,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Hang => "hang",
            Self::Crash => "crash",
            Self::Uncounted => "image boots uncounted",
            Self::ForgedBoot => "image boots",
        })
    }
}

/// A boot to strike at: without a fault, and with one.
pub(super) struct Striker<'a> {
    /// Goes through the undisturbed boot once.
    walker: Board,
    struck: Board,
    shortcuts: &'a Shortcuts,
    scenario: Scenario,
    /// Longest that a boot may take, cycles.
    limit: u64,
}

impl<'a> Striker<'a> {
    /// Both at the begin. `usual` is how long the boot takes without a fault, cycles.
    pub(super) fn new(scenario: Scenario, start: &Board, shortcuts: &'a Shortcuts, usual: u64) -> Self {
        /// 80 ms at 170 MHz: a fault may lead to every check that the boot without it did not come to, seven signatures
        /// at most.
        const GRACE: u64 = 80 * 170_000;
        let mut struck = start.clone();
        shortcuts.mark(&mut struck);
        Self { walker: start.clone(), struck, shortcuts, scenario, limit: usual + GRACE }
    }

    /// What comes of leaving out the instruction at `instant`, which lies behind that of the last call.
    pub(super) fn strike(&mut self, instant: Instant) -> Outcome {
        let Self { walker, struck, shortcuts, scenario, limit } = self;
        while walker.core().cycles() < instant.cycle {
            walker.core_mut().run_until(instant.cycle);
        }
        let wrote = struck.flash_operations() != walker.flash_operations();
        struck.rewind(walker);
        if wrote {
            shortcuts.mark(struck);
        }
        skip(struck);
        let outcome = scenario.judge(run_on(struck, shortcuts, *limit), struck.flash());
        if outcome == Outcome::Reset && struck.flash_operations() != walker.flash_operations() {
            // It left something behind: the boot after it is another one.
            struck.pin_reset();
            let limit = struck.core().cycles() + *limit;
            return match scenario.judge(run_on(struck, shortcuts, limit), struck.flash()) {
                Outcome::Refused => Outcome::Reset,
                worse => worse,
            };
        }
        outcome
    }
}

/// The core goes over the next instruction without doing it. One inside an IT block uses up its place there.
fn skip(board: &mut Board) {
    /// The IT state in xPSR: its low two bits and its high six.
    const IT_STATE: u32 = 3 << 25 | 0x3F << 10;
    let address = board.core().registers()[15];
    let offset = address.wrapping_sub(FLASH_BASE) as usize;
    let first = board.flash().get(offset..offset + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let length = if first >= 0xE800 { 4 } else { 2 };
    let core = board.core_mut();
    let status = core.xpsr();
    let it = (status >> 25 & 3) | (status >> 10 & 0x3F) << 2;
    if it != 0 {
        let next = if it & 7 == 0 { 0 } else { it & 0xE0 | it << 1 & 0x1F };
        core.set_xpsr(status & !IT_STATE | (next & 3) << 25 | (next >> 2) << 10);
    }
    core.set_register(15, address + length);
}

/// Past the board, so that a reset stays visible.
pub(super) fn run_on(board: &mut Board, shortcuts: &Shortcuts, limit: u64) -> Outcome {
    /// How long a rest may go unnoticed, cycles: a rest costs nothing to run, so few looks are enough.
    const LOOK: u64 = 1 << 16;
    while board.core().cycles() < limit {
        let look = (board.core().cycles() + LOOK).min(limit);
        let stop = board.core_mut().run_until(look);
        if stop == Stop::Checkpoint {
            shortcuts.take(board, limit);
            continue;
        }
        if let Some(outcome) = settled(board, &stop) {
            return outcome;
        }
    }
    Outcome::Hang
}

/// What came of it, once that is certain.
pub(super) fn settled(board: &Board, stop: &Stop) -> Option<Outcome> {
    let address = board.core().registers()[15];
    let in_slot = |slot: Slot| (FLASH_BASE + slot.offset()..FLASH_BASE + slot.offset() + SLOT_SIZE).contains(&address);
    if Slot::ALL.into_iter().any(in_slot) {
        return Some(Outcome::ForgedBoot);
    }
    match stop {
        Stop::Deadline if board.core().is_asleep() => Some(Outcome::Refused),
        Stop::Deadline => None,
        Stop::Reset(_) => Some(Outcome::Reset),
        _ => Some(Outcome::Crash),
    }
}
