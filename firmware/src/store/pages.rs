//! The two pages: what is in force, and how the next record gets there. Knows bytes only, so that all kinds of records
//! share this code.

use bootloader::flash::{CheckedRead, FlashError};
use bootloader::update::BackgroundFlash;
use protocol::layout::{BANK_SIZE, PAGE_SIZE};

use super::copy::{Copy, CopyHealth, Listener, MarksOnly, is_older};
use super::gate::Held;
use super::place::{MAX_SIZE, Mark, NoRecord, Place, size_for};
use super::{AppendError, EraseGate};

/// Where a kind of record lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages {
    pages: [u32; 2],
    magic: [u8; 4],
    /// Bytes of one place.
    place: u16,
}

/// What is in force, as bytes.
pub(super) struct Found {
    pub(super) sequence: u32,
    /// How many bytes; `None` without a record.
    pub(super) length: Option<usize>,
    pub(super) copies: [CopyHealth; 2],
}

/// A copy to be written.
#[derive(Clone, Copy)]
struct Target {
    copy: Copy,
    erase: bool,
}

impl Pages {
    pub(super) const fn new(pages: [u32; 2], magic: [u8; 4], size: usize) -> Self {
        assert!(size <= MAX_SIZE, "two places fit a page");
        assert!(pages[0] < BANK_SIZE && pages[1] >= BANK_SIZE, "one page in each bank");
        assert!(pages[0].is_multiple_of(PAGE_SIZE) && pages[1].is_multiple_of(PAGE_SIZE));
        Self { pages, magic, place: size_for(size) as u16 }
    }

    /// Places of a page.
    pub(super) fn places(&self) -> u8 {
        (PAGE_SIZE / u32::from(self.place)) as u8
    }

    /// Free places that are few: one copy is erased while the other still has some, so that no erase ever relies on a
    /// record from before the last start. As many as one append may spoil, where a page has many.
    fn few(&self) -> usize {
        if self.places() < 8 { 1 } else { TRIES }
    }

    fn offset(&self, copy: usize, index: u8) -> u32 {
        self.pages[copy] + u32::from(index) * u32::from(self.place)
    }

    pub(super) fn read_place<F: CheckedRead>(
        &self,
        flash: &mut F,
        copy: usize,
        index: u8,
        place: &mut Place,
    ) -> Result<Mark, NoRecord> {
        let size = usize::from(self.place);
        flash.read(self.offset(copy, index), &mut place.bytes[..size]).map_err(|_| NoRecord::Bad)?;
        place.parse(self.magic, size)
    }

    /// What is in force; its bytes go to `bytes`.
    pub(super) fn read<F: CheckedRead>(&self, flash: &mut F, bytes: &mut [u8; MAX_SIZE]) -> Found {
        let mut kept = Kept { bytes, mark: None, length: None };
        let a = Copy::scan(flash, self, 0, &mut kept);
        let b = Copy::scan(flash, self, 1, &mut kept);
        let (newest, length) = (kept.mark, kept.length);
        let sequence = newest.map_or(0, |mark| mark.sequence);
        Found { sequence, length, copies: [a.health(newest), b.health(newest)] }
    }

    /// Writes a record to both copies; its number.
    pub(super) async fn append<F: BackgroundFlash>(
        &self,
        flash: &mut F,
        record: &[u8],
        gate: &impl EraseGate,
    ) -> Result<u32, AppendError> {
        let gate = Held::new(gate);
        let mut appended = self.append_once(flash, record, &gate).await;
        for _ in 1..LOOKS {
            if !appended.is_err_and(keeper_changed) {
                break;
            }
            appended = self.append_once(flash, record, &gate).await;
        }
        appended
    }

    async fn append_once<F: BackgroundFlash>(
        &self,
        flash: &mut F,
        record: &[u8],
        gate: &Held<'_, impl EraseGate>,
    ) -> Result<u32, AppendError> {
        let copies = [0, 1].map(|number| Copy::scan(flash, self, number, MarksOnly));
        let newest = newer(copies[0].newest, copies[1].newest);
        let (before, step) = step(&copies, newest);
        let sequence = before.wrapping_add(step.into());
        let place = Place::of(self.magic, sequence, step, record);
        let [first, second] = self.plan(copies, newest, gate)?;

        let wrote_first = self.write_copy(flash, &first, &place, newest, gate).await;
        let keeper = wrote_first.map_or(newest, Some);
        let wrote_second = self.write_copy(flash, &second, &place, keeper, gate).await;
        match (wrote_first, wrote_second) {
            (Ok(_), Ok(_)) => Ok(sequence),
            (Err(error), Ok(_)) => Err(AppendError::OneCopy { copy: first.copy.number, error }),
            (Ok(_), Err(error)) => Err(AppendError::OneCopy { copy: second.copy.number, error }),
            (Err(_), Err(error)) => Err(AppendError::NoCopy { error }),
        }
    }

