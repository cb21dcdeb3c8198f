//! RCC: oscillators, PLL, prescalers, peripheral clocks and resets, reset flags (RM0440 chapter 7).
//!
//! The board has no crystals: HSE and LSE stop the machine. Oscillators and the PLL are ready at once. Interrupts of
//! RCC and the clock security system are not modelled.

mod clock_tree;

use clock_tree::HSI16;
pub(crate) use clock_tree::{ClockTree, LSI};

use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused};

const CR: u32 = 0x00;
const ICSCR: u32 = 0x04;
const CFGR: u32 = 0x08;
const PLLCFGR: u32 = 0x0C;
const RSTR: u32 = 0x28;
const ENR: u32 = 0x48;
const CCIPR: u32 = 0x88;
const BDCR: u32 = 0x90;
const CSR: u32 = 0x94;
const CRRCR: u32 = 0x98;

const HSION: u32 = 1 << 8;
const HSIRDY: u32 = 1 << 10;
const HSEON: u32 = 1 << 16;
const PLLON: u32 = 1 << 24;
const PLLRDY: u32 = 1 << 25;
const PLLREN: u32 = 1 << 24;
const LSION: u32 = 1;
const LSIRDY: u32 = 1 << 1;
const RMVF: u32 = 1 << 23;
const RESET_FLAGS: u32 = 0xFE00_0000;

const AHB1: u32 = 0x0000_111F;
const AHB2: u32 = 0x050F_607F;
const AHB3: u32 = 0x0000_0101;
const APB1A: u32 = 0xD2FE_CD3F;
const APB1B: u32 = 0x0000_0103;
const APB2: u32 = 0x0437_F801;

static REGISTERS: [Register; 30] = [
    Register::new(CR, "CR", 0x0000_0500, 0x010D_0300).hardware(HSIRDY | 1 << 17 | PLLRDY),
    Register::new(ICSCR, "ICSCR", 0x4040_0000, 0x7F00_0000).hardware(0x00FF_0000),
    Register::new(CFGR, "CFGR", 0x0000_0005, 0x7F00_3FF3).hardware(0xC),
    Register::new(PLLCFGR, "PLLCFGR", 0x0000_1000, 0xFF73_7FF3),
    Register::new(0x18, "CIER", 0, 0).hardware(0),
    Register::read_only(0x1C, "CIFR", 0),
    Register::new(0x20, "CICR", 0, 0).hardware(0x0000_073B),
    Register::new(RSTR, "AHB1RSTR", 0, AHB1),
    Register::new(0x2C, "AHB2RSTR", 0, AHB2),
    Register::new(0x30, "AHB3RSTR", 0, AHB3),
    Register::new(0x38, "APB1RSTR1", 0, APB1A & !0xC00),
    Register::new(0x3C, "APB1RSTR2", 0, APB1B),
    Register::new(0x40, "APB2RSTR", 0, APB2),
    Register::new(ENR, "AHB1ENR", 0x0000_0100, AHB1),
    Register::new(0x4C, "AHB2ENR", 0, AHB2),
    Register::new(0x50, "AHB3ENR", 0, AHB3),
    Register::new(0x58, "APB1ENR1", 0x0000_0400, APB1A),
    Register::new(0x5C, "APB1ENR2", 0, APB1B),
    Register::new(0x60, "APB2ENR", 0, APB2),
    Register::new(0x68, "AHB1SMENR", AHB1 | 0x200, AHB1 | 0x200),
    Register::new(0x6C, "AHB2SMENR", AHB2 | 0x600, AHB2 | 0x600),
    Register::new(0x70, "AHB3SMENR", AHB3, AHB3),
    Register::new(0x78, "APB1SMENR1", APB1A, APB1A),
    Register::new(0x7C, "APB1SMENR2", APB1B, APB1B),
    Register::new(0x80, "APB2SMENR", APB2, APB2),
    Register::new(CCIPR, "CCIPR", 0, 0xFFFF_FFFF),
    Register::new(BDCR, "BDCR", 0, 0x0301_833D).hardware(0x42),
    Register::new(CSR, "CSR", 0, LSION).hardware(LSIRDY | RMVF | RESET_FLAGS),
    Register::new(CRRCR, "CRRCR", 0, 1).hardware(0xFF82),
    Register::new(0x9C, "CCIPR2", 0, 0x0030_0003),
];

/// A bus with its registers for clock enables and resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bus {
    Ahb1 = 0x00,
    Ahb2 = 0x04,
    Apb1a = 0x10,
    Apb2 = 0x18,
}

/// The place of a peripheral's bit in the enable and reset registers of its bus.
pub(crate) type Gate = (Bus, u32);

/// Why the chip was reset, as CSR tells software; PINRSTF comes with each, for every reset pulls NRST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResetCause {
    /// Power came (POR) or came back after a dip (BOR): BORRSTF.
    PowerOn,
    /// VDD dipped below the brown-out level without going away: BORRSTF too.
    BrownOut,
    /// Somebody pulled NRST.
    Pin,
    /// `AIRCR.SYSRESETREQ`: SFTRSTF.
    Software,
    /// The independent watchdog ran out: IWDGRSTF.
    Watchdog,
}

