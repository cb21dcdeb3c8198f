//! The outputs that could make a channel emit power, and the LED: low before anything else is done (`boot:U8`). The one
//! list of their pins, for loader and firmware.

use stm32_metapac::gpio::Gpio;
use stm32_metapac::gpio::regs::Bsrr;
use stm32_metapac::{GPIOB, GPIOC, RCC};

/// `GPIOx_MODER` when each pin of the port is an output.
const EACH_OUTPUT: u32 = 0x5555_5555;

/// Pins of one port, first to last.
#[derive(Clone, Copy)]
struct Pins {
    port: Gpio,
    first: usize,
    count: usize,
}

/// START of channels 1-4, on PC6-PC9: outputs 1-4 of TIM8 too.
const START: Pins = Pins { port: GPIOC, first: 6, count: 4 };
/// RESET of channels 1-4, on PB12-PB15.
const RESET: Pins = Pins { port: GPIOB, first: 12, count: 4 };
/// Status LED, on PC13.
const LED: Pins = Pins { port: GPIOC, first: 13, count: 1 };

/// Drives all of them low, and the LED dark.
#[inline(never)]
pub fn all_off() {
    RCC.ahb2enr().modify(|enable| {
        enable.set_gpioben(true);
        enable.set_gpiocen(true);
    });
    // The write to the enable register has to arrive before the port listens.
    let _ = RCC.ahb2enr().read();
    START.drive_low();
    RESET.drive_low();
    LED.drive_low();
}

/// Levels of the START pins as they read, bit 0 = channel 1.
#[must_use]
pub fn start_levels() -> u8 {
    START.levels()
}

/// Levels of the RESET pins as they read, bit 0 = channel 1.
#[must_use]
pub fn reset_levels() -> u8 {
    RESET.levels()
}

/// Makes the RESET pins show this, bit 0 = channel 1.
pub fn show_reset(mask: u8) {
    RESET.port.bsrr().write(|levels| {
        for channel in 0..RESET.count {
            let pin = RESET.first + channel;
            if mask & 1 << channel == 0 { levels.set_br(pin, true) } else { levels.set_bs(pin, true) }
        }
    });
}

/// Lights the LED or darkens it.
pub fn light(on: bool) {
    LED.port.bsrr().write(|levels| if on { levels.set_bs(LED.first, true) } else { levels.set_br(LED.first, true) });
}

impl Pins {
    /// Sets the level first, so that a pin that becomes an output is low from the start.
    fn drive_low(self) {
        let (pins, modes) = (self.mask(1), self.mask(2));
        self.port.bsrr().write_value(Bsrr(pins << 16));
        self.port.moder().modify(|all| all.0 = all.0 & !modes | modes & EACH_OUTPUT);
    }

    /// The fields of these pins, in a register that has so many bits for each pin.
    fn mask(self, bits: usize) -> u32 {
        ((1 << (self.count * bits)) - 1) << (self.first * bits)
    }

    fn levels(self) -> u8 {
        ((self.port.idr().read().0 & self.mask(1)) >> self.first) as u8
    }
}
