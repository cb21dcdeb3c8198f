//! Serves the requests of a unit in recovery, one piece of work at a time.

use protocol::boot_record::{BootState, ImageRef};
use protocol::layout::Slot;
use protocol::manifest::SignedManifest;
use protocol::message::{Activating, Answer, Began, Refusal, Reply, Request, Staged};

use super::{RESTART_DELAY_MS, Recovery};
use crate::boot_log::BootLog;
use crate::transition::{self, Confirmation, proven_image};
use crate::trust::Trust;
use crate::unit::{Criteria, LOADER_VERSION};
use crate::update::transfer::{self, Event};
use crate::update::{BackgroundFlash, Shared, Stager, Step, refusals};
use crate::verify::verify_image;

/// The one that works.
#[derive(Debug)]
pub struct Worker<F> {
    stager: Stager<F>,
    /// Read once: nobody but this worker can change it.
    trust: Trust,
}

impl<F: BackgroundFlash> Worker<F> {
    pub(super) fn new(flash: F, trust: Trust) -> Self {
        Self { stager: Stager::new(flash), trust }
    }

    /// The flash it works on.
    pub fn flash(&mut self) -> &mut F {
        self.stager.flash()
    }

    /// Does one piece of work, if there is any: a page, or a request with its reply.
    pub async fn step(&mut self, shared: &impl Shared<Unit = Recovery>) -> Step {
        if self.stager.step(shared).await == Step::Worked {
            shared.with(Recovery::note_work);
            return Step::Worked;
        }
        let Some((ticket, request)) = shared.with(|unit| unit.update.session.take_work()) else { return Step::Idle };
        let reply = match self.serve(shared, request).await {
            Ok(answer) => Reply::Done(answer),
            Err(refusal) => Reply::Refused(refusal),
        };
        shared.with(|unit| {
            unit.note_work();
            unit.update.session.finish_work(ticket, &reply);
        });
        Step::Worked
    }

    async fn serve(&mut self, shared: &impl Shared<Unit = Recovery>, request: Request) -> Result<Answer, Refusal> {
        match request {
            Request::Hello | Request::Status => Ok(Answer::Recovery(shared.with(|unit| unit.tell()))),
            Request::SlotReport { slot } => {
                let criteria = self.criteria(shared);
                Ok(Answer::SlotReport(self.stager.slot_report(slot, &criteria)))
            }
            Request::Begin { manifest } => self.begin(shared, manifest).map(Answer::Began),
            Request::PageMap { first } => self.stager.page_map(shared, first).map(Answer::PageMap),
            Request::Finish => self.finish(shared).await.map(Answer::Staged),
            // No channel runs here, whatever is asked about them.
            Request::Activate { .. } => self.activate(shared).map(Answer::Activating),
            Request::Confirm | Request::RollBack { .. } => Err(Refusal::InRecovery),
            Request::Abort => {
                shared.with(|unit| unit.update.transfer.on(transfer::Event::Forget));
                Ok(Answer::Aborted)
            }
            Request::KeySetPart { .. } | Request::InstallKeySet { .. } | Request::KeySetReport => {
                Err(Refusal::NotUnderstood)
            }
        }
    }

    /// Arms a transfer (`boot:U1`). The slot of the image that was confirmed is refused while that image verifies:
    /// recovery may have been asked for by somebody who only leant on the pin.
    fn begin(&mut self, shared: &impl Shared<Unit = Recovery>, signed: SignedManifest) -> Result<Began, Refusal> {
        let criteria = self.criteria(shared);
        let manifest = self.stager.judge(&signed, &criteria)?;
        if self.kept_image(shared, &criteria)?.is_some_and(|kept| kept.slot == manifest.slot) {
            return Err(Refusal::SlotRuns { slot: manifest.slot });
        }
        self.stager.arm(shared, signed, manifest, &criteria)
    }

