//! Plain Modbus writes of a site that keeps them to set points (`docs/settings.md`, `plc_writes`).
//!
//! Switching off is always allowed. What may switch something on, or take away what keeps it off, is exception 3: the
//! address is right, since 0 is taken there, only this value is not. Exception 4 stays for what the unit's state forbids.

use protocol::modbus::exception::Exception;
use protocol::registers::{self, At, ChannelRegister, Register, RegisterId};

use bootloader::bus::{Range, Words};

use crate::settings::PlcWrites;

/// Checks a write of plain Modbus against the site's choice. What is no register is left to others.
///
/// # Errors
/// Exception 3.
pub(super) fn check(writes: PlcWrites, start: u16, words: Words<'_>) -> Result<(), Exception> {
    if writes == PlcWrites::Open {
        return Ok(());
    }
    let range = Range { start, quantity: words.quantity() };
    let is_locked = |(address, value): (Option<u16>, u16)| match address.map(registers::at) {
        Some(At::Register { register: Register { id, .. }, .. }) => !is_set_point(*id, value),
        _ => false,
    };
    if range.addresses().zip(words.values()).any(is_locked) { Err(Exception::IllegalDataValue) } else { Ok(()) }
}

/// Whether a value is a set point, or switches off.
fn is_set_point(id: RegisterId, value: u16) -> bool {
    match id {
        RegisterId::GlobalAmplitude | RegisterId::Channel(_, ChannelRegister::AmplitudeSetPoint) => true,
        RegisterId::EmergencyStop => value != 0,
        RegisterId::GlobalEnable | RegisterId::Channel(_, ChannelRegister::StartStop) => value == 0,
        // All of them: a mask with fewer channels lets one be started.
        RegisterId::TestStartInhibit => value == 0x000F,
        RegisterId::SystemReset | RegisterId::Channel(_, ChannelRegister::OverloadReset) => false,
        // Reads only: exception 2, as ever.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each register that can be written, a value that is let through and one that is not.
    const CASES: [(u16, Option<u16>, Option<u16>); 9] = [
        (0x0010, Some(0), Some(1)),           // GLOBAL_ENABLE
        (0x0011, Some(1), Some(0)),           // EMERGENCY_STOP
        (0x0012, None, Some(0xA5C3)),         // SYSTEM_RESET
        (0x0013, Some(0x000F), Some(0x0001)), // TEST_START_INHIBIT
        (0x0014, Some(60), None),             // GLOBAL_AMPLITUDE
        (0x0100, Some(0), Some(1)),           // CH1_START_STOP
        (0x0161, Some(60), None),             // CH4_AMPLITUDE_SP
        (0x0122, None, Some(1)),              // CH2_OVERLOAD_RESET
        (0x0000, Some(7), None),              // read only: not ours to refuse
    ];

    #[test]
    fn a_locked_unit_takes_set_points_and_stops_and_nothing_that_switches_on() {
        for (address, good, bad) in CASES {
            let write = |writes, value: u16| check(writes, address, Words::new(&value.to_be_bytes()));
            assert!(good.is_none_or(|value| write(PlcWrites::SetPoints, value) == Ok(())), "{address:#06x}");
            assert!(bad.is_none_or(|value| write(PlcWrites::SetPoints, value) == Err(Exception::IllegalDataValue)));
            assert!(good.into_iter().chain(bad).all(|value| write(PlcWrites::Open, value) == Ok(())), "{address:#06x}");
        }
    }

    #[test]
    fn one_locked_value_refuses_the_whole_write() {
        // GLOBAL_ENABLE 0, EMERGENCY_STOP 0.
        let both = check(PlcWrites::SetPoints, 0x0010, Words::new(&[0, 0, 0, 0]));
        assert_eq!(both, Err(Exception::IllegalDataValue));
    }
}
