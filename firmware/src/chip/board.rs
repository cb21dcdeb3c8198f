//! The unit behind a lock that both priorities can take.

use core::cell::RefCell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Instant;

use super::outputs;
use crate::health::Task;
use crate::unit::Unit;
use bootloader::update::Shared;

/// The unit, locked by a critical section: a frame is handled within it in some tens of microseconds, less than a
/// character.
pub(super) type Locked = Mutex<CriticalSectionRawMutex, RefCell<Unit>>;

static WORK: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// A handle on the unit.
#[derive(Clone, Copy)]
pub(super) struct Board(&'static Locked);

impl Board {
    pub(super) fn new(unit: &'static Locked) -> Self {
        Self(unit)
    }

    /// A task reports that it is alive.
    pub(super) fn report(self, task: Task) {
        self.with(|unit| unit.health.report(task, unit.live.uptime_ms));
    }

    /// Says that there may be work.
    pub(super) fn call_worker(self) {
        WORK.signal(());
    }

    /// Waits until there may be work.
    pub(super) async fn work(self) {
        WORK.wait().await;
    }
}

impl Shared for Board {
    type Unit = Unit;

    fn with<R>(&self, ask: impl FnOnce(&mut Unit) -> R) -> R {
        self.0.lock(|unit| {
            let mut unit = unit.borrow_mut();
            before(&mut unit);
            let answer = ask(&mut unit);
            after(&mut unit);
            answer
        })
    }
}

/// What is to be so when somebody asks. Once in the image, and not once for each question.
#[inline(never)]
fn before(unit: &mut Unit) {
    unit.observe(Instant::now().as_millis(), outputs::read());
}

/// What follows when somebody has asked.
#[inline(never)]
fn after(unit: &mut Unit) {
    unit.collect_events();
    // Within the same lock: what is on record is what the pins show.
    outputs::show(unit.channels.drive());
}
