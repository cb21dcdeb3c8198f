//! How long the boot took. Uses TIM2 and leaves it as a reset does.

use stm32_metapac::{RCC, TIM2};

use super::clock::Clock;

/// Counts microseconds.
#[derive(Debug)]
pub(crate) struct Stopwatch;

impl Stopwatch {
    /// Starts at zero. The time before, from reset to here, is some 100 us.
    pub(crate) fn start(clock: Clock) -> Self {
        RCC.apb1enr1().modify(|enable| enable.set_tim2en(true));
        let _ = RCC.apb1enr1().read();
        TIM2.psc().write_value(clock.megahertz() - 1);
        // The prescaler counts from the next update on.
        TIM2.egr().write(|event| event.set_ug(true));
        TIM2.cr1().write(|control| control.set_cen(true));
        Self
    }

    /// Microseconds since the start; goes round after 71 minutes.
    pub(crate) fn elapsed(&self) -> u32 {
        TIM2.cnt().read()
    }

    /// Microseconds since the start.
    pub(crate) fn stop(self) -> u32 {
        let elapsed = self.elapsed();
        RCC.apb1rstr1().modify(|reset| reset.set_tim2rst(true));
        RCC.apb1rstr1().modify(|reset| reset.set_tim2rst(false));
        RCC.apb1enr1().modify(|enable| enable.set_tim2en(false));
        elapsed
    }
}
