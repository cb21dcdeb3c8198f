//! The channels, a thousand times a second: look at the inputs, let time pass, keep the outputs.

use bootloader::update::Shared as _;
use embassy_time::{Duration, Instant, Ticker};

use super::board::Board;
use super::kept;
use super::outputs::{self, Hold};
use super::sensors::Meters;
use crate::health::Task;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(1);
/// Time between two writings of what is kept over a reset; what happens to channels is kept at once.
const KEEP: Duration = Duration::from_millis(50);

/// Controls the channels for ever.
#[embassy_executor::task]
pub(super) async fn control(board: Board, mut meters: Meters) {
    let mut ticker = Ticker::every(LOOK);
    let mut before = Instant::now();
    let (mut kept_at, mut last) = (before, board.with(|unit| unit.kept()));
    loop {
        let look = meters.look().await;
        let now = Instant::now();
        let kept = board.with(|unit| {
            let now_ms = unit.live.uptime_ms;
            if outputs::hold() == Hold::Lost {
                unit.channels.lose_outputs(now_ms);
            }
            if let Some(celsius) = look.temperature_c {
                unit.channels.warm(celsius, now_ms);
            }
            unit.channels.look(&look.samples, now_ms);
            unit.note_loop((now - before).as_micros());
            // Here too: should thread mode be stuck, the supervisor is.
            let _kept_for_the_next_start = unit.overdue();
            unit.kept()
        });
        let is_due = now - kept_at >= KEEP;
        if is_due || kept.channels != last.channels || kept.late != last.late {
            kept::write(&kept);
            (kept_at, last) = (now, kept);
        }
        // What is on record as off is off at the pins by now, so nothing comes back.
        outputs::keep();
        before = now;
        board.report(Task::Control);
        ticker.next().await;
    }
}
