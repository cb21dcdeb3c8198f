//! The register map as one table (`architecture.md`, "One source for the register map").
//!
//! Firmware answers from it, host decodes with it, documentation is generated from it. A second list of addresses
//! anywhere is a defect. Addresses 0x0000-0x001F and 0x0100-0x017F are map C (`facts/controller.md` section 2.3), which
//! PLCs already speak; 0x0500 and up is new. All registers are 16-bit; texts and longer numbers span several, high word
//! first.

mod table;

pub use table::{ChannelRegister, REGISTERS, RegisterId};

/// Version of the map that this build serves.
pub const MAP_VERSION: u16 = 2;
/// Writing this to [`RegisterId::SystemReset`] restarts the unit (`facts/controller.md` section 2.3).
pub const SYSTEM_RESET_KEY: u16 = 0xA5C3;

/// Who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads only; a write is answered with exception 2.
    ReadOnly,
    /// Reads and writes.
    ReadWrite,
}

/// What a register's number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number without a unit.
    None,
    /// One meaning for each bit.
    Bits,
    /// One of a list of meanings.
    Code,
    /// Events counted since start; stops at 65535.
    Count,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Percent.
    Percent,
    /// Watts.
    Watts,
    /// Tens of hertz.
    DecaHertz,
    /// Degrees Celsius, as a signed number.
    Celsius,
    /// Microseconds.
    Microseconds,
    /// ASCII text, two characters a register, zero-padded.
    Text,
    /// Bytes, two a register.
    Bytes,
}

impl Unit {
    /// Symbol for people; empty when there is none.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Percent => "%",
            Self::Watts => "W",
            Self::DecaHertz => "10 Hz",
            Self::Celsius => "°C",
            Self::Microseconds => "us",
            Self::None | Self::Bits | Self::Code | Self::Count | Self::Text | Self::Bytes => "",
        }
    }
}

/// One entry of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// Which one.
    pub id: RegisterId,
    /// First address.
    pub address: u16,
    /// Addresses it spans, 1 or more.
    pub words: u16,
    /// Name, as map C has it where map C has it. The chip itself has no use for it.
    #[cfg(not(target_os = "none"))]
    pub name: &'static str,
    /// Who may do what.
    pub access: Access,
    /// What its number means.
    pub unit: Unit,
    /// Highest number in it; the lowest is 0. A write above is answered with exception 3, unless the text says that it is
    /// clamped.
    pub maximum: u16,
    /// Number after a reset.
    pub default: u16,
    /// Version of the map that brought it.
    pub since: u16,
    /// Meaning, in one line.
    #[cfg(not(target_os = "none"))]
    pub text: &'static str,
}

/// What stands at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Word `word` of a register.
    Register {
        /// The register.
        register: &'static Register,
        /// Which of its words.
        word: u16,
    },
    /// Nothing yet: reads 0, takes no write.
    Reserved,
    /// No address of this map: exception 2.
    Nothing,
}

/// Ranges in which an address without a register reads 0, as map C promises.
const RESERVED: [core::ops::RangeInclusive<u16>; 5] =
    [0x0000..=0x001F, 0x0100..=0x017F, 0x0500..=0x051F, 0x0540..=0x055F, 0x0600..=0x063F];

/// Looks an address up.
#[must_use]
pub fn at(address: u16) -> At {
    // The last register that does not begin behind the address.
    let found = REGISTERS.partition_point(|register| register.address <= address).checked_sub(1);
    let found =
        found.and_then(|index| REGISTERS.get(index)).filter(|register| address - register.address < register.words);
    match found {
        Some(register) => At::Register { register, word: address - register.address },
        None if RESERVED.iter().any(|range| range.contains(&address)) => At::Reserved,
        None => At::Nothing,
    }
}

impl RegisterId {
    /// Its entry in the table.
    ///
    /// # Panics
    /// Never: each id has one entry, which a test holds.
    #[must_use]
    pub fn register(self) -> &'static Register {
        REGISTERS.iter().find(|register| register.id == self).expect("each id has an entry")
    }

    /// Its first address.
    #[must_use]
    pub fn address(self) -> u16 {
        self.register().address
    }
}

/// Looks a register up by its name, without regard to case.
#[cfg(not(target_os = "none"))]
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Register> {
    REGISTERS.iter().find(|register| register.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ascend_and_never_overlap() {
        for pair in REGISTERS.windows(2) {
            assert!(pair[0].address + pair[0].words <= pair[1].address, "{} and {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn every_entry_keeps_its_own_limits() {
        for register in REGISTERS {
            assert!(register.default <= register.maximum, "{}", register.name);
            assert!(register.words >= 1 && register.since <= MAP_VERSION, "{}", register.name);
            assert_eq!(by_name(register.name), Some(register));
            assert_eq!(REGISTERS.iter().filter(|other| other.id == register.id).count(), 1, "{}", register.name);
            assert_eq!(register.id.register(), register);
        }
    }

    #[test]
    fn the_system_block_is_map_c() {
        // facts/controller.md section 2.3
        for (address, name) in [
            (0x0000, "SYSTEM_STATUS"),
            (0x0001, "ACTIVE_COUNT"),
            (0x0002, "ACTIVE_MASK"),
            (0x0003, "WATCHDOG_STATUS"),
            (0x0004, "COMM_ERRORS"),
            (0x0005, "PREV_ACTIVE_MASK"),
            (0x0006, "LAST_SHUTDOWN_REASON"),
            (0x0007, "SYSTEM_UPTIME"),
            (0x0010, "GLOBAL_ENABLE"),
            (0x0011, "EMERGENCY_STOP"),
            (0x0012, "SYSTEM_RESET"),
            (0x0013, "TEST_START_INHIBIT"),
        ] {
            let At::Register { register, word: 0 } = at(address) else { panic!("{address:#06x}") };
            assert_eq!(register.name, name);
        }
        assert_eq!(at(0x001F), At::Reserved);
        // The probe of facts/controller.md section 2.5: 0x0020 is nobody's.
        assert_eq!(at(0x0020), At::Nothing);
    }

    #[test]
    fn the_channel_blocks_are_map_c() {
        // facts/controller.md section 2.3
        for (channel, base) in (1..).zip([0x0100, 0x0120, 0x0140, 0x0160]) {
            for (offset, name) in [
                (0x00, "START_STOP"),
                (0x01, "AMPLITUDE_SP"),
                (0x02, "OVERLOAD_RESET"),
                (0x10, "POWER"),
                (0x11, "FREQ"),
                (0x12, "STATUS_FLAGS"),
                (0x13, "AMPLITUDE_ACT"),
                (0x14, "PREV_STATE"),
                (0x15, "PERSISTED_AMPLITUDE"),
                (0x16, "LAST_FAULT_CODE"),
                (0x17, "LAST_STATE_TIMESTAMP_LO"),
            ] {
                let At::Register { register, word: 0 } = at(base + offset) else { panic!("{channel}: {name}") };
                assert_eq!(register.name, format!("CH{channel}_{name}"));
            }
            assert_eq!((at(base + 0x03), at(base + 0x1F)), (At::Reserved, At::Reserved));
        }
        // Nobody lives there: map C had room for more channels, this unit has four.
        assert_eq!((at(0x00FF), at(0x0180), at(0x041F)), (At::Nothing, At::Nothing, At::Nothing));
    }

    #[test]
    fn the_mailboxes_are_outside_the_map() {
        // bus:M2
        for window in [crate::mailbox::REQUEST, crate::mailbox::RESPONSE, crate::mailbox::CHUNK, crate::mailbox::STATUS]
        {
            assert_eq!(at(window), At::Nothing);
        }
    }
}
