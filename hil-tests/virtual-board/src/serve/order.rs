//! What somebody asks of a served line in words: `fault 1 overload on`, `fault 3 power=1.4 on unit 5`.

use std::fmt;
use std::str::FromStr;

use crate::plant::{CHANNELS, Fault, UnknownFault};
use crate::unit::FIRST_UNIT_ID;

/// A fault of a channel, to be there or gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// Id of the unit on the bus.
    pub unit: u8,
    /// From 1, as on the housing.
    pub channel: usize,
    /// What breaks or is mended.
    pub fault: Fault,
    /// Which of the two.
    pub turn: Turn,
}

/// To break or to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It breaks.
    On,
    /// It is mended.
    Off,
}

/// Words that are no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The shape is wrong.
    #[error("not understood; write: fault CHANNEL FAULT on|off [unit ID], as in: fault 1 overload on")]
    Shape,
    /// No such channel.
    #[error("no channel \"{found}\"; use 1 to {CHANNELS}")]
    Channel {
        /// The word.
        found: String,
    },
    /// No such fault.
    #[error(transparent)]
    Fault(#[from] UnknownFault),
    /// No such unit.
    #[error("no unit {found} on this line; leave `unit ID` out for unit {FIRST_UNIT_ID}")]
    Unit {
        /// The id.
        found: u8,
    },
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(line: &str) -> Result<Self, OrderError> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (channel, fault, turn, unit) = match words[..] {
            ["fault", channel, fault, turn] => (channel, fault, turn, FIRST_UNIT_ID),
            ["fault", channel, fault, turn, "unit", unit] => {
                (channel, fault, turn, unit.parse().map_err(|_| OrderError::Shape)?)
            }
            _ => return Err(OrderError::Shape),
        };
        let turn = match turn {
            "on" => Turn::On,
            "off" => Turn::Off,
            _ => return Err(OrderError::Shape),
        };
        let number = channel.parse().ok().filter(|number| (1..=CHANNELS).contains(number));
        let channel = number.ok_or_else(|| OrderError::Channel { found: channel.into() })?;
        Ok(Self { unit, channel, fault: fault.parse()?, turn })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = if self.turn == Turn::On { "on" } else { "off" };
        write!(formatter, "unit {}, channel {}: {:?} {turn}", self.unit, self.channel, self.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Reading;

    #[test]
    fn orders_name_a_channel_a_fault_and_perhaps_a_unit() {
        let order = |unit, channel, fault, turn| Ok(Order { unit, channel, fault, turn });
        assert_eq!("fault 1 overload on".parse(), order(2, 1, Fault::Overload, Turn::On));
        assert_eq!(" fault 4  power=1.4 off unit 9 ".parse(), order(9, 4, Fault::PowerFactor(1.4), Turn::Off));
        assert_eq!("fault 2 frequency=-800 on".parse(), order(2, 2, Fault::FrequencyOff(-800.0), Turn::On));
        assert_eq!("fault 2 sensor-full on".parse(), order(2, 2, Fault::DeadSensor(Reading::FullScale), Turn::On));
    }

    #[test]
    fn what_is_no_order_says_what_would_be_one() {
        for (line, what) in [
            ("", "fault 1 overload on"),
            ("fault 1 overload", "fault 1 overload on"),
            ("fault 1 overload on unit x", "fault 1 overload on"),
            ("fault 5 overload on", "use 1 to 4"),
            ("fault 1 smoke on", "unplugged"),
            ("fault 1 power=nan on", "power=FACTOR"),
            ("fault 1 overload=3 on", "no fault \"overload=3\""),
        ] {
            let error = line.parse::<Order>().unwrap_err().to_string();
            assert!(error.contains(what), "{line}: {error}");
        }
    }
}
