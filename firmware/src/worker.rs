//! What takes time: signatures, hashes, flash. One piece of work at a time, in the background of the bus.
//!
//! Holds the unit only between its steps, never while it computes or waits for flash, so that the bus is answered
//! meanwhile. Pages that are whole go before the request that waits: what was sent is in flash before a question about
//! it is answered.

mod begin;
mod keys;
mod log;
mod settings;
mod switch;

use protocol::layout::Slot;
use protocol::message::{Answer, Refusal, Reply, Request};
use protocol::settings::Kind;

use self::log::Log;
pub use self::log::{Before, make_room_at_start};
use bootloader::unit::Criteria;
pub use bootloader::update::{BackgroundFlash, Step};
use bootloader::update::{Stager, transfer};

use crate::status;
use crate::unit::Unit;

/// The unit, behind whatever lock its surroundings need.
pub trait Shared: bootloader::update::Shared<Unit = Unit> {}

impl<S: bootloader::update::Shared<Unit = Unit>> Shared for S {}

/// The one that works.
#[derive(Debug)]
pub struct Worker<F> {
    stager: Stager<F>,
    log: Log,
}

impl<F: BackgroundFlash> Worker<F> {
    /// A worker on this flash. It writes the idle slot, the boot log, the key set, the running image's seals, the unit's
    /// records, the event log and the crash records, nothing else. Without [`Worker::start_log`] there is no event log.
    pub fn new(flash: F) -> Self {
        Self { stager: Stager::new(flash), log: Log::Off }
    }

    /// The flash it works on.
    pub fn flash(&mut self) -> &mut F {
        self.stager.flash()
    }

    /// Does one piece of work, if there is any: a page, or a request with its reply.
    pub async fn step(&mut self, shared: &impl Shared) -> Step {
        if self.stager.step(shared).await == Step::Worked {
            return Step::Worked;
        }
        if self.keep_proven(shared).await {
            return Step::Worked;
        }
        if self.log_step(shared).await == Step::Worked {
            return Step::Worked;
        }
        let Some((ticket, request)) = shared.with(|unit| unit.update.session.take_work()) else { return Step::Idle };
        let reply = match self.serve(shared, request).await {
            Ok(answer) => Reply::Done(answer),
            Err(refusal) => Reply::Refused(refusal),
        };
        shared.with(|unit| unit.update.session.finish_work(ticket, &reply));
        Step::Worked
    }

    async fn serve(&mut self, shared: &impl Shared, request: Request) -> Result<Answer, Refusal> {
        match request {
            Request::Hello => {
                self.repair_log(shared);
                self.look_after_keys(shared).await;
                Ok(Answer::Hello(shared.with(|unit| status::hello(unit))))
            }
            Request::Status => Ok(Answer::Status(shared.with(|unit| status::status(unit)))),
            Request::SlotReport { slot } => {
                let criteria = self.criteria(shared);
                Ok(Answer::SlotReport(self.stager.slot_report(slot, &criteria)))
            }
            Request::Begin { manifest } => self.begin(shared, &manifest).map(Answer::Began),
            Request::PageMap { first } => self.stager.page_map(shared, first).map(Answer::PageMap),
            Request::Finish => {
                let criteria = self.criteria(shared);
                self.stager.finish(shared, |_| criteria).await.map(Answer::Staged)
            }
            Request::Activate { channels } => self.activate(shared, channels).map(Answer::Activating),
            Request::Confirm => self.confirm(shared).map(Answer::Confirmed),
            Request::RollBack { channels } => self.roll_back(shared, channels).map(Answer::Activating),
            Request::Abort => {
                shared.with(|unit| unit.update.transfer.on(transfer::Event::Forget));
                Ok(Answer::Aborted)
            }
            Request::KeySetPart { offset, bytes } => self.stager.keys().0.part(offset, &bytes).map(Answer::KeySetPart),
            Request::InstallKeySet { give_up } => {
                self.install_key_set(shared, give_up).await.map(Answer::KeySetInstalled)
            }
            Request::Settings => Ok(Answer::Values(self.tell_values(shared, Kind::Setting).await)),
            Request::Calibration => Ok(Answer::Values(self.tell_values(shared, Kind::Calibration).await)),
            Request::ChangeSettings { changes } => {
                self.change_values(shared, Kind::Setting, &changes).await.map(Answer::Values)
            }
            Request::ChangeCalibration { changes } => {
                self.change_values(shared, Kind::Calibration, &changes).await.map(Answer::Values)
            }
            Request::KeySetReport => {
                let (keys, flash) = self.stager.keys();
                Ok(Answer::KeySetReport(keys.report(flash, shared.with(|unit| unit.log()))))
            }
            Request::EventHead => Ok(Answer::EventHead(self.event_head(shared))),
            Request::Events { since } => Ok(Answer::Events(self.events(since))),
            Request::CrashPart { offset } => self.crash_part(offset).map(Answer::CrashPart),
        }
    }

    /// What an image is judged against now, as the loader will judge it at the next boot.
    fn criteria(&mut self, shared: &impl Shared) -> Criteria {
        let (log, loader) = shared.with(|unit| (unit.log(), unit.facts().loader()));
        self.stager.criteria(log, loader)
    }
}

fn idle_slot(shared: &impl Shared) -> Slot {
    shared.with(|unit| unit.facts().slot.other())
}

#[cfg(test)]
mod tests;
