//! The fault of the bad release: a task that waits for something that never comes, and lets nobody else run.

use embassy_time::Timer;

/// After the bus is up, before the self-test has run: an image that looks alive and cannot be confirmed.
const AFTER_MS: u64 = 200;

#[embassy_executor::task]
pub(super) async fn hang() {
    Timer::after_millis(AFTER_MS).await;
    loop {
        cortex_m::asm::wfi();
    }
}
