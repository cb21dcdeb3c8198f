//! The channels, a thousand times a second: look at the inputs, let time pass, keep the outputs.

use bootloader::update::Shared as _;
use embassy_time::{Duration, Instant, Ticker};

use super::board::Board;
use super::outputs::{self, Hold};
use super::sensors::Meters;
use crate::health::Task;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// Controls the channels for ever.
#[embassy_executor::task]
pub(super) async fn control(board: Board, mut meters: Meters) {
    let mut ticker = Ticker::every(LOOK);
    let mut before = Instant::now();
    loop {
        let look = meters.look().await;
        let now = Instant::now();
        board.with(|unit| {
            let now_ms = unit.live.uptime_ms;
            if outputs::hold() == Hold::Lost {
                unit.channels.lose_outputs(now_ms);
            }
            if let Some(celsius) = look.temperature_c {
                unit.channels.warm(celsius, now_ms);
            }
            unit.channels.look(&look.samples, now_ms);
            unit.note_loop((now - before).as_micros());
        });
        // What is on record as off is off at the pins by now, so nothing comes back.
        outputs::keep();
        before = now;
        board.report(Task::Control);
        ticker.next().await;
    }
}
