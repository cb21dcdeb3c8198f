//! What a site may choose about channels, and what was measured of them: within bounds by type, since it comes from the
//! settings and nowhere else.

use protocol::channel::{Amplitude, ChannelId};
use protocol::settings::{Calibration, Kind, Setting, Values};

/// What a site chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Amplitude after a start of the unit.
    pub(super) amplitude: Amplitude,
    pub(super) reset_pulse_ms: u16,
    pub(super) power_limit_w: u16,
    /// Channels that have a sonicator, bit 0 = channel 1.
    pub(super) present: u8,
    pub(super) patience: Patience,
    pub(super) stagger_ms: u16,
}

/// How long a sonicator may be without its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After a start, milliseconds.
    pub start_ms: u16,
    /// Later, milliseconds.
    pub lost_ms: u16,
}

impl Limits {
    /// Takes them from the settings. These are in range, whatever was in flash ([`Values::get`]).
    #[must_use]
    pub fn of(settings: &Values) -> Self {
        let number = |setting: Setting| settings.get(setting.code()) as u16;
        Self {
            amplitude: Amplitude::clamped(number(Setting::Amplitude)),
            reset_pulse_ms: number(Setting::ResetPulse),
            power_limit_w: number(Setting::PowerLimit),
            present: number(Setting::Present) as u8,
            patience: Patience { start_ms: number(Setting::LockStart), lost_ms: number(Setting::LockLost) },
            stagger_ms: number(Setting::Stagger),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&Values::new(Kind::Setting))
    }
}

impl Default for Patience {
    fn default() -> Self {
        Limits::default().patience
    }
}

/// What was measured of the sensors and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trims {
    pub(super) channels: [Trim; 4],
    pub(super) temperature_offset_c: i16,
}

/// The same of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trim {
    power_gain: i32,
    power_offset_w: i32,
    amplitude_gain: i32,
    amplitude_offset: i32,
}

/// Gains are ten-thousandths.
const ONE: i32 = 10_000;

impl Trims {
    /// Takes them from the calibration.
    #[must_use]
    pub fn of(calibration: &Values) -> Self {
        let trim = |channel| {
            let number = |first: Calibration| calibration.get(first.code_for(channel));
            Trim {
                power_gain: number(Calibration::PowerGain1),
                power_offset_w: number(Calibration::PowerOffset1),
                amplitude_gain: number(Calibration::AmplitudeGain1),
                amplitude_offset: number(Calibration::AmplitudeOffset1),
            }
        };
        Self {
            channels: ChannelId::ALL.map(trim),
            temperature_offset_c: calibration.get(Calibration::TemperatureOffset.code()) as i16,
        }
    }
}

impl Default for Trims {
    fn default() -> Self {
        Self::of(&Values::new(Kind::Calibration))
    }
}

impl Trim {
    /// Counts of the power converter as a sensor without errors would give them.
    pub(super) fn power(self, counts: u16) -> u16 {
        // 0.592545 W a count, as in `Power::watts`.
        let offset = self.power_offset_w * 10_000 / 5_925;
        (i32::from(counts) * self.power_gain / ONE + offset).clamp(0, i32::from(u16::MAX)) as u16
    }

    /// What the amplitude output has to drive for that many percent, in tenths of a percent.
    pub(super) fn amplitude(self, percent: u8) -> u16 {
        let driven = i32::from(percent) * 10 * self.amplitude_gain / ONE + self.amplitude_offset;
        if percent == 0 { 0 } else { driven.clamp(0, 1_000) as u16 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::settings::{Change, SETTINGS_SCHEMA};

    fn calibrated(changes: &[(Calibration, i32)]) -> Trims {
        let changes: Vec<Change> =
            changes.iter().map(|&(which, number)| Change { code: which.code(), number: Some(number) }).collect();
        Trims::of(&Values::new(Kind::Calibration).changed(&changes, SETTINGS_SCHEMA).unwrap())
    }

    #[test]
    fn without_a_calibration_nothing_is_changed() {
        let trims = Trims::default();
        for trim in trims.channels {
            assert!((0..=4095).all(|counts| trim.power(counts) == counts));
            assert!((0..=100).all(|percent| trim.amplitude(percent) == u16::from(percent) * 10));
        }
        assert_eq!(trims.temperature_offset_c, 0);
    }

    #[test]
    fn gains_and_offsets_are_those_of_their_channel() {
        let trims = calibrated(&[
            (Calibration::PowerGain2, 11_000),
            (Calibration::PowerOffset2, -59),
            (Calibration::AmplitudeGain3, 9_500),
            (Calibration::AmplitudeOffset3, 20),
        ]);
        let [one, two, three, _] = trims.channels;
        assert_eq!((one.power(1_000), two.power(1_000), two.power(10)), (1_000, 1_001, 0));
        assert_eq!((three.amplitude(50), three.amplitude(100), three.amplitude(0)), (495, 970, 0));
    }

    #[test]
    fn an_output_that_is_off_stays_off_and_none_is_driven_above_full_scale() {
        let trims = calibrated(&[(Calibration::AmplitudeGain1, 12_000), (Calibration::AmplitudeOffset1, 100)]);
        assert_eq!((trims.channels[0].amplitude(0), trims.channels[0].amplitude(100)), (0, 1_000));
    }
}
