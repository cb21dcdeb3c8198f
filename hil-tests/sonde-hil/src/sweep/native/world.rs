//! A unit and its host, step by step: boots, sessions, and what must be true after each.

use std::fmt::Write as _;

use bootloader::boot::{Asked, Boot, boot};
use bootloader::boot_log::BootLog;
use bootloader::model::FlashModel;
use bootloader::recovery::Situation;
use bootloader::trust::Trust;
use bootloader::unit::read_identity;
use embedded_storage::nor_flash::ReadNorFlash as _;
use firmware::settings::Stored;
use protocol::boot_record::{ImageRef, Phase, Switch};
use protocol::handover::BootReport;
use protocol::reset::ResetCause;
use protocol::semver::Version;
use protocol::settings::{Change, Kind, Setting};

use super::session::{Session, Undone};
use super::story::{Order, Story};
use crate::sweep::seed::Cut;
use crate::sweep::tally::{Fault, Outcome};

/// More steps than any story takes with eight cuts, every start of a trial used up.
const PATIENCE: u32 = 160;

/// Where a story stands. A clone is a place to start from again.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) flash: FlashModel,
    up: Option<Up>,
    reset: ResetCause,
    /// The order that the host is at.
    order: usize,
    /// What the host was last told to be confirmed; `None` for a unit that was never given an image.
    confirmed: Option<ImageRef>,
    /// The floor that the host was last told.
    floor: Version,
    /// Number of the key set that the host was last told to be in force.
    keys: u16,
    /// The amplitude that the host was last told to be set; `None` when none is.
    amplitude: Option<i32>,
    steps: u32,
    /// Operations before the last power-on.
    base: u64,
}

/// What is up.
#[derive(Debug, Clone, Copy)]
enum Up {
    /// An image.
    Runs { report: BootReport, version: Version },
    /// The loader, in recovery.
    Recovers(Situation),
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more to do.
    Going,
    /// All orders are carried out.
    Done,
    /// Power went.
    PowerLost,
}

impl World {
    /// The unit of a story, before the first cut.
    pub(super) fn start(story: &Story) -> Self {
        let mut world = Self {
            flash: story.flash.clone(),
            up: None,
            reset: ResetCause::PowerOn,
            order: 0,
            confirmed: story.confirmed,
            floor: Version::ZERO,
            keys: story.installed,
            amplitude: stored_amplitude(&mut story.flash.clone()),
            steps: 0,
            base: 0,
        };
        let before = Story { orders: story.before.clone(), ..story.clone() };
        world.run_out(&before).expect("nothing fails without a cut");
        world.order = 0;
        world.up = None;
        world.reset = ResetCause::PowerOn;
        world.base = world.flash.operations();
        world
    }

    /// Operations since the last power-on.
    pub(super) fn operations(&self) -> u64 {
        self.flash.operations() - self.base
    }

    /// Loses power in that operation, counted from the last power-on.
    pub(super) fn plan(&mut self, cut: Cut, depth: usize) {
        if let Some(after) = cut.operation.checked_sub(self.operations()) {
            self.flash.plan_cut(after, cut.tear(depth as u64));
        }
    }

    /// Power comes back.
    pub(super) fn power_on(&mut self) {
        self.flash.power_on();
        self.up = None;
        self.reset = ResetCause::PowerOn;
        self.base = self.flash.operations();
    }

    /// Goes on to the end without a further cut.
    pub(super) fn run_out(&mut self, story: &Story) -> Result<(), Fault> {
        loop {
            match self.advance(story)? {
                Step::Going => {}
                Step::Done => return Ok(()),
                Step::PowerLost => return Err(Fault::Stuck("power went without a cut".into())),
            }
        }
    }

    /// One boot, or one session of the host with what runs.
    pub(super) fn advance(&mut self, story: &Story) -> Result<Step, Fault> {
        self.steps += 1;
        if self.steps > PATIENCE {
            return Err(Fault::Stuck(format!("{:?} is not carried out after {PATIENCE} steps", story.orders)));
        }
        match self.up {
            None => self.boot(story),
            Some(up) => self.session(story, up),
        }
    }

    /// What is up now, for the table: the old image of the story, one that it brought, or the loader.
    pub(super) fn outcome(&mut self, story: &Story) -> Outcome {
        match self.up {
            Some(Up::Recovers(_)) => Outcome::Recovery,
            Some(Up::Runs { version, .. }) if version == story.old() => Outcome::Old,
            _ => Outcome::New,
        }
    }

