//! How the timers of the chip differ, and their registers.

use crate::chip::registers::Register;

pub(super) const CR1: u32 = 0x00;
pub(super) const CR2: u32 = 0x04;
pub(super) const SMCR: u32 = 0x08;
pub(super) const DIER: u32 = 0x0C;
pub(super) const SR: u32 = 0x10;
pub(super) const EGR: u32 = 0x14;
pub(super) const CCMR1: u32 = 0x18;
pub(super) const CCMR2: u32 = 0x1C;
pub(super) const CCER: u32 = 0x20;
pub(super) const CNT: u32 = 0x24;
pub(super) const PSC: u32 = 0x28;
pub(super) const ARR: u32 = 0x2C;
pub(super) const RCR: u32 = 0x30;
pub(super) const BDTR: u32 = 0x44;
pub(super) const CCR5: u32 = 0x48;
pub(super) const CCMR3: u32 = 0x50;
pub(super) const TISEL: u32 = 0x5C;
pub(super) const AF1: u32 = 0x60;
pub(super) const AF2: u32 = 0x64;

pub(super) const CEN: u32 = 1 << 0;
pub(super) const UDIS: u32 = 1 << 1;
pub(super) const URS: u32 = 1 << 2;
pub(super) const OPM: u32 = 1 << 3;
pub(super) const DIR: u32 = 1 << 4;
pub(super) const CMS: u32 = 3 << 5;
pub(super) const ARPE: u32 = 1 << 7;
pub(super) const UIFREMAP: u32 = 1 << 11;
pub(super) const DITHEN: u32 = 1 << 12;
pub(super) const SMS: u32 = 0x0001_0007;
pub(super) const UIF: u32 = 1 << 0;
pub(super) const UG: u32 = 1 << 0;
pub(super) const BG: u32 = 1 << 7;
pub(super) const CC1E: u32 = 1 << 0;

/// Compare modes, as in OCxM.
pub(super) const FORCED_INACTIVE: u32 = 4;
pub(super) const FORCED_ACTIVE: u32 = 5;
pub(super) const PWM_1: u32 = 6;
pub(super) const PWM_2: u32 = 7;

/// The compare register of channel 0-3.
pub(super) const fn ccr(channel: u32) -> u32 {
    0x34 + channel * 4
}

/// The mode register of channel 0-3.
pub(super) fn ccmr(channel: u32) -> u32 {
    if channel < 2 { CCMR1 } else { CCMR2 }
}

/// Where its bits begin there.
pub(super) fn ccmr_shift(channel: u32) -> u32 {
    channel % 2 * 8
}

/// What is particular about one timer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// All ones as wide as the counter.
    pub(super) mask: u32,
    /// Compare channels.
    pub(super) channels: u32,
    /// Which bus clocks it.
    pub(super) on_apb2: bool,
    /// Whether it has BDTR.
    pub(super) has_break: bool,
    /// Whether the edges on its outputs are noted.
    pub(super) watched: bool,
    /// Flags of SR, and the interrupt line that they raise.
    pub(super) lines: &'static [(u32, usize)],
    registers: &'static [Register],
}

const BREAK: u32 = 1 << 7;
const UPDATE: u32 = 1;
const TRIGGER_COM: u32 = 1 << 5 | 1 << 6;
const COMPARE: u32 = 0x1E;
const ALL: u32 = u32::MAX;

impl Kind {
    const fn general(wide: bool, lines: &'static [(u32, usize)]) -> Self {
        let (mask, registers): (u32, &'static [Register]) =
            if wide { (u32::MAX, &GENERAL_32) } else { (0xFFFF, &GENERAL_16) };
        Self { mask, channels: 4, on_apb2: false, has_break: false, watched: false, lines, registers }
    }

    const fn basic(lines: &'static [(u32, usize)]) -> Self {
        Self { mask: 0xFFFF, channels: 0, on_apb2: false, has_break: false, watched: false, lines, registers: &BASIC }
    }

    const fn advanced(channels: u32, lines: &'static [(u32, usize)]) -> Self {
        Self { mask: 0xFFFF, channels, on_apb2: true, has_break: true, watched: false, lines, registers: &ADVANCED }
    }

    pub(super) const TIM1: Self = Self::advanced(4, &[(BREAK, 24), (UPDATE, 25), (TRIGGER_COM, 26), (COMPARE, 27)]);
    pub(super) const TIM2: Self = Self::general(true, &[(ALL, 28)]);
    pub(super) const TIM3: Self = Self::general(false, &[(ALL, 29)]);
    pub(super) const TIM4: Self = Self::general(false, &[(ALL, 30)]);
    pub(super) const TIM5: Self = Self::general(true, &[(ALL, 50)]);
    pub(super) const TIM6: Self = Self::basic(&[(ALL, 54)]);
    pub(super) const TIM7: Self = Self::basic(&[(ALL, 55)]);
    /// Its outputs are START.
    pub(super) const TIM8: Self =
        Self { watched: true, ..Self::advanced(4, &[(BREAK, 43), (UPDATE, 44), (TRIGGER_COM, 45), (COMPARE, 46)]) };
    pub(super) const TIM15: Self = Self::advanced(2, &[(ALL, 24)]);
    pub(super) const TIM16: Self = Self::advanced(1, &[(ALL, 25)]);
    pub(super) const TIM17: Self = Self::advanced(1, &[(ALL, 26)]);

    /// All timers, in the order of [`super::super::map`].
    pub(crate) const EACH: [Self; 11] = [
        Self::TIM1,
        Self::TIM2,
        Self::TIM3,
        Self::TIM4,
        Self::TIM5,
        Self::TIM6,
        Self::TIM7,
        Self::TIM8,
        Self::TIM15,
        Self::TIM16,
        Self::TIM17,
    ];

    pub(super) fn registers(&self) -> &'static [Register] {
        self.registers
    }
}

