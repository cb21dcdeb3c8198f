//! The core serves others, or sleeps, while flash is at work.

use bootloader::stm32g4::background::Pause;
use embassy_time::Timer;

/// Waits by the timer of the executor.
#[derive(Debug)]
pub(super) enum Await {}

impl Pause for Await {
    async fn pause(us: u64) {
        Timer::after_micros(us).await;
    }
}