impl ResetCause {
    fn flags(self) -> u32 {
        const PINRSTF: u32 = 1 << 26;
        const BORRSTF: u32 = 1 << 27;
        const SFTRSTF: u32 = 1 << 28;
        const IWDGRSTF: u32 = 1 << 29;
        PINRSTF
            | match self {
                ResetCause::PowerOn | ResetCause::BrownOut => BORRSTF,
                ResetCause::Pin => 0,
                ResetCause::Software => SFTRSTF,
                ResetCause::Watchdog => IWDGRSTF,
            }
    }
}

/// Facts from other blocks that RCC's writes depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings {
    /// PWR_CR1.DBP: the backup domain may be written.
    pub(crate) backup_open: bool,
    /// PWR_CR1.VOS and PWR_CR5.R1MODE: the highest SYSCLK, and the step of HCLK per flash wait state.
    pub(crate) limits: Limits,
    /// FLASH_ACR.LATENCY.
    pub(crate) wait_states: u32,
}

/// What the core voltage allows (RM0440 tables 29 and 30).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Name of the range, for messages.
    pub(crate) range: &'static str,
    /// Highest SYSCLK in hertz.
    pub(crate) sysclk: u64,
    /// One more flash wait state per so many hertz of HCLK.
    pub(crate) per_wait_state: u64,
}

/// The registers of RCC.
#[derive(Debug, Clone)]
pub(crate) struct Rcc {
    registers: Bank,
    /// Facts from other blocks, set before each access.
    pub(crate) around: Surroundings,
    lsi_forced: bool,
}

impl Rcc {
    /// After power-on.
    pub(crate) fn new(around: Surroundings) -> Self {
        Self { registers: Bank::new(&REGISTERS), around, lsi_forced: false }
    }

    /// The clocks as set now.
    pub(crate) fn tree(&self) -> ClockTree {
        let cfgr = self.registers.get(CFGR);
        let sysclk = if cfgr >> 2 & 3 == 3 { self.pll_r() } else { HSI16 };
        ClockTree::new(sysclk, cfgr, self.registers.get(CCIPR), self.registers.get(CRRCR) & 1 != 0)
    }

    /// Whether a block's clock is on.
    pub(crate) fn is_clocked(&self, (bus, bit): Gate) -> bool {
        self.registers.get(ENR + bus as u32) & (1 << bit) != 0
    }

    /// Whether a block is held in reset.
    pub(crate) fn is_held_in_reset(&self, (bus, bit): Gate) -> bool {
        self.registers.get(RSTR + bus as u32) & (1 << bit) != 0
    }

