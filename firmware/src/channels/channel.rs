//! One channel: its state, what it is set to, what its inputs and meters say, what happened to it.

use protocol::channel::{Amplitude, ChannelFault, ChannelState};

use super::debounce::Debounced;
use super::limits::{Limits, Patience, Trim, Trims};
use super::measure::{Capture, Frequency, Power};
use super::state::{Event, Senses, State};

/// How long an overload has to last, milliseconds.
const OVERLOAD_SETTLES_MS: u64 = 10;
/// How long a lock has to hold or be gone, milliseconds.
const LOCK_SETTLES_MS: u64 = 10;
/// How long the power has to be too high, milliseconds: longer than a sonicator overshoots.
const POWER_SETTLES_MS: u64 = 100;

/// What the chip reads for a channel at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// The overload input is active.
    pub overload: bool,
    /// The lock input is active.
    pub lock: bool,
    /// The power converter, counts.
    pub power_counts: u16,
    /// The frequency capture.
    pub capture: Capture,
}

/// A channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    state: State,
    power_limit_w: u16,
    patience: Patience,
    trim: Trim,
    /// Amplitude while it runs.
    pub amplitude: Amplitude,
    overload: Debounced,
    lock: Debounced,
    over_power: Debounced,
    power: Power,
    frequency: Frequency,
    /// State before the last change; `None` before the first.
    previous: Option<ChannelState>,
    changed_ms: u64,
    last_fault: Option<ChannelFault>,
    /// Time with START high, milliseconds, up to `seen_ms`.
    ran_ms: u64,
    /// `ran_ms` when it was last started.
    ran_before_ms: u64,
    seen_ms: u64,
    overloads: u16,
}

impl Channel {
    /// Off, as after any reset (`boot:U8`).
    #[must_use]
    pub fn new() -> Self {
        let limits = Limits::default();
        Self {
            state: State::Idle,
            power_limit_w: limits.power_limit_w,
            patience: limits.patience,
            trim: Trims::default().channels[0],
            amplitude: Amplitude::DEFAULT,
            overload: Debounced::inactive(),
            lock: Debounced::inactive(),
            over_power: Debounced::inactive(),
            power: Power::new(),
            frequency: Frequency::new(),
            previous: None,
            changed_ms: 0,
            last_fault: None,
            ran_ms: 0,
            ran_before_ms: 0,
            seen_ms: 0,
            overloads: 0,
        }
    }

    /// Takes in what the site chose and the bench measured.
    pub(super) fn configure(&mut self, limits: &Limits, trim: Trim) {
        (self.power_limit_w, self.patience, self.trim) = (limits.power_limit_w, limits.patience, trim);
    }

    /// Something happens.
    pub fn on(&mut self, event: Event, now_ms: u64) {
        if self.state.is_on() {
            self.ran_ms += now_ms.saturating_sub(self.seen_ms);
        }
        self.seen_ms = now_ms;
        let next = self.state.after(event, now_ms);
        if let (State::Fault { why, .. }, false) = (next, matches!(self.state, State::Fault { .. })) {
            self.last_fault = Some(why.told());
        }
        if next.told() == ChannelState::Overload && self.state.told() != ChannelState::Overload {
            self.last_fault = Some(ChannelFault::Overload);
            self.overloads = self.overloads.saturating_add(1);
        }
        if next.told() != self.state.told() {
            (self.previous, self.changed_ms) = (Some(self.state.told()), now_ms);
        }
        if next.is_on() && !self.state.is_on() {
            self.ran_before_ms = self.ran_ms;
        }
        self.state = next;
    }

    /// The unit itself stops the channel.
    pub fn stop_for(&mut self, why: ChannelFault, now_ms: u64) {
        if self.state.is_to_run() {
            self.last_fault = Some(why);
        }
        self.on(Event::Stop, now_ms);
    }

    /// Takes a look at inputs and meters in.
    pub fn look(&mut self, sample: Sample, now_ms: u64) {
        self.power.converted(self.trim.power(sample.power_counts));
        self.frequency.look(sample.capture, now_ms);
        let too_much = self.power.watts() > self.power_limit_w;
        let senses = Senses {
            overloaded: self.overload.look(sample.overload, now_ms, OVERLOAD_SETTLES_MS),
            locked: self.lock.look(sample.lock, now_ms, LOCK_SETTLES_MS),
            over_power: self.over_power.look(too_much, now_ms, POWER_SETTLES_MS),
            patience: self.patience,
        };
        self.on(Event::Look(senses), now_ms);
    }

    /// What it is at.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What the amplitude output drives, tenths of a percent.
    #[must_use]
    pub fn driven(&self) -> u16 {
        self.trim.amplitude(self.driven_percent())
    }

    /// The amplitude in force, percent: none unless the channel is on.
    #[must_use]
    pub const fn driven_percent(&self) -> u8 {
        if self.state.is_on() { self.amplitude.percent() } else { 0 }
    }

    /// Whether the overload input is active.
    #[must_use]
    pub const fn is_overloaded(&self) -> bool {
        self.overload.level()
    }

    /// Whether the sonicator is locked onto its frequency.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.lock.level()
    }

    /// Power.
    #[must_use]
    pub const fn power(&self) -> Power {
        self.power
    }

    /// Frequency.
    #[must_use]
    pub const fn frequency(&self) -> Frequency {
        self.frequency
    }

    /// State before the last change; `None` before the first.
    #[must_use]
    pub const fn previous(&self) -> Option<ChannelState> {
        self.previous
    }

    /// When its state last changed, milliseconds since start.
    #[must_use]
    pub const fn changed_ms(&self) -> u64 {
        self.changed_ms
    }

    /// Why the unit last stopped it.
    #[must_use]
    pub const fn last_fault(&self) -> Option<ChannelFault> {
        self.last_fault
    }

    /// How long it has been on since start, milliseconds.
    #[must_use]
    pub const fn ran_ms(&self) -> u64 {
        self.ran_ms
    }

    /// How long it has been on since it was last started, seconds.
    #[must_use]
    pub fn on_for_s(&self) -> u32 {
        u32::try_from((self.ran_ms - self.ran_before_ms) / 1000).unwrap_or(u32::MAX)
    }

    /// Overloads since start; stops at its maximum.
    #[must_use]
    pub const fn overloads(&self) -> u16 {
        self.overloads
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self::new()
    }
}
