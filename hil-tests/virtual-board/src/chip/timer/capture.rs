//! Capture: an edge on a pin notes the count (RM0440 29.3.8, 30.4.6).
//!
//! Nothing happens at an edge: when somebody looks, the edges since the last look follow from the wave. An input filter
//! delays nothing. Stops the machine: falling and both edges, another channel's input, a trigger as input.

use super::Timer;
use super::kind::*;
use crate::chip::peripheral::{Due, Moment};
use crate::plant::Wave;

/// CCxIF is this, shifted by the channel; CCxOF likewise.
const CC1IF: u32 = 1 << 1;
const CC1OF: u32 = 1 << 9;

/// The input of one channel.
#[derive(Debug, Default, Clone)]
pub(super) struct Input {
    wave: Option<Wave>,
    /// Edges of the wave that are taken care of.
    heard: u64,
    /// Edges since the last capture: the prescaler.
    count: u64,
}

impl Timer {
    /// What reaches the input of a channel, from this moment on.
    pub(crate) fn set_wave(&mut self, channel: usize, wave: Option<Wave>, at: &Moment) {
        self.catch_up(at);
        let heard = wave.map_or(0, |wave| wave.rises_by(at.time()));
        let input = &mut self.inputs[channel];
        (input.wave, input.heard) = (wave, heard);
        self.find_listeners(at);
    }

    /// After a change of the channels' settings: which ones capture. Those that begin to hear nothing of before.
    pub(super) fn find_listeners(&mut self, at: &Moment) {
        let before = std::mem::take(&mut self.listens);
        for channel in 0..self.kind.channels {
            let enabled = self.registers.get(CCER) & CC1E << (4 * channel) != 0;
            let captures = enabled && !self.is_compare(channel);
            let input = &mut self.inputs[channel as usize];
            if !enabled {
                input.count = 0;
            }
            if let Some(wave) = input.wave.filter(|_| captures) {
                self.listens |= 1 << channel;
                if before & 1 << channel == 0 {
                    input.heard = wave.rises_by(at.time());
                }
            }
        }
    }

    /// Captures what came by this moment; called before the counter is brought there.
    pub(super) fn capture(&mut self, at: &Moment) {
        if self.listens == 0 {
            return;
        }
        let time = at.time();
        for channel in (0..self.kind.channels).filter(|channel| self.listens & 1 << channel != 0) {
            let divider = self.divider(channel);
            let input = &mut self.inputs[channel as usize];
            let Some(wave) = input.wave else { continue };
            let by_now = wave.rises_by(time).max(input.heard);
            let count = input.count + (by_now - input.heard);
            (input.heard, input.count) = (by_now, count % divider);
            let captures = count / divider;
            if captures == 0 {
                continue;
            }
            let last = wave.rise(by_now - count % divider - 1);
            let value = self.count_at(at.clock.cycle_at(last).min(at.cycle), at);
            let flag = CC1IF << channel;
            if captures > 1 || self.registers.get(SR) & flag != 0 {
                self.registers.set_bits(SR, CC1OF << channel, true);
            }
            self.registers.set_bits(SR, flag, true);
            self.registers.set(ccr(channel), value as u32);
        }
    }

    /// The next capture that software hears of.
    pub(super) fn next_capture(&self, at: &Moment) -> u64 {
        let heard = self.registers.get(DIER) & !self.registers.get(SR);
        let channels =
            (0..self.kind.channels).filter(|channel| self.listens & 1 << channel != 0 && heard & CC1IF << channel != 0);
        let cycles = channels.filter_map(|channel| {
            let input = &self.inputs[channel as usize];
            let edge = input.heard + (self.divider(channel) - input.count) - 1;
            Some(Due::Time(input.wave?.rise(edge)).cycle(&at.clock))
        });
        cycles.min().unwrap_or(u64::MAX)
    }

    /// A read of CCRx takes the flag of its capture back.
    pub(super) fn take_capture(&mut self, offset: u32) {
        for channel in (0..self.kind.channels).filter(|&channel| ccr(channel) == offset) {
            if !self.is_compare(channel) {
                self.registers.set_bits(SR, CC1IF << channel, false);
            }
        }
    }