    /// Boots twice more, as after every cut, and until the last weak word has decayed: the same must run, and if the
    /// story is at its end, confirmed.
    pub(super) fn settle(&mut self, story: &Story) -> Result<Outcome, Fault> {
        let done = self.order >= story.orders.len();
        let mut boots = if done { 2 } else { 1 };
        while boots > 0 || self.flash.may_decay() {
            self.power_on();
            self.boot(story)?;
            boots -= 1.min(boots);
        }
        let log = BootLog::read(&mut self.flash).state();
        if done && !log.is_some_and(|state| Some(state.active) == self.confirmed && state.phase == Phase::Confirmed) {
            return Err(Fault::LostConfirmed(format!("the host was told {:?}, the log says {log:?}", self.confirmed)));
        }
        Ok(self.outcome(story))
    }

    /// The loader's turn.
    pub(super) fn boot(&mut self, story: &Story) -> Result<Step, Fault> {
        let booted = boot(&mut self.flash, self.reset, None, Asked::Nothing);
        if self.flash.is_off() {
            return Ok(Step::PowerLost);
        }
        match booted {
            Boot::Recovery { why, slots } if self.confirmed.is_none() => {
                self.up = Some(Up::Recovers(Situation { why, reset: self.reset, slots }));
                Ok(Step::Going)
            }
            Boot::Recovery { slots: [a, b], .. } => Err(Fault::Unbootable(format!("A: {a}; B: {b}"))),
            Boot::Run { image, report } => {
                self.check_image(story, image.image_ref())?;
                self.check_keys_and_floor(story)?;
                self.check_settings(story)?;
                self.up = Some(Up::Runs { report, version: image.manifest().version });
                Ok(Step::Going)
            }
        }
    }

    fn session(&mut self, story: &Story, up: Up) -> Result<Step, Fault> {
        let Some(&order) = story.orders.get(self.order) else { return Ok(Step::Done) };
        let carried_out = match up {
            Up::Runs { report, version } => self.carry_out(story, order, report, version),
            Up::Recovers(situation) => self.revive(story, order, situation),
        };
        match carried_out {
            Ok(()) => {}
            Err(Undone::PowerLost) => return Ok(Step::PowerLost),
            Err(Undone::Refused(refusal)) if self.steps < PATIENCE => {
                // The host tries again after a restart, and is stuck when that never helps.
                let _ = refusal;
                self.restart(ResetCause::Requested);
            }
            Err(Undone::Refused(refusal)) => return Err(Fault::Stuck(format!("{order:?} is refused: {refusal}"))),
        }
        Ok(if self.order == story.orders.len() { Step::Done } else { Step::Going })
    }

    /// Brings the image of this order to a loader in recovery.
    fn revive(&mut self, story: &Story, order: Order, situation: Situation) -> Result<(), Undone> {
        let (Order::Update(index) | Order::Fail(index) | Order::RollBack(index)) = order else {
            unreachable!("no story leaves a unit without an image to its keys or settings")
        };
        Session::recover(&mut self.flash, situation)?.update(&story.images[index])?;
        self.restart(ResetCause::Requested);
        Ok(())
    }

    fn carry_out(&mut self, story: &Story, order: Order, report: BootReport, version: Version) -> Result<(), Undone> {
        let mut session = Session::open(&mut self.flash, report, version)?;
        if let Order::Settings(percent) = order {
            // What the host was told once must not be taken back.
            self.amplitude = session.amplitude()?;
            self.amplitude = session.set(&amplitude(percent))?;
            self.order += 1;
            return Ok(());
        }
        let status = session.status()?;
        self.floor = status.floor;
        let runs = |index: usize| status.running == story.images[index].name;
        let on_trial = matches!(status.phase, Phase::Trial { .. });
        let ended = match order {
            Order::Update(index) if runs(index) => {
                if on_trial {
                    session.confirm()?;
                }
                session.status()?.phase == Phase::Confirmed
            }
            Order::Update(index) => {
                session.update(&story.images[index])?;
                false
            }
            Order::Fail(index) if runs(index) => {
                self.restart(ResetCause::Watchdog);
                return Ok(());
            }
            Order::Fail(index) => {
                let version = story.images[index].name.version;
                let given_up = matches!(status.last_switch, Switch::FellBack { from, .. } if from == version);
                if !given_up {
                    session.update(&story.images[index])?;
                }
                given_up
            }
            Order::RollBack(index) if runs(index) && on_trial => {
                session.confirm()?;
                true
            }
            Order::RollBack(index) if runs(index) => true,
            Order::RollBack(_) => {
                session.roll_back()?;
                false
            }
            Order::Keys(index) => {
                let installed = session.install(&story.sets[index].signed)?;
                (self.keys, self.floor) = (installed.number, installed.floor);
                self.order += 1;
                return Ok(());
            }
            Order::Settings(_) => unreachable!("carried out above"),
        };
        if ended {
            self.confirmed = Some(status.running);
            self.order += 1;
        } else {
            self.restart(ResetCause::Requested);
        }
        Ok(())
    }

