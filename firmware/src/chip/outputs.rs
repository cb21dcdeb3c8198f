//! The outputs: START behind a dead man's switch, RESET, amplitude; and what the pins read.
//!
//! TIM8 holds START. It counts to 50 ms once and stops, and a START pin is high only while it counts: whoever wants it to
//! stay high has to set the counter back in time ([`keep`]). A core that hangs, in whatever way, cannot do that; one that
//! locks up breaks the outputs at once, by the break input. Neither needs the watchdog, which takes a second.

use bootloader::stm32g4::outputs;
use stm32_metapac::timer::vals::{Bkp, Ocm, Ossi, Ossr, Urs};
use stm32_metapac::{RCC, SYSCFG, TIM3, TIM8};

use super::pins::{self, AMPLITUDE, START, START_FUNCTION, TIMER_FUNCTION};
use crate::channels::Drive;
use crate::self_test::Outputs;

/// TIM8 counts at 10 kHz.
const HOLD_PRESCALER: u16 = 16_999;
/// Counts to the end of the hold, 50 ms. An erase of the bank that the firmware runs from stops the core for 22 ms
/// (`facts/boot.md` section 3), and must not stop a channel.
const HOLD_COUNTS: u16 = 500;
/// Compare value of a START that is on: high from the first count to the last.
const ON: u16 = 1;
/// Compare value of a START that is off: the counter never gets there.
const OFF: u16 = u16::MAX;
/// Counts of TIM3 for one percent; a hundred of them are a period of 20 kHz.
const COUNTS_A_PERCENT: u16 = 85;

/// Whether the outputs were kept in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// They were.
    Kept,
    /// The hardware has taken them back.
    Lost,
}

/// Hands the pins to their timers, all off.
pub(super) fn open() {
    pins::clock_ports();
    RCC.apb1enr1().modify(|enable| enable.set_tim3en(true));
    RCC.apb2enr().modify(|enable| {
        enable.set_tim8en(true);
        enable.set_syscfgen(true);
    });
    let _ = RCC.apb2enr().read();
    open_amplitude();
    open_start();
}

fn open_amplitude() {
    TIM3.arr().write(|top| top.set_arr(COUNTS_A_PERCENT * 100 - 1));
    for channel in 0..4 {
        TIM3.ccr(channel).write(|compare| compare.set_ccr(0));
        TIM3.ccmr_output(channel / 2).modify(|mode| {
            mode.set_ocm(channel % 2, Ocm::PWM_MODE1);
            mode.set_ocpe(channel % 2, true);
        });
        TIM3.ccer().modify(|enable| enable.set_cce(channel, true));
    }
    TIM3.egr().write(|event| event.set_ug(true));
    TIM3.cr1().modify(|control| control.set_cen(true));
    AMPLITUDE.into_iter().for_each(|pin| pins::alternate(pin, TIMER_FUNCTION));
}

fn open_start() {
    // Sticky until the next reset, as it should be.
    SYSCFG.cfgr2().modify(|breaks| breaks.set_cll(true));
    TIM8.psc().write_value(HOLD_PRESCALER);
    TIM8.arr().write(|top| top.set_arr(HOLD_COUNTS));
    for channel in 0..4 {
        TIM8.ccr(channel).write(|compare| compare.set_ccr(OFF));
        TIM8.ccmr_output(channel / 2).modify(|mode| mode.set_ocm(channel % 2, Ocm::PWM_MODE2));
        TIM8.ccer().modify(|enable| enable.set_cce(channel, true));
    }
    TIM8.cr1().write(|control| {
        control.set_opm(true);
        control.set_urs(Urs::COUNTER_ONLY);
    });
    TIM8.egr().write(|event| event.set_ug(true));
    // No AOE: after a break only a start of the unit brings the outputs back.
    TIM8.bdtr().write(|stage| {
        stage.set_bke(0, true);
        // The pin is not connected, the core's lockup is, and that is active high.
        stage.set_bkp(0, Bkp::ACTIVE_HIGH);
        stage.set_ossi(Ossi::IDLE_LEVEL);
        stage.set_ossr(Ossr::IDLE_LEVEL);
        stage.set_moe(true);
    });
    START.into_iter().for_each(|pin| pins::alternate(pin, START_FUNCTION));
}

/// Makes the pins show this.
pub(super) fn show(drive: Drive) {
    for channel in 0..4 {
        let start = if drive.start & 1 << channel == 0 { OFF } else { ON };
        TIM8.ccr(channel).write(|compare| compare.set_ccr(start));
        let counts = (u32::from(drive.amplitude[channel]) * u32::from(COUNTS_A_PERCENT) / 10) as u16;
        TIM3.ccr(channel).write(|compare| compare.set_ccr(counts));
    }
    outputs::show_reset(drive.reset);
}

/// Whether the hold has lasted since the last [`keep`].
pub(super) fn hold() -> Hold {
    if TIM8.cr1().read().cen() && TIM8.bdtr().read().moe() { Hold::Kept } else { Hold::Lost }
}

/// Begins the hold anew. After [`Hold::Lost`] only when no START is to be on: none comes back by itself (`boot:U8`).
pub(super) fn keep() {
    // Counting first: a core that dies between the two leaves a hold that ends.
    TIM8.cr1().modify(|control| control.set_cen(true));
    TIM8.cnt().write(|counter| counter.set_cnt(ON));
}

/// What the pins read.
pub(super) fn read() -> Outputs {
    Outputs { start: outputs::start_levels(), reset: outputs::reset_levels() }
}
