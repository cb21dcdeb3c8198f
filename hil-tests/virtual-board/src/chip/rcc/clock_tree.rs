//! How fast everything runs, as RCC is set.

/// The HSI16 oscillator.
pub(crate) const HSI16: u64 = 16_000_000;
/// The LSI oscillator, nominal: silicon is 31.04 to 32.96 kHz.
pub(crate) const LSI: u64 = 32_000;

/// The clocks behind RCC, in hertz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockTree {
    /// SYSCLK.
    pub(crate) sysclk: u64,
    /// The core, AHB and memories: one cycle of the core.
    pub(crate) hclk: u64,
    /// APB1.
    pub(crate) pclk1: u64,
    /// APB2.
    pub(crate) pclk2: u64,
    /// Core cycles per tick of a timer on APB1.
    pub(crate) timer1_divider: u64,
    /// Core cycles per tick of a timer on APB2.
    pub(crate) timer2_divider: u64,
    /// CCIPR: who clocks the serial ports.
    pub(crate) ccipr: u32,
    /// Whether HSI48 runs.
    pub(crate) hsi48: bool,
}

impl ClockTree {
    /// After reset: HSI16 without prescalers.
    pub(crate) const RESET: Self = Self {
        sysclk: HSI16,
        hclk: HSI16,
        pclk1: HSI16,
        pclk2: HSI16,
        timer1_divider: 1,
        timer2_divider: 1,
        ccipr: 0,
        hsi48: false,
    };

    /// The tree under a SYSCLK of `sysclk` hertz with the prescalers of CFGR.
    pub(crate) fn new(sysclk: u64, cfgr: u32, ccipr: u32, hsi48: bool) -> Self {
        let hclk = sysclk / ahb_divider(cfgr >> 4 & 0xF);
        let (apb1, apb2) = (apb_divider(cfgr >> 8 & 7), apb_divider(cfgr >> 11 & 7));
        Self {
            sysclk,
            hclk,
            pclk1: hclk / apb1,
            pclk2: hclk / apb2,
            // A timer runs at twice PCLK unless PCLK is HCLK (RM0440 7.2.16).
            timer1_divider: if apb1 == 1 { 1 } else { apb1 / 2 },
            timer2_divider: if apb2 == 1 { 1 } else { apb2 / 2 },
            ccipr,
            hsi48,
        }
    }

    /// The kernel clock that CCIPR selects for a serial port: `position` of its two bits, its bus clock. `None` when
    /// the selected oscillator is not fitted.
    pub(crate) fn serial_clock(&self, position: u32, pclk: u64) -> Option<u64> {
        match self.ccipr >> position & 3 {
            0 => Some(pclk),
            1 => Some(self.sysclk),
            2 => Some(HSI16),
            _ => None,
        }
    }
}

fn ahb_divider(hpre: u32) -> u64 {
    match hpre {
        0..=7 => 1,
        8..=11 => 2 << (hpre - 8),
        _ => 64 << (hpre - 12),
    }
}

fn apb_divider(ppre: u32) -> u64 {
    if ppre < 4 { 1 } else { 2 << (ppre - 4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_run_twice_as_fast_as_a_divided_bus() {
        let tree = ClockTree::new(160_000_000, 5 << 8 | 4 << 11, 0, false);
        assert_eq!((tree.pclk1, tree.timer1_divider), (40_000_000, 2));
        assert_eq!((tree.pclk2, tree.timer2_divider), (80_000_000, 1));
    }

    #[test]
    fn the_ahb_prescaler_skips_32() {
        assert_eq!([7, 8, 11, 12, 15].map(ahb_divider), [1, 2, 16, 64, 512]);
    }
}