    /// The enable register of a bus, for messages.
    pub(crate) fn enable_register(&self, bus: Bus) -> &'static str {
        self.registers.name(ENR + bus as u32)
    }

    /// The watchdog needs LSI whatever CSR says.
    pub(crate) fn force_lsi(&mut self) {
        self.lsi_forced = true;
        self.registers.set_bits(CSR, LSIRDY, true);
    }

    /// The flags of a reset, beside those that software has not removed yet. Power-on forgets the older ones.
    pub(crate) fn note_reset(&mut self, cause: ResetCause) {
        let old = if matches!(cause, ResetCause::PowerOn) { 0 } else { self.registers.get(CSR) & RESET_FLAGS };
        self.registers.set(CSR, old | cause.flags());
    }

    /// Power was away: the backup domain too starts anew (no battery on this board).
    pub(crate) fn lose_power(&mut self) {
        self.registers.set(BDCR, 0);
    }

    fn pll_r(&self) -> u64 {
        let pllcfgr = self.registers.get(PLLCFGR);
        let source = if pllcfgr & 3 == 2 { HSI16 } else { 0 };
        let divider = u64::from((pllcfgr >> 4 & 0xF) + 1);
        let factor = u64::from(pllcfgr >> 8 & 0x7F);
        let output = u64::from(((pllcfgr >> 25 & 3) + 1) * 2);
        source * factor / divider / output
    }

    fn write_cr(&mut self, value: u32) -> Result<(), Refused> {
        if value & HSEON != 0 {
            return unmodelled("CR: HSEON, but the board has no crystal");
        }
        let runs_from_pll = self.registers.get(CFGR) >> 2 & 3 == 3;
        if value & PLLON == 0 && runs_from_pll {
            return unmodelled("CR: PLLON cleared while SYSCLK runs from the PLL");
        }
        if value & HSION == 0 && (!runs_from_pll || value & PLLON != 0) {
            return unmodelled("CR: HSION cleared while SYSCLK or the PLL runs from HSI16");
        }
        if value & PLLON != 0 && self.registers.get(CR) & PLLON == 0 {
            self.check_pll()?;
        }
        self.registers.write(CR, value)?;
        self.registers.set_bits(CR, HSIRDY, value & HSION != 0);
        self.registers.set_bits(CR, PLLRDY, value & PLLON != 0);
        Ok(())
    }

    /// RM0440 7.4.4: input 2.66 to 16 MHz, VCO 96 to 344 MHz.
    fn check_pll(&self) -> Result<(), Refused> {
        let pllcfgr = self.registers.get(PLLCFGR);
        if pllcfgr & 3 != 2 {
            return unmodelled("CR: PLLON with a PLL source other than HSI16");
        }
        let input = HSI16 / u64::from((pllcfgr >> 4 & 0xF) + 1);
        let factor = u64::from(pllcfgr >> 8 & 0x7F);
        let vco = input * factor;
        if input < 2_660_000 || factor < 8 || !(96_000_000..=344_000_000).contains(&vco) {
            return unmodelled(format!("CR: PLLON with input {input} Hz, PLLN {factor}, VCO {vco} Hz: out of range"));
        }
        Ok(())
    }

    fn write_cfgr(&mut self, value: u32) -> Result<(), Refused> {
        let cr = self.registers.get(CR);
        let source = value & 3;
        match source {
            1 if cr & HSIRDY != 0 => {}
            3 if cr & PLLRDY != 0 && self.registers.get(PLLCFGR) & PLLREN != 0 => {}
            1 => return unmodelled("CFGR: SW selects HSI16, which is off"),
            3 => return unmodelled("CFGR: SW selects the PLL, which is off or has no R output"),
            _ => return unmodelled(format!("CFGR: SW = {source}, a clock that the board does not have")),
        }
        let sysclk = if source == 3 { self.pll_r() } else { HSI16 };
        self.check_limits(ClockTree::new(sysclk, value, 0, false))?;
        self.registers.write(CFGR, value)?;
        self.registers.set_bits(CFGR, 0xC, false);
        self.registers.set_bits(CFGR, source << 2, true);
        Ok(())
    }

    /// Too fast for the core voltage or for the flash: silicon may work, and may not.
    pub(crate) fn check_limits(&self, tree: ClockTree) -> Result<(), Refused> {
        let Surroundings { limits, wait_states, .. } = self.around;
        if tree.sysclk > limits.sysclk {
            return unmodelled(format!(
                "SYSCLK of {} Hz, but {} allows {} Hz; for more clear PWR_CR5.R1MODE (bit 8) first",
                tree.sysclk, limits.range, limits.sysclk
            ));
        }
        let needed = (tree.hclk - 1) / limits.per_wait_state;
        if needed > u64::from(wait_states) {
            return unmodelled(format!(
                "HCLK of {} Hz needs {needed} flash wait states in {}, FLASH_ACR.LATENCY is {wait_states}",
                tree.hclk, limits.range
            ));
        }
        Ok(())
    }

    fn write_bdcr(&mut self, value: u32) -> Result<(), Refused> {
        const LSEON: u32 = 1;
        const BDRST: u32 = 1 << 16;
        if !self.around.backup_open {
            return unmodelled("BDCR: the backup domain is write-protected; set PWR_CR1.DBP first");
        }
        if value & LSEON != 0 {
            return unmodelled("BDCR: LSEON, but the board has no 32 kHz crystal");
        }
        self.registers.write(BDCR, value)?;
        if value & BDRST != 0 {
            self.registers.set(BDCR, BDRST);
        }
        Ok(())
    }

    fn write_csr(&mut self, value: u32) -> Result<(), Refused> {
        self.registers.write(CSR, value)?;
        if value & RMVF != 0 {
            self.registers.set_bits(CSR, RESET_FLAGS, false);
        }
        self.registers.set_bits(CSR, LSIRDY, value & LSION != 0 || self.lsi_forced);
        Ok(())
    }
}

impl Peripheral for Rcc {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        match offset {
            CR => self.write_cr(value)?,
            CFGR => self.write_cfgr(value)?,
            PLLCFGR if self.registers.get(CR) & PLLON != 0 && value != self.registers.get(PLLCFGR) => {
                // Only the output gates may change while the PLL runs.
                const OUTPUTS: u32 = 1 << 16 | 1 << 20 | 1 << 24;
                if (value ^ self.registers.get(PLLCFGR)) & !OUTPUTS != 0 {
                    return unmodelled("PLLCFGR: changed while the PLL is on");
                }
                self.registers.write(offset, value)?;
            }
            BDCR => self.write_bdcr(value)?,
            CSR => self.write_csr(value)?,
            CRRCR => {
                self.registers.write(offset, value)?;
                self.registers.set_bits(CRRCR, 2, value & 1 != 0);
            }
            _ => self.registers.write(offset, value)?,
        }
        Ok(Effect::None)
    }

    /// BDCR and the reset flags outlive a system reset.
    fn reset(&mut self) {
        let (bdcr, csr) = (self.registers.get(BDCR), self.registers.get(CSR));
        self.registers.reset();
        self.registers.set(BDCR, bdcr);
        self.registers.set(CSR, csr & RESET_FLAGS);
        self.lsi_forced = false;
    }
}
