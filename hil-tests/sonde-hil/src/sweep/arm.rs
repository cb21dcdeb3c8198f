//! The sweep over the linked images: the release's own loader and firmware on the virtual board, in virtual time.
//!
//! A unit is brought to each moment of an update, of the install of a key set, or of recovery that writes flash, over its
//! bus, and kept there; each cut starts from a clone. After it power comes back and the loader boots whatever flash holds
//! now, poisoned and unstable words included, until an image or the loader in recovery answers on the bus. Its version,
//! the bytes of its slot and the output pins are looked at. With keys and in recovery the host then goes on to the end.

mod host;
mod moment;
mod parts;
mod rig;
mod scene;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use protocol::semver::Version;
use virtual_board::board::Tear;
use virtual_board::time::VirtualTime;
use virtual_board::unit::FactoryError;

use self::moment::Name;
use self::parts::{OLD, Parts};
use self::rig::{Rig, Up};
use self::scene::Scene;
use super::seed::{Cut, Mode, Seed, Sweep};
use super::tally::{Failure, Fault, Outcome, Tally};
use super::{Extent, threads, trace};

/// Why nothing could be swept.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// A linked image is missing or unusable.
    #[error("cannot use {}: {reason}; run `cargo xtask chip`", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No unit could be made.
    #[error(transparent)]
    Factory(#[from] FactoryError),
    /// The unit did not do what leads to a moment, without any cut.
    #[error("the unit did not {what} on the way to {scene}; see it run with `cargo xtask demo`")]
    Scene {
        /// Which moment.
        scene: String,
        /// What it did not do.
        what: &'static str,
    },
    /// The seed names no moment.
    #[error("there is no moment `{0}`; give a seed that the sweep has printed")]
    NoScene(String),
}

/// How operations are torn here: what the board's flash can do.
const MODES: [Mode; 5] = [Mode::Before, Mode::After, Mode::Garbage, Mode::Poison, Mode::Unstable];

/// Longest time until somebody answers. A trial that hangs takes a watchdog's second each; none does here.
const PATIENCE: VirtualTime = VirtualTime::from_millis(2500);

/// Sweeps the images below `folder`, on as many threads as there are cores.
///
/// # Errors
/// [`ArmError`], when a moment is not reached.
pub fn sweep(folder: &Path, extent: Extent) -> Result<Tally, ArmError> {
    let parts = Parts::of(folder)?;
    let names = Name::all(&parts, extent);
    let error = OnceLock::new();
    let tally = threads::share(&names, |&name, tally| {
        if let Err(lost) = sweep_scene(&parts, name, extent, tally) {
            // One of them is enough to say that nothing was swept.
            let _ = error.set(lost);
        }
    });
    error.into_inner().map_or(Ok(tally), Err)
}

/// Runs one case and tells what happens.
///
/// # Errors
/// [`ArmError`]; the inner one is the [`Failure`], when it is one.
pub fn replay(folder: &Path, seed: &Seed, tell: &mut dyn FnMut(String)) -> Result<Result<Outcome, Failure>, ArmError> {
    let parts = Parts::of(folder)?;
    let no_scene = || ArmError::NoScene(seed.story.clone());
    let name = Name::parse(&seed.story).ok_or_else(no_scene)?;
    let &cut = seed.cuts.first().ok_or_else(no_scene)?;
    let scene = Scene::build(&parts, name)?;
    tell(format!("{name}: {} operations, {:?} may run afterwards", scene.operations, scene.may_run));
    let verdict = case(&parts, &scene, cut, tell).unwrap_or(Err(Fault::Stuck("the cut is not reached".into())));
    Ok(verdict.map_err(|fault| Failure { seed: seed.to_string(), fault }))
}

