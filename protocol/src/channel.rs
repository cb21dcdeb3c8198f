//! A channel: one of the four sonicators of a unit, and what the register map says of it.

/// Names a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelId {
    /// Channel 1.
    One,
    /// Channel 2.
    Two,
    /// Channel 3.
    Three,
    /// Channel 4.
    Four,
}

impl ChannelId {
    /// All channels.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Three, Self::Four];

    /// Place in a list of all channels, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Number for people and on the board, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The channel's bit in a mask.
    #[must_use]
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The channel with that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.number() == number)
    }
}

impl core::fmt::Display for ChannelId {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{}", self.number())
    }
}

/// What a channel is at, as `PREV_STATE` and `STATE` code it (`facts/controller.md` section 1.5, the Modbus list).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelState {
    /// Off.
    Stopped,
    /// A start was taken.
    Starting,
    /// Emits power.
    Running,
    /// Off, and not to be started for a moment.
    Stopping,
    /// Off because of an overload, until somebody resets it.
    Overload,
    /// Off because of another fault, until somebody resets it.
    Fault,
}

impl ChannelState {
    /// All states, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Stopped, Self::Starting, Self::Running, Self::Stopping, Self::Overload, Self::Fault];

    /// Code in a register.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The state with that code.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// Why a channel was stopped by the unit, as `LAST_FAULT_CODE` codes it (`facts/controller.md` section 1.5, "Error codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum ChannelFault {
    /// The master was silent.
    Silence = 1,
    /// The sonicator signalled an overload.
    Overload = 3,
    /// It did not lock onto its frequency, or lost it.
    LockLost = 4,
    /// It took more than the limit.
    Power = 5,
    /// The hardware took the outputs back: the control loop had not shown itself in time.
    Hardware = 6,
    /// An emergency stop.
    EmergencyStop = 9,
    /// The unit itself is too hot.
    Temperature = 10,
}

impl ChannelFault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Silence,
        Self::Overload,
        Self::LockLost,
        Self::Power,
        Self::Hardware,
        Self::EmergencyStop,
        Self::Temperature,
    ];

    /// Code in a register; 0 stands for none.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The fault with that code.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }
}

/// Amplitude set point, percent: 20 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amplitude(u8);

impl Amplitude {
    /// Lowest.
    pub const MIN: Self = Self(20);
    /// Highest.
    pub const MAX: Self = Self(100);
    /// After a start of the unit.
    pub const DEFAULT: Self = Self(50);

    /// The nearest one to a number: map C clamps, it does not refuse.
    #[must_use]
    pub const fn clamped(percent: u16) -> Self {
        if percent < Self::MIN.0 as u16 {
            Self::MIN
        } else if percent > Self::MAX.0 as u16 {
            Self::MAX
        } else {
            Self(percent as u8)
        }
    }

    /// Percent, 20 to 100.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_codes_and_bits_come_back() {
        for (number, channel) in (1..).zip(ChannelId::ALL) {
            assert_eq!((channel.number(), channel.index()), (number, usize::from(number) - 1));
            assert_eq!(ChannelId::from_number(number), Some(channel));
        }
        assert_eq!(ChannelId::ALL.iter().fold(0, |mask, channel| mask | channel.bit()), 0b1111);
        assert_eq!((ChannelId::from_number(0), ChannelId::from_number(5)), (None, None));
        assert!(ChannelState::ALL.iter().all(|&state| ChannelState::from_code(state.code()) == Some(state)));
        assert!(ChannelFault::ALL.iter().all(|&fault| ChannelFault::from_code(fault.code()) == Some(fault)));
        assert_eq!((ChannelState::from_code(6), ChannelFault::from_code(0)), (None, None));
    }

    #[test]
    fn an_amplitude_is_clamped() {
        for (asked, percent) in [(0, 20), (10, 20), (20, 20), (75, 75), (100, 100), (150, 100), (u16::MAX, 100)] {
            assert_eq!(Amplitude::clamped(asked).percent(), percent);
        }
    }
}
