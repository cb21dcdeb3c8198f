//! The two CRCs in use. Neither protects against an attacker; signatures do.
//!
//! Both go by half bytes on the chip: their tables take 96 bytes, those for whole bytes 1,536, which the loader has better uses for.

/// What a half byte does to a CRC-16 that has been shifted out by it.
const MODBUS: [u16; 16] = table(0xA001);
/// The same for the CRC-32.
const RECORD: [u32; 16] = wide_table(0xEDB8_8320);

/// CRC-16 of a Modbus RTU frame (Modbus over serial line V1.02, section 6.2.2); sent low byte first.
#[must_use]
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    bytes.iter().fold(u16::MAX, |crc, &byte| {
        let crc = crc ^ u16::from(byte);
        let crc = crc >> 4 ^ MODBUS[usize::from(crc & 0xF)];
        crc >> 4 ^ MODBUS[usize::from(crc & 0xF)]
    })
}

/// CRC-32 (ISO-HDLC) that closes every fixed record in flash and RAM.
#[must_use]
#[inline(never)]
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| shifted(crc ^ u32::from(byte)))
}

/// A CRC-32 that a byte is shifted out of.
#[cfg(target_os = "none")]
const fn shifted(crc: u32) -> u32 {
    shifted_by_halves(crc)
}

/// The same on a host, which reads boot logs by the million when power is cut in every place.
#[cfg(not(target_os = "none"))]
fn shifted(crc: u32) -> u32 {
    /// What a byte does, by halves.
    static BYTES: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = shifted_by_halves(byte as u32);
            byte += 1;
        }
        table
    };
    crc >> 8 ^ BYTES[(crc & 0xFF) as usize]
}

const fn shifted_by_halves(crc: u32) -> u32 {
    let crc = crc >> 4 ^ RECORD[(crc & 0xF) as usize];
    crc >> 4 ^ RECORD[(crc & 0xF) as usize]
}

/// For a polynomial whose lowest bit comes first.
const fn wide_table(polynomial: u32) -> [u32; 16] {
    let mut table = [0; 16];
    let mut half = 0;
    while half < 16 {
        let mut crc = half as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ polynomial };
            bit += 1;
        }
        table[half] = crc;
        half += 1;
    }
    table
}

const fn table(polynomial: u16) -> [u16; 16] {
    let wide = wide_table(polynomial as u32);
    let mut table = [0; 16];
    let mut half = 0;
    while half < 16 {
        table[half] = wide[half] as u16;
        half += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crc::{CRC_16_MODBUS, CRC_32_ISO_HDLC, Crc};
    use proptest::prelude::*;

    #[test]
    fn both_match_the_catalogue_check_values() {
        assert_eq!(crc16_modbus(b"123456789"), 0x4B37);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    proptest! {
        #[test]
        fn any_bytes_give_what_the_crate_crc_gives(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(crc16_modbus(&bytes), Crc::<u16>::new(&CRC_16_MODBUS).checksum(&bytes));
            prop_assert_eq!(crc32(&bytes), Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&bytes));
        }

        #[test]
        fn chip_and_host_shift_a_byte_out_of_any_crc_the_same_way(crc in any::<u32>()) {
            prop_assert_eq!(shifted(crc), shifted_by_halves(crc));
        }
    }
}
