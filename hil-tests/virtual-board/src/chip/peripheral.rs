//! The shape that all peripherals share.

use super::lines::Lines;
use super::rcc::ClockTree;
use crate::core::bus::{Effect, Refused};
use crate::time::{CycleClock, VirtualTime};

/// What a peripheral is told with every call: when it is, and how fast the clocks run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Core cycles since power-on.
    pub(crate) cycle: u64,
    /// Where that cycle lies on virtual time.
    pub(crate) clock: CycleClock,
    /// The clocks behind RCC.
    pub(crate) tree: ClockTree,
}

impl Moment {
    /// Virtual time of this moment.
    pub(crate) fn time(&self) -> VirtualTime {
        self.clock.time_of(self.cycle)
    }
}

/// When a peripheral wants to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing happens by itself.
    Never,
    /// At a core cycle (what runs from HCLK).
    Cycle(u64),
    /// At an instant (what runs from a clock of its own, or from the line).
    Time(VirtualTime),
}

impl Due {
    /// The core cycle it falls on.
    pub(crate) fn cycle(self, clock: &CycleClock) -> u64 {
        match self {
            Due::Never => u64::MAX,
            Due::Cycle(cycle) => cycle,
            Due::Time(time) => clock.cycle_at(time),
        }
    }
}

/// A block of registers on a bus.
///
/// Offsets are multiples of four, the chip has checked the width, that the block is clocked and not held in reset.
/// [`Refused::Unmodelled`] names the register; the chip puts the block's name before it.
pub(crate) trait Peripheral {
    /// Software reads a register; some reads change state.
    fn read(&mut self, offset: u32, at: &Moment) -> Result<u32, Refused>;

    /// Software writes a register.
    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused>;

    /// Back to reset values, by a system reset or by RCC.
    fn reset(&mut self);

    /// Catches up with the moment.
    fn tick(&mut self, _at: &Moment) -> Due {
        Due::Never
    }

    /// Raises the interrupt lines it drives high.
    fn interrupts(&self, _lines: &mut Lines) {}
}
