//! The event log in flash: a ring of pages, written to its end, its oldest page erased when room is needed.
//!
//! - A record is written once, read back, and never changed. Numbers are never given twice: a place that is torn has used
//!   up the number that was being written there.
//! - The last record before a reset may be one that power was lost in and that reads well for now (`fault:P3`). So it is
//!   written once more, as it is, before anything is chained to it.
//! - A page is written to only after it was erased whole, which its head says ([`PageHead`]). Before an erase the head is
//!   zeroed: what a torn erase leaves is no part of the log.
//! - Erasing is a step of its own ([`Ring::make_room`]), so that the caller decides when the bank may be busy.
//!
//! After any loss of power every record that was written whole is still there, but for those of the page that was being
//! erased, which is the oldest, and they are all gone at once.

use protocol::event::{
    ChainHash, EVENT_SIZE, EVENTS_PER_PAGE, Event, EventError, EventRecord, PAGE_HEAD_SIZE, PageHead,
};
use protocol::layout::{EVENT_LOG_OFFSET, EVENT_LOG_PAGES, PAGE_SIZE};

use bootloader::flash::{CheckedRead, FlashError};

use crate::worker::BackgroundFlash;

/// Pages that are kept erased ahead of the one being written: room for a hundred records while nothing may be erased.
pub const PAGES_AHEAD: usize = 2;
/// Pages of the ring.
const PAGES: usize = EVENT_LOG_PAGES as usize;
/// Places to try for one record before the log is given up as worn.
const TRIES: usize = 3;

/// When a record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Starts of the unit so far.
    pub boot: u32,
    /// Since that start, milliseconds.
    pub time_ms: u64,
}

/// Why a record was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    /// No erased page is left.
    Full,
    /// Flash did not take it.
    Flash(FlashError),
}

/// What the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// Records.
    pub count: u16,
    /// Number of the oldest; 0 when there is none.
    pub oldest: u32,
    /// Number of the newest; 0 when there is none.
    pub newest: u32,
    /// Places that hold something that is no record.
    pub unreadable: u16,
}

/// The ring, as it was found and has been written since.
#[derive(Debug)]
pub struct Ring {
    pages: [Page; PAGES],
    newest: Option<Newest>,
    /// The newest record, until it is known to be there for good.
    unsettled: Option<[u8; EVENT_SIZE]>,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    number: u32,
    hash: ChainHash,
    boot: u32,
    page: usize,
}

/// One page, as a scan found it.
#[derive(Debug, Clone, Copy)]
struct Page {
    head: Head,
    /// Places from the first one to the last one that holds something.
    end: u8,
    /// Places that hold something that is no record.
    bad: u8,
    /// Those of them behind its newest record.
    bad_behind: u8,
    /// Its records.
    span: Option<Span>,
}

/// The head of a page; the one that was made ready first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Head {
    /// It does not erase. Left alone until the next start.
    Worn,
    /// About to be erased.
    Condemned,
    /// Nothing that can be read.
    Unknown,
    /// Erased whole, as that generation.
    Whole(u32),
}

#[derive(Debug, Clone, Copy)]
struct Span {
    first: u32,
    last: u32,
    /// The record that the first one names as the one before.
    follows: u32,
    records: u16,
    /// Each names the one before it in the page.
    has_gaps: bool,
}

impl Ring {
    /// Reads what is there. Writes nothing.
    pub fn open<F: CheckedRead>(flash: &mut F) -> Self {
        let mut newest: Option<(EventRecord, usize, Head)> = None;
        let pages = core::array::from_fn(|index| {
            let (page, last) = Page::scan(flash, index);
            // Of two with one number the first, which what was lost later is counted from.
            let is_newer = |record: &EventRecord| match &newest {
                Some((newest, _, head)) if newest.number == record.number => page.head < *head,
                Some((newest, ..)) => newest.number < record.number,
                None => true,
            };
            if let Some(record) = last.filter(is_newer) {
                newest = Some((record, index, page.head));
            }
            page
        });
        let unsettled = newest.map(|(record, ..)| record.emit());
        let newest = newest.map(|(record, page, _)| Newest {
            number: record.number,
            hash: ChainHash::of(&record.emit()),
            boot: record.boot,
            page,
        });
        Self { pages, newest, unsettled }
    }

