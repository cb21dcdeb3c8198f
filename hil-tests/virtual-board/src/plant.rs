//! The plant: four sonicators with a small physical model, and faults on request.
//!
//! Pure: time is an argument, and nothing here knows of chips or boards. The same inputs at the same times give the same
//! answers however often somebody looks in between: what changes gradually does so on a grid of its own.
//! Not there: the transducer's load, noise, and what happens to the liquid.

mod fault;
mod sonicator;
mod wave;

pub use fault::{Fault, Reading, UnknownFault};
pub use sonicator::{Ratings, Sonicator, Wires};
pub use wave::Wave;

use crate::time::VirtualTime;

/// How many sonicators there are.
pub const CHANNELS: usize = 4;
/// What changes gradually is computed so often.
const STEP: VirtualTime = VirtualTime::from_micros(500);

/// Four sonicators, numbered from 0, and the warmth of the box that they and the controller are in.
#[derive(Debug, Clone)]
pub struct Plant {
    sonicators: [Sonicator; CHANNELS],
    chip_celsius: f64,
    now: VirtualTime,
}

impl Plant {
    /// Healthy sonicators at rest.
    #[must_use]
    pub fn new() -> Self {
        Self { sonicators: std::array::from_fn(Sonicator::new), chip_celsius: 35.0, now: VirtualTime::ZERO }
    }

    /// Time passes, up to `time`.
    pub fn advance(&mut self, time: VirtualTime) {
        loop {
            let (step, change) = (self.next_step(), self.next_change());
            let next = step.min(change);
            if next > time {
                break;
            }
            if step == next {
                self.sonicators.iter_mut().for_each(|sonicator| sonicator.relax(STEP));
            }
            if change == next {
                self.sonicators.iter_mut().for_each(|sonicator| sonicator.pass(next));
            }
            self.now = next;
        }
        self.now = self.now.max(time);
    }

    /// When something on the wires of a sonicator changes by itself; not that of its power, which changes all the time.
    #[must_use]
    pub fn next_change(&self) -> VirtualTime {
        self.sonicators.iter().map(|sonicator| sonicator.next_change(self.now)).min().unwrap_or(VirtualTime::NEVER)
    }

    fn next_step(&self) -> VirtualTime {
        let settled = self.sonicators.iter().all(Sonicator::is_settled);
        if settled { VirtualTime::NEVER } else { VirtualTime((self.now.0 / STEP.0 + 1) * STEP.0) }
    }

    /// The controller drives START of a channel, now.
    pub fn set_start(&mut self, channel: usize, high: bool) {
        self.sonicators[channel].set_start(high, self.now);
    }

    /// The controller drives RESET of a channel, now.
    pub fn set_reset(&mut self, channel: usize, high: bool) {
        self.sonicators[channel].set_reset(high, self.now);
    }

    /// The controller asks for an amplitude: the part of the time, 0 to 1, that its output is high, from now on.
    pub fn set_duty(&mut self, channel: usize, duty: f64) {
        self.sonicators[channel].set_duty(duty);
    }

    /// One sonicator.
    #[must_use]
    pub fn channel(&self, channel: usize) -> &Sonicator {
        &self.sonicators[channel]
    }

    /// Something breaks, now.
    pub fn inject(&mut self, channel: usize, fault: Fault) {
        self.sonicators[channel].inject(fault, self.now);
    }

    /// It is mended, whatever figure the fault carries. An overload stays until it is reset.
    pub fn mend(&mut self, channel: usize, fault: Fault) {
        self.sonicators[channel].mend(fault, self.now);
    }

    /// A sonicator of another make.
    pub fn set_ratings(&mut self, channel: usize, ratings: Ratings) {
        self.sonicators[channel].set_ratings(ratings);
    }

    /// What all channels emit.
    #[must_use]
    pub fn watts(&self) -> f64 {
        self.sonicators.iter().map(Sonicator::watts).sum()
    }

    /// Temperature of the controller's chip.
    #[must_use]
    pub fn chip_celsius(&self) -> f64 {
        self.chip_celsius
    }

    /// The box gets warmer or colder, at once.
    pub fn set_chip_celsius(&mut self, celsius: f64) {
        self.chip_celsius = celsius;
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> VirtualTime {
        self.now
    }
}

impl Default for Plant {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
