//! Crash records in flash: the newest few, in two pages behind the event log.
//!
//! The fault handler leaves its record in RAM and resets; nothing is written to flash there, so a loop of faults wears
//! nothing. The worker of the next start moves it here, unless the newest one is the same mistake.
//!
//! A page is written to only behind a record that reads well, or right after its erase: what a torn erase left is erased
//! again. The page with the newest record is never erased.

use protocol::crash::{CRASH_SIZE, CrashRecord};
use protocol::layout::{CRASH_OFFSET, CRASH_PAGES, PAGE_SIZE};

use bootloader::flash::{CheckedRead, FlashError};

use crate::worker::BackgroundFlash;

/// Records in a page.
const PLACES: usize = PAGE_SIZE as usize / CRASH_SIZE;
const PAGES: usize = CRASH_PAGES as usize;

/// Where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Here; nothing has to be erased.
    Place(u32),
    /// To the start of this page, which has to be erased.
    Erase(u32),
}

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashes {
    /// Where the newest record is, and its number.
    newest: Option<(u32, u32)>,
    /// Places that hold something that is no record: each may have used up a number.
    bad: u32,
    /// The page without the newest record.
    spare: u32,
    next: Next,
}

impl Crashes {
    /// Reads what is there. Writes nothing.
    pub fn open<F: CheckedRead>(flash: &mut F) -> Self {
        let mut newest: Option<(u32, u32, usize)> = None;
        let (mut free, mut bad) = ([None; PAGES], 0);
        for (page, free) in free.iter_mut().enumerate() {
            let mut is_sound = false;
            for index in 0..PLACES {
                let place = CRASH_OFFSET + (page * PLACES + index) as u32 * CRASH_SIZE as u32;
                match read(flash, place) {
                    Found::Record(record) => {
                        is_sound |= index == 0;
                        *free = None;
                        if newest.is_none_or(|(_, number, _)| record.number > number) {
                            newest = Some((place, record.number, page));
                        }
                    }
                    Found::Erased if is_sound => *free = free.or(Some(place)),
                    Found::Erased => *free = None,
                    Found::Bad => (*free, bad) = (None, bad + 1),
                }
            }
        }
        let spare = newest.map_or(page_at(0), |(.., page)| page_at(PAGES - 1 - page));
        let next = newest.and_then(|(.., page)| free[page]).map_or(Next::Erase(spare), Next::Place);
        Self { newest: newest.map(|(place, number, _)| (place, number)), bad, spare, next }
    }

    /// The newest record.
    pub fn newest<F: CheckedRead>(flash: &mut F) -> Option<CrashRecord> {
        let places = (CRASH_OFFSET..page_at(PAGES)).step_by(CRASH_SIZE);
        let records = places.filter_map(|place| match read(flash, place) {
            Found::Record(record) => Some(record),
            Found::Erased | Found::Bad => None,
        });
        records.max_by_key(|record| record.number)
    }

    /// Where the next record goes.
    #[must_use]
    pub fn next(&self) -> Next {
        self.next
    }

    /// Writes a record; its number.
    ///
    /// # Errors
    /// What flash says; the records before it are untouched.
    pub async fn append<F: BackgroundFlash>(&mut self, flash: &mut F, record: &CrashRecord) -> Result<u32, FlashError> {
        let number = self.newest.map_or(1, |(_, number)| number.saturating_add(1 + self.bad));
        let bytes = CrashRecord { number, ..*record }.emit();
        let place = match self.next {
            Next::Place(place) => {
                if let Err(error) = flash.write_words(place, &bytes).await {
                    // It only looked erased. The other page, when that may be.
                    self.next = Next::Erase(self.spare);
                    return Err(error);
                }
                place
            }
            Next::Erase(page) => {
                flash.erase_page(page).await?;
                flash.write_words(page, &bytes).await?;
                page
            }
        };
        *self = Self::open(flash);
        match self.newest {
            Some((at, _)) if at == place => Ok(number),
            _ => Err(FlashError::ReadBack { offset: place }),
        }
    }
}

