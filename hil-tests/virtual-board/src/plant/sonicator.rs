//! One sonicator.

use super::fault::{Fault, Faults, Reading};
use super::wave::Wave;
use crate::time::VirtualTime;

/// From START to oscillation.
const RISE: VirtualTime = VirtualTime::from_millis(20);
/// Shortest pulse on RESET that counts.
const RESET_PULSE: VirtualTime = VirtualTime::from_millis(20);
/// Time constant of the filter behind the amplitude output.
const AMPLITUDE_LAG: VirtualTime = VirtualTime::from_millis(10);
/// Time constant of the emitted power.
const POWER_LAG: VirtualTime = VirtualTime::from_millis(30);
/// How often the frequency moves.
const FREQUENCY_STEP: VirtualTime = VirtualTime::from_millis(10);
/// The power sensor, behind the board's divider by four.
const VOLTS_PER_WATT: f64 = 5.44e-3 / 4.0;
/// What the divider ends at.
const SUPPLY_VOLTS: f64 = 3.3;

/// What differs from make to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratings {
    /// Power at full amplitude.
    pub watts: f64,
    /// From START to lock.
    pub lock_time: VirtualTime,
    /// Frequency at half amplitude, without drift.
    pub hertz: f64,
}

impl Default for Ratings {
    fn default() -> Self {
        Self { watts: 1_200.0, lock_time: VirtualTime::from_millis(300), hertz: 20_000.0 }
    }
}

/// What the controller finds on the wires of a sonicator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wires {
    /// OVERLOAD is pulled to ground.
    pub overload: bool,
    /// LOCK is pulled to ground.
    pub lock: bool,
    /// A tenth of the frequency.
    pub frequency: Option<Wave>,
    /// The power sensor, behind the board's divider.
    pub power_volts: f64,
}

