//! What a board reports.

use crate::chip::ResetCause;
use crate::core::Stop;
use crate::time::VirtualTime;

/// How [`Board::run_until`](super::Board::run_until) ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a stopped board does nothing any more"]
pub enum Ran {
    /// The time is reached.
    Reached,
    /// A planned power cut struck: the board is off.
    PowerLost,
    /// The core cannot go on: an access that nobody modelled, an unknown instruction, lockup, a breakpoint. The same
    /// answer comes again until a reset or a power cycle.
    Stopped(Stop),
}

/// One reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetRecord {
    /// When.
    pub time: VirtualTime,
    /// Why.
    pub cause: ResetCause,
}
