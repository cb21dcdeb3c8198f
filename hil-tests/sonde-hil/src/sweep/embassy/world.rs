//! A unit under embassy-boot and its host, step by step, and what must be true after each.

use bootloader::model::FlashModel;
use embassy_boot::{FirmwareUpdaterError, State};

use super::unit::{self, boot, factory_unit, mark_booted, mark_updated, running};
use crate::sweep::seed::Cut;
use crate::sweep::tally::{Fault, Outcome};

/// Boots that a unit gets to come up: a panic in the loader is a reset, and the next boot may fare better.
const BOOTS: u32 = 8;
/// More steps than any story takes with eight cuts.
const PATIENCE: u32 = 80;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// The new image comes, is swapped in, and says that it is well.
    Update,
    /// The new image comes, is swapped in, and crashes whenever it runs; the next boot reverts.
    Revert,
}

impl Story {
    pub(super) const ALL: [Self; 2] = [Self::Update, Self::Revert];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Revert => "revert",
        }
    }
}

/// Both images.
#[derive(Debug)]
pub(super) struct Images {
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Images {
    pub(super) fn new() -> Self {
        Self { old: unit::image(1), new: unit::image(2) }
    }
}

/// Where a story stands. A clone is a place to start from again.
#[derive(Debug, Clone)]
pub(super) struct World<'a> {
    pub(super) flash: FlashModel,
    images: &'a Images,
    story: Story,
    /// What runs.
    up: Option<Outcome>,
    /// What the host was last told to stay.
    confirmed: Outcome,
    /// All is done.
    done: bool,
    /// The call that is on.
    pub(super) call: &'static str,
    new_ran: bool,
    /// A new image was taken back that never ran.
    pub(super) lost_trial: bool,
    steps: u32,
    /// Operations before the last power-on.
    base: u64,
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more to do.
    Going,
    /// The story is told.
    Done,
    /// Power went.
    PowerLost,
}

impl<'a> World<'a> {
    /// A unit from the factory, before its first boot.
    pub(super) fn start(images: &'a Images, story: Story) -> Self {
        let flash = factory_unit(&images.old);
        Self {
            base: flash.operations(),
            flash,
            images,
            story,
            up: None,
            confirmed: Outcome::Old,
            done: false,
            call: "",
            new_ran: false,
            lost_trial: false,
            steps: 0,
        }
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
        self.base = self.flash.operations();
    }

    /// What the first boot after a cut makes of it, and whether the unit keeps its word from there to the end.
    pub(super) fn judge(&mut self) -> Result<Outcome, Fault> {
        let Some(outcome) = self.boot()? else { return Err(Fault::Stuck("power went without a cut".into())) };
        while !self.done {
            self.advance()?;
        }
        let mut boots = 2_u32;
        while boots > 0 || self.flash.may_decay() {
            self.power_on();
            self.boot()?;
            boots = boots.saturating_sub(1);
        }
        Ok(outcome)
    }

    /// What runs, as [`World::judge`] left it.
    pub(super) fn runs(&self) -> Option<Outcome> {
        self.up
    }

    /// One boot, or one turn of the application that runs.
    pub(super) fn advance(&mut self) -> Result<Step, Fault> {
        self.steps += 1;
        if self.steps > PATIENCE {
            return Err(Fault::Stuck(format!("{} is not carried out after {PATIENCE} steps", self.story.name())));
        }
        let Some(runs) = self.up else {
            return Ok(if self.boot()?.is_none() { Step::PowerLost } else { Step::Going });
        };
        let told = self.application(runs);
        if self.flash.is_off() {
            return Ok(Step::PowerLost);
        }
        // An application that cannot go on restarts, and the host tries again.
        if told.is_err() {
            self.up = None;
        }
        Ok(if self.done { Step::Done } else { Step::Going })
    }

    /// What runs now; `None` when power went.
    fn boot(&mut self) -> Result<Option<Outcome>, Fault> {
        self.call = if self.new_ran { "boot: revert" } else { "boot: swap" };
        let mut error = None;
        for _ in 0..BOOTS {
            let booted = boot(&mut self.flash);
            if self.flash.is_off() {
                return Ok(None);
            }
            match booted {
                Ok(_) => return self.check().map(Some),
                Err(refused) => error = Some(refused),
            }
        }
        Err(Fault::Unbootable(format!("{error:?} at each of {BOOTS} boots")))
    }

    /// What runs is a release, byte for byte, and the one that the host was told to stay.
    fn check(&mut self) -> Result<Outcome, Fault> {
        let runs = match running(&mut self.flash) {
            Some(bytes) if bytes == self.images.old => Outcome::Old,
            Some(bytes) if bytes == self.images.new => Outcome::New,
            Some(_) => return Err(Fault::MixedImage("the active partition holds parts of both images".into())),
            None => return Err(Fault::MixedImage("the active partition faults on read".into())),
        };
        let told = self.done || self.confirmed == Outcome::New;
        if told && runs != self.confirmed {
            return Err(Fault::LostConfirmed(format!("{runs:?} runs, {:?} was to stay", self.confirmed)));
        }
        self.new_ran |= runs == Outcome::New;
        self.up = Some(runs);
        Ok(runs)
    }

    /// The application starts, and does what host and story want of it.
    fn application(&mut self, runs: Outcome) -> Result<(), FirmwareUpdaterError> {
        self.call = "mark_booted";
        if runs == Outcome::New {
            if self.story == Story::Update {
                mark_booted(&mut self.flash)?;
                (self.confirmed, self.done) = (Outcome::New, true);
            } else {
                self.up = None;
            }
            return Ok(());
        }
        let reverted = unit::state(&mut self.flash)? == State::Revert;
        self.lost_trial |= reverted && !self.new_ran;
        mark_booted(&mut self.flash)?;
        if reverted && self.story == Story::Revert {
            self.done = true;
            return Ok(());
        }
        self.call = "write_firmware";
        unit::write(&mut self.flash, &self.images.new)?;
        self.call = "mark_updated";
        mark_updated(&mut self.flash)?;
        self.up = None;
        Ok(())
    }

    /// In words, for a trace.
    pub(super) fn describe(&self) -> String {
        let runs = self.up.map_or("about to boot".into(), |image| format!("{image:?} runs"));
        format!("{runs}; {} operations; {:?} is to stay", self.operations(), self.confirmed)
    }
}