/// What a sonicator does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Still,
    /// START is high; nothing is emitted yet.
    Rising {
        begins: VirtualTime,
        locks: Option<VirtualTime>,
    },
    Oscillating {
        wave: Wave,
        millihertz: u64,
        lock: Lock,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lock {
    Sought { found: Option<VirtualTime> },
    Held,
}

/// One sonicator and its cable.
#[derive(Debug, Clone)]
pub struct Sonicator {
    /// Sonicators are not alike.
    number: usize,
    ratings: Ratings,
    faults: Faults,
    start: bool,
    reset_since: Option<VirtualTime>,
    duty: f64,
    amplitude: f64,
    watts: f64,
    tripped: bool,
    state: State,
}

impl Sonicator {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            ratings: Ratings::default(),
            faults: Faults::NONE,
            start: false,
            reset_since: None,
            duty: 0.0,
            amplitude: 0.0,
            watts: 0.0,
            tripped: false,
            state: State::Still,
        }
    }

    /// What it really emits, whatever it reports.
    #[must_use]
    pub fn watts(&self) -> f64 {
        self.watts
    }

    /// Whether it moves at all.
    #[must_use]
    pub fn is_oscillating(&self) -> bool {
        matches!(self.state, State::Oscillating { .. })
    }

    /// Whether it has found its frequency.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.state, State::Oscillating { lock: Lock::Held, .. })
    }

    /// Whether an overload stopped it that nobody reset.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.tripped
    }

    /// Its frequency, while it oscillates.
    #[must_use]
    pub fn hertz(&self) -> Option<f64> {
        match self.state {
            State::Oscillating { millihertz, .. } => Some(millihertz as f64 / 1_000.0),
            _ => None,
        }
    }

    /// The amplitude that reaches it, 0 to 1.
    #[must_use]
    pub fn amplitude(&self) -> f64 {
        self.amplitude
    }

    /// What the controller finds on its wires.
    #[must_use]
    pub fn wires(&self) -> Wires {
        let plugged = !self.faults.unplugged;
        let frequency = match self.state {
            State::Oscillating { wave, .. } if plugged && !self.faults.no_frequency => Some(wave),
            _ => None,
        };
        let power_volts = match self.faults.dead_sensor {
            _ if !plugged => 0.0,
            Some(Reading::Zero) => 0.0,
            Some(Reading::FullScale) => SUPPLY_VOLTS,
            None => (self.watts * VOLTS_PER_WATT).clamp(0.0, SUPPLY_VOLTS),
        };
        Wires {
            overload: plugged && self.tripped || self.faults.stuck_overload,
            lock: plugged && self.is_locked(),
            frequency,
            power_volts,
        }
    }

    pub(super) fn set_start(&mut self, high: bool, now: VirtualTime) {
        self.start = high;
        self.follow_start(now);
    }

    pub(super) fn set_reset(&mut self, high: bool, now: VirtualTime) {
        if !high {
            self.reset_since = None;
        } else if self.reset_since.is_none() {
            self.reset_since = Some(now);
        }
    }

    pub(super) fn set_duty(&mut self, duty: f64) {
        self.duty = duty.clamp(0.0, 1.0);
    }

    pub(super) fn set_ratings(&mut self, ratings: Ratings) {
        self.ratings = ratings;
    }

    pub(super) fn inject(&mut self, fault: Fault, now: VirtualTime) {
        self.faults.add(fault);
        self.tripped |= self.faults.overload;
        if let (Fault::LockLost, State::Oscillating { lock, .. }) = (fault, &mut self.state) {
            *lock = Lock::Sought { found: None };
        }
        self.follow_start(now);
    }

    pub(super) fn mend(&mut self, fault: Fault, now: VirtualTime) {
        self.faults.remove(fault);
        let found = self.lock_from(now);
        if let State::Oscillating { lock: lock @ Lock::Sought { .. }, .. } = &mut self.state {
            *lock = Lock::Sought { found };
        }
        self.follow_start(now);
    }

    /// When it locks if it starts to seek now.
    fn lock_from(&self, now: VirtualTime) -> Option<VirtualTime> {
        let seeks = !self.faults.lock_lost && !self.faults.lock_never;
        seeks.then(|| now + self.ratings.lock_time)
    }

    /// Starts and stops as START and the faults have it.
    fn follow_start(&mut self, now: VirtualTime) {
        let runs = self.start && !self.tripped && !self.faults.unplugged;
        match (self.state, runs) {
            (State::Still, true) => self.state = State::Rising { begins: now + RISE, locks: self.lock_from(now) },
            (State::Rising { .. } | State::Oscillating { .. }, false) => {
                self.state = State::Still;
                self.watts = 0.0;
            }
            _ => {}
        }
    }

    /// When something on its wires changes by itself, after `now`.
    pub(crate) fn next_change(&self, now: VirtualTime) -> VirtualTime {
        let state = match self.state {
            State::Still => VirtualTime::NEVER,
            State::Rising { begins, .. } => begins,
            State::Oscillating { lock, .. } => {
                let moves = VirtualTime((now.0 / FREQUENCY_STEP.0 + 1) * FREQUENCY_STEP.0);
                match lock {
                    Lock::Sought { found: Some(found) } => moves.min(found),
                    _ => moves,
                }
            }
        };
        state.min(self.reset_done().unwrap_or(VirtualTime::NEVER))
    }

    /// When the pulse on RESET is long enough, if it would help.
    fn reset_done(&self) -> Option<VirtualTime> {
        let helps = self.tripped && !self.faults.overload && !self.faults.unplugged;
        self.reset_since.filter(|_| helps).map(|since| since + RESET_PULSE)
    }

    /// Does what is due by `now`.
    pub(super) fn pass(&mut self, now: VirtualTime) {
        if self.reset_done().is_some_and(|done| done <= now) {
            self.tripped = false;
            self.follow_start(now);
        }
        match self.state {
            State::Rising { begins, locks } if begins <= now => {
                let lock = Lock::Sought { found: locks.map(|locks| locks.max(begins)) };
                let millihertz = self.millihertz(now, lock);
                self.state = State::Oscillating { wave: Wave::new(now, period(millihertz)), millihertz, lock };
            }
            State::Oscillating { wave, lock, .. } => {
                let lock = match lock {
                    Lock::Sought { found: Some(found) } if found <= now => Lock::Held,
                    other => other,
                };
                let millihertz = self.millihertz(now, lock);
                self.state = State::Oscillating { wave: wave.retimed(now, period(millihertz)), millihertz, lock };
            }
            _ => {}
        }
    }

    /// The frequency: a slow drift of some hertz, a little lower with more amplitude, higher before the lock.
    fn millihertz(&self, now: VirtualTime, lock: Lock) -> u64 {
        const ROUND: i64 = 20_000;
        const DRIFT: i64 = 8_000;
        let place = (i64::try_from(now.as_millis()).unwrap_or(0) + self.number as i64 * 3_000) % ROUND;
        let drift = ((place - ROUND / 2).abs() - ROUND / 4) * DRIFT / (ROUND / 4);
        let by_amplitude = ((0.5 - self.amplitude) * 40_000.0) as i64;
        let by_lock = if lock == Lock::Held { 0 } else { 50_000 };
        let nominal = ((self.ratings.hertz + self.faults.frequency_off) * 1_000.0) as i64;
        (nominal + self.number as i64 * 5_000 + drift + by_amplitude + by_lock).max(1_000_000) as u64
    }

    /// Whether nothing changes gradually any more.
    pub(super) fn is_settled(&self) -> bool {
        self.amplitude == self.duty && self.watts == self.power_target()
    }

    fn power_target(&self) -> f64 {
        if self.is_oscillating() { self.ratings.watts * self.amplitude * self.faults.power_factor } else { 0.0 }
    }

    /// Amplitude and power go on towards where they are going, for `step`.
    pub(super) fn relax(&mut self, step: VirtualTime) {
        self.amplitude = lag(self.amplitude, self.duty, step, AMPLITUDE_LAG, 1e-6);
        self.watts = lag(self.watts, self.power_target(), step, POWER_LAG, 1e-3);
    }
}

/// Period of a tenth of a frequency.
fn period(millihertz: u64) -> VirtualTime {
    const PICOS: u64 = 10 * 1_000 * 1_000_000_000_000;
    VirtualTime(PICOS / millihertz.max(1))
}

/// A first-order lag, a step on; ends exactly at its target.
fn lag(value: f64, target: f64, step: VirtualTime, constant: VirtualTime, near: f64) -> f64 {
    // Only arithmetic that is the same on every machine.
    let next = value + (target - value) * (step.0 as f64 / (step.0 + constant.0) as f64);
    if (target - next).abs() < near { target } else { next }
}
