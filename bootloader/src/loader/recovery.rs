//! Recovery on the chip: the bus is served from the tick of SysTick, the work is done in the main loop.
//!
//! - The tick goes on while the main loop checks a signature, so that an answer does not wait for it (`bus:M6`).
//! - Erase and program of bank 1 stop the core, the tick included: it runs from there. Meanwhile DMA goes on receiving and
//!   sending.
//! - The tick feeds the watchdog as long as the main loop shows that it is alive; should the tick die, nobody does.
//! - Leaves by a reset only, so nothing that it sets up reaches an image.

mod line;
mod room;
mod station;
mod time;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use sonde_bootloader::flash::WriteScope;
use sonde_bootloader::recovery::{self, Recovery, Situation};
use sonde_bootloader::stm32g4::flash::ChipFlash;
use sonde_bootloader::update::{Shared, Step};

use self::line::Line;
use self::station::Station;
use super::clock::Clock;
use super::stopwatch::Stopwatch;
use super::{rest, watchdog};

/// How often the bus is looked at: often enough that an answer starts soon after the silence that a frame needs behind it.
const TICK_US: u32 = 500;

/// Serves the bus until a request or the power switch resets the unit.
pub(super) fn serve(situation: Situation, clock: Clock, stopwatch: Stopwatch) -> ! {
    let Ok(flash) = ChipFlash::open(WriteScope::Recovery) else { rest() };
    let (unit, mut worker) = recovery::start(flash, situation);
    room::furnish(unit, Line::open(clock), stopwatch);
    watchdog::one_second();
    start_ticks(clock);
    loop {
        let step = worker.step(&Bus);
        room::with(Station::main_loop_lives);
        if step == Step::Idle {
            cortex_m::asm::wfi();
        }
    }
}

fn start_ticks(clock: Clock) {
    let Some(mut core) = cortex_m::Peripherals::take() else { rest() };
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(TICK_US * u32::from(clock.megahertz()) - 1);
    core.SYST.clear_current();
    core.SYST.enable_counter();
    core.SYST.enable_interrupt();
}

#[exception]
fn SysTick() {
    room::with(Station::tick);
}

/// The unit, as the main loop gets at it.
struct Bus;

impl Shared for Bus {
    type Unit = Recovery;

    fn with<R>(&self, ask: impl FnOnce(&mut Recovery) -> R) -> R {
        room::with(|station| ask(station.unit()))
    }
}
