//! Stretches of the undisturbed boot that a disturbed one need not run again.
//!
//! What a stretch does depends on the processor, on the bytes of SRAM that it reads, and on flash. Where a disturbed boot
//! comes to the begin of a stretch with all of that the same, it does the same: it is put behind the stretch, with the
//! same bytes written and the same time gone. Nothing is guessed: with and without shortcuts every fault ends the same.

use std::collections::HashMap;
use std::ops::Range;

use virtual_board::board::Board;
use virtual_board::core::Processor;

use super::stretch::{Stretch, stretches};
use super::trace::Trace;

/// All stretches of a boot, with what they need and what they leave.
#[derive(Debug, Default)]
pub(super) struct Shortcuts {
    /// By the registers at their begin.
    by_registers: HashMap<[u32; 16], Vec<Shortcut>>,
    /// Flash operations when the boot began. After another one flash is not what the stretches read.
    flash_operations: u64,
}

#[derive(Debug)]
struct Shortcut {
    before: Processor,
    reads: Vec<Piece>,
    after: Processor,
    writes: Vec<Piece>,
    instructions: u64,
}

/// Bytes of the SRAM.
#[derive(Debug)]
struct Piece {
    range: Range<usize>,
    bytes: Box<[u8]>,
}

impl Piece {
    fn of(ram: &[u8], range: &Range<u32>) -> Self {
        let range = range.start as usize..range.end as usize;
        Self { bytes: ram[range.clone()].into(), range }
    }
}

impl Shortcuts {
    /// The stretches of `trace`, by running its boot once more from `start`.
    pub(super) fn of(trace: &Trace, start: &Board) -> Self {
        let mut board = start.clone();
        let stretches = stretches(&trace.recording);
        let mut by_registers: HashMap<[u32; 16], Vec<Shortcut>> = HashMap::new();
        for shortcut in fill(&mut board, trace, &stretches, start.flash_operations()) {
            by_registers.entry(shortcut.registers()).or_default().push(shortcut);
        }
        for shortcuts in by_registers.values_mut() {
            shortcuts.sort_by_key(|shortcut| std::cmp::Reverse(shortcut.instructions));
        }
        Self { by_registers, flash_operations: start.flash_operations() }
    }

    /// Makes `board` stop where a stretch begins.
    pub(super) fn mark(&self, board: &mut Board) {
        board.core_mut().set_checkpoints(self.by_registers.keys().map(|registers| registers[15]));
    }

    /// Puts `board`, which stopped at a checkpoint, behind all stretches that it is at the begin of.
    pub(super) fn take(&self, board: &mut Board, limit: u64) {
        if board.flash_operations() != self.flash_operations {
            return;
        }
        while let Some(shortcut) = self.find(board, limit) {
            for piece in &shortcut.writes {
                board.core_mut().ram_mut()[piece.range.clone()].copy_from_slice(&piece.bytes);
            }
            board.core_mut().leap(&shortcut.after, shortcut.instructions);
        }
    }

    fn find(&self, board: &Board, limit: u64) -> Option<&Shortcut> {
        let core = board.core();
        let processor = core.processor();
        // Nothing that the chip does by itself may come in between.
        let quiet = limit.min(core.next_event());
        self.by_registers.get(&core.registers())?.iter().find(|shortcut| {
            core.cycles() + shortcut.instructions < quiet
                && shortcut.before == processor
                && shortcut.reads.iter().all(|piece| core.ram()[piece.range.clone()] == *piece.bytes)
        })
    }
}

impl Shortcut {
    fn registers(&self) -> [u32; 16] {
        self.before.registers()
    }
}

/// Looks at processor and SRAM where stretches begin and end. Leaves out those behind a flash operation.
fn fill(board: &mut Board, trace: &Trace, stretches: &[Stretch], flash_operations: u64) -> Vec<Shortcut> {
    let mut ends: Vec<usize> = stretches.iter().flat_map(|stretch| [stretch.steps.start, stretch.steps.end]).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut seen: HashMap<usize, Processor> = HashMap::new();
    let mut before: Vec<Vec<Piece>> = stretches.iter().map(|_| Vec::new()).collect();
    let mut after: Vec<Vec<Piece>> = stretches.iter().map(|_| Vec::new()).collect();
    let mut by_begin: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut by_end: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, stretch) in stretches.iter().enumerate() {
        by_begin.entry(stretch.steps.start).or_default().push(index);
        by_end.entry(stretch.steps.end).or_default().push(index);
    }
    for end in ends {
        let cycle = trace.begin + u64::from(trace.recording.steps[end].cycle);
        while board.core().cycles() < cycle {
            board.core_mut().run_until(cycle);
        }
        if board.flash_operations() != flash_operations {
            break;
        }
        seen.insert(end, board.core().processor());
        let ram = board.core().ram();
        for &index in by_begin.get(&end).into_iter().flatten() {
            before[index] = stretches[index].reads.iter().map(|range| Piece::of(ram, range)).collect();
        }
        for &index in by_end.get(&end).into_iter().flatten() {
            after[index] = stretches[index].writes.iter().map(|range| Piece::of(ram, range)).collect();
        }
    }
    let pieces = before.into_iter().zip(after);
    stretches
        .iter()
        .zip(pieces)
        .filter_map(|(stretch, (reads, writes))| {
            Some(Shortcut {
                before: seen.get(&stretch.steps.start)?.clone(),
                reads,
                after: seen.get(&stretch.steps.end)?.clone(),
                writes,
                instructions: stretch.steps.len() as u64,
            })
        })
        .collect()
}
