//! The independent watchdog. Runs from the loader's first instructions on, never to be stopped: a loader that hangs is reset
//! by it, and so is an image that does not feed it.

use stm32_metapac::IWDG;
use stm32_metapac::iwdg::vals::{Key, Pr};

/// 32 kHz through 128 counts 4096 steps, which is what the counter holds after a reset, in 16.4 s. The oscillator is good
/// for 29.5 to 34 kHz (datasheet table 42), so in 15.4 to 17.8 s.
///
/// The slowest boot takes 5.8 s: at 16 MHz, two cycles an instruction, with two slots of the longest image judged twice
/// (8 million instructions each, since a start that cannot be counted is decided again) and four signatures in each copy
/// of the key set (1.8 million each): 46 million instructions.
const LOADER: Pr = Pr::DIVIDE_BY128;

/// For an image, 32 kHz through 8 counts the same steps in 1.02 s, at least 0.96 s.
const IMAGE: Pr = Pr::DIVIDE_BY8;

/// Starts it with the loader's time. Does not wait for the prescaler to arrive, which takes 0.16 ms: until then the counter
/// goes by 4 and has 512 ms.
pub(crate) fn start() {
    IWDG.kr().write(|key| key.set_key(Key::START));
    IWDG.kr().write(|key| key.set_key(Key::ENABLE));
    IWDG.pr().write(|prescaler| prescaler.set_pr(LOADER));
}

/// Gives it all its time again.
pub(crate) fn feed() {
    IWDG.kr().write(|key| key.set_key(Key::RESET));
}

/// Leaves it one second from now on: before the jump, and when recovery serves the bus.
pub(crate) fn one_second() {
    settle();
    IWDG.kr().write(|key| key.set_key(Key::ENABLE));
    IWDG.pr().write(|prescaler| prescaler.set_pr(IMAGE));
    // Not left to the image: it may set a prescaler of its own, which counts only after this one has arrived.
    settle();
    feed();
}

/// Waits until what was written is in force, five cycles of 32 kHz. Should it never be, the watchdog itself ends this.
fn settle() {
    while IWDG.sr().read().0 != 0 {}
}
