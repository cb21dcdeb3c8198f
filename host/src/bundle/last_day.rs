//! The last day of a release (`fault:R7`, freeze): whoever holds newer releases back can go on offering an old one for ever,
//! signature and all. So a release may carry a day by which its makers mean to have published the next one; after that day
//! `sonde` warns, and goes on. A unit has no clock that it could trust, and does not look.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU16;
use std::str::FromStr;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Unit};
use protocol::manifest::Manifest;

/// Days are counted from here.
const EPOCH: Date = date(2000, 1, 1);

/// A day that a manifest can name: from 2000-01-02 to 2179-06-06.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(NonZeroU16);

/// Text that is no such day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a day from 2000-01-02 to 2179-06-06, as in 2027-06-30")]
pub struct NoDay;

impl Day {
    /// Today, in UTC.
    ///
    /// # Errors
    /// [`NoDay`] when the computer's clock is outside the days that a manifest can name.
    pub fn today() -> Result<Self, NoDay> {
        Self::of(Timestamp::now().to_zoned(TimeZone::UTC).date())
    }

    /// As a manifest has it.
    #[must_use]
    pub fn in_manifest(self) -> NonZeroU16 {
        self.0
    }

    fn of(date: Date) -> Result<Self, NoDay> {
        let days = date.since((Unit::Day, EPOCH)).map_err(|_| NoDay)?.get_days();
        u16::try_from(days).ok().and_then(NonZeroU16::new).map(Self).ok_or(NoDay)
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(i32::from(self.0.get()).days())
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        Self::of(text.parse().map_err(|_| NoDay)?)
    }
}

impl Display for Day {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.date().fmt(formatter)
    }
}

/// The last day that a manifest names.
#[must_use]
pub fn last_day(manifest: &Manifest) -> Option<Day> {
    manifest.last_day.map(Day)
}

/// What to say of a release on a day; `None` when there is nothing to warn of.
#[must_use]
pub fn warning(manifest: &Manifest, today: Day) -> Option<String> {
    let last = last_day(manifest).filter(|&last| today > last)?;
    let late = today.0.get() - last.0.get();
    Some(format!(
        "release {} was to be followed by a newer one by {last}, {late} days ago; ask its makers for the newest: somebody may \
         be holding it back, or this computer's clock is wrong",
        manifest.version
    ))
}

#[cfg(test)]
mod tests {
    use protocol::digest::KeyId;
    use protocol::layout::Slot;
    use protocol::manifest::{HardwareSet, PRODUCT};
    use protocol::semver::Version;

    use super::*;

    fn manifest(last_day: Option<&str>) -> Manifest {
        Manifest {
            slot: Slot::A,
            product: PRODUCT,
            hardware: HardwareSet::only(1),
            length: 1_000,
            version: Version::new(1, 1, 0),
            security_floor: Version::ZERO,
            register_map: 1,
            minimum_loader: Version::ZERO,
            build_id: [0; 20],
            key_id: KeyId([0; 8]),
            sha256: [0; 32],
            last_day: last_day.map(|day| day.parse::<Day>().expect("a good day").in_manifest()),
        }
    }

    fn day(text: &str) -> Day {
        text.parse().expect("a good day")
    }

    #[test]
    fn a_release_that_should_have_been_followed_by_now_is_warned_of() {
        // fault:R7
        let frozen = manifest(Some("2027-06-30"));
        assert_eq!(warning(&frozen, day("2027-06-30")), None, "the last day is still one");
        let said = warning(&frozen, day("2027-07-12")).expect("it is late");
        assert!(said.contains("1.1.0") && said.contains("2027-06-30") && said.contains("12 days ago"), "{said}");
        assert_eq!(warning(&manifest(None), day("2179-06-06")), None);
    }

    #[test]
    fn days_come_back_as_they_were_written_and_others_are_refused() {
        for text in ["2000-01-02", "2024-02-29", "2027-06-30", "2179-06-06"] {
            assert_eq!(day(text).to_string(), text);
        }
        for text in ["2000-01-01", "1999-12-31", "2179-06-07", "2027-02-29", "30.6.2027", "", "tomorrow"] {
            assert_eq!(text.parse::<Day>(), Err(NoDay), "{text}");
        }
        assert!(Day::today().is_ok());
    }
}