    /// Ends a transfer. An image that nobody has ever confirmed must not become the confirmed one because power is lost
    /// between here and the activation, so where nothing else may run it is on record as a trial before it is whole.
    async fn finish(&mut self, shared: &impl Shared<Unit = Recovery>) -> Result<Staged, Refusal> {
        let criteria = self.criteria(shared);
        let coming = shared.with(|unit| {
            let manifest = unit.update.transfer.receiving()?.manifest();
            Some(ImageRef { slot: manifest.slot, version: manifest.version, tag: manifest.tag() })
        });
        if let Some(coming) = coming
            && self.kept_image(shared, &criteria)?.is_none()
        {
            self.put_on_trial(shared, coming, &criteria)?;
        }
        self.stager.finish(shared, |_| criteria).await
    }

    /// Makes the staged image the trial, and restarts.
    fn activate(&mut self, shared: &impl Shared<Unit = Recovery>) -> Result<Activating, Refusal> {
        let staged = shared.with(|unit| unit.update.transfer.staged()).ok_or(Refusal::NothingStaged)?.image();
        // Once more over the bytes that will run: time has passed since they were staged (`fault:A10`).
        let criteria = self.criteria(shared);
        let verified = verify_image(self.flash(), staged.slot, &criteria);
        if !verified.is_ok_and(|image| image.image_ref() == staged) {
            shared.with(|unit| unit.update.transfer.on(Event::Forget));
            return Err(Refusal::ImageDiffers);
        }
        self.put_on_trial(shared, staged, &criteria)?;
        shared.with(Recovery::plan_restart);
        Ok(Activating { image: staged, reset_in_ms: RESTART_DELAY_MS })
    }

    /// Puts an image on record as the one to try, unless it is that already and was never started.
    fn put_on_trial(
        &mut self,
        shared: &impl Shared<Unit = Recovery>,
        image: ImageRef,
        criteria: &Criteria,
    ) -> Result<(), Refusal> {
        let log = shared.with(|unit| unit.state()).map(|state| criteria.settle(state));
        let next = transition::recover(log, image).map_err(refusals::activate)?;
        let is_there = log.is_some_and(|log| log.active == image && log.phase == next.phase);
        if is_there { Ok(()) } else { self.append(shared, criteria.stamp(next)) }
    }

    /// The image that was confirmed and verifies, if there is one. On a unit without a log that is the only one there
    /// is, and it is put on record: without that the loader would try a second one that is whole (`boot:B9`).
    fn kept_image(
        &mut self,
        shared: &impl Shared<Unit = Recovery>,
        criteria: &Criteria,
    ) -> Result<Option<ImageRef>, Refusal> {
        let log = shared.with(|unit| unit.state());
        if let Some(state) = log {
            let Some(proven) = proven_image(state) else { return Ok(None) };
            return Ok(self.image_in(proven.slot, criteria).filter(|&image| image == proven));
        }
        let only = match (self.image_in(Slot::A, criteria), self.image_in(Slot::B, criteria)) {
            (Some(only), None) | (None, Some(only)) => only,
            (Some(_), Some(_)) | (None, None) => return Ok(None),
        };
        if let Ok(Confirmation::Append(state)) = transition::confirm(log, only, criteria.floor) {
            self.append(shared, criteria.stamp(state))?;
        }
        Ok(Some(only))
    }

    fn image_in(&mut self, slot: Slot, criteria: &Criteria) -> Option<ImageRef> {
        verify_image(self.flash(), slot, criteria).ok().map(|image| image.image_ref())
    }

    /// What an image is judged against now, as the next boot will judge it.
    fn criteria(&mut self, shared: &impl Shared<Unit = Recovery>) -> Criteria {
        let log = shared.with(|unit| unit.state());
        let trust = self.trust;
        Criteria::of(self.flash(), trust, log, LOADER_VERSION)
    }

    /// Appends a state and takes from flash what is in force then.
    fn append(&mut self, shared: &impl Shared<Unit = Recovery>, state: BootState) -> Result<(), Refusal> {
        if let Err(error) = BootLog::append(self.flash(), state) {
            refusals::append(error)?;
        }
        let view = BootLog::read(self.flash());
        shared.with(|unit| unit.log = view);
        Ok(())
    }
}
