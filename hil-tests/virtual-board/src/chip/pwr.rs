//! PWR: core voltage, write protection of the backup domain, pull-ups for standby (RM0440 chapter 6).
//!
//! The voltage monitor (PVD) has no interrupt: it only breaks the timers' outputs. Low-power modes other than sleep, the
//! other monitors and range 2 are not modelled.

use super::peripheral::{Moment, Peripheral};
use super::rcc::Limits;
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused};

const CR1: u32 = 0x00;
const CR2: u32 = 0x04;
const CR3: u32 = 0x08;
const SCR: u32 = 0x18;
const CR5: u32 = 0x80;

const DBP: u32 = 1 << 8;
const VOS: u32 = 3 << 9;
const LPR: u32 = 1 << 14;
/// The voltage monitor and its threshold.
const PVDE: u32 = 1 << 0;
const PVD: u32 = PVDE | 7 << 1;
const R1MODE: u32 = 1 << 8;
const UCPD1_DBDIS: u32 = 1 << 14;

static REGISTERS: [Register; 22] = [
    Register::new(CR1, "CR1", 0x0000_0200, 0x0000_4707),
    Register::new(CR2, "CR2", 0, 0x0000_00FF),
    Register::new(CR3, "CR3", 0x0000_8000, 0x0000_E51F),
    Register::new(0x0C, "CR4", 0, 0x0000_031F),
    Register::read_only(0x10, "SR1", 0),
    Register::read_only(0x14, "SR2", 0x0000_0100),
    Register::new(SCR, "SCR", 0, 0).hardware(0x0000_011F),
    Register::new(0x20, "PUCRA", 0, 0xFFFF),
    Register::new(0x24, "PDCRA", 0, 0xFFFF),
    Register::new(0x28, "PUCRB", 0, 0xFFFF),
    Register::new(0x2C, "PDCRB", 0, 0xFFFF),
    Register::new(0x30, "PUCRC", 0, 0xFFFF),
    Register::new(0x34, "PDCRC", 0, 0xFFFF),
    Register::new(0x38, "PUCRD", 0, 0xFFFF),
    Register::new(0x3C, "PDCRD", 0, 0xFFFF),
    Register::new(0x40, "PUCRE", 0, 0xFFFF),
    Register::new(0x44, "PDCRE", 0, 0xFFFF),
    Register::new(0x48, "PUCRF", 0, 0xFFFF),
    Register::new(0x4C, "PDCRF", 0, 0xFFFF),
    Register::new(0x50, "PUCRG", 0, 0x07FF),
    Register::new(0x54, "PDCRG", 0, 0x07FF),
    // RM0440 6.4.24: R1MODE is bit 8. stm32-metapac 21 has it at bit 0, so that its boost mode is none.
    Register::new(CR5, "CR5", R1MODE, R1MODE),
];

/// The registers of PWR.
#[derive(Debug, Clone)]
pub(crate) struct Pwr {
    registers: Bank,
    /// SYSCFG_CFGR2.PVDL keeps CR2 as it is.
    pub(crate) monitor_locked: bool,
}

impl Pwr {
    /// After power-on.
    pub(crate) fn new() -> Self {
        Self { registers: Bank::new(&REGISTERS), monitor_locked: false }
    }

    /// Whether the backup domain may be written.
    pub(crate) fn backup_open(&self) -> bool {
        self.registers.get(CR1) & DBP != 0
    }

    /// Whether PB4 and PB6 are pulled low, as those of a USB device with an empty battery (RM0440 6.4.3): they are while
    /// PA9 and PA10 are high, which the idle serial line is.
    pub(crate) fn pulls_for_usb(&self) -> bool {
        self.registers.get(CR3) & UCPD1_DBDIS == 0
    }

    /// Whether the voltage monitor is on.
    pub(crate) fn monitors(&self) -> bool {
        self.registers.get(CR2) & PVDE != 0
    }

    /// What the core voltage allows.
    pub(crate) fn limits(&self) -> Limits {
        if self.registers.get(CR5) & R1MODE == 0 {
            Limits { range: "range 1 boost mode", sysclk: 170_000_000, per_wait_state: 34_000_000 }
        } else {
            Limits { range: "range 1 normal mode", sysclk: 150_000_000, per_wait_state: 30_000_000 }
        }
    }

    /// RCC resets the block: CR5 stays (RM0440 6.4.24).
    pub(crate) fn reset_by_rcc(&mut self) {
        let cr5 = self.registers.get(CR5);
        self.registers.reset();
        self.registers.set(CR5, cr5);
    }
}

impl Peripheral for Pwr {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
        match offset {
            CR1 if value & VOS != 1 << 9 => return unmodelled("CR1: VOS other than range 1"),
            CR1 if value & LPR != 0 => return unmodelled("CR1: LPR, low-power run"),
            CR2 if value & !PVD != 0 => return unmodelled("CR2: a voltage monitor other than PVD"),
            CR2 if value & 7 << 1 == 7 << 1 => return unmodelled("CR2: PLS = 7, an external threshold"),
            CR2 if self.monitor_locked => {}
            CR5 if value & R1MODE != 0 && at.tree.sysclk > 150_000_000 => {
                return unmodelled("CR5: boost mode left with SYSCLK above 150 MHz");
            }
            _ => self.registers.write(offset, value)?,
        }
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}
