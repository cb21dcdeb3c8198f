//! The loader's way through a boot. It decides nothing itself: [`sonde_bootloader::boot`] does.

mod clock;
mod faults;
mod jump;
mod memory;
mod pin;
mod recovery;
mod stopwatch;
mod watchdog;

use cortex_m::peripheral::SCB;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use sonde_bootloader::boot::{Asked, Boot, boot};
use sonde_bootloader::flash::WriteScope;
use sonde_bootloader::recovery::Situation;
use sonde_bootloader::reset_cause::ResetFlags;
use sonde_bootloader::stm32g4::flash::ChipFlash;
use sonde_bootloader::stm32g4::{handover, outputs};
use stm32_metapac::RCC;

use self::stopwatch::Stopwatch;

#[entry]
fn main() -> ! {
    outputs::all_off();
    watchdog::start();
    let clock = clock::run_fast();
    let stopwatch = Stopwatch::start(clock);
    let mark = handover::take_mark();
    let reset = take_reset_flags().cause(mark);
    // A chip of another geometry: every offset would be wrong, so nothing can be trusted (`fault:P12`).
    let Ok(mut flash) = ChipFlash::open(WriteScope::BootLog) else { rest() };
    let asked = Asked::by(pin::look(clock), mark, reset);
    match boot(&mut flash, reset, mark, asked) {
        Boot::Run { image, mut report } => {
            report.boot_us = stopwatch.stop();
            handover::leave_report(&report);
            watchdog::one_second();
            jump::to(image)
        }
        Boot::Recovery { why, slots } => recovery::serve(Situation { why, reset, slots }, clock, stopwatch),
    }
}

/// Reads why the unit reset and clears it, so that the next boot sees its own reset only.
fn take_reset_flags() -> ResetFlags {
    let status = RCC.csr().read();
    RCC.csr().modify(|status| status.set_rmvf(true));
    ResetFlags(status.0)
}

/// Nothing can be trusted: stays up with all outputs off, asleep, until power or the reset pin says otherwise.
fn rest() -> ! {
    /// The counter has 24 bits: 0.1 s at 170 MHz, 1 s at 16 MHz.
    const LONGEST_TICK: u32 = 0xFF_FFFF;
    // SysTick wakes the core to feed the watchdog, at least once a second; it is never taken as an exception.
    cortex_m::interrupt::disable();
    if let Some(mut core) = cortex_m::Peripherals::take() {
        core.SYST.set_clock_source(SystClkSource::Core);
        core.SYST.set_reload(LONGEST_TICK);
        core.SYST.enable_interrupt();
        core.SYST.enable_counter();
    }
    loop {
        watchdog::feed();
        SCB::clear_pendst();
        cortex_m::asm::wfi();
    }
}