#[expect(clippy::large_enum_variant, reason = "no allocator to box with; one is alive at a time")]
enum Found {
    Record(CrashRecord),
    Erased,
    Bad,
}

const fn page_at(page: usize) -> u32 {
    CRASH_OFFSET + page as u32 * PAGE_SIZE
}

fn read<F: CheckedRead>(flash: &mut F, place: u32) -> Found {
    let mut bytes = [0; CRASH_SIZE];
    match flash.read(place, &mut bytes) {
        Err(_) => Found::Bad,
        Ok(()) if bytes.iter().all(|&byte| byte == protocol::layout::ERASED) => Found::Erased,
        Ok(()) => CrashRecord::parse(&bytes).map_or(Found::Bad, Found::Record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bootloader::model::{FlashModel, Tear};
    use embassy_futures::block_on;
    use protocol::crash::{CRASH_STACK, CRASH_TEXT, CrashKind, FaultStatus, Registers};
    use protocol::layout::Slot;
    use protocol::semver::Version;

    fn record(time_ms: u32) -> CrashRecord {
        CrashRecord {
            kind: CrashKind::BusFault,
            slot: Slot::A,
            exception: 0,
            number: 0,
            boot: 1,
            time_ms,
            version: Version::new(1, 0, 0),
            line: 0,
            build_id: [3; 20],
            registers: Registers::default(),
            status: FaultStatus::default(),
            text: [0; CRASH_TEXT],
            stack: [0x55; CRASH_STACK],
        }
    }

    fn append(flash: &mut FlashModel, time_ms: u32) -> Result<u32, FlashError> {
        let mut crashes = Crashes::open(flash);
        let first = block_on(crashes.append(flash, &record(time_ms)));
        first.or_else(|_| block_on(crashes.append(flash, &record(time_ms))))
    }

    fn newest(flash: &mut FlashModel) -> Option<u32> {
        Crashes::newest(flash).map(|record| record.time_ms)
    }

    #[test]
    fn the_newest_is_read_back_over_three_rounds_and_an_erase_is_needed_once_a_page() {
        let mut flash = FlashModel::erased();
        assert_eq!(newest(&mut flash), None);
        let mut erases = 0;
        for time_ms in 1..=24 {
            erases += u32::from(matches!(Crashes::open(&mut flash).next(), Next::Erase(_)));
            assert_eq!(append(&mut flash, time_ms), Ok(time_ms), "numbered from 1");
            assert_eq!(newest(&mut flash), Some(time_ms));
        }
        assert_eq!(erases, 24 / PLACES as u32);
    }

    #[test]
    fn power_lost_anywhere_leaves_the_old_record_or_the_new_one_and_the_next_is_taken() {
        // fault:P1, fault:P3, fault:P4
        for filled in 0..=9 {
            let mut start = FlashModel::erased();
            (1..=filled).for_each(|time_ms| assert_eq!(append(&mut start, time_ms), Ok(time_ms)));
            let operations = {
                let mut whole = start.clone();
                append(&mut whole, 100).unwrap();
                whole.operations() - start.operations()
            };
            for cut in 0..operations {
                for tear in Tear::kinds(cut) {
                    let mut flash = start.clone();
                    flash.plan_cut(cut, tear);
                    let _cut = append(&mut flash, 100);
                    for _ in 0..=Tear::LONGEST {
                        flash.power_on();
                        let seen = newest(&mut flash);
                        let old = (filled > 0).then_some(filled);
                        assert!(seen == old || seen == Some(100), "{seen:?}, {filled} records, {tear:?} in {cut}");
                    }
                    // One that reads differently each time costs its place.
                    let again = append(&mut flash, 101);
                    assert!(again.is_ok(), "{filled} records, {tear:?} in {cut}: {again:?}");
                    assert_eq!(newest(&mut flash), Some(101), "{filled} records, {tear:?} in {cut}");
                }
            }
        }
    }
}
