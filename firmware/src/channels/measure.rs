//! From converter counts and timer counts to watts and hertz.

/// Full scale of the converter, counts (12 bits).
pub const FULL_SCALE: u16 = 4095;
/// Counts of the capture timer a second.
pub const CAPTURE_HZ: u32 = 5_000_000;
/// Periods of the divided signal between two captures.
pub const CAPTURE_PERIODS: u32 = 8;
/// How old a frequency may get before it is none, milliseconds.
const FRESH_MS: u64 = 50;
/// Longest time between two captures that the timer can tell, milliseconds: it goes round after 13.1.
const LONGEST_MS: u64 = 12;

/// Power, smoothed over some 16 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Power {
    /// Sixteen times the smoothed counts.
    sum: u32,
}

impl Power {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { sum: 0 }
    }

    /// Takes a conversion in, 0 to [`FULL_SCALE`] counts.
    pub fn converted(&mut self, counts: u16) {
        self.sum = self.sum - self.sum / 16 + u32::from(counts.min(FULL_SCALE));
    }

    fn counts(self) -> u32 {
        self.sum / 16
    }

    /// Watts: 5.44 mV/W, divided by 4, 3.3 V at full scale.
    #[must_use]
    pub fn watts(self) -> u16 {
        // 3.3 V * 4 / 4095 / 5.44 mV/W = 0.592545 W a count, times 2^16.
        const WATTS_A_COUNT: u32 = 38_833;
        ((self.counts() * WATTS_A_COUNT + (1 << 15)) >> 16) as u16
    }

    /// What the first controller's 10-bit converter would have given: 5 V at full scale.
    #[must_use]
    pub fn map_c_counts(self) -> u16 {
        // 3.3 V * 4 / 4095 * 1023 / 5 V = 0.659517 counts a count, times 2^16.
        const COUNTS_A_COUNT: u32 = 43_222;
        (((self.counts() * COUNTS_A_COUNT + (1 << 15)) >> 16) as u16).min(1023)
    }
}

/// Frequency by reciprocal counting: the time of so many periods, not the periods of so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frequency {
    /// The last capture and when it was seen, milliseconds.
    last: Option<(u16, u64)>,
    /// Counts between the last two.
    interval: Option<u16>,
}

/// What the capture timer has for a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Capture {
    /// No edge since the last look.
    #[default]
    None,
    /// The timer at the last edge.
    At(u16),
    /// Edges were missed: what lies between is unknown.
    Missed,
}

impl Frequency {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None, interval: None }
    }

    /// Takes a look at the capture timer in.
    pub fn look(&mut self, capture: Capture, now_ms: u64) {
        match (capture, self.last) {
            (Capture::At(at), Some((before, seen_ms))) if now_ms.saturating_sub(seen_ms) <= LONGEST_MS => {
                self.interval = Some(at.wrapping_sub(before)).filter(|&interval| interval != 0);
                self.last = Some((at, now_ms));
            }
            (Capture::At(at), _) => self.last = Some((at, now_ms)),
            (Capture::Missed, _) => self.last = None,
            (Capture::None, Some((_, seen_ms))) if now_ms.saturating_sub(seen_ms) > FRESH_MS => *self = Self::default(),
            (Capture::None, _) => {}
        }
    }

    /// The sonicator's frequency in tens of hertz, which is the divided signal's in hertz; 0 when there is none.
    #[must_use]
    pub fn deca_hertz(self) -> u16 {
        let Some(interval) = self.interval.map(u32::from) else { return 0 };
        let hertz = (CAPTURE_HZ * CAPTURE_PERIODS + interval / 2) / interval;
        u16::try_from(hertz).unwrap_or(u16::MAX)
    }
}