    /// What it holds.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let visible = self.visible();
        let spans = || visible.iter().flatten().filter_map(|&index| self.pages[index].span);
        // The settled copy of a record may be in the next page.
        let twice = spans().zip(spans().skip(1)).filter(|(newer, older)| newer.first <= older.last).count() as u16;
        let unreadable = self.pages.iter().filter(|page| page.head != Head::Condemned).map(|page| u16::from(page.bad));
        Extent {
            count: spans().map(|span| span.records).sum::<u16>() - twice,
            oldest: spans().map(|span| span.first).min().unwrap_or(0),
            newest: self.newest.map_or(0, |newest| newest.number),
            unreadable: unreadable.sum(),
        }
    }

    /// Names the newest record.
    #[must_use]
    pub fn head(&self) -> ChainHash {
        self.newest.map_or(ChainHash::START, |newest| newest.hash)
    }

    /// Starts of the unit, as the newest record counts them.
    #[must_use]
    pub fn boots(&self) -> u32 {
        self.newest.map_or(0, |newest| newest.boot)
    }

    /// Whether a page should be erased when that may be.
    #[must_use]
    pub fn wants_room(&self) -> bool {
        self.ready().count() < PAGES_AHEAD && self.victim().is_some()
    }

    /// Whether the next record costs the place of another one: the newest is written once more first.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.unsettled.is_some()
    }

    /// Records that can be written before a page has to be erased.
    #[must_use]
    pub fn room(&self) -> usize {
        let here = self.current().map_or(0, |index| EVENTS_PER_PAGE - usize::from(self.pages[index].end));
        here + self.ready().count() * EVENTS_PER_PAGE
    }

    /// Erases the page that is needed least, and makes it ready.
    ///
    /// # Errors
    /// What flash says; the page is left alone until the next start.
    pub async fn make_room<F: BackgroundFlash>(&mut self, flash: &mut F) -> Result<(), FlashError> {
        let Some(index) = self.victim() else { return Ok(()) };
        let generation = self.generations().max().map_or(1, |newest| newest.saturating_add(1));
        let offset = offset_of(index);
        let holds_something = self.pages[index].end > 0 || self.pages[index].head != Head::Unknown;
        self.pages[index] = Page { head: Head::Worn, ..Page::EMPTY };
        if holds_something {
            flash.write_words(offset, &PageHead::CONDEMNED).await?;
        }
        flash.erase_page(offset).await?;
        flash.write_words(offset, &PageHead { generation }.emit()).await?;
        self.pages[index].head = Head::Whole(generation);
        Ok(())
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`AppendError`]; the record is not in the log then.
    pub async fn append<F: BackgroundFlash>(
        &mut self,
        flash: &mut F,
        Stamp { boot, time_ms }: Stamp,
        repeats: u8,
        event: Event,
    ) -> Result<(), AppendError> {
        // Before the copy, which ends up behind them.
        let skipped = self.lost_behind_newest();
        if let Some(bytes) = self.unsettled {
            let page = self.put(flash, &bytes).await?;
            self.unsettled = None;
            if let Ok(record) = EventRecord::parse(&bytes) {
                self.pages[page].span.get_or_insert(Span::of(&record).counted());
            }
        }
        let (before, previous) = self.newest.map_or((0, ChainHash::START), |newest| (newest.number, newest.hash));
        let number = before.saturating_add(1 + u32::from(skipped));
        let record = EventRecord { number, skipped, boot, time_ms, repeats, event, previous };
        let bytes = record.emit();
        let page = self.put(flash, &bytes).await?;
        let span = self.pages[page].span.get_or_insert(Span::of(&record));
        (span.last, span.records) = (number, span.records + 1);
        self.pages[page].bad_behind = 0;
        self.newest = Some(Newest { number, hash: ChainHash::of(&bytes), boot, page });
        Ok(())
    }

    /// Copies records from number `since` on, oldest first, as many as fit; how many.
    pub fn read<F: CheckedRead>(&self, flash: &mut F, since: u32, out: &mut [[u8; EVENT_SIZE]]) -> usize {
        let mut count = 0;
        let mut last = since.saturating_sub(1);
        for index in self.visible().into_iter().rev().flatten() {
            if self.pages[index].span.is_none_or(|span| span.last < since) {
                continue;
            }
            for place in 0..self.pages[index].end {
                let Some(slot) = out.get_mut(count) else { return count };
                if let Ok(record) = read(flash, index, place)
                    && record.number > last
                {
                    *slot = record.emit();
                    (last, count) = (record.number, count + 1);
                }
            }
        }
        count
    }

    /// Puts a record into the next place that takes it; the page of that place.
    async fn put<F: BackgroundFlash>(&mut self, flash: &mut F, bytes: &[u8; EVENT_SIZE]) -> Result<usize, AppendError> {
        let mut failed = AppendError::Full;
        for _ in 0..TRIES {
            let Some(index) = self.current().or_else(|| self.next_ready()) else { break };
            let place = self.pages[index].end;
            self.pages[index].end += 1;
            match write(flash, index, place, bytes).await {
                Ok(()) => return Ok(index),
                Err(error) => failed = AppendError::Flash(error),
            }
            // Never tried again: what it holds now it may not hold tomorrow.
            self.pages[index].bad += 1;
            self.pages[index].bad_behind += 1;
        }
        Err(failed)
    }

    /// Numbers that were being written behind the newest record when power was lost.
    fn lost_behind_newest(&self) -> u8 {
        let Some(newest) = self.newest else {
            return self.pages.iter().fold(0, |all: u8, page| all.saturating_add(page.bad));
        };
        let own = &self.pages[newest.page];
        let later = self.pages.iter().filter(|page| matches!(page.head, Head::Whole(_)) && page.head > own.head);
        later.fold(own.bad_behind, |all, page| all.saturating_add(page.bad))
    }

    /// The page that is being written, if it has room.
    fn current(&self) -> Option<usize> {
        let written = |&index: &usize| self.pages[index].end > 0 && self.generation(index).is_some();
        let last = (0..PAGES).filter(written).max_by_key(|&index| self.generation(index))?;
        (usize::from(self.pages[last].end) < EVENTS_PER_PAGE).then_some(last)
    }

    /// Pages that are erased whole and come after the one being written.
    fn ready(&self) -> impl Iterator<Item = usize> {
        let written =
            (0..PAGES).filter(|&index| self.pages[index].end > 0).filter_map(|index| self.generation(index)).max();
        (0..PAGES).filter(move |&index| self.pages[index].end == 0 && self.generation(index) > written)
    }

    fn next_ready(&self) -> Option<usize> {
        self.ready().min_by_key(|&index| self.generation(index))
    }

    /// The page to erase next: one that nobody needs, or else the one with the oldest records.
    fn victim(&self) -> Option<usize> {
        let is_ready = |index: usize| self.ready().any(|ready| ready == index);
        let keeps_newest = |index: usize| self.newest.is_some_and(|newest| newest.page == index);
        let is_worn = |index: usize| self.pages[index].head == Head::Worn;
        let may = |&index: &usize| {
            !is_ready(index) && !is_worn(index) && !keeps_newest(index) && self.current() != Some(index)
        };
        let visible = self.visible();
        let is_visible = |index: usize| visible.contains(&Some(index));
        (0..PAGES).filter(may).min_by_key(|&index| match self.pages[index].span {
            Some(span) if is_visible(index) => span.last,
            _ => 0,
        })
    }

    fn generation(&self, index: usize) -> Option<u32> {
        match self.pages[index].head {
            Head::Whole(generation) => Some(generation),
            Head::Condemned | Head::Unknown | Head::Worn => None,
        }
    }

    fn generations(&self) -> impl Iterator<Item = u32> {
        (0..PAGES).filter_map(|index| self.generation(index))
    }

    /// The pages whose records are the log, newest first. One whose head cannot be read may be what a torn erase left: it
    /// counts if nothing is missing in it, nor between it and the page behind it.
    fn visible(&self) -> [Option<usize>; PAGES] {
        let mut order: [usize; PAGES] = core::array::from_fn(|index| index);
        let age = |&index: &usize| (self.pages[index].span.map(|span| span.last), self.generation(index));
        order.sort_unstable_by_key(|index| core::cmp::Reverse(age(index)));
        let (mut found, mut behind) = ([None; PAGES], None);
        for (place, index) in found.iter_mut().zip(order) {
            let page = &self.pages[index];
            let Some(span) = page.span.filter(|_| page.head != Head::Condemned) else { continue };
            let links = behind.is_none_or(|follows| follows <= span.last);
            if matches!(page.head, Head::Whole(_)) || (!span.has_gaps && links) {
                *place = Some(index);
            }
            behind = Some(span.follows);
        }
        found
    }
}

