//! Modbus masters that we did not write, on a unit that is served to programs outside.

use crate::test::Test;

/// All of them.
pub(crate) fn tests() -> Vec<Test> {
    Vec::new()
}
