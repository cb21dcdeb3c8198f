//! The event log and the crash records, written in the background: a piece at a time, between the worker's other pieces.
//!
//! A page in the bank that the code runs from is erased only while no channel is on or about to be: the erase stops the core for
//! 22 ms, half of what the dead man's switch of the outputs allows. Records go to pages that were erased ahead.

use protocol::boot_record::Switch;
use protocol::crash::CrashRecord;
use protocol::event::{EVENT_SIZE, EVENTS_PER_PAGE, Event, EventRecord};
use protocol::handover::BootReason;
use protocol::layout::Slot;
use protocol::message::{CrashPart, EventHead, Events, MAX_CRASH_PART, MAX_EVENT_RECORDS, Refusal};

use super::{BackgroundFlash, Shared, Step, Worker};
use crate::crash::{Crashes, Next};
use crate::events::budget::Budget;
use crate::events::ring::{AppendError, PAGES_AHEAD, Ring, Stamp};
use crate::events::{Outcome, Waiting};
use crate::kept::Kept;
use crate::shutdown::Snapshot;
use crate::unit::Unit;

/// Records that a crash costs of the budget, beside the event that tells of it: it is as long as thirteen.
const CRASH_COST: u8 = 16;

/// What is known of the run before, from RAM.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    /// What was kept; `None` when power came.
    pub kept: Option<Kept>,
    /// The crash that ended it, if one did.
    pub crash: Option<CrashRecord>,
}

/// The log, as far as the worker has it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "no allocator to box with; there is one of it")]
pub(super) enum Log {
    /// Nobody has asked for one.
    Off,
    /// To be read.
    Closed(Before),
    /// Read.
    Open {
        ring: Ring,
        /// A crash to be written.
        crash: Option<CrashRecord>,
    },
}

impl<F: BackgroundFlash> Worker<F> {
    /// From the next step on there is an event log.
    pub fn start_log(&mut self, before: Before) {
        self.log = Log::Closed(before);
    }

    /// One piece of work on the log, if there is any.
    pub(super) async fn log_step(&mut self, shared: &impl Shared) -> Step {
        match core::mem::replace(&mut self.log, Log::Off) {
            Log::Off => Step::Idle,
            Log::Closed(before) => {
                let ring = Ring::open(self.flash());
                let crash = self.begin_log(shared, &ring, &before);
                self.log = Log::Open { ring, crash };
                Step::Worked
            }
            Log::Open { mut ring, mut crash } => {
                let step = self.write_log(shared, &mut ring, &mut crash).await;
                self.log = Log::Open { ring, crash };
                step
            }
        }
    }

    /// What the start itself has to tell; the crash that is to be written.
    fn begin_log(&mut self, shared: &impl Shared, ring: &Ring, before: &Before) -> Option<CrashRecord> {
        let Before { kept, crash } = *before;
        let was = kept.map_or_else(|| last_run(ring, self.flash()), |kept| kept.channels);
        let known = kept.map_or(0, |kept| kept.boot).max(ring.boots());
        let crash = crash.map(|crash| CrashRecord { boot: known, ..crash });
        let stored = Crashes::newest(self.flash());
        let is_new = |crash: &CrashRecord| stored.as_ref().is_none_or(|stored| !stored.is_like(crash));
        let number = stored.as_ref().map_or(0, |stored| stored.number);
        let new = crash.filter(is_new);
        shared.with(|unit| {
            unit.boot = known.saturating_add(1);
            unit.remember_shutdown(&was);
            if let Some(kept) = kept {
                unit.events.budget = Budget::of(kept.budget);
            }
            // Each in front of the one before it: the start itself comes first.
            if let Some(crash) = crash.filter(|_| new.is_none()) {
                unit.events.note_first(crashed(&crash, number));
            }
            if let Some(late) = kept.map(|kept| kept.late).filter(|&late| late != 0) {
                unit.events.note_first(Event::WatchdogLate { task: late });
            }
            if let Some(event) = fell_back(unit) {
                unit.events.note_first(event);
            }
            let untold = u16::try_from(known - ring.boots()).unwrap_or(u16::MAX);
            let event = started(unit, untold);
            unit.events.note_first(event);
            show(unit, ring);
        });
        new
    }

    /// Writes what waits; then makes room.
    async fn write_log(&mut self, shared: &impl Shared, ring: &mut Ring, crash: &mut Option<CrashRecord>) -> Step {
        let (may_erase, stalls) = shared.with(|unit| (may_erase(unit), unit.facts().slot == Slot::B));
        let next = shared.with(|unit| unit.events.next(unit.live.uptime_ms));
        match next {
            Some(waiting) if ring.room() > 1 => self.write_event(shared, ring, waiting).await,
            Some(_) if !may_erase || !wants_room(ring, stalls) => Step::Idle,
            None if crash.is_some() && self.write_crash(shared, crash, may_erase).await == Step::Worked => Step::Worked,
            _ if may_erase && wants_room(ring, stalls) => {
                if stalls && !shared.with(|unit| unit.channels.hold()) {
                    return Step::Idle;
                }
                // A page that does not erase is left alone; there are others.
                let _others_go_on = ring.make_room(self.flash()).await;
                shared.with(|unit| {
                    if stalls {
                        unit.channels.release();
                    }
                    show(unit, ring);
                });
                Step::Worked
            }
            _ => Step::Idle,
        }
    }

