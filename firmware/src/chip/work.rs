//! The worker, in thread mode.

use embassy_time::{Duration, with_timeout};

use bootloader::stm32g4::flash::ChipFlash;

use super::background::Await;
use super::board::Board;
use crate::health::Task;
use crate::worker::{Step, Worker};

/// Works for ever.
#[embassy_executor::task]
pub(super) async fn work(board: Board, worker: &'static mut Worker<ChipFlash<Await>>) {
    loop {
        while worker.step(&board).await == Step::Worked {
            board.report(Task::Worker);
        }
        // Called or not, it is time to report.
        let _called = with_timeout(Duration::from_millis(Task::PERIOD_MS), board.work()).await;
        board.report(Task::Worker);
    }
}
