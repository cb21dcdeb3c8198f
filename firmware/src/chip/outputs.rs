//! The START and RESET outputs of the channels: low from the first instruction on (`boot:U8`), and read back from the
//! pins.

use stm32_metapac::gpio::Gpio;
use stm32_metapac::gpio::vals::Moder;
use stm32_metapac::{GPIOB, GPIOC, RCC};

use crate::self_test::Outputs;

/// START of channel 1; those of channels 2-4 follow it on port B.
const START: usize = 12;
/// RESET of channel 1; those of channels 2-4 follow it on port C.
const RESET: usize = 6;
/// Status LED, on port C.
const LED: usize = 13;
const CHANNELS: usize = 4;

/// Drives all of them low, and the LED dark.
pub(super) fn all_off() {
    RCC.ahb2enr().modify(|enable| {
        enable.set_gpioben(true);
        enable.set_gpiocen(true);
    });
    // The write to the enable register has to arrive before the port listens.
    let _ = RCC.ahb2enr().read();
    drive_low(GPIOB, START..START + CHANNELS);
    drive_low(GPIOC, RESET..RESET + CHANNELS);
    drive_low(GPIOC, LED..LED + 1);
}

/// What the pins read.
pub(super) fn read() -> Outputs {
    Outputs { start: levels(GPIOB, START), reset: levels(GPIOC, RESET) }
}

/// Lights the LED or darkens it.
pub(super) fn light(on: bool) {
    GPIOC.bsrr().write(|levels| if on { levels.set_bs(LED, true) } else { levels.set_br(LED, true) });
}

/// Sets the level first, so that a pin that becomes an output is low from the start.
fn drive_low(port: Gpio, pins: core::ops::Range<usize>) {
    port.bsrr().write(|levels| pins.clone().for_each(|pin| levels.set_br(pin, true)));
    port.moder().modify(|modes| pins.for_each(|pin| modes.set_moder(pin, Moder::OUTPUT)));
}

fn levels(port: Gpio, first: usize) -> u8 {
    (port.idr().read().0 >> first) as u8 & ((1 << CHANNELS) - 1)
}
