//! The independent watchdog: started before the jump, never to be stopped; the image has to feed it.

use stm32_metapac::IWDG;
use stm32_metapac::iwdg::vals::{Key, Pr};

/// 32 kHz through the prescaler of 8 counts 4 a millisecond: 1 s. The oscillator is good for 29.5 to 34 kHz, so at
/// least 0.94 s (datasheet table 42).
const RELOAD: u16 = 4_000 - 1;

/// Starts it with one second to go.
pub(crate) fn start() {
    IWDG.kr().write(|key| key.set_key(Key::START));
    IWDG.kr().write(|key| key.set_key(Key::ENABLE));
    IWDG.pr().write(|prescaler| prescaler.set_pr(Pr::DIVIDE_BY8));
    IWDG.rlr().write(|reload| reload.set_rl(RELOAD));
    // Five cycles of 32 kHz until both are in force. Should they never be, the watchdog itself ends this.
    while IWDG.sr().read().0 != 0 {}
    IWDG.kr().write(|key| key.set_key(Key::RESET));
}
