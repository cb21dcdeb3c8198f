//! The recovery pin, PB9: held low from before the start, it keeps the loader from running anything (`boot:B9`).
//!
//! PB9 is connected to nothing else, its port is clocked for the RESET pins anyway, and on the package it is the
//! neighbour of PB8-BOOT0, so that one two-pin header serves for both. A broken or missing button reads as not held.

use cortex_m::asm::delay;
use sonde_bootloader::boot::PinLevel;
use stm32_metapac::GPIOB;
use stm32_metapac::gpio::vals::{Idr, Moder, Pupdr};

use super::clock::Clock;

const PIN: usize = 9;
/// The pull-up of some 40 kOhm charges the pin and its wire in less.
const SETTLE_US: u32 = 10;
/// Longer than a contact bounces and than a capacitor of 100 nF on it charges.
const HELD_US: u32 = 30_000;
const LOOK_EVERY_US: u32 = 100;

/// Looks at the pin: at once, when it is free, and for a while when it seems to be held.
pub(crate) fn look(clock: Clock) -> PinLevel {
    let cycles = |us| us * u32::from(clock.megahertz());
    GPIOB.pupdr().modify(|pulls| pulls.set_pupdr(PIN, Pupdr::PULL_UP));
    GPIOB.moder().modify(|modes| modes.set_moder(PIN, Moder::INPUT));
    delay(cycles(SETTLE_US));
    for _ in 0..HELD_US / LOOK_EVERY_US {
        if GPIOB.idr().read().idr(PIN) == Idr::HIGH {
            return PinLevel::Free;
        }
        delay(cycles(LOOK_EVERY_US));
    }
    PinLevel::Held
}
