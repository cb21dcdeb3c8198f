//! embassy-boot 0.7 under the same cuts: the same flash model, the same ways to tear, its own flow.
//!
//! A host writes an image with `BlockingFirmwareUpdater`, marks it updated and restarts; `BootLoader` swaps; the new image
//! marks itself booted, or crashes and is reverted. Says what is not defended there, not how often it happens: embassy-boot
//! never promised to survive words that fault on read.

mod unit;
mod world;

use std::ops::Range;

use self::world::{Images, Step, Story, World};
use super::seed::{Cut, Mode, Seed, Sweep};
use super::tally::{Failure, Fault, Outcome, Tally};
use super::{Extent, threads, trace};
use crate::random::Random;

/// Throws of the dice for each operation and way to tear it.
const THROWS: u8 = 20;
/// The row of cases with more than one cut.
const SEVERAL: &str = "3 to 8 cuts at random";
/// Operations that one thread sweeps behind one another.
const STRETCH: usize = 64;

/// Sweeps, on as many threads as there are cores.
#[must_use]
pub fn sweep(extent: Extent) -> Tally {
    let images = Images::new();
    let jobs = jobs(&images, extent);
    threads::share(&jobs, |job, tally| job.run(&images, extent, tally))
}

/// Runs one case and tells what happens.
///
/// # Errors
/// The [`Failure`], when it is one.
pub fn replay(seed: &Seed, tell: &mut dyn FnMut(String)) -> Result<Outcome, Failure> {
    let failure = |fault| Failure { seed: seed.to_string(), fault };
    let Some(story) = Story::ALL.into_iter().find(|story| story.name() == seed.story) else {
        return Err(failure(Fault::Stuck(format!("no story {}", seed.story))));
    };
    let images = Images::new();
    let mut world = World::start(&images, story);
    tell_case(&mut world, &seed.cuts, tell).1.map_err(failure)
}

/// A story without a cut: what runs at its end.
///
/// # Errors
/// The [`Fault`], when even that goes wrong.
pub fn without_cuts() -> Result<[Outcome; 2], Fault> {
    let images = Images::new();
    let end = |story| {
        let mut world = World::start(&images, story);
        world.judge()?;
        world.runs().ok_or(Fault::Stuck("nothing runs".into()))
    };
    Ok([end(Story::Update)?, end(Story::Revert)?])
}

/// Cases that one thread runs behind one another.
struct Job<'a> {
    story: Story,
    what: What<'a>,
}

enum What<'a> {
    /// These operations of the step that follows.
    Cut(Box<World<'a>>, Vec<u64>),
    /// Cases of three to eight cuts.
    Random(u64),
}

fn jobs(images: &Images, extent: Extent) -> Vec<Job<'_>> {
    let mut jobs = Vec::new();
    for story in Story::ALL {
        for (number, (world, operations)) in told(World::start(images, story)).into_iter().enumerate() {
            // Up to the crash both stories are the same.
            if story == Story::Revert && number < FIRST_OF_REVERT {
                continue;
            }
            let picked: Vec<u64> = match extent {
                Extent::Full => operations.collect(),
                // Both ends of a step are where the state page is written.
                Extent::Slice => {
                    let Range { start, end } = operations;
                    (start..end).filter(|at| at % 191 == 0 || at % 258 == 257 || end - at <= 4).collect()
                }
            };
            jobs.extend(
                picked
                    .chunks(STRETCH)
                    .map(|operations| Job { story, what: What::Cut(Box::new(world.clone()), operations.to_vec()) }),
            );
        }
        let seeds = if extent == Extent::Full { 0..20 } else { 0..1 };
        jobs.extend(seeds.map(|seed| Job { story, what: What::Random(seed) }));
    }
    jobs
}

/// Steps that write flash before the revert: the update, and the boot that swaps.
const FIRST_OF_REVERT: usize = 2;

