//! Who a unit is: one 64-byte record in its own page, written when the unit is made.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `SIDN` |
//! | 4 | 2 | format, 1 |
//! | 6 | 1 | hardware revision, 0-31 |
//! | 7 | 1 | unit id on the bus, 1-247 |
//! | 8 | 16 | serial number, ASCII, zero-padded |
//! | 24 | 36 | zero |
//! | 60 | 4 | CRC-32 of bytes 0-59 |

use crate::checksum::crc32;
use crate::fields::{Reader, Writer};

/// Bytes of the record.
pub const IDENTITY_SIZE: usize = 64;
/// Unit id of a unit nobody has given another one (`bus.md`: the plants' default).
pub const DEFAULT_UNIT_ID: u8 = 2;

const MAGIC: [u8; 4] = *b"SIDN";
const FORMAT: u16 = 1;

/// A serial number: 1 to 16 printable ASCII characters without spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct Serial([u8; 16]);

impl Serial {
    /// Reads a serial number; `None` for one that is empty, too long, or has other characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Self::from_bytes(bytes)
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let (text, padding) = bytes.split_at(length);
        let good = length > 0 && text.iter().all(u8::is_ascii_graphic) && padding.iter().all(|&byte| byte == 0);
        good.then_some(Self(bytes))
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        // A serial that came over the wire was not made by `parse`: show what is not text as a question mark.
        core::str::from_utf8(&self.0[..length]).unwrap_or("?")
    }

    /// The characters as bytes, without padding; for who has no use for text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The characters, zero-padded, as registers and records carry them.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl core::fmt::Display for Serial {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Identity of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Revision of the board, 0-31.
    pub hardware_revision: u8,
    /// Address on the bus, 1-247.
    pub unit_id: u8,
    /// Serial number.
    pub serial: Serial,
}

/// Why bytes are not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityError {
    /// Nobody has written one, or something else is there.
    Missing,
    /// A format this side does not know.
    Format {
        /// The number found.
        found: u16,
    },
    /// The checksum does not fit.
    Checksum,
    /// A field is out of its range.
    Range,
}

impl Identity {
    /// Reads the record.
    ///
    /// # Errors
    /// [`IdentityError`] for anything that is not exactly one.
    pub fn parse(bytes: &[u8; IDENTITY_SIZE]) -> Result<Self, IdentityError> {
        let mut reader = Reader::new(bytes);
        if reader.array() != MAGIC {
            return Err(IdentityError::Missing);
        }
        let format = reader.u16();
        if format != FORMAT {
            return Err(IdentityError::Format { found: format });
        }
        let (hardware_revision, unit_id) = (reader.u8(), reader.u8());
        let serial = reader.array();
        let padding_is_zero = reader.zeros(36);
        if reader.u32() != crc32(&bytes[..IDENTITY_SIZE - 4]) {
            return Err(IdentityError::Checksum);
        }
        let serial = Serial::from_bytes(serial).ok_or(IdentityError::Range)?;
        if hardware_revision > 31 || !(1..=247).contains(&unit_id) || !padding_is_zero {
            return Err(IdentityError::Range);
        }
        Ok(Self { hardware_revision, unit_id, serial })
    }

    /// The record.
    #[must_use]
    pub fn emit(&self) -> [u8; IDENTITY_SIZE] {
        let mut bytes = [0; IDENTITY_SIZE];
        let mut writer = Writer::new(&mut bytes);
        writer.array(&MAGIC).u16(FORMAT).u8(self.hardware_revision).u8(self.unit_id).array(self.serial.bytes());
        let checksum = crc32(&bytes[..IDENTITY_SIZE - 4]);
        bytes[IDENTITY_SIZE - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Identity {
        Identity { hardware_revision: 1, unit_id: 2, serial: Serial::parse("MS-000042").expect("a good serial") }
    }

    #[test]
    fn what_is_emitted_parses_back() {
        assert_eq!(Identity::parse(&example().emit()), Ok(example()));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..IDENTITY_SIZE * 8 {
            let mut bytes = example().emit();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Identity::parse(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_erased_page_has_no_identity() {
        assert_eq!(Identity::parse(&[0xFF; IDENTITY_SIZE]), Err(IdentityError::Missing));
    }

    #[test]
    fn a_serial_is_short_printable_text() {
        assert!(Serial::parse("0123456789ABCDEF").is_some());
        for wrong in ["", "0123456789ABCDEFG", "with space", "umläut", "nul\0inside"] {
            assert!(Serial::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), IDENTITY_SIZE)) {
            prop_assert!(Identity::parse(bytes.first_chunk().unwrap()).is_err());
        }
    }
}
