//! Output channels: what a timer does to its pins (RM0440 28.3.8 to 28.3.16, tables 272 and following).
//!
//! Compare modes frozen, forced, PWM 1 and PWM 2, with polarity, main output enable, off states, break and lock. Stops the
//! machine: the other modes, complementary outputs, break input 2, an active-low break input (nothing drives it here,
//! so that it would break for ever), comparators as break sources, preloaded control bits.

use super::Timer;
use super::kind::*;
use crate::chip::peripheral::Moment;
use crate::chip::registers::unmodelled;
use crate::core::bus::Refused;

const OSSI: u32 = 1 << 10;
const OSSR: u32 = 1 << 11;
const LOCK: u32 = 3 << 8;
const BKE: u32 = 1 << 12;
const BKP: u32 = 1 << 13;
const AOE: u32 = 1 << 14;
const MOE: u32 = 1 << 15;
const BK2E: u32 = 1 << 24;
const BIDIRECTIONAL: u32 = 0xF << 26;

const BIF: u32 = 1 << 7;
const SBIF: u32 = 1 << 13;

const PRELOAD: u32 = 1 << 3;

/// A level that a timer puts on a pin; `None`: it lets go of it.
pub(crate) type Level = Option<bool>;

/// A change of what a timer does to a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    /// When.
    pub(crate) cycle: u64,
    /// From 0.
    pub(crate) channel: usize,
    /// From then on.
    pub(crate) level: Level,
}

impl Timer {
    /// What the timer does to the pin of a channel, as of the last look.
    pub(crate) fn output(&self, channel: u32) -> Level {
        if channel >= self.kind.channels {
            return None;
        }
        let ccer = self.registers.get(CCER) >> (4 * channel);
        if ccer & CC1E == 0 || !self.is_compare(channel) {
            // OSSR makes a difference to complementary outputs only.
            return None;
        }
        let inverted = ccer & 2 != 0;
        let bdtr = self.registers.get(BDTR);
        if self.kind.has_break && bdtr & MOE == 0 {
            let idle = self.registers.get(CR2) & 1 << (8 + 2 * channel) != 0;
            return (bdtr & OSSI != 0).then_some(idle);
        }
        Some(self.reference(channel) != inverted)
    }

    /// OCxREF.
    pub(super) fn reference(&self, channel: u32) -> bool {
        let below = u64::from(self.registers.get(CNT)) < self.compare[channel as usize];
        match self.mode(channel) {
            FORCED_ACTIVE => true,
            PWM_1 => below,
            PWM_2 => !below,
            FORCED_INACTIVE => false,
            _ => self.frozen[channel as usize],
        }
    }

    fn mode(&self, channel: u32) -> u32 {
        self.registers.get(ccmr(channel)) >> (ccmr_shift(channel) + 4) & 7
    }

    /// The part of a period that a channel's output is high, by what its registers hold now.
    pub(crate) fn duty(&self, channel: u32) -> f64 {
        let Some(level) = self.output(channel) else { return 0.0 };
        let top = self.registers.get(ARR);
        if !self.is_counting() || !matches!(self.mode(channel), PWM_1 | PWM_2) || top == 0 {
            return f64::from(u8::from(level));
        }
        let below = (f64::from(self.registers.get(ccr(channel))) / (f64::from(top) + 1.0)).min(1.0);
        let inverted = self.registers.get(CCER) >> (4 * channel) & 2 != 0;
        if (self.mode(channel) == PWM_2) != inverted { 1.0 - below } else { below }
    }

    /// The edges since the last call; of a timer whose edges somebody wants.
    pub(crate) fn take_edges(&mut self) -> Vec<Edge> {
        std::mem::take(&mut self.edges)
    }

    /// Whether there are any.
    pub(crate) fn has_edges(&self) -> bool {
        !self.edges.is_empty()
    }

    /// Notes what changed on the pins at `cycle`.
    pub(super) fn note_edges(&mut self, cycle: u64) {
        if !self.kind.watched {
            return;
        }
        for channel in 0..4 {
            let level = self.output(channel as u32);
            if level != self.levels[channel] {
                self.levels[channel] = level;
                self.edges.push(Edge { cycle, channel, level });
            }
        }
    }

    /// The counter goes on for `counts` counts, without an overflow: notes the edges on the way.
    pub(super) fn walk(&mut self, counter: u64, counts: u64, step: u64) {
        if !self.kind.watched {
            return;
        }
        let mut points = self.compare;
        points.sort_unstable();
        for point in points.into_iter().filter(|&point| counter < point && point <= counter + counts) {
            self.registers.set(CNT, point as u32);
            self.note_edges(self.since + (point - counter) * step);
        }
    }

    /// Whether a pin changes within a round of the counter, so that rounds must be walked.
    pub(super) fn is_pulsing(&self) -> bool {
        self.counts_to_edge(0, 0).is_some()
    }

    /// Counts from `counter` until an output changes, at a match or, `to_zero` counts away, where the counter is zero
    /// again: whoever is driven hears of it in time.
    pub(super) fn counts_to_edge(&self, counter: u64, to_zero: u64) -> Option<u64> {
        if !self.kind.watched {
            return None;
        }
        let pulsing = (0..self.kind.channels).filter(|&channel| {
            self.output(channel).is_some()
                && matches!(self.mode(channel), PWM_1 | PWM_2)
                && (1..=self.top).contains(&self.compare[channel as usize])
        });
        let counts = pulsing.map(|channel| {
            let compare = self.compare[channel as usize];
            if counter < compare { compare - counter } else { to_zero }
        });
        counts.min()
    }