/// Tells a story without a cut; the unit before each step that touches flash, with the step's operations.
fn told(mut world: World<'_>) -> Vec<(World<'_>, Range<u64>)> {
    let mut steps = Vec::new();
    loop {
        let before = world.clone();
        let step = world.advance().expect("nothing fails without a cut");
        let range = before.operations()..world.operations();
        if !range.is_empty() {
            steps.push((before, range));
        }
        if step == Step::Done {
            return steps;
        }
    }
}

impl Job<'_> {
    fn run(&self, images: &Images, extent: Extent, tally: &mut Tally) {
        match &self.what {
            What::Cut(world, operations) => {
                for (&operation, mode) in operations.iter().flat_map(|at| Mode::ALL.map(|mode| (at, mode))) {
                    let throws = if extent == Extent::Full && mode.is_torn() { THROWS } else { 1 };
                    (0..throws).for_each(|throw| self.one(world, Cut { operation, mode, throw }, tally));
                }
            }
            What::Random(seed) => self.random(images, *seed, extent, tally),
        }
    }

    /// One cut and its verdict.
    fn one(&self, world: &World<'_>, cut: Cut, tally: &mut Tally) {
        let seed = self.seed(&[cut]);
        trace::working_on(&seed);
        let mut world = world.clone();
        world.plan(cut, 0);
        while let Ok(Step::Going) = world.advance() {}
        let call = world.call;
        world.power_on();
        let verdict = world.judge().map_err(|fault| Failure { seed: seed.to_string(), fault });
        tally.count(&[cut.mode.name()], call, &verdict);
        tally.lost_trials += u64::from(world.lost_trial);
    }

    fn random(&self, images: &Images, seed: u64, extent: Extent, tally: &mut Tally) {
        let cases = if extent == Extent::Full { 25 } else { 5 };
        let mut random = Random::new(seed);
        for _ in 0..cases {
            let cuts: Vec<Cut> = (0..3 + random.below(6))
                .map(|_| {
                    let span = [4, 300, 2100, 4200][random.below(4) as usize];
                    let mode = Mode::ALL[random.below(Mode::ALL.len() as u64) as usize];
                    Cut { operation: random.below(span), mode, throw: random.below(4) as u8 }
                })
                .collect();
            let name = self.seed(&cuts);
            trace::working_on(&name);
            let mut world = World::start(images, self.story);
            let (reached, verdict) = tell_case(&mut world, &cuts, &mut |_| {});
            // One of them is to blame, and who knows which.
            let modes = vec![SEVERAL; reached];
            let verdict = verdict.map_err(|fault| Failure { seed: name.to_string(), fault });
            tally.count(&modes, SEVERAL, &verdict);
            tally.lost_trials += u64::from(world.lost_trial);
        }
    }

    fn seed(&self, cuts: &[Cut]) -> Seed {
        Seed { sweep: Sweep::Embassy, story: self.story.name().into(), cuts: cuts.to_vec() }
    }
}

/// Tells a story with these cuts: how many were reached, and the verdict.
fn tell_case(world: &mut World<'_>, cuts: &[Cut], tell: &mut dyn FnMut(String)) -> (usize, Result<Outcome, Fault>) {
    let mut reached = 0;
    let mut planned = cuts.iter().enumerate();
    if let Some((depth, &cut)) = planned.next() {
        world.plan(cut, depth);
    }
    loop {
        tell(world.describe());
        match world.advance() {
            Ok(Step::Going) => {}
            Ok(Step::Done) => break,
            Ok(Step::PowerLost) => {
                let place = world.flash.lost_in().unwrap_or_default();
                let cut = cuts[reached];
                let mode = cut.mode.name();
                tell(format!("power lost in operation {}, {mode}, at {place:#07x}, in {}", cut.operation, world.call));
                reached += 1;
                world.power_on();
                match planned.next() {
                    Some((depth, &cut)) => world.plan(cut, depth),
                    None => break,
                }
            }
            Err(fault) => return (reached, Err(fault)),
        }
    }
    let verdict = world.judge();
    tell(world.describe());
    (reached, verdict)
}
