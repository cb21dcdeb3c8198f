//! The outputs that could make a channel emit power, and the LED: driven low before anything else is done (`boot:U8`).

use stm32_metapac::gpio::Gpio;
use stm32_metapac::gpio::vals::Moder;
use stm32_metapac::{GPIOB, GPIOC, RCC};

/// START of channels 1-4.
const START: (Gpio, [usize; 4]) = (GPIOB, [12, 13, 14, 15]);
/// RESET of channels 1-4, then the LED.
const RESET_AND_LED: (Gpio, [usize; 5]) = (GPIOC, [6, 7, 8, 9, 13]);

/// Drives all of them low.
pub(crate) fn all_off() {
    RCC.ahb2enr().modify(|enable| {
        enable.set_gpioben(true);
        enable.set_gpiocen(true);
    });
    // The write to the enable register has to arrive before the port listens.
    let _ = RCC.ahb2enr().read();
    drive_low(START.0, &START.1);
    drive_low(RESET_AND_LED.0, &RESET_AND_LED.1);
}

/// Sets the level first, so that a pin that becomes an output is low from the start.
fn drive_low(port: Gpio, pins: &[usize]) {
    port.bsrr().write(|levels| pins.iter().for_each(|&pin| levels.set_br(pin, true)));
    port.moder().modify(|modes| pins.iter().for_each(|&pin| modes.set_moder(pin, Moder::OUTPUT)));
}