    async fn write_event(&mut self, shared: &impl Shared, ring: &mut Ring, waiting: Waiting) -> Step {
        let Waiting { time_ms, repeats, event } = waiting;
        let stamp = Stamp { boot: shared.with(|unit| unit.boot), time_ms };
        let settles = ring.is_unsettled();
        let outcome = match ring.append(self.flash(), stamp, repeats, event).await {
            Ok(()) => Outcome::Written,
            Err(AppendError::Full | AppendError::Flash(_)) => Outcome::Failed,
        };
        shared.with(|unit| {
            unit.events.budget.spend(settles.into());
            unit.events.done(waiting, outcome);
            show(unit, ring);
        });
        Step::Worked
    }

    async fn write_crash(&mut self, shared: &impl Shared, crash: &mut Option<CrashRecord>, may_erase: bool) -> Step {
        let Some(record) = *crash else { return Step::Idle };
        let mut crashes = Crashes::open(self.flash());
        let has_room = may_erase || matches!(crashes.next(), Next::Place(_));
        if !has_room || !shared.with(|unit| unit.events.budget.allows(CRASH_COST)) {
            return Step::Idle;
        }
        shared.with(|unit| unit.events.budget.spend(CRASH_COST));
        match crashes.append(self.flash(), &record).await {
            Ok(number) => {
                shared.with(|unit| unit.note(crashed(&record, number)));
                *crash = None;
            }
            // Another place, when there is leave for one.
            Err(_) if matches!(crashes.next(), Next::Erase(_)) && !may_erase => {}
            Err(_) => *crash = None,
        }
        Step::Worked
    }

    /// What the log holds.
    pub(super) fn event_head(&self, shared: &impl Shared) -> EventHead {
        shared.with(|unit| {
            let extent = unit.events.extent;
            EventHead {
                boot: unit.boot,
                count: extent.count,
                oldest: extent.oldest,
                newest: extent.newest,
                head: unit.events.head,
                unreadable: extent.unreadable,
                waiting: unit.events.waiting(),
                uptime_ms: unit.live.uptime_ms,
            }
        })
    }

    /// Records from a number on.
    pub(super) fn events(&mut self, since: u32) -> Events {
        let mut records = [[0; EVENT_SIZE]; MAX_EVENT_RECORDS];
        let log = core::mem::replace(&mut self.log, Log::Off);
        let count = match &log {
            Log::Open { ring, .. } => ring.read(self.flash(), since, &mut records),
            Log::Off | Log::Closed(_) => 0,
        };
        self.log = log;
        Events::of(&records[..count])
    }

    /// A piece of the newest crash record.
    pub(super) fn crash_part(&mut self, offset: u16) -> Result<CrashPart, Refusal> {
        let record = Crashes::newest(self.flash());
        let number = record.as_ref().map_or(0, |record| record.number);
        let bytes = record.map(|record| record.emit());
        let rest = bytes.as_ref().and_then(|bytes| bytes.get(usize::from(offset)..)).unwrap_or_default();
        let bytes = rest.iter().copied().take(MAX_CRASH_PART).collect();
        Ok(CrashPart { number, offset, bytes })
    }
}

/// Bank 2, where log and crash records are, may be busy: the code runs from the other one, or nothing depends on it now.
fn may_erase(unit: &Unit) -> bool {
    unit.facts().slot == Slot::A || unit.may_stall()
}

/// While an erase stalls the core the line is not served, so what was not done at the start ([`make_room_at_start`]) waits
/// until the last page is begun. In the other bank nothing stalls.
fn wants_room(ring: &Ring, stalls: bool) -> bool {
    ring.wants_room() && (!stalls || ring.room() <= EVENTS_PER_PAGE)
}

/// Erases pages ahead before anything is served: where an erase stalls the core, nobody misses it now.
pub async fn make_room_at_start<F: BackgroundFlash>(flash: &mut F) {
    let mut ring = Ring::open(flash);
    for _ in 0..PAGES_AHEAD {
        if ring.wants_room() {
            // A page that does not erase is left alone; there are others.
            let _others_go_on = ring.make_room(flash).await;
        }
    }
}

fn show(unit: &mut Unit, ring: &Ring) {
    (unit.events.extent, unit.events.head) = (ring.extent(), ring.head());
}

fn started(unit: &Unit, untold: u16) -> Event {
    let facts = unit.facts();
    Event::Boot {
        reset: facts.reset(),
        reason: facts.boot_reason(),
        slot: facts.slot,
        attempts: facts.report.map_or(0, |report| report.attempts),
        version: facts.running().version,
        untold,
    }
}

/// The loader tells of it at the one start that follows.
fn fell_back(unit: &Unit) -> Option<Event> {
    match unit.log()?.last_switch {
        Switch::FellBack { from, cause, reset } if unit.facts().boot_reason() == BootReason::FellBack => {
            Some(Event::FellBack { from, cause, reset })
        }
        _ => None,
    }
}

fn crashed(crash: &CrashRecord, number: u32) -> Event {
    let program_counter = crash.registers.pc;
    Event::Crash { kind: crash.kind.code(), exception: crash.exception, program_counter, number }
}

/// What the log tells of the run before.
fn last_run<F: BackgroundFlash>(ring: &Ring, flash: &mut F) -> Snapshot {
    let (mut snapshot, mut since) = (Snapshot::OFF, ring.extent().oldest);
    loop {
        let mut records = [[0; EVENT_SIZE]; MAX_EVENT_RECORDS];
        let count = ring.read(flash, since, &mut records);
        if count == 0 {
            return snapshot;
        }
        for record in records[..count].iter().filter_map(|bytes| EventRecord::parse(bytes).ok()) {
            since = record.number.saturating_add(1);
            // After each start all is off, and what was last told of faults and amplitudes stays.
            if matches!(record.event, Event::Boot { .. }) {
                snapshot = snapshot.after_start();
            }
            snapshot = snapshot.after(&record);
        }
    }
}
