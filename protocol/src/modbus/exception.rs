//! Exception codes (Modbus application protocol V1.1b3, section 7).

/// Set in the function code of an exception answer.
pub const EXCEPTION_FLAG: u8 = 0x80;

/// Why a request was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// 1: the function is not served.
    IllegalFunction,
    /// 2: no such register, or not for this access.
    IllegalDataAddress,
    /// 3: a value or a quantity is out of range.
    IllegalDataValue,
    /// 4: the unit tried and failed.
    DeviceFailure,
    /// 6: the unit is at work; ask again.
    Busy,
    /// 11: a gateway got no answer from the unit.
    GatewayTargetFailed,
    /// Any other number, from another vendor's device or a gateway.
    Other(u8),
}

impl Exception {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::IllegalFunction => 1,
            Self::IllegalDataAddress => 2,
            Self::IllegalDataValue => 3,
            Self::DeviceFailure => 4,
            Self::Busy => 6,
            Self::GatewayTargetFailed => 11,
            Self::Other(code) => code,
        }
    }

    /// The exception with that code.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::IllegalFunction,
            2 => Self::IllegalDataAddress,
            3 => Self::IllegalDataValue,
            4 => Self::DeviceFailure,
            6 => Self::Busy,
            11 => Self::GatewayTargetFailed,
            other => Self::Other(other),
        }
    }
}

impl core::fmt::Display for Exception {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            Self::IllegalFunction => "illegal function",
            Self::IllegalDataAddress => "illegal data address",
            Self::IllegalDataValue => "illegal data value",
            Self::DeviceFailure => "device failure",
            Self::Busy => "busy",
            Self::GatewayTargetFailed => "gateway: no answer from the unit",
            Self::Other(_) => "unknown exception",
        };
        write!(formatter, "exception {} ({text})", self.code())
    }
}