    /// A break request of the system: lockup, or the supply. `held`: it stays.
    pub(crate) fn break_by_system(&mut self, held: bool, at: &Moment) {
        self.catch_up(at);
        if self.kind.has_break && self.registers.get(BDTR) & BKE != 0 {
            self.broken |= held;
            self.break_now(SBIF, at);
        }
    }

    /// All outputs to their off states.
    pub(super) fn break_now(&mut self, flag: u32, at: &Moment) {
        self.registers.set_bits(BDTR, MOE, false);
        self.registers.set_bits(SR, flag, true);
        self.note_edges(at.cycle);
    }

    /// BG: by software, whatever BKE says.
    pub(super) fn break_by_software(&mut self, at: &Moment) {
        if self.kind.has_break {
            self.break_now(BIF, at);
        }
    }

    /// An update event: AOE sets MOE, preloaded compare values take effect.
    pub(super) fn update_outputs(&mut self) {
        for channel in 0..self.kind.channels {
            self.compare[channel as usize] = u64::from(self.registers.get(ccr(channel)));
        }
        if self.kind.has_break && self.registers.get(BDTR) & AOE != 0 && !self.broken {
            self.registers.set_bits(BDTR, MOE, true);
        }
    }

    /// CCRx was written: takes effect now unless it is preloaded.
    pub(super) fn load_compare(&mut self, offset: u32) {
        for channel in (0..self.kind.channels).filter(|&channel| ccr(channel) == offset) {
            if self.registers.get(ccmr(channel)) >> ccmr_shift(channel) & PRELOAD == 0 {
                self.compare[channel as usize] = u64::from(self.registers.get(offset));
            }
        }
    }

    /// Bits of a register that LOCK keeps from changing (RM0440 28.6.20).
    pub(super) fn locked(&self, offset: u32) -> u32 {
        let level = if self.kind.has_break { (self.registers.get(BDTR) & LOCK) >> 8 } else { 0 };
        match offset {
            BDTR if level >= 2 => !MOE & !LOCK,
            BDTR if level == 1 => !(MOE | LOCK | OSSI | OSSR),
            CR2 if level >= 1 => 0x000F_FF00,
            AF1 | AF2 if level >= 1 => u32::MAX,
            CCER if level >= 2 => 0x00AA_AAAA,
            CCMR1 | CCMR2 if level >= 3 => {
                let first = if offset == CCMR1 { 0 } else { 2 };
                let outputs = (first..first + 2).filter(|&channel| self.is_compare(channel));
                outputs.fold(0, |bits, channel| bits | 0x0001_0078 << ccmr_shift(channel))
            }
            _ => 0,
        }
    }

    /// BDTR: LOCK is written once, MOE not while a break lasts.
    pub(super) fn write_bdtr(&mut self, value: u32) -> Result<(), Refused> {
        if value & BKE != 0 && value & BKP == 0 {
            return unmodelled("BDTR: BKE with BKP clear, an active-low break input that nothing holds high; set BKP");
        }
        if value & (BK2E | BIDIRECTIONAL) != 0 {
            return unmodelled("BDTR: break input 2, or a bidirectional break input");
        }
        let lock = self.registers.get(BDTR) & LOCK;
        let value = if self.bdtr_written { value & !LOCK | lock } else { value };
        self.registers.write(BDTR, if self.broken { value & !MOE } else { value })?;
        self.bdtr_written = true;
        Ok(())
    }

    /// Refuses what no channel here can do.
    pub(super) fn check_channels(&self, offset: u32, value: u32) -> Result<(), Refused> {
        let name = self.registers.name(offset);
        let first = if offset == CCMR1 { 0 } else { 2 };
        for channel in first..(first + 2).min(self.kind.channels) {
            let (old, new) = (self.registers.get(offset), value);
            let field = |word: u32| word >> ccmr_shift(channel);
            let number = channel + 1;
            if field(old ^ new) & 3 != 0 && self.registers.get(CCER) & CC1E << (4 * channel) != 0 {
                return unmodelled(format!("{name}: CC{number}S changed while CC{number}E is set"));
            }
            match field(new) & 3 {
                0 => {
                    let mode = field(new) >> 4 & 7 | field(new) >> 13 & 8;
                    if !matches!(mode, 0 | FORCED_INACTIVE | FORCED_ACTIVE | PWM_1 | PWM_2) {
                        return unmodelled(format!("{name}: OC{number}M = {mode}"));
                    }
                    if field(new) & 0x84 != 0 {
                        return unmodelled(format!("{name}: OC{number}CE or OC{number}FE"));
                    }
                }
                1 => {}
                _ => return unmodelled(format!("{name}: CC{number}S, an input other than the channel's own")),
            }
        }
        Ok(())
    }

    /// The same for CCER: outputs without complement, inputs on rising edges.
    pub(super) fn check_enables(&self, value: u32) -> Result<(), Refused> {
        for channel in 0..self.kind.channels {
            let (field, number) = (value >> (4 * channel) & 0xF, channel + 1);
            if self.is_compare(channel) {
                if self.kind.has_break && field & 4 != 0 {
                    return unmodelled(format!("CCER: CC{number}NE, a complementary output"));
                }
            } else if field & 1 != 0 && field & 0xA != 0 {
                return unmodelled(format!("CCER: CC{number}P or CC{number}NP, captures on falling edges"));
            }
        }
        if value & 0x0011_0000 != 0 {
            return unmodelled("CCER: CC5E or CC6E");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
