//! What was set, of one kind; in flash one record.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | schema: the newest one of all firmwares that wrote this |
//! | 2 | 1 | kind: 1 settings, 2 calibration |
//! | 3 | 1 | count of numbers |
//! | 4 | 4 each | the number with code 0, 1, 2 ...; -2147483648 for one that was never set |
//!
//! So an older firmware reads what it knows of a newer one's record, and keeps the rest when it writes: a rollback and the
//! update after it lose nothing. A newer firmware finds what the older one did not know as never set.

use super::{Allowed, Entry, Kind, entry};

/// Most values of one kind, whatever the schema.
pub const MAX_VALUES: usize = 32;
/// Most bytes of a record.
pub const VALUES_SIZE: usize = HEAD + 4 * MAX_VALUES;
const HEAD: usize = 4;
/// A number that no value can have.
const NEVER_SET: i32 = i32::MIN;

/// The values of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values {
    kind: Kind,
    schema: u16,
    numbers: [i32; MAX_VALUES],
}

/// One change. Several are made together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct Change {
    /// Which value.
    pub code: u8,
    /// Its number; `None` takes back that it was ever set.
    pub number: Option<i32>,
}

/// Why changes are refused; nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeError {
    /// There is no such value.
    Unknown {
        /// Its code.
        code: u8,
    },
    /// It may not have that number.
    OutOfRange {
        /// Its code.
        code: u8,
        /// The number.
        number: i32,
    },
    /// It is named twice.
    Twice {
        /// Its code.
        code: u8,
    },
}

impl Values {
    /// Nothing was ever set.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self { kind, schema: 0, numbers: [NEVER_SET; MAX_VALUES] }
    }

    /// What they are for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The newest schema of all firmwares that wrote them; 0 when none did.
    #[must_use]
    pub const fn schema(&self) -> u16 {
        self.schema
    }

    /// The number that was set; `None` for one that never was, or that this build does not allow.
    #[must_use]
    #[inline]
    pub fn set(&self, code: u8) -> Option<i32> {
        let allowed = entry(self.kind, code, u16::MAX)?.allowed;
        self.numbers.get(usize::from(code)).copied().filter(|&number| number != NEVER_SET && allowed.permits(number))
    }

    /// The number in force: the one that was set, or the default; 0 for a code that this build does not know.
    #[must_use]
    #[inline]
    pub fn get(&self, code: u8) -> i32 {
        let default = entry(self.kind, code, u16::MAX).map_or(0, |entry| entry.default);
        self.set(code).unwrap_or(default)
    }

    /// These values with changes, as a firmware of that schema makes them.
    ///
    /// # Errors
    /// [`ChangeError`], about the first change that cannot be made.
    #[inline]
    pub fn changed(&self, changes: &[Change], schema: u16) -> Result<Self, ChangeError> {
        let mut values = *self;
        values.schema = values.schema.max(schema);
        for (index, &Change { code, number }) in changes.iter().enumerate() {
            let Entry { allowed, .. } = entry(self.kind, code, schema).ok_or(ChangeError::Unknown { code })?;
            if changes[..index].iter().any(|earlier| earlier.code == code) {
                return Err(ChangeError::Twice { code });
            }
            if let Some(number) = number.filter(|&number| !Allowed::permits(*allowed, number)) {
                return Err(ChangeError::OutOfRange { code, number });
            }
            values.numbers[usize::from(code)] = number.unwrap_or(NEVER_SET);
        }
        Ok(values)
    }

    /// Writes the record; how many bytes.
    ///
    /// # Panics
    /// When the buffer is smaller than [`VALUES_SIZE`].
    #[inline]
    pub fn emit(&self, bytes: &mut [u8]) -> usize {
        let count = self.numbers.iter().rposition(|&number| number != NEVER_SET).map_or(0, |last| last + 1);
        bytes[..2].copy_from_slice(&self.schema.to_le_bytes());
        bytes[2..HEAD].copy_from_slice(&[self.kind.code(), count as u8]);
        for (place, number) in bytes[HEAD..].chunks_exact_mut(4).zip(&self.numbers[..count]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        HEAD + 4 * count
    }

    /// Reads a record of that kind, of whatever schema; `None` for anything else.
    #[must_use]
    #[inline]
    pub fn parse(kind: Kind, bytes: &[u8]) -> Option<Self> {
        let (&[low, high, found, count], numbers) = bytes.split_first_chunk::<HEAD>()?;
        let (numbers, []) = numbers.as_chunks::<4>() else { return None };
        let mut values = Self { schema: u16::from_le_bytes([low, high]), ..Self::new(kind) };
        if found != kind.code() || numbers.len() != usize::from(count) || values.schema == 0 {
            return None;
        }
        for (place, number) in values.numbers.get_mut(..numbers.len())?.iter_mut().zip(numbers) {
            *place = i32::from_le_bytes(*number);
        }
        Some(values)
    }
}
