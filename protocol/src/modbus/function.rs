//! Function codes that a unit serves (`bus:M1`).

/// A served function code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// 3
    ReadHoldingRegisters,
    /// 4
    ReadInputRegisters,
    /// 6
    WriteSingleRegister,
    /// 8, sub-function 0 only
    Diagnostics,
    /// 16
    WriteMultipleRegisters,
    /// 17
    ReportServerId,
    /// 22
    MaskWriteRegister,
    /// 23
    ReadWriteRegisters,
    /// 43, MEI type 14 only
    ReadDeviceIdentification,
}

impl Function {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::ReadHoldingRegisters => 3,
            Self::ReadInputRegisters => 4,
            Self::WriteSingleRegister => 6,
            Self::Diagnostics => 8,
            Self::WriteMultipleRegisters => 16,
            Self::ReportServerId => 17,
            Self::MaskWriteRegister => 22,
            Self::ReadWriteRegisters => 23,
            Self::ReadDeviceIdentification => 43,
        }
    }

    /// The function with that code; `None` for one that is not served.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            3 => Self::ReadHoldingRegisters,
            4 => Self::ReadInputRegisters,
            6 => Self::WriteSingleRegister,
            8 => Self::Diagnostics,
            16 => Self::WriteMultipleRegisters,
            17 => Self::ReportServerId,
            22 => Self::MaskWriteRegister,
            23 => Self::ReadWriteRegisters,
            43 => Self::ReadDeviceIdentification,
            _ => return None,
        })
    }
}
