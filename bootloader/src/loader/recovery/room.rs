//! Where the station lives: in RAM that nobody clears at start-up, since an ordinary boot has no use for it.
#![expect(unsafe_code, reason = "memory that is initialised by hand, when it is needed")]

use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;

use cortex_m::interrupt;
use cortex_m::register::primask;
use sonde_bootloader::recovery::Recovery;

use super::line::Line;
use super::station::Station;
use crate::loader::stopwatch::Stopwatch;

#[unsafe(link_section = ".uninit.recovery")]
static mut ROOM: MaybeUninit<Station> = MaybeUninit::uninit();

/// Puts the station there. Before this nobody may ask for it, so ticks start after it.
#[inline(never)]
pub(super) fn furnish(unit: Recovery, line: Line, stopwatch: Stopwatch) {
    // SAFETY: no tick comes yet and the main loop is here, so this is the only reference.
    unsafe { (*addr_of_mut!(ROOM)).write(Station::new(unit, line, stopwatch)) };
}

/// Asks or changes it, while no tick comes in between.
#[inline(always)]
pub(super) fn with<R>(ask: impl FnOnce(&mut Station) -> R) -> R {
    let (station, ticks) = enter();
    let answer = ask(station);
    leave(ticks);
    answer
}

/// PRIMASK before: whether ticks came.
#[derive(Clone, Copy)]
struct Ticks(u32);

#[inline(never)]
fn enter() -> (&'static mut Station, Ticks) {
    let ticks = Ticks(primask::read_raw());
    interrupt::disable();
    // SAFETY: written by `furnish` before anybody comes here. `with` lets nobody keep the reference, no tick comes while
    // it lives, and nobody asks for it while asking.
    (unsafe { (*addr_of_mut!(ROOM)).assume_init_mut() }, ticks)
}

#[inline(never)]
fn leave(ticks: Ticks) {
    // SAFETY: as it was before `enter`, and whoever called it is done with the station.
    unsafe { primask::write_raw(ticks.0) }
}