impl Page {
    const EMPTY: Self = Self { head: Head::Unknown, end: 0, bad: 0, bad_behind: 0, span: None };

    /// Reads a page; its newest record.
    fn scan<F: CheckedRead>(flash: &mut F, index: usize) -> (Self, Option<EventRecord>) {
        let mut page = Self { head: read_head(flash, index), ..Self::EMPTY };
        let mut last: Option<EventRecord> = None;
        for place in 0..EVENTS_PER_PAGE as u8 {
            match read(flash, index, place) {
                Ok(record) => {
                    page.span = Some(page.span.map_or(Span::of(&record).counted(), |span| span.and(&record)));
                    // Of two with one number the second is the settled copy of the first.
                    if last.is_none_or(|last| record.number > last.number) {
                        (last, page.bad_behind) = (Some(record), 0);
                    }
                }
                Err(NoRecord::Bad) => (page.bad, page.bad_behind) = (page.bad + 1, page.bad_behind + 1),
                Err(NoRecord::Erased) => continue,
            }
            page.end = place + 1;
        }
        (page, last)
    }
}

impl Span {
    /// Of a page whose first record this is, which is not counted yet.
    fn of(record: &EventRecord) -> Self {
        let EventRecord { number, .. } = *record;
        Self { first: number, last: number, follows: record.follows(), records: 0, has_gaps: false }
    }

