//! Which exceptions are pending, active, enabled, and who goes first (B1.5, B3.4).
//!
//! Does not stack anything: `exceptions.rs` does.

use super::bus::IrqLines;

/// Interrupt lines of the STM32G474 (RM0440 table 97: 0-101).
pub(super) const INTERRUPTS: usize = 102;
/// System exceptions and interrupts.
const EXCEPTIONS: usize = 16 + INTERRUPTS;
const IMPLEMENTED: u128 = (1 << INTERRUPTS) - 1;
/// Four priority bits.
const PRIORITY_MASK: u8 = 0xF0;

/// Exception numbers (B1.5.2).
pub(super) mod exception {
    pub(in crate::core) const NMI: u16 = 2;
    pub(in crate::core) const HARD_FAULT: u16 = 3;
    pub(in crate::core) const MEM_MANAGE: u16 = 4;
    pub(in crate::core) const BUS_FAULT: u16 = 5;
    pub(in crate::core) const USAGE_FAULT: u16 = 6;
    pub(in crate::core) const SVCALL: u16 = 11;
    pub(in crate::core) const PEND_SV: u16 = 14;
    pub(in crate::core) const SYS_TICK: u16 = 15;
}

/// Priority of code that no exception handler and no mask has raised.
pub(super) const THREAD_PRIORITY: i16 = 256;

/// Masks of the core that raise its execution priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Masks {
    pub(super) primask: bool,
    pub(super) faultmask: bool,
    pub(super) basepri: u8,
}

/// State of every exception; bit numbers of the sets are exception numbers.
#[derive(Debug, Clone)]
pub(super) struct Nvic {
    pending: u128,
    active: u128,
    /// System exceptions are always enabled here; faults are gated by SHCSR before they get pending.
    enabled: u128,
    priority: [u8; EXCEPTIONS],
    /// PRIGROUP
    priority_group: u8,
    /// Lines as last seen, for edges.
    lines: u128,
}

impl Default for Nvic {
    fn default() -> Self {
        Nvic { pending: 0, active: 0, enabled: 0xFFFF, priority: [0; EXCEPTIONS], priority_group: 0, lines: 0 }
    }
}

impl Nvic {
    /// Takes over the lines: a high line makes its interrupt pending unless that is active; a rising edge always does.
    /// True when something became pending that was not.
    pub(super) fn sample(&mut self, irq: &IrqLines) -> bool {
        let levels = (0..4).fold(0, |all, word| all | u128::from(irq.levels(word)) << (32 * word)) & IMPLEMENTED;
        let rising = levels & !self.lines;
        self.lines = levels;
        let before = self.pending;
        self.pending |= rising << 16 | (levels << 16 & !self.active);
        self.pending != before
    }

    /// Whether the chip has an exception of this number (0 is thread mode).
    pub(super) fn exists(&self, number: u16) -> bool {
        usize::from(number) < self.priority.len()
    }

    /// Pending; interrupt numbers the chip does not have are ignored.
    pub(super) fn set_pending(&mut self, number: u16) {
        if self.exists(number) {
            self.pending |= 1 << number;
        }
    }

    /// Not pending, unless its line is high and it is not active.
    pub(super) fn clear_pending(&mut self, number: u16) {
        self.pending &= !(1u128 << number);
        self.pending |= self.lines << 16 & !self.active;
    }

    pub(super) fn is_pending(&self, number: u16) -> bool {
        self.pending >> number & 1 != 0
    }

    pub(super) fn is_active(&self, number: u16) -> bool {
        self.active >> number & 1 != 0
    }

    pub(super) fn set_active(&mut self, number: u16, active: bool) {
        self.active = self.active & !(1 << number) | u128::from(active) << number;
        if !active {
            self.pending |= self.lines << 16 & 1 << number;
        }
    }

    /// Pending to active.
    pub(super) fn activate(&mut self, number: u16) {
        self.pending &= !(1 << number);
        self.active |= 1 << number;
    }

    /// How many exceptions are active.
    pub(super) fn active_count(&self) -> u32 {
        self.active.count_ones()
    }

    /// The exception to take next if anything stopped masking it: highest priority, then lowest number.
    pub(super) fn best_pending(&self) -> Option<u16> {
        let mut waiting = self.pending & self.enabled;
        let mut best: Option<(i16, u16)> = None;
        while waiting != 0 {
            let number = waiting.trailing_zeros() as u16;
            waiting &= waiting - 1;
            let priority = self.priority(number);
            if best.is_none_or(|(lowest, _)| priority < lowest) {
                best = Some((priority, number));
            }
        }
        best.map(|(_, number)| number)
    }

    /// Priority of an exception; smaller goes first.
    pub(super) fn priority(&self, number: u16) -> i16 {
        match number {
            0..=3 => number as i16 - 4,
            _ => i16::from(self.priority[usize::from(number)]),
        }
    }

    /// Priority without the sub-priority bits: what preemption compares.
    pub(super) fn group_priority(&self, number: u16) -> i16 {
        self.group(self.priority(number))
    }

    fn group(&self, priority: i16) -> i16 {
        if priority < 0 { priority } else { priority & !((2 << self.priority_group) - 1) }
    }

