//! TIM: counters with compare channels (RM0440 chapters 28 to 31).
//!
//! Counts up from the core clock; between events nothing is done: the counter is computed when somebody looks, and with
//! it what came in and went out on the way. Stops the machine: counting down or up and down, external and slave modes,
//! repetition, dithering.

mod capture;
mod kind;
mod output;

pub(crate) use kind::Kind;
use kind::*;
pub(crate) use output::Edge;

use super::lines::Lines;
use super::peripheral::{Due, Moment, Peripheral};
use super::registers::{Bank, unmodelled};
use crate::core::bus::{Effect, Refused};

/// One timer.
#[derive(Debug, Clone)]
pub(crate) struct Timer {
    registers: Bank,
    kind: Kind,
    /// The cycle at which the counter had the value in CNT; meaningful while it counts.
    since: u64,
    /// What PSC and ARR were at the last update event.
    prescaler: u64,
    top: u64,
    /// The compare values in force.
    compare: [u64; 4],
    /// OCxREF of channels that were frozen.
    frozen: [bool; 4],
    /// What the outputs were when their edges were last noted, and the edges since somebody took them.
    levels: [output::Level; 4],
    edges: Vec<Edge>,
    /// A break request lasts.
    broken: bool,
    bdtr_written: bool,
    inputs: [capture::Input; 4],
    /// The channels that capture something, a bit each.
    listens: u32,
}

impl Timer {
    /// A timer at rest.
    pub(crate) fn new(kind: Kind) -> Self {
        let registers = Bank::new(kind.registers());
        let top = u64::from(registers.get(ARR));
        Self {
            registers,
            kind,
            since: 0,
            prescaler: 0,
            top,
            compare: [0; 4],
            frozen: [false; 4],
            levels: [None; 4],
            edges: Vec::new(),
            broken: false,
            bdtr_written: false,
            inputs: Default::default(),
            listens: 0,
        }
    }

    fn is_counting(&self) -> bool {
        self.registers.get(CR1) & CEN != 0 && self.top != 0
    }

    /// Core cycles per count.
    fn step(&self, at: &Moment) -> u64 {
        let divider = if self.kind.on_apb2 { at.tree.timer2_divider } else { at.tree.timer1_divider };
        divider * (self.prescaler + 1)
    }

    /// The counter runs to this moment; flags rise for what happened on the way.
    pub(crate) fn catch_up(&mut self, at: &Moment) {
        self.capture(at);
        if !self.is_counting() {
            self.since = at.cycle;
            return;
        }
        loop {
            let step = self.step(at);
            let counts = at.cycle.saturating_sub(self.since) / step;
            let counter = u64::from(self.registers.get(CNT));
            let to_zero = self.counts_to_zero(counter);
            if counts < to_zero {
                self.flag_matches(counter, counts);
                self.walk(counter, counts, step);
                self.registers.set(CNT, (counter + counts) as u32);
                self.since += counts * step;
                return;
            }
            self.flag_matches(counter, to_zero);
            self.walk(counter, to_zero - 1, step);
            self.registers.set(CNT, 0);
            self.since += to_zero * step;
            self.overflow(counter <= self.top);
            self.note_edges(self.since);
            self.skip_whole_rounds(at);
            if !self.is_counting() {
                self.since = at.cycle;
                return;
            }
        }
    }

    /// Counts until the counter is zero again: over ARR, or, when it is already above, over its last value.
    fn counts_to_zero(&self, counter: u64) -> u64 {
        if counter <= self.top { self.top + 1 - counter } else { u64::from(self.kind.mask) + 1 - counter }
    }

    /// Raises CCxIF of each compare channel that the next `counts` counts after `counter` meet.
    fn flag_matches(&mut self, counter: u64, counts: u64) {
        for channel in 0..self.kind.channels {
            if self.is_compare(channel) {
                let compare = self.compare[channel as usize];
                if counter < compare && compare <= counter + counts && compare <= self.top.max(counter) {
                    self.registers.set_bits(SR, 2 << channel, true);
                }
            }
        }
    }

