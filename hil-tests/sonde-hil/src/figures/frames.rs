//! Hours of random frames, and whether an output was ever on that should not have been.

use super::Figure;
use crate::frames::campaign;

/// Frames that are sent, more than two hours on the line.
const FRAMES: u64 = 1_000_000;
/// The same campaign each time.
const SEED: u64 = 0x50DE;

pub(super) fn measure() -> Vec<Figure> {
    let tally = campaign(FRAMES, SEED);
    let hours = tally.time.as_secs_f64() / 3_600.0;
    let rises = tally.rises as f64;
    let unlawful = tally.unlawful.len() as f64;
    vec![
        Figure { figure: "frames.random_h", value: hours, unit: "h", goal: ">=1", holds: hours >= 1.0 },
        Figure { figure: "frames.rises", value: rises, unit: "1", goal: ">=1000", holds: rises >= 1_000.0 },
        Figure { figure: "frames.unlawful", value: unlawful, unit: "1", goal: "=0", holds: unlawful == 0.0 },
    ]
}