    /// Which copy to write first, and which to erase. First the copy that needs no erase, or else the one that is not alone
    /// in holding the newest record: at no instant is the newest record only in a page that is about to be erased.
    fn plan(
        &self,
        copies: [Copy; 2],
        newest: Option<Mark>,
        gate: &Held<'_, impl EraseGate>,
    ) -> Result<[Target; 2], AppendError> {
        let [mut a, mut b] = copies.map(|copy| Target { copy, erase: copy.needs_erase(newest) });
        for target in [&a, &b] {
            let page = self.pages[target.copy.number];
            if target.erase && !gate.lets(page) {
                return Err(AppendError::NotNow { page });
            }
        }
        let both_have_few = [&a, &b].iter().all(|target| !target.erase && target.copy.free().len() <= self.few());
        if both_have_few {
            if gate.lets(self.pages[1]) {
                b.erase = true;
            } else if gate.lets(self.pages[0]) {
                a.erase = true;
            }
        }
        let b_goes_first = a.erase && (!b.erase || (a.copy.holds(newest) && !b.copy.holds(newest)));
        Ok(if b_goes_first { [b, a] } else { [a, b] })
    }

    /// Writes a record to one copy, erasing the page first when it has to be. `keeper` is what the other copy has to hold
    /// for that; `None` when there is nothing to lose.
    async fn write_copy<F: BackgroundFlash>(
        &self,
        flash: &mut F,
        target: &Target,
        place: &Place,
        keeper: Option<Mark>,
        gate: &Held<'_, impl EraseGate>,
    ) -> Result<Mark, FlashError> {
        let Target { copy, erase } = target;
        if !erase {
            for index in copy.free().take(TRIES) {
                if let Ok(mark) = self.write_place(flash, copy.number, index, place).await {
                    return Ok(mark);
                }
            }
        }
        let page = self.pages[copy.number];
        let keeper_is_there = keeper.is_none() || Copy::scan(flash, self, 1 - copy.number, MarksOnly).holds(keeper);
        if !keeper_is_there || !gate.lets(page) {
            return Err(FlashError::Protected { offset: page });
        }
        flash.erase_page(page).await?;
        self.write_place(flash, copy.number, 0, place).await
    }

    async fn write_place<F: BackgroundFlash>(
        &self,
        flash: &mut F,
        copy: usize,
        index: u8,
        place: &Place,
    ) -> Result<Mark, FlashError> {
        let offset = self.offset(copy, index);
        flash.write_words(offset, place.words()).await?;
        let mut there = Place::new();
        match self.read_place(flash, copy, index, &mut there) {
            Ok(mark) if there.words() == place.words() => Ok(mark),
            _ => Err(FlashError::ReadBack { offset }),
        }
    }
}

/// Places to try before a page is given up as worn; each try costs a place.
const TRIES: usize = 3;

/// How often an append looks again. A torn word may read well during the scan and badly just before the erase
/// that relied on it; then the erase is not done. Such a word is not relied on twice for long.
const LOOKS: usize = 3;

fn keeper_changed(error: AppendError) -> bool {
    matches!(
        error,
        AppendError::NoCopy { error: FlashError::Protected { .. } }
            | AppendError::OneCopy { error: FlashError::Protected { .. }, .. }
    )
}

/// The number of what is in force, and how far the next one is from it: far enough to be newer than whatever is torn.
fn step(copies: &[Copy; 2], newest: Option<Mark>) -> (u32, u16) {
    let before = newest.map_or(0, |mark| mark.sequence);
    let ahead = copies.iter().map(|copy| copy.next_sequence().wrapping_sub(before).cast_signed()).max();
    (before, ahead.map_or(1, |ahead| ahead.max(1) as u16))
}

/// The newer of two; the second when they are equal.
fn newer(first: Option<Mark>, second: Option<Mark>) -> Option<Mark> {
    match second {
        Some(mark) if !is_older(mark, first) => second,
        _ => first,
    }
}

/// The newest record of a scan of both pages.
struct Kept<'a> {
    bytes: &'a mut [u8; MAX_SIZE],
    mark: Option<Mark>,
    length: Option<usize>,
}

impl Listener for &mut Kept<'_> {
    fn hear(&mut self, mark: Mark, place: &Place) {
        if !is_older(mark, self.mark) {
            let record = place.record();
            self.bytes[..record.len()].copy_from_slice(record);
            (self.mark, self.length) = (Some(mark), Some(record.len()));
        }
    }
}
