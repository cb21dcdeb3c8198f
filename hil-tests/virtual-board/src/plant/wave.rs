//! A square wave, computed instead of played.

use crate::time::VirtualTime;

/// A square wave: it rises at `first` and once a period from then on, and is high for half of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wave {
    first: VirtualTime,
    period: VirtualTime,
}

impl Wave {
    /// A wave that rises at `first`; `period` is not zero.
    #[must_use]
    pub fn new(first: VirtualTime, period: VirtualTime) -> Self {
        Self { first, period: period.max(VirtualTime(2)) }
    }

    /// How often it has risen by `time`, that instant included.
    #[must_use]
    pub fn rises_by(&self, time: VirtualTime) -> u64 {
        if time < self.first { 0 } else { (time - self.first).0 / self.period.0 + 1 }
    }

    /// When it rises for the time number `number`, from 0.
    #[must_use]
    pub fn rise(&self, number: u64) -> VirtualTime {
        self.first + VirtualTime(self.period.0.saturating_mul(number))
    }

    /// Its level.
    #[must_use]
    pub fn level(&self, time: VirtualTime) -> bool {
        match self.rises_by(time).checked_sub(1) {
            Some(last) => (time - self.rise(last)).0 < self.period.0 / 2,
            // Not begun; after a change of period the rest of a half that was high counts as low.
            None => false,
        }
    }

    /// The same wave with another period from `time` on: no edge is lost or comes twice.
    #[must_use]
    pub fn retimed(&self, time: VirtualTime, period: VirtualTime) -> Self {
        let next = self.rise(self.rises_by(time));
        let left = u128::from((next - time).0) * u128::from(period.0) / u128::from(self.period.0);
        Self::new(time + VirtualTime(u64::try_from(left).unwrap_or(u64::MAX).max(1)), period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_rises_once_a_period_and_falls_in_the_middle() {
        let wave = Wave::new(VirtualTime(100), VirtualTime(10));
        assert_eq!([99, 100, 109, 110, 131].map(|time| wave.rises_by(VirtualTime(time))), [0, 1, 1, 2, 4]);
        assert_eq!(
            [99, 100, 104, 105, 110].map(|time| wave.level(VirtualTime(time))),
            [false, true, true, false, true]
        );
        assert_eq!(wave.rise(3), VirtualTime(130));
    }

    #[test]
    fn a_new_period_keeps_the_phase() {
        let wave = Wave::new(VirtualTime(100), VirtualTime(10)).retimed(VirtualTime(125), VirtualTime(20));
        assert_eq!((wave.rises_by(VirtualTime(125)), wave.rise(0)), (0, VirtualTime(135)));
        let at_an_edge = Wave::new(VirtualTime(100), VirtualTime(10)).retimed(VirtualTime(120), VirtualTime(20));
        assert_eq!(at_an_edge.rise(0), VirtualTime(140));
    }
}