    const fn counted(self) -> Self {
        Self { records: self.records + 1, ..self }
    }

    fn and(self, record: &EventRecord) -> Self {
        if record.number <= self.last {
            return Self { has_gaps: self.has_gaps || record.number < self.last, ..self };
        }
        let has_gaps = self.has_gaps || record.follows() > self.last;
        Self { last: record.number, has_gaps, ..self.counted() }
    }
}

enum NoRecord {
    Erased,
    Bad,
}

const fn offset_of(index: usize) -> u32 {
    EVENT_LOG_OFFSET + index as u32 * PAGE_SIZE
}

const fn place_of(index: usize, place: u8) -> u32 {
    offset_of(index) + (PAGE_HEAD_SIZE + place as usize * EVENT_SIZE) as u32
}

fn read_head<F: CheckedRead>(flash: &mut F, index: usize) -> Head {
    let mut bytes = [0; PAGE_HEAD_SIZE];
    match flash.read(offset_of(index), &mut bytes) {
        Ok(()) if bytes == PageHead::CONDEMNED => Head::Condemned,
        Ok(()) => PageHead::parse(&bytes).map_or(Head::Unknown, |head| Head::Whole(head.generation)),
        Err(_) => Head::Unknown,
    }
}

fn read<F: CheckedRead>(flash: &mut F, index: usize, place: u8) -> Result<EventRecord, NoRecord> {
    let mut bytes = [0; EVENT_SIZE];
    flash.read(place_of(index, place), &mut bytes).map_err(|_| NoRecord::Bad)?;
    EventRecord::parse(&bytes).map_err(|error| match error {
        EventError::Erased => NoRecord::Erased,
        EventError::Checksum | EventError::Range => NoRecord::Bad,
    })
}

async fn write<F: BackgroundFlash>(
    flash: &mut F,
    index: usize,
    place: u8,
    bytes: &[u8; EVENT_SIZE],
) -> Result<(), FlashError> {
    let offset = place_of(index, place);
    flash.write_words(offset, bytes).await?;
    let mut found = [0; EVENT_SIZE];
    flash.read(offset, &mut found)?;
    if found == *bytes { Ok(()) } else { Err(FlashError::ReadBack { offset }) }
}

#[cfg(test)]
mod tests;
