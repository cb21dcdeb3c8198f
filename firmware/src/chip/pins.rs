//! What the pins of channels are set to (`docs/hardware.md`). Those that can make a channel emit power are low outputs
//! already: the loader and [`bootloader::stm32g4::outputs::all_off`] made them so.

use stm32_metapac::gpio::Gpio;
use stm32_metapac::gpio::vals::{Moder, Pupdr};
use stm32_metapac::{GPIOA, GPIOB, GPIOC, GPIOD, RCC};

/// A pin: its port and its number there.
pub(super) type Pin = (Gpio, usize);

/// START of channels 1-4: TIM8_CH1-4.
pub(super) const START: [Pin; 4] = [(GPIOC, 6), (GPIOC, 7), (GPIOC, 8), (GPIOC, 9)];
/// Alternate function of [`START`].
pub(super) const START_FUNCTION: u8 = 4;
/// Amplitude of channels 1-4: TIM3_CH1-4.
pub(super) const AMPLITUDE: [Pin; 4] = [(GPIOA, 6), (GPIOA, 7), (GPIOB, 0), (GPIOB, 1)];
/// Divided frequency of channels 1-4: TIM1_CH1-4.
pub(super) const FREQUENCY: [Pin; 4] = [(GPIOC, 0), (GPIOC, 1), (GPIOC, 2), (GPIOC, 3)];
/// Alternate function of [`AMPLITUDE`] and [`FREQUENCY`].
pub(super) const TIMER_FUNCTION: u8 = 2;
/// Overload of channels 1-4, low when active.
pub(super) const OVERLOAD: [Pin; 4] = [(GPIOB, 4), (GPIOB, 5), (GPIOB, 6), (GPIOB, 7)];
/// Lock of channels 1-4, low when active.
pub(super) const LOCK: [Pin; 4] = [(GPIOC, 10), (GPIOC, 11), (GPIOC, 12), (GPIOD, 2)];

/// Clocks the ports.
pub(super) fn clock_ports() {
    RCC.ahb2enr().modify(|enable| {
        enable.set_gpioaen(true);
        enable.set_gpioben(true);
        enable.set_gpiocen(true);
        enable.set_gpioden(true);
    });
    // The write to the enable register has to arrive before the ports listen.
    let _ = RCC.ahb2enr().read();
}

/// Gives a pin to a peripheral.
pub(super) fn alternate((port, pin): Pin, function: u8) {
    port.afr(pin / 8).modify(|functions| functions.set_afr(pin % 8, function));
    port.moder().modify(|modes| modes.set_moder(pin, Moder::ALTERNATE));
}

/// Makes a pin an input that is high when nobody pulls it low.
pub(super) fn input_pulled_up((port, pin): Pin) {
    port.pupdr().modify(|pulls| pulls.set_pupdr(pin, Pupdr::PULL_UP));
    port.moder().modify(|modes| modes.set_moder(pin, Moder::INPUT));
}

/// Whether somebody pulls a pin low.
pub(super) fn is_low((port, pin): Pin) -> bool {
    port.idr().read().0 & 1 << pin == 0
}