static BASIC: [Register; 8] = [
    Register::new(CR1, "CR1", 0, 0x188F),
    Register::new(CR2, "CR2", 0, 0x70),
    Register::new(DIER, "DIER", 0, 0x101),
    Register::new(SR, "SR", 0, 0).hardware(1),
    Register::new(EGR, "EGR", 0, 0).hardware(1),
    Register::new(CNT, "CNT", 0, 0xFFFF),
    Register::new(PSC, "PSC", 0, 0xFFFF),
    Register::new(ARR, "ARR", 0xFFFF, 0xFFFF),
];

/// The registers of a general-purpose timer; `mask` is as wide as its counter.
const fn general(mask: u32) -> [Register; 20] {
    [
        Register::new(CR1, "CR1", 0, 0x1BFF),
        Register::new(CR2, "CR2", 0, 0x0200_00F8),
        Register::new(SMCR, "SMCR", 0, 0x0331_FFFF),
        Register::new(DIER, "DIER", 0, 0x00F0_5F5F),
        Register::new(SR, "SR", 0, 0).hardware(0x00F0_1E5F),
        Register::new(EGR, "EGR", 0, 0).hardware(0x5F),
        Register::new(CCMR1, "CCMR1", 0, 0x0101_FFFF),
        Register::new(CCMR2, "CCMR2", 0, 0x0101_FFFF),
        Register::new(CCER, "CCER", 0, 0xBBBB),
        Register::new(CNT, "CNT", 0, mask),
        Register::new(PSC, "PSC", 0, 0xFFFF),
        Register::new(ARR, "ARR", mask, mask),
        Register::new(0x34, "CCR1", 0, mask),
        Register::new(0x38, "CCR2", 0, mask),
        Register::new(0x3C, "CCR3", 0, mask),
        Register::new(0x40, "CCR4", 0, mask),
        Register::new(0x58, "ECR", 0, 0x0707_00FF),
        Register::new(TISEL, "TISEL", 0, 0x0F0F_0F0F),
        Register::new(AF1, "AF1", 0, 0x0003_C000),
        Register::new(AF2, "AF2", 0, 0x0007_0000),
    ]
}

static GENERAL_16: [Register; 20] = general(0xFFFF);
static GENERAL_32: [Register; 20] = general(0xFFFF_FFFF);

/// Timers with a break input; the smaller ones leave bits of these unused.
static ADVANCED: [Register; 25] = [
    Register::new(CR1, "CR1", 0, 0x1BFF),
    Register::new(CR2, "CR2", 0, 0x02F5_FFFD),
    Register::new(SMCR, "SMCR", 0, 0x0331_FFFF),
    Register::new(DIER, "DIER", 0, 0x00F0_7FFF),
    Register::new(SR, "SR", 0, 0).hardware(0x00F3_3FFF),
    Register::new(EGR, "EGR", 0, 0).hardware(0x1FF),
    Register::new(CCMR1, "CCMR1", 0, 0x0101_FFFF),
    Register::new(CCMR2, "CCMR2", 0, 0x0101_FFFF),
    Register::new(CCER, "CCER", 0, 0x0033_FFFF),
    Register::new(CNT, "CNT", 0, 0xFFFF),
    Register::new(PSC, "PSC", 0, 0xFFFF),
    Register::new(ARR, "ARR", 0xFFFF, 0xFFFF),
    Register::new(RCR, "RCR", 0, 0xFFFF),
    Register::new(0x34, "CCR1", 0, 0xFFFF),
    Register::new(0x38, "CCR2", 0, 0xFFFF),
    Register::new(0x3C, "CCR3", 0, 0xFFFF),
    Register::new(0x40, "CCR4", 0, 0xFFFF),
    Register::new(BDTR, "BDTR", 0, 0x3FFF_FFFF),
    Register::new(CCR5, "CCR5", 0, 0xE000_FFFF),
    Register::new(0x4C, "CCR6", 0, 0xFFFF),
    Register::new(CCMR3, "CCMR3", 0, 0x0101_FCFC),
    Register::new(0x54, "DTR2", 0, 0x0003_00FF),
    Register::new(TISEL, "TISEL", 0, 0x0F0F_0F0F),
    Register::new(AF1, "AF1", 1, 0x0003_FFFF),
    Register::new(AF2, "AF2", 1, 0x0007_3FFF),
];
