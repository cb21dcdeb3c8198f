//! What the pins of the sonde board, revision 1, are connected to.

use super::gpio::{Gpio, Mode};
use super::usart::{DriverEnable, Wiring};

/// Ports in the chip's list.
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
/// Alternate function 7: USART1 on PA9, PA10 and PA12.
const USART: Mode = Mode::Alternate(7);
const TX: usize = 9;
const RX: usize = 10;
const DE: usize = 12;

/// Port and pin of the recovery button, which connects it to ground: PB9.
pub(crate) const RECOVERY_PIN: (usize, usize) = (B, 9);

/// The pins that move things. Only what the chip drives counts as high.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Outputs {
    /// START of channels 1 to 4 (PC6 to PC9): high makes the channel run.
    pub start: [bool; 4],
    /// RESET of channels 1 to 4 (PB12 to PB15).
    pub reset: [bool; 4],
    /// The status LED (PC13).
    pub led: bool,
    /// Whether any START pin was ever high since the board's creation, or since the latch was cleared.
    pub ever_on: bool,
}

impl Outputs {
    /// As the ports drive them now.
    pub(crate) fn read(gpio: &[Gpio; 7], ever_on: bool) -> Self {
        let start = std::array::from_fn(|channel| gpio[C].is_driven_high(6 + channel));
        Self {
            start,
            reset: std::array::from_fn(|channel| gpio[B].is_driven_high(12 + channel)),
            led: gpio[C].is_driven_high(13),
            ever_on: ever_on || start.contains(&true),
        }
    }
}

/// How the pins connect USART1 to the RS-485 transceiver.
pub(crate) fn line_port(gpio: &[Gpio; 7]) -> Wiring {
    Wiring {
        sends: gpio[A].mode(TX) == USART,
        receives: gpio[A].mode(RX) == USART,
        driver: match gpio[A].mode(DE) {
            USART => DriverEnable::Port,
            Mode::Output => DriverEnable::Level(gpio[A].level(DE)),
            _ => DriverEnable::Level(false),
        },
    }
}
