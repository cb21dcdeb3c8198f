//! `NAME=VALUE`, as people write a change.

use std::str::FromStr;

use protocol::settings::{Entry, TABLE, by_name};

/// One value that somebody wants changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    entry: &'static Entry,
    number: Option<i32>,
}

/// Why a text is no assignment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentError {
    /// No `=`.
    #[error("{found:?} is no NAME=VALUE; write amplitude=60")]
    NoValue {
        /// The text.
        found: String,
    },
    /// There is no such value.
    #[error("there is no setting {name:?}; there are {known}")]
    UnknownName {
        /// The name.
        name: String,
        /// Those there are, or those it may have been meant as.
        known: String,
    },
    /// Neither a number nor a name of one.
    #[error("{name}={found} is not understood; allowed: {allowed}, or default")]
    NotUnderstood {
        /// The name.
        name: &'static str,
        /// What was written.
        found: String,
        /// What would do.
        allowed: String,
    },
    /// A number that it may not have.
    #[error("{name}={found} is out of range; allowed: {allowed}, or default")]
    OutOfRange {
        /// The name.
        name: &'static str,
        /// What was written.
        found: String,
        /// What would do.
        allowed: String,
    },
}

impl Assignment {
    /// Which value.
    #[must_use]
    pub const fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// Its new number; `None` to take back that it was ever set.
    #[must_use]
    pub const fn number(&self) -> Option<i32> {
        self.number
    }
}

/// The entry with that name.
///
/// # Errors
/// [`AssignmentError::UnknownName`], with the names that begin like it, or all.
pub fn entry_by_name(name: &str) -> Result<&'static Entry, AssignmentError> {
    by_name(name).ok_or_else(|| {
        let start = name.get(..3).unwrap_or(name);
        let alike: Vec<&str> = TABLE.iter().map(|it| it.name).filter(|it| it.starts_with(start)).collect();
        let all = || TABLE.iter().map(|it| it.name).collect();
        let known = if alike.is_empty() { all() } else { alike };
        AssignmentError::UnknownName { name: name.to_owned(), known: known.join(", ") }
    })
}

impl FromStr for Assignment {
    type Err = AssignmentError;

    fn from_str(text: &str) -> Result<Self, AssignmentError> {
        let (name, value) = text.split_once('=').ok_or_else(|| AssignmentError::NoValue { found: text.to_owned() })?;
        let entry = entry_by_name(name.trim())?;
        let value = value.trim();
        if value.eq_ignore_ascii_case("default") {
            return Ok(Self { entry, number: None });
        }
        let (name, found, allowed) = (entry.name, value.to_owned(), entry.allowed.to_string());
        match entry.number(value) {
            None => Err(AssignmentError::NotUnderstood { name, found, allowed }),
            Some(number) if !entry.allowed.permits(number) => Err(AssignmentError::OutOfRange { name, found, allowed }),
            Some(number) => Ok(Self { entry, number: Some(number) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<i32> {
        text.parse::<Assignment>().expect("a good assignment").number()
    }

    #[test]
    fn names_and_numbers_are_read_as_people_write_them() {
        assert_eq!((number("amplitude=60"), number("Amplitude = 60")), (Some(60), Some(60)));
        assert_eq!(
            (number("parity=EVEN"), number("parity=1"), number("plc_writes=set-points")),
            (Some(1), Some(1), Some(1))
        );
        assert_eq!((number("temperature_offset=-5"), number("amplitude=default")), (Some(-5), None));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_do() {
        for (text, told) in [
            ("amplitude", "\"amplitude\" is no NAME=VALUE; write amplitude=60"),
            ("amplitude=19", "amplitude=19 is out of range; allowed: 20 to 100, or default"),
            ("baud=10000", "baud=10000 is out of range; allowed: 9600, 19200, 38400"),
            ("parity=mark", "parity=mark is not understood; allowed: none, even, odd, or default"),
            ("amplitud_gain=1", "there is no setting \"amplitud_gain\"; there are amplitude, amplitude_gain_1"),
            ("x=1", "there is no setting \"x\"; there are unit_id, baud"),
        ] {
            let error = text.parse::<Assignment>().expect_err("wrong").to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
