//! What can break.

use std::str::FromStr;

/// A fault of one sonicator or of its cable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The cause of an overload is there: the sonicator stops and says so, until the cause is gone and it is reset.
    Overload,
    /// The wire that tells of an overload is shorted to ground; the sonicator itself knows of none.
    StuckOverload,
    /// It loses its lock and does not find it again.
    LockLost,
    /// It does not lock at the next starts; a lock that it has stays.
    LockNever,
    /// It emits so many times the power that its amplitude stands for.
    PowerFactor(f64),
    /// The power that it reports is not what it emits.
    DeadSensor(Reading),
    /// The wire that tells its frequency is cut.
    NoFrequency,
    /// Its frequency is off by so many hertz.
    FrequencyOff(f64),
    /// The cable is unplugged: nothing reaches it, and the controller's inputs float.
    Unplugged,
}

/// What a dead sensor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Nothing.
    Zero,
    /// All it can.
    FullScale,
}

/// The faults that a sonicator has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faults {
    pub(super) overload: bool,
    pub(super) stuck_overload: bool,
    pub(super) lock_lost: bool,
    pub(super) lock_never: bool,
    pub(super) power_factor: f64,
    pub(super) dead_sensor: Option<Reading>,
    pub(super) no_frequency: bool,
    pub(super) frequency_off: f64,
    pub(super) unplugged: bool,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        overload: false,
        stuck_overload: false,
        lock_lost: false,
        lock_never: false,
        power_factor: 1.0,
        dead_sensor: None,
        no_frequency: false,
        frequency_off: 0.0,
        unplugged: false,
    };

    pub(super) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Overload => self.overload = true,
            Fault::StuckOverload => self.stuck_overload = true,
            Fault::LockLost => self.lock_lost = true,
            Fault::LockNever => self.lock_never = true,
            Fault::PowerFactor(factor) => self.power_factor = factor,
            Fault::DeadSensor(reading) => self.dead_sensor = Some(reading),
            Fault::NoFrequency => self.no_frequency = true,
            Fault::FrequencyOff(hertz) => self.frequency_off = hertz,
            Fault::Unplugged => self.unplugged = true,
        }
    }

    pub(super) fn remove(&mut self, fault: Fault) {
        match fault {
            Fault::Overload => self.overload = false,
            Fault::StuckOverload => self.stuck_overload = false,
            Fault::LockLost => self.lock_lost = false,
            Fault::LockNever => self.lock_never = false,
            Fault::PowerFactor(_) => self.power_factor = Self::NONE.power_factor,
            Fault::DeadSensor(_) => self.dead_sensor = None,
            Fault::NoFrequency => self.no_frequency = false,
            Fault::FrequencyOff(_) => self.frequency_off = Self::NONE.frequency_off,
            Fault::Unplugged => self.unplugged = false,
        }
    }
}

/// A word that is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no fault \"{found}\"; use {FAULTS}")]
pub struct UnknownFault {
    /// The word.
    pub found: String,
}

const FAULTS: &str = "overload, stuck-overload, lock-lost, lock-never, power=FACTOR, sensor-zero, sensor-full, \
                      no-frequency, frequency=HERTZ or unplugged";

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(word: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault { found: word.into() };
        let (name, figure) = match word.split_once('=') {
            Some((name, figure)) => (name, Some(figure.parse::<f64>().map_err(|_| unknown())?)),
            None => (word, None),
        };
        match (name, figure.filter(|figure| figure.is_finite())) {
            ("power", Some(factor)) if factor >= 0.0 => Ok(Fault::PowerFactor(factor)),
            ("frequency", Some(hertz)) => Ok(Fault::FrequencyOff(hertz)),
            _ if figure.is_some() => Err(unknown()),
            ("overload", _) => Ok(Fault::Overload),
            ("stuck-overload", _) => Ok(Fault::StuckOverload),
            ("lock-lost", _) => Ok(Fault::LockLost),
            ("lock-never", _) => Ok(Fault::LockNever),
            ("sensor-zero", _) => Ok(Fault::DeadSensor(Reading::Zero)),
            ("sensor-full", _) => Ok(Fault::DeadSensor(Reading::FullScale)),
            ("no-frequency", _) => Ok(Fault::NoFrequency),
            ("unplugged", _) => Ok(Fault::Unplugged),
            _ => Err(unknown()),
        }
    }
}
