//! Changes which image is the one to run: activate, confirm, roll back. Decided by [`bootloader::transition`], appended to
//! the boot log, and where another image is to run, followed by a restart.

use protocol::boot_record::{BootState, ImageRef, Phase, Switch};
use protocol::event::{Event as Happening, FlashPart, RestartCause};
use protocol::message::{Activating, ChannelPolicy, Confirmed, Refusal};

use bootloader::boot_log::BootLog;
use bootloader::seal;
use bootloader::transition::{self, Confirmation, floor_of};
use bootloader::update::refusals;
use bootloader::update::transfer::Event;
use bootloader::verify::verify_image;

use super::{BackgroundFlash, Shared, Worker, idle_slot};
use crate::unit::{RESTART_DELAY_MS, Unit};

impl<F: BackgroundFlash> Worker<F> {
    /// Makes the staged image the trial.
    pub(super) fn activate(&mut self, shared: &impl Shared, channels: ChannelPolicy) -> Result<Activating, Refusal> {
        let staged = shared.with(|unit| unit.update.transfer.staged()).ok_or(Refusal::NothingStaged)?;
        // Once more over the bytes that will run: time has passed since they were staged (`fault:A10`).
        let criteria = self.criteria(shared);
        let verified = verify_image(self.flash(), staged.slot, &criteria);
        if !verified.is_ok_and(|image| image.image_ref() == staged) {
            shared.with(|unit| unit.update.transfer.on(Event::Forget));
            return Err(Refusal::ImageDiffers);
        }
        let (log, running) = self.stand(shared);
        let next = transition::activate(log, running, staged).map_err(refusals::activate)?;
        let happening = Happening::Activated { slot: staged.slot, version: staged.version };
        self.switch_to(shared, next, channels, happening)
    }

    /// Goes back to the image in the other slot.
    pub(super) fn roll_back(&mut self, shared: &impl Shared, channels: ChannelPolicy) -> Result<Activating, Refusal> {
        let criteria = self.criteria(shared);
        let other = verify_image(self.flash(), idle_slot(shared), &criteria)
            .map_err(|_| Refusal::NothingToRollBackTo)?
            .image_ref();
        let (log, running) = self.stand(shared);
        if let Some(BootState { last_switch: Switch::FellBack { from, .. }, .. }) = log
            && from == other.version
        {
            return Err(Refusal::FailedItsTrial { version: from });
        }
        let next = transition::roll_back(log, running, other).map_err(refusals::roll_back)?;
        let happening = Happening::RolledBack { slot: other.slot, version: other.version };
        self.switch_to(shared, next, channels, happening)
    }

    /// Keeps the running image. Only here the floor rises (`boot:B8`).
    pub(super) fn confirm(&mut self, shared: &impl Shared) -> Result<Confirmed, Refusal> {
        let (log, image) = self.stand(shared);
        let (facts, self_test) = shared.with(|unit| (unit.facts().clone(), unit.live.self_test));
        // Without a log nothing is confirmed either, and the first record has to come from somewhere.
        let on_trial = log.is_none_or(|state| state.active == image && matches!(state.phase, Phase::Trial { .. }));
        if !on_trial {
            return Err(Refusal::NotOnTrial);
        }
        if !self_test.passed() {
            return Err(Refusal::SelfTestFailed { failed: self_test.failed });
        }
        let security_floor = facts.manifest.map_or(floor_of(log), |manifest| manifest.security_floor);
        if let Confirmation::Append(state) =
            transition::confirm(log, image, security_floor).map_err(refusals::confirm)?
        {
            self.keep(shared, state)?;
            shared.with(|unit| unit.note(Happening::Confirmed { slot: image.slot, version: image.version }));
        }
        Ok(Confirmed { image, floor: shared.with(|unit| floor_of(unit.log())) })
    }

    /// Puts the running image on record as the confirmed one. What is confirmed must not rest on a seal that was torn and
    /// reads well for now (`fault:P4`): so it gets one more before.
    pub(super) fn keep(&mut self, shared: &impl Shared, state: BootState) -> Result<(), Refusal> {
        let ImageRef { slot, tag, .. } = state.active;
        seal::keep(self.flash(), slot, tag)
            .map_err(|error| Refusal::FlashFailed { offset: refusals::place_of(error) })?;
        self.append(shared, state)
    }

    fn switch_to(
        &mut self,
        shared: &impl Shared,
        next: BootState,
        channels: ChannelPolicy,
        happening: Happening,
    ) -> Result<Activating, Refusal> {
        // Last, so that nothing lies between this look and the record but the record itself (`boot:U5`).
        match (channels, shared.with(|unit| unit.live.outputs.start)) {
            (ChannelPolicy::RefuseWhileRunning, 0) => {}
            (ChannelPolicy::RefuseWhileRunning, outputs) => return Err(Refusal::ChannelsRunning { outputs }),
        }
        self.append(shared, next)?;
        shared.with(|unit| unit.note(happening));
        shared.with(|unit| unit.plan_restart(RestartCause::AnotherImage));
        Ok(Activating { image: next.active, reset_in_ms: RESTART_DELAY_MS })
    }

    /// Makes what the log says last, before a host is told of it.
    pub(super) fn repair_log(&mut self, shared: &impl Shared) {
        if let Some(state) = shared.with(|unit| unit.log_to_repair()) {
            let state = self.criteria(shared).settle(state);
            // A log that takes no record is told in the status, and asking more often would only wear it.
            let _told_in_the_status = self.append(shared, state);
            shared.with(|unit| unit.note(Happening::FlashRepaired { part: FlashPart::BootLog }));
            shared.with(Unit::log_repaired);
        }
    }

    /// The boot state in force, with the floor that holds, and the running image.
    pub(super) fn stand(&mut self, shared: &impl Shared) -> (Option<BootState>, ImageRef) {
        let (log, running) = shared.with(|unit| (unit.log(), unit.facts().running()));
        let criteria = self.criteria(shared);
        (log.map(|state| criteria.settle(state)), running)
    }

    /// Appends a state that was made from where the unit stands, and takes from flash what is in force then.
    pub(super) fn append(&mut self, shared: &impl Shared, state: BootState) -> Result<(), Refusal> {
        let criteria = self.criteria(shared);
        let (state, reset) = (criteria.stamp(state), criteria.trust.numbered_reset());
        if let Err(error) = BootLog::append_under(self.flash(), state, reset) {
            refusals::append(error)?;
        }
        let view = BootLog::read(self.flash());
        shared.with(|unit| unit.live.log = view);
        Ok(())
    }
}
