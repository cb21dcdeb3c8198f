//! What the pins of the sonde board, revision 1, are connected to.

use super::gpio::{Gpio, Mode};
use super::usart::{DriverEnable, Wiring};

/// Ports in the chip's list.
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;
/// Alternate function 7: USART1 on PA9, PA10 and PA12.
const USART: Mode = Mode::Alternate(7);
const TX: usize = 9;
const RX: usize = 10;
const DE: usize = 12;

/// Port and pin of the recovery button, which connects it to ground: PB9.
pub(crate) const RECOVERY_PIN: (usize, usize) = (B, 9);

/// A pin of a channel, and the alternate function that connects it to its timer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) port: usize,
    pub(super) pin: usize,
    pub(super) function: u32,
}

const fn pin(port: usize, pin: usize) -> Signal {
    timed(port, pin, u32::MAX)
}

const fn timed(port: usize, pin: usize, function: u32) -> Signal {
    Signal { port, pin, function }
}

/// START: outputs of TIM8.
pub(super) const START: [Signal; 4] = [timed(C, 6, 4), timed(C, 7, 4), timed(C, 8, 4), timed(C, 9, 4)];
/// OVERLOAD RESET.
const RESET: [Signal; 4] = [pin(B, 12), pin(B, 13), pin(B, 14), pin(B, 15)];
/// AMPLITUDE: outputs of TIM3.
pub(super) const AMPLITUDE: [Signal; 4] = [timed(A, 6, 2), timed(A, 7, 2), timed(B, 0, 2), timed(B, 1, 2)];
/// POWER: IN1 to IN4 of ADC1.
pub(super) const POWER: [Signal; 4] = [pin(A, 0), pin(A, 1), pin(A, 2), pin(A, 3)];
/// FREQUENCY: inputs of TIM1.
pub(super) const FREQUENCY: [Signal; 4] = [timed(C, 0, 2), timed(C, 1, 2), timed(C, 2, 2), timed(C, 3, 2)];
/// OVERLOAD.
pub(super) const OVERLOAD: [Signal; 4] = [pin(B, 4), pin(B, 5), pin(B, 6), pin(B, 7)];
/// LOCK.
pub(super) const LOCK: [Signal; 4] = [pin(C, 10), pin(C, 11), pin(C, 12), pin(D, 2)];

/// Timers in the chip's list.
pub(super) const FREQUENCY_TIMER: usize = 0;
pub(super) const AMPLITUDE_TIMER: usize = 2;
pub(super) const START_TIMER: usize = 7;

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
    /// As the ports drive them now; START, which a timer may drive, is as told.
    pub(super) fn read(gpio: &[Gpio; 7], start: [bool; 4]) -> Self {
        Self {
            start,
            reset: RESET.map(|signal| gpio[signal.port].is_driven_high(signal.pin)),
            led: gpio[C].is_driven_high(13),
            ever_on: false,
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
