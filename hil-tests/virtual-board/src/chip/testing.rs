//! Moments for tests of single peripherals: the core runs at 1 MHz, so a cycle is a microsecond.

use super::peripheral::Moment;
use super::rcc::ClockTree;
use crate::time::{CycleClock, VirtualTime};

/// The moment at which `cycle` begins; the buses run from HSI16.
pub(crate) fn moment(cycle: u64) -> Moment {
    Moment { cycle, clock: CycleClock::new(0, VirtualTime::ZERO, 1_000_000), tree: ClockTree::RESET }
}

/// The moment of an instant.
pub(crate) fn at(time: VirtualTime) -> Moment {
    moment(time.as_micros())
}
