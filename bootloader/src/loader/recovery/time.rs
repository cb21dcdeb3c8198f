//! Time since the loader started, from the stopwatch of the boot.

use crate::loader::stopwatch::Stopwatch;

/// Two clocks that go on from one counter, which goes round after 71 minutes.
#[derive(Debug)]
pub(super) struct Time {
    stopwatch: Stopwatch,
    counted: u32,
    /// Microseconds.
    pub(super) us: u64,
    /// Milliseconds; goes round after 49 days.
    pub(super) ms: u32,
    /// Microseconds that are no whole millisecond.
    rest_us: u32,
}

impl Time {
    pub(super) fn new(stopwatch: Stopwatch) -> Self {
        Self { stopwatch, counted: 0, us: 0, ms: 0, rest_us: 0 }
    }

    /// Brings both up to date.
    pub(super) fn update(&mut self) {
        let count = self.stopwatch.elapsed();
        let passed = count.wrapping_sub(self.counted);
        self.counted = count;
        self.us += u64::from(passed);
        self.rest_us += passed;
        self.ms = self.ms.wrapping_add(self.rest_us / 1_000);
        self.rest_us %= 1_000;
    }
}
