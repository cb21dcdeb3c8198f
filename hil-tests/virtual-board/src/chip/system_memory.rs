//! The read-only words that ST programs into each chip (RM0440 48, DS12288 3.11): identity, sizes, calibration.

use crate::core::bus::Width;

/// Start of the one-time programmable area and what follows it.
const START: u32 = 0x1FFF_7000;
const BYTES: usize = 0x800;

const PACKAGE: usize = 0x500;
const UNIQUE_ID: usize = 0x590;
const TS_CAL1: usize = 0x5A8;
const VREFINT: usize = 0x5AA;
const TS_CAL2: usize = 0x5CA;
const FLASH_KILOBYTES: usize = 0x5E0;

/// What ST measured at 30 and 130 degrees, and of the internal reference.
const COLD_CODE: u16 = 1037;
const HOT_CODE: u16 = 1378;
const REFERENCE_CODE: u16 = 1656;
/// With this on VREF+, and twelve bits.
const CALIBRATION_VOLTS: f64 = 3.0;

/// One chip's words.
#[derive(Debug, Clone)]
pub(crate) struct SystemMemory {
    bytes: Vec<u8>,
    /// Offsets that mean something.
    known: [std::ops::Range<usize>; 7],
}

impl SystemMemory {
    /// Of a chip with this unique id.
    pub(crate) fn new(unique_id: [u8; 12]) -> Self {
        let mut bytes = vec![0xFF; BYTES];
        let mut put = |at: usize, value: &[u8]| {
            bytes[at..at + value.len()].copy_from_slice(value);
            at..at + value.len()
        };
        let known = [
            0..0x400,                    // one-time programmable, blank
            put(PACKAGE, &[0, 0, 0, 0]), // LQFP64
            put(UNIQUE_ID, &unique_id),
            put(TS_CAL1, &COLD_CODE.to_le_bytes()),
            put(VREFINT, &REFERENCE_CODE.to_le_bytes()),
            put(TS_CAL2, &HOT_CODE.to_le_bytes()),
            put(FLASH_KILOBYTES, &[0, 2, 0xFF, 0xFF]),
        ];
        Self { bytes, known }
    }

    /// As of a chip with that much flash.
    pub(crate) fn set_flash_size(&mut self, kilobytes: u16) {
        self.bytes[FLASH_KILOBYTES..FLASH_KILOBYTES + 2].copy_from_slice(&kilobytes.to_le_bytes());
    }

    /// What the temperature sensor gives, as these words describe it.
    pub(crate) fn sensor_volts(&self, celsius: f64) -> f64 {
        let code = f64::from(COLD_CODE) + (celsius - 30.0) * f64::from(HOT_CODE - COLD_CODE) / 100.0;
        (code * CALIBRATION_VOLTS / 4096.0).max(0.0)
    }

    /// What the internal reference gives.
    pub(crate) fn reference_volts(&self) -> f64 {
        f64::from(REFERENCE_CODE) * CALIBRATION_VOLTS / 4096.0
    }

    /// The value at an address; `None` where nothing is known.
    pub(crate) fn read(&self, address: u32, width: Width) -> Option<u32> {
        let at = address.checked_sub(START)? as usize;
        let bytes = match width {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        };
        // The halves of a word that is read whole may be of two facts.
        let known = |offset: usize| self.known.iter().any(|range| range.contains(&offset));
        if !(known(at) || known(at + bytes - 1)) {
            return None;
        }
        Some(self.bytes.get(at..at + bytes)?.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_and_size_are_where_the_manual_says() {
        let memory = SystemMemory::new(*b"abcdefghijkl");
        assert_eq!(memory.read(0x1FFF_7590, Width::Word), Some(u32::from_le_bytes(*b"abcd")));
        assert_eq!(memory.read(0x1FFF_759B, Width::Byte), Some(u32::from(b'l')));
        assert_eq!(memory.read(0x1FFF_75E0, Width::Half), Some(512));
        assert_eq!(memory.read(0x1FFF_7600, Width::Word), None);
    }
}
