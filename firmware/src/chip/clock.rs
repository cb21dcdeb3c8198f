//! The system clock: 170 MHz from the internal 16 MHz oscillator, as the loader set it.

use embassy_stm32::rcc;
use stm32_metapac::RCC;
use stm32_metapac::rcc::vals::Sw;

const OSCILLATOR_HZ: u32 = 16_000_000;

/// What the HAL shall set up: the system clock, and no oscillator that nobody uses. The one of the watchdog runs by
/// itself.
pub(super) fn config() -> embassy_stm32::Config {
    let mut config = embassy_stm32::Config::default();
    config.rcc.pll = Some(rcc::Pll {
        source: rcc::PllSource::HSI,
        prediv: rcc::PllPreDiv::DIV4, // 4 MHz
        mul: rcc::PllMul::MUL85,      // 340 MHz
        divp: None,
        divq: None,
        divr: Some(rcc::PllRDiv::DIV2), // 170 MHz
    });
    config.rcc.sys = rcc::Sysclk::PLL1_R;
    config.rcc.boost = true;
    // 42.5 MHz, by the converter's own divider.
    config.rcc.mux.adc12sel = rcc::mux::Adcsel::SYS;
    config.rcc.hsi48 = None;
    config.rcc.ls = rcc::LsConfig::off();
    config
}

/// What the core runs at by the registers that set it, hertz; the evidence for the self-test. It cannot tell an
/// oscillator that is off its frequency.
pub(super) fn measured_hz() -> u32 {
    let config = RCC.cfgr().read();
    let divider = if config.hpre().to_bits() < 8 { 1 } else { 2 << (config.hpre().to_bits() & 7) };
    let source = match config.sws() {
        Sw::HSI => OSCILLATOR_HZ,
        Sw::PLL1_R if RCC.cr().read().pllrdy() => pll_hz(),
        _ => 0,
    };
    source / divider
}

fn pll_hz() -> u32 {
    let pll = RCC.pllcfgr().read();
    let (before, times) = (u32::from(pll.pllm().to_bits()) + 1, u32::from(pll.plln().to_bits()));
    let after = 2 * (u32::from(pll.pllr().to_bits()) + 1);
    OSCILLATOR_HZ / before * times / after
}