    /// The counter went back to zero; `update` when it came from ARR.
    fn overflow(&mut self, update: bool) {
        for channel in 0..self.kind.channels {
            let compare = self.compare[channel as usize];
            // A compare value of zero matches here, one above ARR flags at the overflow (RM0440 30.5.5).
            if self.is_compare(channel) && (compare == 0 || compare > self.top) {
                self.registers.set_bits(SR, 2 << channel, true);
            }
        }
        if update && self.registers.get(CR1) & UDIS == 0 {
            self.update();
            self.registers.set_bits(SR, UIF, true);
            if self.registers.get(CR1) & OPM != 0 {
                self.registers.set_bits(CR1, CEN, false);
            }
        }
    }

    /// After the first overflow all rounds are alike: they need not be walked one by one.
    fn skip_whole_rounds(&mut self, at: &Moment) {
        if !self.is_counting() || self.is_pulsing() {
            return;
        }
        let round = self.step(at) * (self.top + 1);
        let rounds = at.cycle.saturating_sub(self.since) / round;
        if rounds > 1 {
            self.since += (rounds - 1) * round;
            self.flag_matches(0, self.top);
        }
    }

    /// Preloaded values take effect.
    fn update(&mut self) {
        self.prescaler = u64::from(self.registers.get(PSC));
        self.top = u64::from(self.registers.get(ARR));
        self.update_outputs();
    }

    /// A channel in use as a compare: CCxS is zero, whether or not its output is on.
    fn is_compare(&self, channel: u32) -> bool {
        self.kind.channels == 0 || self.registers.get(ccmr(channel)) >> ccmr_shift(channel) & 3 == 0
    }

    fn write_cr1(&mut self, value: u32) -> Result<(), Refused> {
        if value & (DIR | CMS | DITHEN) != 0 {
            return unmodelled("CR1: counting down, center-aligned, or with dither");
        }
        self.registers.write(CR1, value)
    }

    fn write_egr(&mut self, value: u32, at: &Moment) -> Result<(), Refused> {
        self.registers.write(EGR, value)?;
        if value & UG != 0 {
            self.registers.set(CNT, 0);
            self.since = at.cycle;
            if self.registers.get(CR1) & UDIS == 0 {
                self.update();
                if self.registers.get(CR1) & URS == 0 {
                    self.registers.set_bits(SR, UIF, true);
                }
            }
        }
        // CCxG, COMG, TG flag their event by software.
        self.registers.set_bits(SR, value & 0x7E, true);
        if value & BG != 0 {
            self.break_by_software(at);
        }
        Ok(())
    }

    fn write_setting(&mut self, offset: u32, value: u32, at: &Moment) -> Result<(), Refused> {
        self.check_setting(offset, value)?;
        let locked = self.locked(offset);
        let value = value & !locked | self.registers.get(offset) & locked;
        let references = [0, 1, 2, 3].map(|channel| self.reference(channel));
        match offset {
            CCMR1 | CCMR2 if self.kind.channels != 0 => self.check_channels(offset, value)?,
            CCER if self.kind.channels != 0 => self.check_enables(value)?,
            BDTR if self.kind.has_break => {
                return self.write_bdtr(value);
            }
            _ => {}
        }
        self.registers.write(offset, value)?;
        match offset {
            ARR if self.registers.get(CR1) & ARPE == 0 => self.top = u64::from(self.registers.get(ARR)),
            CCMR1 | CCMR2 => {
                self.frozen = references;
                self.find_listeners(at);
            }
            CCER => self.find_listeners(at),
            _ => self.load_compare(offset),
        }
        Ok(())
    }

