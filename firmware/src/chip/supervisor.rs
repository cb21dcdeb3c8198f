//! Feeds the watchdog while every task reports, runs the self-test, restarts the unit when that is due.

use embassy_stm32::Peri;
use embassy_stm32::peripherals::IWDG;
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_time::{Instant, Timer};
use protocol::boot_record::Phase;
use protocol::event::Event;
use protocol::handover::{Mark, MarkKind};

use bootloader::stm32g4::{handover, outputs};
use bootloader::update::Shared as _;

use super::board::Board;
use super::{clock, stack};
use crate::self_test::{self, Evidence};
use crate::unit::Unit;

/// How long the unit may go on when nobody feeds the watchdog, microseconds.
const WATCHDOG_US: u32 = 1_000_000;
/// How often the supervisor looks, milliseconds.
const LOOK_MS: u64 = 20;

/// How often the stack is looked at, milliseconds.
const STACK_MS: u64 = 10_000;

/// Takes over the watchdog that the loader started.
pub(super) fn take_watchdog(watchdog: Peri<'static, IWDG>) -> IndependentWatchdog<'static, IWDG> {
    let mut watchdog = IndependentWatchdog::new(watchdog, WATCHDOG_US);
    watchdog.unleash();
    watchdog.pet();
    watchdog
}

/// Supervises for ever.
#[embassy_executor::task]
pub(super) async fn supervise(board: Board, mut watchdog: IndependentWatchdog<'static, IWDG>) {
    let mut stack_due_ms = 0;
    loop {
        if board.with(look) == Verdict::Fine {
            watchdog.pet();
        }
        let now_ms = Instant::now().as_millis();
        if now_ms >= stack_due_ms {
            stack_due_ms = now_ms + STACK_MS;
            // Takes a millisecond, so not within the lock.
            let free = stack::free();
            board.with(|unit| unit.live.stack_free = free);
        }
        Timer::after_millis(LOOK_MS).await;
    }
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Fine,
    TaskOverdue,
}

fn look(unit: &mut Unit) -> Verdict {
    if unit.restart_is_due() {
        handover::leave_mark(Mark { kind: MarkKind::Requested, detail: 0 });
        cortex_m::peripheral::SCB::sys_reset();
    }
    let now = unit.live.uptime_ms;
    if unit.live.self_test.ran == 0 && now >= self_test::SETTLED_MS {
        unit.live.self_test = self_test::run(&Evidence {
            facts: unit.facts(),
            log: unit.live.log,
            clock_hz: clock::measured_hz(),
            outputs: unit.live.outputs,
        });
        if unit.live.self_test.passed() {
            unit.channels.make_ready();
        } else {
            unit.note(Event::SelfTestFailed { failed: unit.live.self_test.failed });
        }
    }
    show(unit, now);
    if unit.overdue().is_none() { Verdict::Fine } else { Verdict::TaskOverdue }
}

/// LED: on; on trial it blinks once a second, after a failed self-test four times.
fn show(unit: &Unit, now_ms: u64) {
    let period_ms = match unit.phase() {
        _ if unit.live.self_test.failed != 0 => 250,
        Phase::Trial { .. } => 1_000,
        Phase::Confirmed => u64::MAX,
    };
    outputs::light(now_ms % period_ms < period_ms / 2);
}
