//! The SysTick timer, counted in core cycles.

/// CSR bits.
const ENABLE: u32 = 1;
const TICKINT: u32 = 2;
const CLKSOURCE: u32 = 4;
const COUNTFLAG: u32 = 1 << 16;

/// Cycles a count when `CLKSOURCE` is clear: HCLK/8 on the STM32G4 (RM0440 7.2.11).
const EXTERNAL_CLOCK_DIVIDER: u64 = 8;

/// SysTick. While it runs only the cycle of its next zero is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct SysTick {
    control: u32,
    reload: u32,
    reached_zero: bool,
    /// Counter value while stopped.
    stopped_at: u32,
    /// Value that the running counter was last loaded with.
    loaded: u32,
    /// Cycle at which the running counter is next 0; `None` when it stays 0.
    zero_at: Option<u64>,
}

impl SysTick {
    /// The cycle of the next zero, `u64::MAX` when there is none.
    pub(super) fn deadline(&self) -> u64 {
        self.zero_at.unwrap_or(u64::MAX)
    }

    /// Catches up with `now`; true when the SysTick exception becomes pending.
    pub(super) fn advance(&mut self, now: u64) -> bool {
        let Some(zero_at) = self.zero_at.filter(|&zero_at| zero_at <= now) else { return false };
        self.reached_zero = true;
        let period = self.scaled(u64::from(self.reload) + 1);
        let missed = (now - zero_at) / period;
        self.loaded = self.reload;
        self.zero_at = (self.reload != 0).then(|| zero_at + (missed + 1) * period);
        self.control & TICKINT != 0
    }

    /// CSR; reading it clears COUNTFLAG.
    pub(super) fn read_control(&mut self) -> u32 {
        let flag = if std::mem::take(&mut self.reached_zero) { COUNTFLAG } else { 0 };
        self.control | flag
    }

    /// CSR
    pub(super) fn write_control(&mut self, value: u32, now: u64) {
        let counter = self.current(now);
        self.control = value & (ENABLE | TICKINT | CLKSOURCE);
        self.stopped_at = counter;
        self.start(counter, now);
    }

    /// RVR
    pub(super) fn reload(&self) -> u32 {
        self.reload
    }

    /// RVR; a running counter takes it at its next zero, or at once when it rests at zero.
    pub(super) fn write_reload(&mut self, value: u32, now: u64) {
        let resting = self.current(now) == 0 && self.zero_at.is_none();
        self.reload = value & 0x00FF_FFFF;
        if resting {
            self.start(0, now);
        }
    }

    /// CVR
    pub(super) fn current(&self, now: u64) -> u32 {
        if self.control & ENABLE == 0 {
            return self.stopped_at;
        }
        let Some(zero_at) = self.zero_at else { return 0 };
        let left = zero_at.saturating_sub(now).div_ceil(self.scaled(1));
        // The first count after zero loads the counter: until then it reads 0.
        if left > u64::from(self.loaded) { 0 } else { left as u32 }
    }

    /// CVR: any write clears the counter and COUNTFLAG.
    pub(super) fn clear_current(&mut self, now: u64) {
        self.reached_zero = false;
        self.stopped_at = 0;
        self.start(0, now);
    }

    fn start(&mut self, counter: u32, now: u64) {
        let counts = if counter == 0 { u64::from(self.reload) + 1 } else { u64::from(counter) };
        let running = self.control & ENABLE != 0 && (counter != 0 || self.reload != 0);
        self.loaded = if counter == 0 { self.reload } else { counter };
        self.zero_at = running.then(|| now + self.scaled(counts));
    }

    fn scaled(&self, counts: u64) -> u64 {
        if self.control & CLKSOURCE == 0 { counts * EXTERNAL_CLOCK_DIVIDER } else { counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(reload: u32) -> SysTick {
        let mut timer = SysTick::default();
        timer.write_reload(reload, 100);
        timer.clear_current(100);
        timer.write_control(ENABLE | TICKINT | CLKSOURCE, 100);
        timer
    }

    #[test]
    fn period_is_reload_plus_one() {
        let mut timer = running(9);
        assert_eq!(timer.deadline(), 110);
        assert!(timer.advance(110));
        assert_eq!(timer.deadline(), 120);
        assert!(timer.advance(145), "late by two periods");
        assert_eq!(timer.deadline(), 150);
    }

    #[test]
    fn counter_reads_down_to_zero_and_reloads() {
        let mut timer = running(9);
        let reads: Vec<u32> = (100..=109).map(|now| timer.current(now)).collect();
        assert_eq!(reads, [0, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        timer.advance(110);
        assert_eq!([timer.current(110), timer.current(111)], [0, 9]);
    }

    #[test]
    fn count_flag_clears_on_read() {
        let mut timer = running(4);
        timer.advance(105);
        assert_eq!(timer.read_control(), COUNTFLAG | ENABLE | TICKINT | CLKSOURCE);
        assert_eq!(timer.read_control(), ENABLE | TICKINT | CLKSOURCE);
    }

    #[test]
    fn external_clock_counts_every_eighth_cycle() {
        let mut timer = SysTick::default();
        timer.write_reload(9, 0);
        timer.write_control(ENABLE, 0);
        assert_eq!(timer.deadline(), 80);
        assert!(!timer.advance(80), "TICKINT is clear");
    }

    #[test]
    fn stopping_keeps_the_count() {
        let mut timer = running(99);
        timer.write_control(CLKSOURCE, 130);
        assert_eq!((timer.deadline(), timer.current(500)), (u64::MAX, 70));
        timer.write_control(ENABLE | CLKSOURCE, 500);
        assert_eq!(timer.deadline(), 570);
    }

    #[test]
    fn zero_reload_never_fires() {
        let mut timer = running(0);
        assert_eq!(timer.deadline(), u64::MAX);
        timer.write_reload(4, 200);
        assert_eq!(timer.deadline(), 205);
    }
}
