//! What takes time: signatures, hashes, flash. One piece of work at a time, in the background of the bus.
//!
//! Holds the unit only between its steps, never while it computes or waits for flash, so that the bus is answered
//! meanwhile. Pages that are whole go before the request that waits: what was sent is in flash before a question about
//! it is answered.

mod background_flash;
mod begin;
mod finish;
mod inspect;
mod refusals;
mod switch;
mod write_page;

pub use background_flash::BackgroundFlash;

use protocol::layout::Slot;
use protocol::message::{Answer, Refusal, Reply, Request};

use bootloader::transition::floor_of;
use bootloader::unit::Criteria;

use crate::status;
use crate::transfer::{Event, PAGE};
use crate::unit::Unit;

/// The unit, behind whatever lock its surroundings need. The closure must be short: the bus waits for it.
pub trait Shared {
    /// Asks or changes the unit.
    fn with<R>(&self, ask: impl FnOnce(&mut Unit) -> R) -> R;
}

/// Whether there was anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A piece of work is done; there may be more.
    Worked,
    /// Nothing to do until the bus brings something.
    Idle,
}

/// The one that works.
#[derive(Debug)]
pub struct Worker<F> {
    flash: F,
    page: [u8; PAGE],
}

impl<F: BackgroundFlash> Worker<F> {
    /// A worker on this flash. It writes the idle slot and the boot log, nothing else.
    pub fn new(flash: F) -> Self {
        Self { flash, page: [0; PAGE] }
    }

    /// The flash it works on.
    pub fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    /// Does one piece of work, if there is any: a page, or a request with its reply.
    pub async fn step(&mut self, shared: &impl Shared) -> Step {
        if let Some(job) = shared.with(|unit| unit.transfer.take_page(&mut self.page)) {
            self.write_page(shared, job).await;
            return Step::Worked;
        }
        let Some((ticket, request)) = shared.with(|unit| unit.session.take_work()) else { return Step::Idle };
        let reply = match self.serve(shared, request).await {
            Ok(answer) => Reply::Done(answer),
            Err(refusal) => Reply::Refused(refusal),
        };
        shared.with(|unit| unit.session.finish_work(ticket, &reply));
        Step::Worked
    }

    async fn serve(&mut self, shared: &impl Shared, request: Request) -> Result<Answer, Refusal> {
        match request {
            Request::Hello => {
                self.repair_log(shared);
                Ok(Answer::Hello(shared.with(|unit| status::hello(unit))))
            }
            Request::Status => Ok(Answer::Status(shared.with(|unit| status::status(unit)))),
            Request::SlotReport { slot } => Ok(Answer::SlotReport(self.slot_report(shared, slot))),
            Request::Begin { manifest } => self.begin(shared, manifest).map(Answer::Began),
            Request::PageMap { first } => self.page_map(shared, first).map(Answer::PageMap),
            Request::Finish => self.finish(shared).await.map(Answer::Staged),
            Request::Activate { channels } => self.activate(shared, channels).map(Answer::Activating),
            Request::Confirm => self.confirm(shared).map(Answer::Confirmed),
            Request::RollBack { channels } => self.roll_back(shared, channels).map(Answer::Activating),
            Request::Abort => {
                shared.with(|unit| unit.transfer.on(Event::Forget));
                Ok(Answer::Aborted)
            }
        }
    }

    /// What an image is judged against now, as the loader will judge it at the next boot.
    fn criteria(&mut self, shared: &impl Shared) -> Criteria {
        let (floor, loader) = shared.with(|unit| (floor_of(unit.log()), unit.facts().loader()));
        Criteria::read(&mut self.flash, floor, loader)
    }
}

fn idle_slot(shared: &impl Shared) -> Slot {
    shared.with(|unit| unit.facts().slot.other())
}

#[cfg(test)]
mod tests;
