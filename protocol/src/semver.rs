//! Versions of firmware and loader: three unsigned numbers, compared as such (`boot:B8`, `fault:R3`).

use crate::fields::{Reader, Writer};

/// `major.minor.patch`. No pre-release part: what is not released is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct Version {
    /// Incompatible change.
    pub major: u16,
    /// Compatible addition.
    pub minor: u16,
    /// Correction.
    pub patch: u16,
}

impl Ord for Version {
    #[inline(never)]
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Version {
    /// `0.0.0`: below every release; the floor of a new unit.
    pub const ZERO: Version = Version::new(0, 0, 0);

    /// A version from its parts.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `"1.2.3"`, each part 0-65535 in decimal digits. `const`, so that a wrong build-time version stops the build.
    #[must_use]
    pub const fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut parts = [0_u32; 3];
        let (mut part, mut digits, mut index) = (0, 0, 0);
        while index < bytes.len() {
            match bytes[index] {
                b'0'..=b'9' => {
                    parts[part] = parts[part] * 10 + (bytes[index] - b'0') as u32;
                    digits += 1;
                    if parts[part] > u16::MAX as u32 {
                        return None;
                    }
                }
                b'.' if digits > 0 && part < 2 => {
                    part += 1;
                    digits = 0;
                }
                _ => return None,
            }
            index += 1;
        }
        if part != 2 || digits == 0 {
            return None;
        }
        Some(Self::new(parts[0] as u16, parts[1] as u16, parts[2] as u16))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self::new(reader.u16(), reader.u16(), reader.u16())
    }

    pub(crate) fn write(self, writer: &mut Writer<'_>) {
        writer.u16(self.major).u16(self.minor).u16(self.patch);
    }
}

impl core::fmt::Display for Version {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_three_decimal_numbers_are_a_version() {
        assert_eq!(Version::parse("1.20.65535"), Some(Version::new(1, 20, 65535)));
        for wrong in
            ["", "1", "1.2", "1.2.", ".1.2", "1..2", "1.2.3.4", "1.2.65536", "1.2.x", "v1.2.3", "1.2.-3", " 1.2.3"]
        {
            assert_eq!(Version::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn versions_compare_unsigned() {
        // fault:R3: a compare as signed numbers would put 0x8000 below 1.
        assert!(Version::new(0x8000, 0, 0) > Version::new(1, 0, 0));
        assert!(Version::new(1, 0x8000, 0) > Version::new(1, 1, 0));
    }

    proptest! {
        #[test]
        fn what_is_displayed_parses_back(major: u16, minor: u16, patch: u16) {
            let version = Version::new(major, minor, patch);
            prop_assert_eq!(Version::parse(&format!("{version}")), Some(version));
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            let _ = Version::parse(&text);
        }
    }
}
