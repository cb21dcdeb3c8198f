//! Everything that an answer can depend on, in one place.
//!
//! The Modbus side and the worker share it under one lock, so nothing here waits, reads flash or computes for long: a
//! frame is answered within a millisecond (`bus:M6`).

use protocol::boot_record::{BootState, Phase, Switch};
use protocol::channel::ChannelId;
use protocol::event::{Event, RestartCause};
use protocol::handover::BootReason;
use protocol::message::SelfTest;
use protocol::settings::Kind;

use bootloader::boot_log::{CopyHealth, LogView};
use bootloader::update::Update;

use crate::channels::Channels;
use crate::channels::{Limits, Trims};
use crate::events::Events;
use crate::facts::Facts;
use crate::health::{Health, Task};
use crate::kept::Kept;
use crate::self_test::Outputs;
use crate::settings::{Line, Settings, Stored};
use crate::shutdown::{Shutdown, Snapshot};

/// Time from the answer to a request for a restart to the restart, milliseconds: enough for the answer to be polled at
/// 9600 baud and through a gateway.
pub const RESTART_DELAY_MS: u16 = 100;

/// The unit, as the bus sees it.
#[derive(Debug)]
pub struct Unit {
    facts: Facts,
    /// What changes by itself.
    pub live: Live,
    /// The four sonicators.
    pub channels: Channels,
    /// What has been counted since start.
    pub counters: Counters,
    /// What happened, on its way to the event log.
    pub events: Events,
    /// Starts of the unit so far, this one included; 0 until the event log is read.
    pub boot: u32,
    /// How the unit last went down.
    pub shutdown: Shutdown,
    /// Who asks for an update, and what has come of it.
    pub update: Update,
    /// Whether all tasks report in time.
    pub health: Health,
    /// What was set and measured.
    pub settings: Settings,
    /// The boot log was repaired since the start, as far as it can be.
    log_repaired: bool,
    /// The key set was looked after since the start.
    keys_looked_after: bool,
    /// Settings and calibration were settled since the start.
    settings_settled: bool,
    /// When to restart, milliseconds since start.
    restart_at_ms: Option<u64>,
    /// The task that the watchdog is not fed for.
    late: Option<Task>,
}

/// What changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Since the image started, milliseconds.
    pub uptime_ms: u64,
    /// Levels of the outputs.
    pub outputs: Outputs,
    /// Result of the self-test so far.
    pub self_test: SelfTest,
    /// The boot log, as it was last read.
    pub log: LogView,
    /// Longest time between two looks at the inputs since start, microseconds.
    pub loop_max_us: u16,
    /// Bytes of the stack that were never used since start.
    pub stack_free: u16,
}

/// What has been counted since start; every count stops at its maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Frames for this unit.
    pub frames: u16,
    /// Exception answers.
    pub exceptions: u16,
    /// Bytes on the line that were no frame, counted once each time.
    pub communication_errors: u16,
}

impl Counters {
    /// Counts a frame for this unit.
    pub fn frame_received(&mut self) {
        self.frames = self.frames.saturating_add(1);
    }

    /// Counts an exception answer.
    pub fn exception_sent(&mut self) {
        self.exceptions = self.exceptions.saturating_add(1);
    }

    /// Counts a disturbance of the line.
    pub fn communication_error(&mut self) {
        self.communication_errors = self.communication_errors.saturating_add(1);
    }
}

impl Unit {
    /// A unit that has just started: all outputs off, nobody asking, nothing under way.
    #[must_use]
    pub fn new(facts: Facts, log: LogView) -> Self {
        Self {
            // Without root keys there is no set.
            keys_looked_after: !facts.has_roots,
            shutdown: Shutdown::new(facts.reset(), &Snapshot::OFF),
            facts,
            live: Live {
                uptime_ms: 0,
                outputs: Outputs::OFF,
                self_test: SelfTest { ran: 0, failed: 0 },
                log,
                loop_max_us: 0,
                stack_free: 0,
            },
            channels: Channels::new(),
            counters: Counters::default(),
            events: Events::new(),
            boot: 0,
            update: Update::new(),
            health: Health::new(),
            settings: Settings::nothing(),
            settings_settled: false,
            log_repaired: false,
            restart_at_ms: None,
            late: None,
        }
    }

    /// Takes in what flash remembers, at the start.
    pub fn remember(&mut self, settings: Stored, calibration: Stored) {
        self.settings = Settings::stored(settings, calibration, self.facts.given_unit_id());
        self.apply_settings();
        self.channels.take_amplitudes();
    }

    /// Takes in what is stored now, and applies what can be applied at once.
    pub fn take_in(&mut self, kind: Kind, stored: Stored) {
        self.settings.take_in(kind, stored);
        self.apply_settings();
    }

    /// How the unit is reached now.
    #[must_use]
    pub fn line(&self) -> Line {
        self.settings.line(self.live.uptime_ms)
    }

    fn apply_settings(&mut self) {
        let (settings, calibration) = (self.settings.of(Kind::Setting), self.settings.of(Kind::Calibration));
        self.channels.configure(Limits::of(&settings.values), Trims::of(&calibration.values));
    }

