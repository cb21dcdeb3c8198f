//! The sweep over the libraries: the loader's `boot` and the firmware's worker on the loader's flash model.
//!
//! A story is told once without a cut, and the unit kept before each of its steps (a boot, or a session of the host).
//! Each cut starts from there, so a cut costs what comes after it and no more. Nothing is remembered of a verification:
//! every boot of every case verifies signature and hash of the bytes that are there.

mod session;
mod story;
mod world;

use bootloader::model::Tear;
use story::{Depth, Story};
use world::{Step, World};

use super::seed::{Cut, Mode, Seed, Sweep};
use super::tally::{Failure, Fault, Outcome, Tally};
use super::{Extent, threads, trace};
use crate::random::Random;

/// Most cuts in one case.
const DEEPEST: u64 = 8;

/// Sweeps, on as many threads as there are cores; with `only`, the stories whose names begin so.
#[must_use]
pub fn sweep(extent: Extent, only: Option<&str>) -> Tally {
    let plan = Plan::new(extent, only);
    threads::share(&plan.jobs, |job, tally| job.run(&plan.stories, tally))
}

/// Runs one case and tells what happens.
///
/// # Errors
/// The [`Failure`], when it is one.
pub fn replay(seed: &Seed, tell: &mut dyn FnMut(String)) -> Result<Outcome, Failure> {
    let Some(story) = story::all().into_iter().find(|story| story.name == seed.story) else {
        return Err(Failure { seed: seed.to_string(), fault: Fault::Stuck(format!("no story {}", seed.story)) });
    };
    let mut world = World::start(&story);
    // As the sweep does it: a read more or less, and an unstable word reads differently.
    let rest = if seed.cuts.len() == 2 { Rest::Boots } else { Rest::ToTheEnd };
    let told = tell_case(&story, &mut world, &seed.cuts, rest, tell).1;
    told.map_err(|fault| Failure { seed: seed.to_string(), fault })
}

struct Plan {
    stories: Vec<Story>,
    jobs: Vec<Job>,
}

/// Cases that one thread runs behind one another.
struct Job {
    story: usize,
    what: What,
}

enum What {
    /// All ways to tear one operation, and for pairs every second cut after each. Every `stride`-th second operation.
    Cut { world: Box<World>, operation: u64, pairs: Option<u64> },
    /// Cases of random depth.
    Random { seed: u64, cases: u64 },
}

impl Plan {
    fn new(extent: Extent, only: Option<&str>) -> Self {
        let is_asked_for = |story: &Story| only.is_none_or(|start| story.name.starts_with(start));
        let stories: Vec<Story> = story::all().into_iter().filter(is_asked_for).collect();
        let mut jobs = Vec::new();
        for (number, story) in stories.iter().enumerate() {
            let stride = match extent {
                Extent::Full => 1,
                // A boot with root keys takes three times as long.
                Extent::Slice if !story.sets.is_empty() => 101,
                Extent::Slice => 17,
            };
            let pairs = match story.depth {
                Depth::Singles => None,
                Depth::Pairs => Some(stride),
                Depth::SomePairs(some) => Some(stride * some),
            };
            for (world, operations) in told(story, World::start(story)) {
                for operation in operations.step_by(stride as usize) {
                    jobs.push(Job {
                        story: number,
                        what: What::Cut { world: Box::new(world.clone()), operation, pairs },
                    });
                }
            }
            let cases = match extent {
                Extent::Full if !story.sets.is_empty() => 200,
                Extent::Full => 1_000,
                Extent::Slice if !story.sets.is_empty() => 2,
                Extent::Slice => 8,
            };
            jobs.push(Job { story: number, what: What::Random { seed: number as u64, cases } });
        }
        Self { stories, jobs }
    }
}

/// Tells a story from here to its end without a cut; the unit before each step that touches flash, with the step's
/// operations.
fn told(story: &Story, mut world: World) -> Vec<(World, std::ops::Range<u64>)> {
    let mut steps = Vec::new();
    loop {
        let before = world.clone();
        let step = world.advance(story);
        let range = before.operations()..world.operations();
        if !range.is_empty() {
            steps.push((before, range));
        }
        // What fails here fails in the case without this second cut as well, and is counted there.
        if step != Ok(Step::Going) {
            return steps;
        }
    }
}

impl Job {
    fn run(&self, stories: &[Story], tally: &mut Tally) {
        let story = &stories[self.story];
        match &self.what {
            What::Cut { world, operation, pairs } => {
                for (mode, throw) in Mode::ALL.into_iter().flat_map(|mode| throws(mode).map(move |throw| (mode, throw)))
                {
                    let first = Cut { operation: *operation, mode, throw };
                    let mut cut = World::clone(world);
                    if !cut_short(story, &mut cut, &[], first) {
                        continue;
                    }
                    one(story, cut.clone(), &[first], Rest::ToTheEnd, tally);
                    if let Some(stride) = *pairs {
                        second_cuts(story, cut, first, stride, tally);
                    }
                }
            }
            What::Random { seed, cases } => random_cases(story, *seed, *cases, tally),
        }
    }
}

