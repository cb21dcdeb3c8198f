//! Reads the meters around an act.

use super::DemoError;
use super::step::{Seen, Step};
use crate::unit::{Reading, ServedUnit};

/// What an act cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) before: Reading,
    pub(super) after: Reading,
}

impl Cost {
    pub(super) fn bytes(&self) -> u64 {
        self.after.bytes_since(&self.before)
    }

    pub(super) fn flash_operations(&self) -> u64 {
        self.after.flash_operations_since(&self.before)
    }
}

/// Does something and says what it cost.
pub(super) fn measured<T>(
    unit: &ServedUnit,
    act: impl FnOnce() -> Result<T, DemoError>,
) -> Result<(T, Cost), DemoError> {
    let before = unit.read()?;
    let result = act()?;
    let after = unit.read()?;
    Ok((result, Cost { before, after }))
}

/// The row of an act.
pub(super) fn row(step: &str, expected: &str, seen: &Seen, cost: &Cost) -> Step {
    let Cost { before, after } = cost;
    Step {
        step: step.into(),
        expected: expected.into(),
        seen: seen.words(),
        holds: seen.holds(),
        bytes_on_the_wire: cost.bytes(),
        virtual_s: (after.time - before.time).as_secs_f64(),
        wall_s: after.wall.duration_since(before.wall).as_secs_f64(),
        flash_operations: cost.flash_operations(),
        instructions: after.instructions - before.instructions,
    }
}