/// Temperature of the chip, degrees Celsius, from its sensor's counts at 3.3 V; `cal_30` and `cal_130` are what the factory
/// read at these temperatures and 3.0 V (STM32G474 data sheet, "Temperature sensor characteristics"). `None` when they make
/// no sense.
#[must_use]
pub fn celsius(counts: u16, cal_30: u16, cal_130: u16) -> Option<i16> {
    let span = i32::from(cal_130) - i32::from(cal_30);
    let at_3_volts = i32::from(counts) * 33 / 30;
    (span > 0).then(|| ((at_3_volts - i32::from(cal_30)) * 100 / span + 30) as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(counts: u16) -> Power {
        let mut power = Power::default();
        (0..400).for_each(|_| power.converted(counts));
        power
    }

    #[test]
    fn watts_are_those_of_the_sense_wire_to_a_watt() {
        for watts in [0, 1, 100, 919, 1_200, 2_000, 2_400] {
            let volts = f64::from(watts) * 0.00544 / 4.0;
            let counts = (volts / 3.3 * 4095.0).round() as u16;
            assert!(power(counts).watts().abs_diff(watts) <= 1, "{watts} W: {}", power(counts).watts());
        }
    }

    #[test]
    fn the_old_register_is_what_the_old_converter_gave_and_full_at_919_watts() {
        // facts/controller.md section 1.3: 0.8988 W a count.
        for counts in [0, 100, 500, 1_000, 1_500] {
            let watts = f64::from(counts) * 3.3 * 4.0 / 4095.0 / 0.00544;
            let expected = (watts / 0.898_8).round() as u16;
            assert!(power(counts).map_c_counts().abs_diff(expected.min(1023)) <= 1, "{watts} W");
        }
        assert_eq!(power(FULL_SCALE).map_c_counts(), 1023);
    }

    #[test]
    fn the_chips_temperature_follows_the_factorys_two_points() {
        let (cal_30, cal_130) = (1_037, 1_380);
        for (at_3_volts, expected) in [(1_037_u32, 30), (1_380, 130), (1_208, 80)] {
            let counts = (at_3_volts * 30 / 33) as u16;
            let found = celsius(counts, cal_30, cal_130).expect("the points make sense");
            assert!(found.abs_diff(expected) <= 1, "{expected}: {found}");
        }
        assert_eq!((celsius(1_000, 0xFFFF, 0xFFFF), celsius(1_000, 1_380, 1_037)), (None, None));
    }

    #[test]
    fn nothing_that_a_converter_gives_overflows() {
        assert_eq!(power(u16::MAX), power(FULL_SCALE));
        assert_eq!(power(FULL_SCALE).watts(), 2_426);
    }

    #[test]
    fn a_frequency_is_right_to_a_tenth_of_a_percent_wherever_the_edges_fall() {
        for hertz in [1_700_u32, 1_799, 1_999, 2_000, 2_001, 2_050, 2_200, 2_400] {
            let mut frequency = Frequency::default();
            let period = f64::from(CAPTURE_HZ * CAPTURE_PERIODS) / f64::from(hertz);
            for edge in 0..500_u32 {
                let at = (f64::from(edge) * period + 17.0) as u64;
                frequency.look(Capture::At(at as u16), at / 5_000);
                if edge > 0 {
                    let found = f64::from(frequency.deca_hertz());
                    assert!((found - f64::from(hertz)).abs() <= f64::from(hertz) / 1_000.0, "{hertz}: {found}");
                }
            }
        }
    }

    #[test]
    fn without_edges_there_is_no_frequency() {
        let mut frequency = Frequency::default();
        frequency.look(Capture::At(100), 0);
        assert_eq!(frequency.deca_hertz(), 0, "one edge is no interval");
        frequency.look(Capture::At(20_100), 4);
        assert_eq!(frequency.deca_hertz(), 2_000);
        frequency.look(Capture::None, 4 + FRESH_MS);
        assert_eq!(frequency.deca_hertz(), 2_000);
        frequency.look(Capture::None, 5 + FRESH_MS);
        assert_eq!(frequency.deca_hertz(), 0);
    }

    #[test]
    fn what_was_missed_or_came_too_late_gives_no_wrong_number() {
        let mut frequency = Frequency::default();
        frequency.look(Capture::At(0), 0);
        frequency.look(Capture::At(20_000), 4);
        frequency.look(Capture::Missed, 20);
        frequency.look(Capture::At(7), 24);
        assert_eq!(frequency.deca_hertz(), 2_000, "the last good one stays for a while");
        frequency.look(Capture::At(20_007), 28);
        assert_eq!(frequency.deca_hertz(), 2_000);
        frequency.look(Capture::At(30_000), 28 + LONGEST_MS + 1);
        assert_eq!(frequency.deca_hertz(), 2_000, "the timer may have gone round");
    }
}
