//! The undisturbed boot cut into stretches that a disturbed one may meet again, and what each of them reads and writes.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use virtual_board::core::{AccessKind, Recording};

/// Instructions from one cut to the next: short enough that a disturbed boot soon comes to one.
const LENGTH: usize = 3000;
/// A run of fewer instructions is not worth a stop.
const TOO_SHORT: usize = 1000;
/// How far into a run its first stretch may begin.
const RUN_UP: usize = 500;
/// Stretches of so many cuts each, so that a boot that is back on its way takes few of them.
const LEVELS: [usize; 4] = [512, 64, 8, 1];

/// A part of the boot in which only processor and SRAM have a part.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Its instructions, by their numbers in the recording.
    pub(super) steps: Range<usize>,
    /// Bytes of the SRAM that it reads before it writes them.
    pub(super) reads: Vec<Range<u32>>,
    /// Bytes of the SRAM that it writes.
    pub(super) writes: Vec<Range<u32>>,
}

/// All stretches of a recording.
pub(super) fn stretches(recording: &Recording) -> Vec<Stretch> {
    let mut cutter = Cutter::new(recording);
    let mut marks = Marks::new();
    let mut found = Vec::new();
    for run in undisturbed(recording) {
        let cuts = cutter.cuts(run);
        let last = cuts.len() - 1;
        let whole = (last > 0).then_some((0, last));
        let levels = LEVELS.iter().flat_map(|&level| {
            (0..last).step_by(level).filter(move |at| at + level <= last).map(move |at| (at, at + level))
        });
        for (from, to) in whole.into_iter().chain(levels) {
            found.push(marks.stretch(recording, cuts[from]..cuts[to]));
        }
    }
    found
}

/// Runs of instructions that nothing outside of processor and SRAM has a part in.
fn undisturbed(recording: &Recording) -> Vec<Range<usize>> {
    let mut alone: Vec<bool> = recording.steps.windows(2).map(|pair| pair[1].cycle == pair[0].cycle + 1).collect();
    for access in recording.accesses.iter().filter(|access| access.kind == AccessKind::Outside) {
        if let Some(alone) = alone.get_mut(access.step as usize) {
            *alone = false;
        }
    }
    let mut runs = Vec::new();
    let mut begin = 0;
    for (end, _) in alone.iter().enumerate().filter(|&(_, &alone)| !alone) {
        runs.push(begin..end);
        begin = end + 1;
    }
    runs.push(begin..alone.len());
    runs.retain(|run| run.len() >= TOO_SHORT);
    runs
}

/// Looks for instructions to cut at. Each execution of such an instruction, in any boot, will be a stop: they must be
/// rare, and few.
struct Cutter<'a> {
    recording: &'a Recording,
    /// How often each address is executed.
    times: HashMap<u32, usize>,
    chosen: HashSet<u32>,
}

impl<'a> Cutter<'a> {
    fn new(recording: &'a Recording) -> Self {
        let mut times = HashMap::new();
        for step in &recording.steps {
            *times.entry(step.address).or_default() += 1;
        }
        Self { recording, times, chosen: HashSet::new() }
    }

    /// Begin, places in between, and end of the stretches in `run`. Only the end when there is no good place.
    fn cuts(&mut self, run: Range<usize>) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut window = run.start..run.end.min(run.start + RUN_UP);
        while let Some(cut) = self.cut(window.clone()) {
            cuts.push(cut);
            window = cut + LENGTH..cut + 2 * LENGTH;
            if window.end > run.end {
                break;
            }
            while !window.clone().any(|step| self.price(step) <= self.rare()) && window.end < run.end {
                window = window.end..run.end.min(window.end + LENGTH);
            }
        }
        cuts.push(run.end);
        cuts
    }

    /// The best place there, if it is good enough.
    fn cut(&mut self, window: Range<usize>) -> Option<usize> {
        let cut = window.min_by_key(|&step| self.price(step)).filter(|&step| self.price(step) <= self.rare())?;
        self.chosen.insert(self.recording.steps[cut].address);
        Some(cut)
    }

    /// Stops that a cut there adds.
    fn price(&self, step: usize) -> usize {
        let address = self.recording.steps[step].address;
        if self.chosen.contains(&address) { 0 } else { self.times[&address] }
    }

    /// The most that a cut may add: about as many stops as there are stretches.
    fn rare(&self) -> usize {
        16.max(self.recording.steps.len() / LENGTH)
    }
}