    /// Whether settings and calibration are still to be settled: what is told must not rest on a torn word.
    #[must_use]
    pub fn settings_to_settle(&self) -> bool {
        !self.settings_settled
    }

    /// They are, as far as they can be.
    pub fn settings_settled(&mut self) {
        self.settings_settled = true;
    }

    /// Notes what has happened to the channels since this was last called.
    pub fn collect_events(&mut self) {
        while let Some(event) = self.channels.take_happening() {
            self.events.note(event, self.live.uptime_ms);
        }
    }

    /// Something else has happened.
    pub fn note(&mut self, event: Event) {
        self.events.note(event, self.live.uptime_ms);
    }

    /// What has to be known after a reset.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let late = self.late.map_or(0, |task| task as u8 + 1);
        Kept { boot: self.boot, budget: self.events.budget.left(), late, channels: Snapshot::of(&self.channels) }
    }

    /// Takes over what was known before a reset.
    pub fn remember_shutdown(&mut self, was: &Snapshot) {
        self.shutdown = Shutdown::new(self.facts.reset(), was);
    }

    /// The task that has not reported in time, if any; it is noted once.
    pub fn overdue(&mut self) -> Option<Task> {
        let late = self.health.overdue(self.live.uptime_ms);
        if let (None, Some(task)) = (self.late, late) {
            self.note(Event::WatchdogLate { task: task as u8 + 1 });
        }
        self.late = late;
        late
    }

    /// Whether the core may be stopped for the erase of a page in the bank that it runs from, 22 ms: no channel is on or
    /// about to be.
    #[must_use]
    pub fn may_stall(&self) -> bool {
        let to_run = |id| self.channels.get(id).state().is_to_run();
        self.live.outputs.start == 0 && !ChannelId::ALL.into_iter().any(to_run)
    }

    /// What is known since the start.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Brings time and outputs up to date; call before anything that may look at them.
    pub fn observe(&mut self, uptime_ms: u64, outputs: Outputs) {
        self.live.uptime_ms = uptime_ms;
        self.live.outputs = outputs;
    }

    /// Takes in how long ago the inputs were looked at before, microseconds.
    pub fn note_loop(&mut self, span_us: u64) {
        self.live.loop_max_us = self.live.loop_max_us.max(u16::try_from(span_us).unwrap_or(u16::MAX));
    }

    /// The boot state in force; `None` without a readable log.
    #[must_use]
    pub fn log(&self) -> Option<BootState> {
        self.live.log.state()
    }

    /// The state to append once more before any host is told of it; `None` when both copies of the log hold it well.
    ///
    /// A record that power was lost in may read well now and not at the next boot (`fault:P3`). It may even have read
    /// well for the loader, which started this image as the confirmed one, and not for us: then what runs is what
    /// stays. Asked for once a start, and only when a host says hello: a unit that resets over and over wears nothing
    /// (`fault:P13`).
    #[must_use]
    pub fn log_to_repair(&self) -> Option<BootState> {
        let is_sound = |copy: &CopyHealth| matches!(copy, CopyHealth::Current { bad_places: 0 });
        let state = self.log().filter(|_| !self.log_repaired && !self.live.log.copies.iter().all(is_sound))?;
        let running = self.facts.running();
        if state.active == running || self.facts.boot_reason() != BootReason::Confirmed {
            return Some(state);
        }
        let last_switch = Switch::RolledBack { from: state.active.version };
        Some(BootState { active: running, phase: Phase::Confirmed, last_switch, ..state })
    }

    /// The log is repaired, or cannot be.
    pub fn log_repaired(&mut self) {
        self.log_repaired = true;
    }

    /// Whether the key set is still to be looked after: a copy that power was lost in is written again, and the log is
    /// told the floor that holds. Once a start, when a host says hello; until then the unit answers without having
    /// checked a signature.
    #[must_use]
    pub fn keys_to_look_after(&self) -> bool {
        !self.keys_looked_after
    }

    /// The key set is looked after, as far as it can be.
    pub fn keys_looked_after(&mut self) {
        self.keys_looked_after = true;
    }

    /// How far the running image is trusted. An image that the log does not name as the active one is not on trial.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.log() {
            Some(state) if state.active == self.facts.running() => state.phase,
            _ => Phase::Confirmed,
        }
    }

    /// Plans a restart, [`RESTART_DELAY_MS`] from now. Channels stop at once.
    pub fn plan_restart(&mut self, cause: RestartCause) {
        if self.restart_at_ms.is_none() {
            self.note(Event::Restart { cause });
        }
        self.channels.wind_down(self.live.uptime_ms);
        self.restart_at_ms.get_or_insert(self.live.uptime_ms + u64::from(RESTART_DELAY_MS));
    }

    /// Whether the time of a planned restart has come.
    #[must_use]
    pub fn restart_is_due(&self) -> bool {
        self.restart_at_ms.is_some_and(|at| self.live.uptime_ms >= at)
    }
}