    /// Priority that the core now runs at (B1.5.4).
    pub(super) fn execution_priority(&self, masks: Masks) -> i16 {
        let mut lowest = THREAD_PRIORITY;
        let mut active = self.active;
        while active != 0 {
            lowest = lowest.min(self.group_priority(active.trailing_zeros() as u16));
            active &= active - 1;
        }
        if masks.basepri != 0 {
            lowest = lowest.min(self.group(i16::from(masks.basepri)));
        }
        if masks.primask {
            lowest = lowest.min(0);
        }
        if masks.faultmask {
            lowest = lowest.min(-1);
        }
        lowest
    }

    pub(super) fn priority_group(&self) -> u8 {
        self.priority_group
    }

    pub(super) fn set_priority_group(&mut self, group: u8) {
        self.priority_group = group;
    }

    /// IPR and SHPR bytes.
    pub(super) fn priority_byte(&self, number: usize) -> u8 {
        self.priority.get(number).copied().unwrap_or(0)
    }

    /// IPR and SHPR bytes: only the upper four bits exist.
    pub(super) fn set_priority_byte(&mut self, number: usize, value: u8) {
        if let Some(priority) = self.priority.get_mut(number) {
            *priority = value & PRIORITY_MASK;
        }
    }

    /// ISER, ISPR, IABR words: interrupts `32 * word ..`.
    pub(super) fn word(&self, set: Set, word: u32) -> u32 {
        let bits = match set {
            Set::Enabled => self.enabled,
            Set::Pending => self.pending,
            Set::Active => self.active,
        };
        (bits >> 16 >> (32 * word)) as u32
    }

    /// ISER and ICER.
    pub(super) fn enable_word(&mut self, word: u32, bits: u32, enable: bool) {
        let mask = (u128::from(bits) << (32 * word) & IMPLEMENTED) << 16;
        self.enabled = if enable { self.enabled | mask } else { self.enabled & !mask };
    }

    /// ISPR and ICPR.
    pub(super) fn pend_word(&mut self, word: u32, bits: u32, pend: bool) {
        let mask = (u128::from(bits) << (32 * word) & IMPLEMENTED) << 16;
        if pend {
            self.pending |= mask;
        } else {
            self.pending &= !mask;
            self.pending |= self.lines << 16 & !self.active;
        }
    }

    /// Whether an enabled interrupt (not a system exception) is pending: ICSR.ISRPENDING.
    pub(super) fn interrupt_pending(&self) -> bool {
        (self.pending & self.enabled) >> 16 != 0
    }
}

/// One of the three sets readable by word.
#[derive(Debug, Clone, Copy)]
pub(super) enum Set {
    Enabled,
    Pending,
    Active,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nvic(priorities: &[(usize, u8)]) -> Nvic {
        let mut nvic = Nvic::default();
        nvic.enable_word(0, u32::MAX, true);
        for &(interrupt, priority) in priorities {
            nvic.set_priority_byte(16 + interrupt, priority);
        }
        nvic
    }

    #[test]
    fn lower_value_goes_first_and_ties_go_by_number() {
        let mut nvic = nvic(&[(3, 0x20), (5, 0x10), (7, 0x10)]);
        for interrupt in [3, 7, 5] {
            nvic.set_pending(16 + interrupt);
        }
        assert_eq!(nvic.best_pending(), Some(21));
        nvic.activate(21);
        assert_eq!(nvic.best_pending(), Some(23));
        nvic.set_pending(exception::NMI);
        assert_eq!(nvic.best_pending(), Some(exception::NMI));
    }

    #[test]
    fn execution_priority_follows_masks_and_groups() {
        let mut nvic = nvic(&[(0, 0x70)]);
        let masks = Masks::default();
        assert_eq!(nvic.execution_priority(masks), THREAD_PRIORITY);
        assert_eq!(nvic.execution_priority(Masks { basepri: 0x60, ..masks }), 0x60);
        assert_eq!(nvic.execution_priority(Masks { primask: true, ..masks }), 0);
        assert_eq!(nvic.execution_priority(Masks { faultmask: true, ..masks }), -1);
        nvic.activate(16);
        assert_eq!(nvic.execution_priority(masks), 0x70);
        nvic.set_priority_group(5);
        assert_eq!(nvic.execution_priority(masks), 0x40);
        nvic.set_priority_group(7);
        assert_eq!(nvic.execution_priority(masks), 0);
    }

    #[test]
    fn high_line_pends_again_after_its_handler() {
        let mut nvic = nvic(&[]);
        let mut lines = IrqLines::default();
        lines.set(38, true);
        assert!(nvic.sample(&lines));
        nvic.activate(54);
        assert!(!nvic.sample(&lines), "level alone does not pend while active");
        nvic.set_active(54, false);
        assert!(nvic.is_pending(54));
    }

    #[test]
    fn edge_while_active_is_not_lost() {
        let mut nvic = nvic(&[]);
        let mut lines = IrqLines::default();
        lines.set(1, true);
        nvic.sample(&lines);
        nvic.activate(17);
        lines.set(1, false);
        nvic.sample(&lines);
        lines.set(1, true);
        assert!(nvic.sample(&lines));
        lines.set(1, false);
        nvic.sample(&lines);
        assert!(nvic.is_pending(17));
    }

    #[test]
    fn lines_the_chip_does_not_have_are_ignored() {
        let mut nvic = nvic(&[]);
        let mut lines = IrqLines::default();
        lines.set(110, true);
        assert!(!nvic.sample(&lines));
        nvic.enable_word(3, u32::MAX, true);
        assert_eq!(nvic.word(Set::Enabled, 3), 0x3F);
        nvic.set_priority_byte(16, 0xFF);
        assert_eq!(nvic.priority_byte(16), 0xF0);
    }
}
