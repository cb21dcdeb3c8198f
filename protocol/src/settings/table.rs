//! The table itself.

use super::{Allowed, Entry, Kind, Unit};
use crate::channel::ChannelId;

/// Schema of this build: raised when the table grows. Schema 1 was the first set, schema 2 brought `stagger_ms` and
/// `plc_writes`.
pub const SETTINGS_SCHEMA: u16 = 2;

/// Declares names and entries from one list.
macro_rules! values {
    ($kind:ident $(#[$attribute:meta])* $names:ident [$($id:ident = $code:literal $name:literal $unit:ident
        $allowed:expr, default $default:literal since $since:literal: $text:literal;)+]) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $names {
            $(#[doc = $text] $id = $code,)+
        }

        impl $names {
            /// Its number among its kind.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            const ENTRIES: &'static [Entry] = &[$(Entry {
                kind: Kind::$kind, code: $code, unit: Unit::$unit, allowed: $allowed, default: $default, since: $since,
                #[cfg(not(target_os = "none"))]
                name: $name,
                #[cfg(not(target_os = "none"))]
                text: $text,
            },)+];
        }
    };
}

use Allowed::{OneOf, Range};

/// Rates that the unit's clock and common adapters make.
const RATES: Allowed = OneOf(&[
    (9_600, "9600"),
    (19_200, "19200"),
    (38_400, "38400"),
    (57_600, "57600"),
    (115_200, "115200"),
    (230_400, "230400"),
    (460_800, "460800"),
    (921_600, "921600"),
    (1_000_000, "1000000"),
]);
const PARITIES: Allowed = OneOf(&[(0, "none"), (1, "even"), (2, "odd")]);
const WRITES: Allowed = OneOf(&[(0, "open"), (1, "set-points")]);
/// A gain that a sound sensor has.
const GAIN: Allowed = Range(8_000, 12_000);
const WATTS: Allowed = Range(-200, 200);
const SCALE: Allowed = Range(-100, 100);

values! { Setting
    /// Names a setting in code.
    Setting [
    UnitId = 0 "unit_id" None Range(1, 247), default 2 since 1:
        "address on the bus; as long as nobody has set it, the one that the unit was given in production";
    Baud = 1 "baud" Baud RATES, default 115_200 since 1: "speed of the line";
    Parity = 2 "parity" Code PARITIES, default 0 since 1: "parity of the line; one stop bit";
    Amplitude = 3 "amplitude" Percent Range(20, 100), default 50 since 1:
        "amplitude that each channel has after a start of the unit";
    ResetPulse = 4 "reset_pulse_ms" Milliseconds Range(20, 100), default 50 since 1: "length of the overload reset pulse";
    PowerLimit = 5 "power_limit_w" Watts Range(100, 2_000), default 2_000 since 1:
        "power above which a channel is stopped";
    Present = 6 "present" Channels Range(0, 15), default 15 since 1:
        "channels with a sonicator, bit 0 = channel 1; the others are never started";
    LockStart = 7 "lock_start_ms" Milliseconds Range(1_000, 5_000), default 5_000 since 1:
        "time that a sonicator has to lock onto its frequency after a start";
    LockLost = 8 "lock_lost_ms" Milliseconds Range(1_000, 10_000), default 10_000 since 1:
        "time that a sonicator may be without its lock";
    Stagger = 9 "stagger_ms" Milliseconds Range(100, 5_000), default 500 since 2:
        "time between two starts when several channels are started at once";
    PlcWrites = 10 "plc_writes" Code WRITES, default 0 since 2:
        "what plain Modbus writes may do: everything, or only set points, stops and the emergency stop";
] }

values! { Calibration
    /// Names a value of the calibration in code.
    Calibration [
    PowerGain1 = 0 "power_gain_1" TenThousandths GAIN, default 10_000 since 1: "gain of the power of channel 1";
    PowerGain2 = 1 "power_gain_2" TenThousandths GAIN, default 10_000 since 1: "gain of the power of channel 2";
    PowerGain3 = 2 "power_gain_3" TenThousandths GAIN, default 10_000 since 1: "gain of the power of channel 3";
    PowerGain4 = 3 "power_gain_4" TenThousandths GAIN, default 10_000 since 1: "gain of the power of channel 4";
    PowerOffset1 = 4 "power_offset_1" Watts WATTS, default 0 since 1: "added to the power of channel 1";
    PowerOffset2 = 5 "power_offset_2" Watts WATTS, default 0 since 1: "added to the power of channel 2";
    PowerOffset3 = 6 "power_offset_3" Watts WATTS, default 0 since 1: "added to the power of channel 3";
    PowerOffset4 = 7 "power_offset_4" Watts WATTS, default 0 since 1: "added to the power of channel 4";
    AmplitudeGain1 = 8 "amplitude_gain_1" TenThousandths GAIN, default 10_000 since 1: "gain of the amplitude output of channel 1";
    AmplitudeGain2 = 9 "amplitude_gain_2" TenThousandths GAIN, default 10_000 since 1: "gain of the amplitude output of channel 2";
    AmplitudeGain3 = 10 "amplitude_gain_3" TenThousandths GAIN, default 10_000 since 1: "gain of the amplitude output of channel 3";
    AmplitudeGain4 = 11 "amplitude_gain_4" TenThousandths GAIN, default 10_000 since 1: "gain of the amplitude output of channel 4";
    AmplitudeOffset1 = 12 "amplitude_offset_1" PerMille SCALE, default 0 since 1: "added to the amplitude output of channel 1";
    AmplitudeOffset2 = 13 "amplitude_offset_2" PerMille SCALE, default 0 since 1: "added to the amplitude output of channel 2";
    AmplitudeOffset3 = 14 "amplitude_offset_3" PerMille SCALE, default 0 since 1: "added to the amplitude output of channel 3";
    AmplitudeOffset4 = 15 "amplitude_offset_4" PerMille SCALE, default 0 since 1: "added to the amplitude output of channel 4";
    TemperatureOffset = 16 "temperature_offset" Celsius Range(-20, 20), default 0 since 1:
        "added to the temperature of the chip";
] }

impl Calibration {
    /// Code of a value that each channel has, from that of channel 1.
    #[must_use]
    pub const fn code_for(self, channel: ChannelId) -> u8 {
        self as u8 + channel as u8
    }
}

const COUNT: usize = Setting::ENTRIES.len() + Calibration::ENTRIES.len();

/// All settings and all values of the calibration, each kind in the order of its codes.
pub static TABLE: &[Entry] = &{
    let mut all = [Setting::ENTRIES[0]; COUNT];
    let mut next = 0;
    while next < COUNT {
        all[next] = match next.checked_sub(Setting::ENTRIES.len()) {
            None => Setting::ENTRIES[next],
            Some(index) => Calibration::ENTRIES[index],
        };
        next += 1;
    }
    all
};
