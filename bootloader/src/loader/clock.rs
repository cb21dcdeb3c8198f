//! The system clock: 170 MHz from the internal 16 MHz oscillator, so that verification takes tens of milliseconds.

use stm32_metapac::flash::vals::Latency;
use stm32_metapac::rcc::vals::{Hpre, Pllm, Plln, Pllr, Pllsrc, Sw};
use stm32_metapac::{FLASH, PWR, RCC};

/// Clock of core and timers after [`run_fast`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// 170 MHz.
    Pll,
    /// 16 MHz: the PLL did not lock. Slow, but it boots.
    Internal,
}

impl Clock {
    /// Megahertz.
    pub(crate) const fn megahertz(self) -> u16 {
        match self {
            Self::Pll => 170,
            Self::Internal => 16,
        }
    }
}

/// Times to look before a clock is given up. The PLL locks within 50 us, 800 cycles of 16 MHz.
const PATIENCE: u32 = 10_000;

/// `PWR_CR5.R1MODE`, zero for boost mode. By number: stm32-metapac 21 has it at bit 0, RM0440 section 6.4.24 at bit 8.
const R1MODE: u32 = 1 << 8;

/// Raises the clock as far as it goes.
pub(crate) fn run_fast() -> Clock {
    allow_170_mhz();
    RCC.pllcfgr().write(|pll| {
        pll.set_pllsrc(Pllsrc::HSI);
        pll.set_pllm(Pllm::DIV4); // 4 MHz
        pll.set_plln(Plln::MUL85); // 340 MHz
        pll.set_pllr(Pllr::DIV2); // 170 MHz
        pll.set_pllren(true);
    });
    RCC.cr().modify(|control| control.set_pllon(true));
    if !within_patience(|| RCC.cr().read().pllrdy()) {
        return Clock::Internal;
    }
    // Past 80 MHz in two steps, at least 1 us apart (RM0440 section 7.2.7).
    RCC.cfgr().modify(|config| config.set_hpre(Hpre::DIV2));
    RCC.cfgr().modify(|config| config.set_sw(Sw::PLL1_R));
    if !within_patience(|| RCC.cfgr().read().sws() == Sw::PLL1_R) {
        RCC.cfgr().modify(|config| {
            config.set_sw(Sw::HSI);
            config.set_hpre(Hpre::DIV1);
        });
        return Clock::Internal;
    }
    cortex_m::asm::delay(170);
    RCC.cfgr().modify(|config| config.set_hpre(Hpre::DIV1));
    Clock::Pll
}

/// Range 1 boost mode and four wait states (RM0440 sections 6.1.5 and 3.3.3). The wait states must be in force before
/// the clock rises, so they are read back.
fn allow_170_mhz() {
    RCC.apb1enr1().modify(|enable| enable.set_pwren(true));
    PWR.cr5().modify(|control| control.0 &= !R1MODE);
    FLASH.acr().modify(|access| {
        access.set_latency(Latency::WS4);
        access.set_prften(true);
    });
    while FLASH.acr().read().latency() != Latency::WS4 {}
}

fn within_patience(ready: impl Fn() -> bool) -> bool {
    (0..PATIENCE).any(|_| ready())
}