fn sweep_scene(parts: &Parts, name: Name, extent: Extent, tally: &mut Tally) -> Result<(), ArmError> {
    let scene = Scene::build(parts, name)?;
    let stride = match extent {
        Extent::Full => 1,
        Extent::Slice if scene.operations > 100 => 37,
        Extent::Slice => 7,
    };
    for operation in (0..scene.operations).step_by(stride) {
        let turn = operation as usize % MODES.len();
        let one_mode = extent == Extent::Slice || name.takes_turns(operation, scene.operations);
        let modes = if one_mode { &MODES[turn..=turn] } else { &MODES[..] };
        for &mode in modes {
            let cut = Cut { operation, mode, throw: 0 };
            let seed = Seed { sweep: Sweep::Arm, story: name.to_string(), cuts: vec![cut] };
            trace::working_on(&seed);
            if let Some(verdict) = case(parts, &scene, cut, &mut |_| {}) {
                let verdict = verdict.map_err(|fault| Failure { seed: seed.to_string(), fault });
                tally.count(&[mode.name()], &name.group(), &verdict);
            }
        }
    }
    Ok(())
}

/// One cut and what comes of it; `None` when it is not reached.
fn case(parts: &Parts, scene: &Scene, cut: Cut, tell: &mut dyn FnMut(String)) -> Option<Result<Outcome, Fault>> {
    let mut rig = scene.begin(cut.operation, tear(cut));
    if !Scene::run_into_cut(&mut rig) {
        return None;
    }
    tell(format!("power lost in operation {}, {}, at {}", cut.operation, cut.mode.name(), rig.now()));
    Some(come_back(parts, scene, &mut rig, tell))
}

/// Power on, and the verdict; then the host goes on, where the story has a host.
fn come_back(parts: &Parts, scene: &Scene, rig: &mut Rig, tell: &mut dyn FnMut(String)) -> Result<Outcome, Fault> {
    rig.board_mut().power_on();
    let up = rig.up(PATIENCE);
    let resets = rig.board().resets().last().copied();
    tell(format!("{up:?} answers at {}; last reset {resets:?}", rig.now()));
    check_outputs(rig)?;
    let outcome = match up {
        Some(Up::Image(version)) => {
            if !scene.may_run.contains(&version) {
                return Err(Fault::LostConfirmed(format!("{version} runs, {:?} may", scene.may_run)));
            }
            check_bytes(parts, rig, version)?;
            if version == OLD { Outcome::Old } else { Outcome::New }
        }
        Some(Up::Recovery) if scene.may_recover => Outcome::Recovery,
        Some(Up::Recovery) => return Err(Fault::Unbootable("the loader stays up".into())),
        None => {
            let stopped = rig.stopped().unwrap_or("nothing answers");
            return Err(Fault::Unbootable(format!("{stopped}; pc {:#010x}", rig.board().core().registers()[15])));
        }
    };
    host::go_on(parts, scene.moment, rig)?;
    check_outputs(rig)?;
    tell(format!("the host is done at {}", rig.now()));
    Ok(outcome)
}

fn check_outputs(rig: &Rig) -> Result<(), Fault> {
    let outputs = rig.board().outputs();
    if outputs.ever_on || outputs.start.contains(&true) || outputs.reset.contains(&true) {
        return Err(Fault::OutputOn(format!("{outputs:?}")));
    }
    Ok(())
}

/// What runs is a release, byte for byte.
fn check_bytes(parts: &Parts, rig: &Rig, version: Version) -> Result<(), Fault> {
    let image = [&parts.old, &parts.new].into_iter().find(|image| image.version == version);
    let Some(image) = image else { return Err(Fault::MixedImage(format!("{version} is no release"))) };
    let start = image.slot.image_offset() as usize;
    let same = rig.board().flash()[start..start + image.bytes.len()] == image.bytes[..];
    if same { Ok(()) } else { Err(Fault::MixedImage(format!("{version} runs with other bytes"))) }
}

/// The seed of a tear follows from its place.
fn tear(cut: Cut) -> Tear {
    let seed = cut.seed(7);
    match cut.mode {
        Mode::Before => Tear::Before,
        Mode::After => Tear::After,
        Mode::Garbage | Mode::Half | Mode::Weak => Tear::Garbage(seed),
        Mode::Poison => Tear::Poison(seed),
        Mode::Unstable => Tear::Unstable(seed),
    }
}