/// What a stretch did to each byte of the SRAM, told from the stretches before by its number.
struct Marks {
    number: u32,
    bytes: Vec<(u32, bool)>,
}

impl Marks {
    fn new() -> Self {
        const SRAM: usize = 128 * 1024;
        Self { number: 0, bytes: vec![(0, false); SRAM] }
    }

    fn stretch(&mut self, recording: &Recording, steps: Range<usize>) -> Stretch {
        self.number += 1;
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        let begin = recording.accesses.partition_point(|access| (access.step as usize) < steps.start);
        for access in recording.accesses[begin..].iter().take_while(|access| (access.step as usize) < steps.end) {
            match access.kind {
                AccessKind::Read { offset, bytes } => {
                    for byte in offset..offset + u32::from(bytes) {
                        if self.bytes[byte as usize].0 != self.number {
                            self.bytes[byte as usize] = (self.number, false);
                            reads.push(byte);
                        }
                    }
                }
                AccessKind::Write { offset, bytes } => {
                    for byte in offset..offset + u32::from(bytes) {
                        if self.bytes[byte as usize] != (self.number, true) {
                            self.bytes[byte as usize] = (self.number, true);
                            writes.push(byte);
                        }
                    }
                }
                AccessKind::Outside => unreachable!("runs are cut there"),
            }
        }
        Stretch { steps, reads: ranges(reads), writes: ranges(writes) }
    }
}

/// Single bytes as ranges.
fn ranges(mut bytes: Vec<u32>) -> Vec<Range<u32>> {
    bytes.sort_unstable();
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for byte in bytes {
        match ranges.last_mut() {
            Some(last) if last.end == byte => last.end += 1,
            _ => ranges.push(byte..byte + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use virtual_board::core::{Access, Step};

    fn recording(kinds: &[(u32, AccessKind)]) -> Recording {
        let steps = (0..8000).map(|cycle| Step { cycle, address: 0x0800_0000 + 2 * cycle }).collect();
        let accesses = kinds.iter().map(|&(step, kind)| Access { step, kind }).collect();
        Recording { steps, accesses }
    }

    #[test]
    fn a_byte_that_is_written_first_is_not_read() {
        let recording = recording(&[
            (10, AccessKind::Write { offset: 100, bytes: 4 }),
            (11, AccessKind::Read { offset: 98, bytes: 4 }),
            (12, AccessKind::Write { offset: 99, bytes: 1 }),
        ]);
        let found = stretches(&recording);
        assert_eq!(found[0].steps, 0..7999);
        assert_eq!(found[0].reads.first(), Some(&(98..100)));
        assert_eq!(found[0].writes.first(), Some(&(99..104)));
    }

    #[test]
    fn no_stretch_is_empty_also_where_there_is_no_good_place_to_cut() {
        let mut recording = recording(&[]);
        for step in &mut recording.steps {
            step.address = 0x0800_0000;
        }
        assert!(stretches(&recording).is_empty());
    }

    #[test]
    fn what_the_chip_has_a_part_in_is_in_no_stretch() {
        let recording = recording(&[(3000, AccessKind::Outside), (3010, AccessKind::Outside)]);
        let found = stretches(&recording);
        let steps: Vec<_> = found.iter().map(|stretch| stretch.steps.clone()).collect();
        assert!(steps.contains(&(0..3000)) && steps.contains(&(3011..7999)), "{steps:?}");
        assert!(steps.iter().all(|steps| !steps.contains(&3000) && !steps.contains(&3010)), "{steps:?}");
    }
}
