//! Virtual time, and how the core's cycles lie on it.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Picoseconds in a second.
const PICOS_PER_SECOND: u64 = 1_000_000_000_000;

/// An instant, or a length of time, in picoseconds; 213 days fit. As an instant it counts from the board's creation
/// and keeps running while the board is off.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualTime(pub u64);

impl VirtualTime {
    /// The board's creation.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// `count` nanoseconds.
    #[must_use]
    pub const fn from_nanos(count: u64) -> Self {
        Self(count * 1_000)
    }

    /// `count` microseconds.
    #[must_use]
    pub const fn from_micros(count: u64) -> Self {
        Self(count * 1_000_000)
    }

    /// `count` milliseconds.
    #[must_use]
    pub const fn from_millis(count: u64) -> Self {
        Self(count * 1_000_000_000)
    }

    /// `count` seconds.
    #[must_use]
    pub const fn from_secs(count: u64) -> Self {
        Self(count * PICOS_PER_SECOND)
    }

    /// The time that `count` periods of a clock of `hertz` take, rounded down; `NEVER` when the clock stands still.
    #[must_use]
    pub fn of_periods(count: u64, hertz: u64) -> Self {
        if hertz == 0 {
            return Self::NEVER;
        }
        let picos = u128::from(count) * u128::from(PICOS_PER_SECOND) / u128::from(hertz);
        Self(u64::try_from(picos).unwrap_or(u64::MAX))
    }

    /// Whole periods of a clock of `hertz` in this length of time.
    #[must_use]
    pub fn periods(self, hertz: u64) -> u64 {
        let count = u128::from(self.0) * u128::from(hertz) / u128::from(PICOS_PER_SECOND);
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Whole nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole microseconds.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Seconds, for people.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / PICOS_PER_SECOND as f64
    }

    /// The difference, zero when `other` is later.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for VirtualTime {
    type Output = Self;

    /// Saturates at [`VirtualTime::NEVER`].
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for VirtualTime {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for VirtualTime {
    type Output = Self;

    /// Saturates at zero.
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl fmt::Display for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.as_secs_f64())
    }
}

/// How cycles lie on virtual time since the last change of the core clock: one point that both scales share, and a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CycleClock {
    cycle: u64,
    time: VirtualTime,
    hertz: u64,
}

impl CycleClock {
    /// From `cycle`, which is at `time`, the core runs with `hertz` (HCLK, not zero).
    #[must_use]
    pub fn new(cycle: u64, time: VirtualTime, hertz: u64) -> Self {
        Self { cycle, time, hertz: hertz.max(1) }
    }

    /// The same clock from `cycle` on with another rate.
    #[must_use]
    pub fn retimed(&self, cycle: u64, hertz: u64) -> Self {
        Self::new(cycle, self.time_of(cycle), hertz)
    }

    /// The core clock in hertz.
    #[must_use]
    pub fn hertz(&self) -> u64 {
        self.hertz
    }

    /// When `cycle` begins; cycles from before the last change count as the change itself.
    #[must_use]
    pub fn time_of(&self, cycle: u64) -> VirtualTime {
        self.time + VirtualTime::of_periods(cycle.saturating_sub(self.cycle), self.hertz)
    }

    /// The last cycle that begins no later than `time`.
    #[must_use]
    pub fn cycle_before(&self, time: VirtualTime) -> u64 {
        let count = (time - self.time).periods(self.hertz);
        let cycle = self.cycle.saturating_add(count);
        // `time_of` rounds down: the next cycle may begin exactly at `time`.
        if time > self.time && self.time_of(cycle.saturating_add(1)) <= time { cycle + 1 } else { cycle }
    }

    /// The first cycle that begins at `time` or later; `u64::MAX` for [`VirtualTime::NEVER`].
    #[must_use]
    pub fn cycle_at(&self, time: VirtualTime) -> u64 {
        if time == VirtualTime::NEVER {
            return u64::MAX;
        }
        let cycle = self.cycle_before(time);
        if self.time_of(cycle) < time { cycle.saturating_add(1) } else { cycle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_at_170_mhz_is_170_million_cycles() {
        let clock = CycleClock::new(0, VirtualTime::ZERO, 170_000_000);
        assert_eq!(clock.time_of(170_000_000), VirtualTime::from_secs(1));
        assert_eq!(clock.cycle_at(VirtualTime::from_secs(1)), 170_000_000);
        assert_eq!(clock.cycle_before(VirtualTime::from_secs(1)), 170_000_000);
    }

    #[test]
    fn a_change_of_clock_does_not_move_the_present() {
        let slow = CycleClock::new(100, VirtualTime::from_micros(5), 16_000_000);
        let fast = slow.retimed(116, 170_000_000);
        assert_eq!(fast.time_of(116), VirtualTime::from_micros(6));
        assert_eq!(fast.time_of(116 + 170), VirtualTime::from_micros(7));
    }

    proptest! {
        #[test]
        fn cycles_survive_the_way_over_time(hertz in 1_000_000u64..170_000_001, cycle in 0u64..1 << 40) {
            let clock = CycleClock::new(0, VirtualTime::ZERO, hertz);
            prop_assert_eq!(clock.cycle_at(clock.time_of(cycle)), cycle);
            prop_assert_eq!(clock.cycle_before(clock.time_of(cycle)), cycle);
        }

        #[test]
        fn the_cycle_at_a_time_never_begins_before_it(hertz in 1_000_000u64..170_000_001, time in 0u64..1 << 50) {
            let clock = CycleClock::new(7, VirtualTime(1234), hertz);
            let time = VirtualTime(time + 1234);
            prop_assert!(clock.time_of(clock.cycle_at(time)) >= time);
            prop_assert!(clock.time_of(clock.cycle_before(time)) <= time);
        }
    }
}