    fn check_setting(&self, offset: u32, value: u32) -> Result<(), Refused> {
        const CCPC: u32 = 1 << 0;
        const TI1S: u32 = 1 << 7;
        match offset {
            SMCR if value & SMS != 0 => unmodelled("SMCR: a slave or encoder mode"),
            RCR if value != 0 => unmodelled("RCR: repetition"),
            CR2 if value & (CCPC | TI1S) != 0 => unmodelled("CR2: preloaded control bits, or a combined input"),
            TISEL if value != 0 => unmodelled("TISEL: an input other than the pin"),
            CCMR3 | CCR5 if value & 0xE000_7878 != 0 => unmodelled("CCR5 or CCMR3: channels 5 and 6"),
            AF1 if self.kind.has_break && value & !1 != 0 => {
                unmodelled("AF1: a comparator as break source, or an inverted break input")
            }
            _ => match (0..self.kind.channels).find(|&channel| ccr(channel) == offset && !self.is_compare(channel)) {
                Some(_) => unmodelled(format!("{}: written while its channel captures", self.registers.name(offset))),
                None => Ok(()),
            },
        }
    }

    /// Counts until the next event that software, or somebody behind the pins, hears of.
    fn counts_to_event(&self) -> Option<u64> {
        let dier = self.registers.get(DIER);
        let sr = self.registers.get(SR);
        let counter = u64::from(self.registers.get(CNT));
        let to_zero = self.counts_to_zero(counter);
        let opm = self.registers.get(CR1) & OPM != 0;
        let update = (dier & UIF != 0 && sr & UIF == 0 || opm).then_some(to_zero);
        let matches = (0..self.kind.channels)
            .filter(|&channel| dier & (2 << channel) != 0 && sr & (2 << channel) == 0 && self.is_compare(channel));
        let matches = matches.map(|channel| {
            let compare = self.compare[channel as usize];
            if counter < compare && compare <= self.top {
                compare - counter
            } else if compare <= counter && compare <= self.top {
                to_zero + compare
            } else {
                to_zero
            }
        });
        matches.chain(update).chain(self.counts_to_edge(counter, to_zero)).min()
    }
}

impl Peripheral for Timer {
    fn read(&mut self, offset: u32, at: &Moment) -> Result<u32, Refused> {
        self.catch_up(at);
        let value = self.registers.read(offset)?;
        self.take_capture(offset);
        let remapped = offset == CNT && self.registers.get(CR1) & UIFREMAP != 0;
        Ok(if remapped { value & !(1 << 31) | (self.registers.get(SR) & UIF) << 31 } else { value })
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
        self.catch_up(at);
        match offset {
            CR1 => self.write_cr1(value)?,
            EGR => self.write_egr(value, at)?,
            SR => {
                // Flags are cleared by writing zero; writing one, even to a reserved bit, does nothing.
                let cleared = !value;
                self.registers.set_bits(SR, cleared, false);
            }
            _ => self.write_setting(offset, value, at)?,
        }
        self.note_edges(at.cycle);
        Ok(Effect::None)
    }

    /// What is on its inputs stays there.
    fn reset(&mut self) {
        let inputs = std::mem::take(&mut self.inputs);
        *self = Self { inputs, ..Self::new(self.kind) };
    }

    fn tick(&mut self, at: &Moment) -> Due {
        if !self.is_counting() && self.listens == 0 {
            return Due::Never;
        }
        self.catch_up(at);
        let counts = self.counts_to_event().filter(|_| self.is_counting());
        let event = counts.map(|counts| self.since.saturating_add(counts.saturating_mul(self.step(at))));
        let capture = if self.listens == 0 { u64::MAX } else { self.next_capture(at) };
        match event.unwrap_or(u64::MAX).min(capture) {
            u64::MAX => Due::Never,
            cycle => Due::Cycle(cycle),
        }
    }

    fn interrupts(&self, lines: &mut Lines) {
        const SBIF: u32 = 1 << 13;
        const BIF: u32 = 1 << 7;
        let mut flags = self.registers.get(SR);
        if flags & SBIF != 0 {
            // Both break flags are heard through BIE.
            flags |= BIF;
        }
        // Higher bits of DIER are for DMA.
        let raised = flags & self.registers.get(DIER) & 0xFF;
        for &(mask, line) in self.kind.lines {
            lines.raise(line, raised & mask != 0);
        }
    }
}

#[cfg(test)]
mod tests;