/// How often the dice are thrown for a first cut: each time that a weak word can hold, each half.
fn throws(mode: Mode) -> std::ops::Range<u8> {
    match mode {
        Mode::Weak => 0..Tear::LONGEST + 1,
        Mode::Half => 0..2,
        _ => 0..1,
    }
}

fn second_cuts(story: &Story, cut: World, first: Cut, stride: u64, tally: &mut Tally) {
    // Not always the same ones when only some are taken; and the throws of the first cut share them.
    let shares = u64::from(throws(first.mode).end);
    let shift = first.operation % stride + stride * u64::from(first.throw);
    for (world, operations) in told(story, cut) {
        for operation in operations.filter(|operation| operation % (stride * shares) == shift) {
            for mode in Mode::ALL {
                let second = Cut { operation, mode, throw: 0 };
                let mut cut = world.clone();
                if cut_short(story, &mut cut, &[first], second) {
                    one(story, cut, &[first, second], Rest::Boots, tally);
                }
            }
        }
    }
}

/// Carries out the step that a cut ends; whether it did.
fn cut_short(story: &Story, world: &mut World, before: &[Cut], cut: Cut) -> bool {
    let cuts: Vec<Cut> = before.iter().copied().chain([cut]).collect();
    trace::working_on(&seed(story, &cuts));
    world.plan(cut, before.len());
    let reached = world.advance(story) == Ok(Step::PowerLost);
    world.power_on();
    reached
}

/// What is done after the last cut before the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Two boots.
    Boots,
    /// The host goes on to the end of the story, then two boots.
    ToTheEnd,
}

/// Judges a unit whose power has just come back. Counts its last cut: those before are counted by themselves.
fn one(story: &Story, mut world: World, cuts: &[Cut], rest: Rest, tally: &mut Tally) {
    let modes: Vec<&'static str> = cuts.last().map(|cut| cut.mode.name()).into_iter().collect();
    let verdict = judge(story, &mut world, rest);
    let verdict = verdict.map_err(|fault| Failure { seed: seed(story, cuts).to_string(), fault });
    tally.count(&modes, &story.name, &verdict);
}

fn judge(story: &Story, world: &mut World, rest: Rest) -> Result<Outcome, Fault> {
    world.boot(story)?;
    // What runs now is what came of the cut, whatever the host makes of it afterwards.
    let outcome = world.outcome(story);
    if rest == Rest::ToTheEnd {
        world.run_out(story)?;
    }
    world.settle(story)?;
    Ok(outcome)
}

fn random_cases(story: &Story, seed_of_job: u64, cases: u64, tally: &mut Tally) {
    let start = World::start(story);
    let mut random = Random::new(seed_of_job);
    for _ in 0..cases {
        let cuts: Vec<Cut> = (0..3 + random.below(DEEPEST - 2))
            .map(|_| {
                // Short stretches as well as long ones.
                let span = [4, 20, 40, 120][random.below(4) as usize];
                let mode = Mode::ALL[random.below(Mode::ALL.len() as u64) as usize];
                Cut { operation: random.below(span), mode, throw: random.below(4) as u8 }
            })
            .collect();
        trace::working_on(&seed(story, &cuts));
        let (reached, verdict) = tell_case(story, &mut start.clone(), &cuts, Rest::ToTheEnd, &mut |_| {});
        let modes: Vec<&'static str> = cuts[..reached].iter().map(|cut| cut.mode.name()).collect();
        let verdict = verdict.map_err(|fault| Failure { seed: seed(story, &cuts).to_string(), fault });
        tally.count(&modes, &story.name, &verdict);
    }
}

/// Tells a story with these cuts: how many were reached, and the verdict.
fn tell_case(
    story: &Story,
    world: &mut World,
    cuts: &[Cut],
    rest: Rest,
    tell: &mut dyn FnMut(String),
) -> (usize, Result<Outcome, Fault>) {
    let mut reached = 0;
    if let Some(&first) = cuts.first() {
        world.plan(first, 0);
    }
    loop {
        tell(world.describe(story));
        match world.advance(story) {
            Ok(Step::Going) => {}
            Ok(Step::Done) => break,
            Ok(Step::PowerLost) => {
                tell(format!("power lost in operation {}, {}", cuts[reached].operation, cuts[reached].mode.name()));
                reached += 1;
                world.power_on();
                match cuts.get(reached) {
                    Some(&cut) => world.plan(cut, reached),
                    None => break,
                }
            }
            Err(fault) => return (reached, Err(fault)),
        }
    }
    let verdict = judge(story, world, rest);
    tell(world.describe(story));
    (reached, verdict)
}

fn seed(story: &Story, cuts: &[Cut]) -> Seed {
    Seed { sweep: Sweep::Native, story: story.name.clone(), cuts: cuts.to_vec() }
}