    fn restart(&mut self, reset: ResetCause) {
        self.up = None;
        self.reset = reset;
    }

    /// What runs is a release, byte for byte, and one that may run at this point of the story.
    fn check_image(&mut self, story: &Story, name: ImageRef) -> Result<(), Fault> {
        let Some(image) = story.images.iter().find(|image| image.name == name) else {
            return Err(Fault::MixedImage(format!("{name:?} runs, which is no release of the story")));
        };
        let mut bytes = vec![0; image.release.image.len()];
        let read = self.flash.read(name.slot.image_offset(), &mut bytes);
        if read.is_err() || bytes != image.release.image {
            return Err(Fault::MixedImage(format!("{} runs with other bytes", name.version)));
        }
        let brought = story.orders.get(self.order).and_then(|order| match *order {
            Order::Update(index) | Order::Fail(index) | Order::RollBack(index) => Some(story.images[index].name),
            Order::Keys(_) | Order::Settings(_) => None,
        });
        if Some(name) == self.confirmed || Some(name) == brought {
            return Ok(());
        }
        let confirmed = self.confirmed.map(|image| image.version);
        Err(Fault::LostConfirmed(format!("{} runs, {confirmed:?} was confirmed", name.version)))
    }

    /// What a host was told stays.
    fn check_keys_and_floor(&mut self, story: &Story) -> Result<(), Fault> {
        let log = BootLog::read(&mut self.flash).state();
        let trust = Trust::read(&mut self.flash);
        if trust.number() < self.keys {
            let (told, number) = (self.keys, trust.number());
            return Err(Fault::LostKeySet(format!("number {told} was installed, {number} is in force")));
        }
        let serial = read_identity(&mut self.flash).map(|identity| identity.serial);
        let floor = trust.floor(log, serial);
        // A set that may be in force, though the host does not know yet.
        let reset = match story.orders.get(self.order) {
            Some(&Order::Keys(index)) => story.sets[index].reset,
            _ => None,
        };
        if floor < reset.map_or(self.floor, |reset| reset.min(self.floor)) {
            return Err(Fault::FloorSank(format!("from {} to {floor}", self.floor)));
        }
        Ok(())
    }

    /// The settings are those that a host was told, or those that it was about to set.
    fn check_settings(&mut self, story: &Story) -> Result<(), Fault> {
        let found = stored_amplitude(&mut self.flash);
        let coming = match story.orders.get(self.order) {
            Some(&Order::Settings(percent)) => Some(percent.into()),
            _ => self.amplitude,
        };
        if found == self.amplitude || found == coming {
            return Ok(());
        }
        let told = self.amplitude;
        Err(Fault::LostSettings(format!("amplitude {told:?} was told, {coming:?} was coming, {found:?} is stored")))
    }

    /// In words, for a trace.
    pub(super) fn describe(&mut self, story: &Story) -> String {
        let mut text = String::new();
        let _ = write!(text, "order {} of {}, ", self.order + 1, story.orders.len());
        let _ = match self.up {
            Some(Up::Runs { report, version }) => {
                write!(text, "{version} runs ({:?}, attempt {})", report.reason, report.attempts)
            }
            Some(Up::Recovers(situation)) => write!(text, "in recovery ({:?})", situation.why),
            None => write!(text, "about to boot after {:?}", self.reset),
        };
        let log = BootLog::read(&mut self.flash.clone());
        let _ = write!(text, "; {} operations; log {:?}, copies {:?}", self.operations(), log.state(), log.copies);
        text
    }
}

/// What an order for that amplitude changes.
pub(super) fn amplitude(percent: u8) -> [Change; 2] {
    let change = |setting: Setting, number| Change { code: setting.code(), number: Some(number) };
    [change(Setting::Amplitude, percent.into()), change(Setting::Stagger, 100 + i32::from(percent))]
}

/// The amplitude in flash; a record that is half one and half another is none.
fn stored_amplitude(flash: &mut FlashModel) -> Option<i32> {
    let values = Stored::read(flash, Kind::Setting).values;
    let amplitude = values.set(Setting::Amplitude.code())?;
    (values.set(Setting::Stagger.code()) == Some(100 + amplitude)).then_some(amplitude)
}

impl Story {
    fn old(&self) -> Version {
        self.images[0].name.version
    }
}
