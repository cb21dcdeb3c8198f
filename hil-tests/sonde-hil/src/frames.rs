//! Frames that nobody would send: random ones, torn ones, legal ones in the wrong order, to the firmware's library, with every
//! output watched. No output may be on without a legal start after it was last off (`boot:U8`), and no frame may be fatal.
//!
//! A million frames at 115200 baud are more than an hour on a line. The same seed gives the same hour.

mod bench;
mod law;
mod say;

use std::time::Duration;

use crate::random::Random;
use bench::Bench;

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames and torn frames that were sent.
    pub frames: u64,
    /// Time on the line.
    pub time: Duration,
    /// Requests that were answered well.
    pub good: u64,
    /// Requests that were answered with an exception.
    pub refused: u64,
    /// Times that an output went on.
    pub rises: u64,
    /// Times that an output went off, by whatever cause.
    pub falls: u64,
    /// Times that the unit restarted because it was told to.
    pub restarts: u64,
    /// What must not be, with the number of the frame.
    pub unlawful: Vec<String>,
}

/// Sends so many frames.
#[must_use]
pub fn campaign(frames: u64, seed: u64) -> Tally {
    let mut random = Random::new(seed);
    let mut bench = Bench::new();
    while bench.tally.frames < frames {
        let bytes = say::something(&mut random, bench.last_frame());
        bench.say(&bytes, &mut random);
        bench.pass(say::pause_ms(&mut random), &mut random);
    }
    bench.tally
}
