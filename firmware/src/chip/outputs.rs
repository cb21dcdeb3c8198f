//! The outputs as the pins read, for supervision and self-test.

use bootloader::stm32g4::outputs;

use crate::self_test::Outputs;

/// What the pins read.
pub(super) fn read() -> Outputs {
    Outputs { start: outputs::start_levels(), reset: outputs::reset_levels() }
}
