//! The two CRCs in use. Neither protects against an attacker; signatures do.

use crc::{CRC_16_MODBUS, CRC_32_ISO_HDLC, Crc, Table};

const MODBUS: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_MODBUS);
const RECORD: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// CRC-16 of a Modbus RTU frame (Modbus over serial line V1.02, section 6.2.2); sent low byte first.
#[must_use]
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    MODBUS.checksum(bytes)
}

/// CRC-32 (ISO-HDLC) that closes every fixed record in flash and RAM.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    RECORD.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_match_the_catalogue_check_values() {
        assert_eq!(crc16_modbus(b"123456789"), 0x4B37);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