    /// ICxPSC: edges per capture.
    fn divider(&self, channel: u32) -> u64 {
        1 << (self.registers.get(ccmr(channel)) >> (ccmr_shift(channel) + 2) & 3)
    }

    /// The counter at a cycle since the last look.
    fn count_at(&self, cycle: u64, at: &Moment) -> u64 {
        let counter = u64::from(self.registers.get(CNT));
        if !self.is_counting() {
            return counter;
        }
        let counts = cycle.saturating_sub(self.since) / self.step(at);
        let to_zero = self.counts_to_zero(counter);
        if counts < to_zero { counter + counts } else { (counts - to_zero) % (self.top + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::peripheral::Peripheral;
    use crate::chip::testing::moment;
    use crate::time::VirtualTime;

    /// Channel 1 of TIM1 captures each eighth rising edge of 2 kHz; it counts microseconds.
    fn listening() -> Timer {
        let mut timer = Timer::new(Kind::TIM1);
        timer.set_wave(0, Some(Wave::new(VirtualTime::ZERO, VirtualTime::from_micros(500))), &moment(0));
        for (offset, value) in [(CCMR1, 1 | 3 << 2), (CCER, 1), (CR1, 1)] {
            timer.write(offset, value, &moment(0)).unwrap();
        }
        timer
    }

    fn read(timer: &mut Timer, at: u64, offset: u32) -> u32 {
        timer.read(offset, &moment(at)).unwrap()
    }

    #[test]
    fn the_count_of_each_eighth_edge_is_kept_and_reading_it_clears_the_flag() {
        let mut timer = listening();
        assert_eq!(read(&mut timer, 3_999, SR) & CC1IF, 0);
        assert_eq!(read(&mut timer, 4_000, SR) & CC1IF, CC1IF);
        assert_eq!(read(&mut timer, 5_000, ccr(0)), 4_000);
        assert_eq!(read(&mut timer, 5_000, SR) & CC1IF, 0);
        assert_eq!(read(&mut timer, 9_000, ccr(0)), 8_000);
        assert_eq!(read(&mut timer, 9_000, SR) & CC1OF, 0);
    }

    #[test]
    fn a_capture_that_nobody_read_is_written_over_and_flagged() {
        let mut timer = listening();
        assert_eq!(read(&mut timer, 8_100, SR) & (CC1IF | CC1OF), CC1IF | CC1OF);
        assert_eq!(read(&mut timer, 8_100, ccr(0)), 8_000);
        timer.write(SR, !CC1OF, &moment(8_100)).unwrap();
        assert_eq!(read(&mut timer, 8_100, SR) & CC1OF, 0);
    }

    #[test]
    fn a_long_sleep_leaves_the_last_capture_of_a_counter_that_went_round() {
        let mut timer = listening();
        let seconds = 60 * 1_000_000;
        assert_eq!(read(&mut timer, seconds, ccr(0)), seconds as u32 % 0x1_0000);
    }

    #[test]
    fn an_interrupt_comes_with_the_capture() {
        let mut timer = listening();
        timer.write(DIER, CC1IF, &moment(10)).unwrap();
        assert_eq!(timer.tick(&moment(10)), Due::Cycle(4_000));
        timer.tick(&moment(4_000));
        let mut lines = crate::chip::lines::Lines::default();
        timer.interrupts(&mut lines);
        assert!(lines.is_high(27));
    }

    #[test]
    fn a_wave_that_changes_or_ends_leaves_the_prescaler_alone() {
        let mut timer = listening();
        let slower = Wave::new(VirtualTime::from_micros(2_500), VirtualTime::from_micros(1_000));
        timer.set_wave(0, Some(slower), &moment(2_100));
        // Four edges before, four after.
        assert_eq!(read(&mut timer, 5_499, SR) & CC1IF, 0);
        assert_eq!(read(&mut timer, 5_500, ccr(0)), 5_500);
        timer.set_wave(0, None, &moment(6_000));
        assert_eq!(read(&mut timer, 60_000, SR) & CC1IF, 0);
    }
}
