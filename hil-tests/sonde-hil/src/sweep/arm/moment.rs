//! The moments that are cut, by their names.

use protocol::key_set::{COPY_SIZE, SIGNED_SIZE};
use protocol::layout::WORD_SIZE;

use super::parts::{Given, KeyStory, Parts};
use crate::sweep::Extent;

/// Which moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The new image is to be activated; the unit restarts and boots its trial.
    Activate,
    /// Power comes with the new image on trial: the loader counts the start.
    TrialBoot,
    /// The new image, on trial, is confirmed.
    Confirm,
    /// Power comes with all starts of the trial used up: the loader takes the old image back.
    FallBack,
    /// The new image, confirmed, is told to go; the unit restarts with the old one.
    RollBack,
    /// All pages are there: the manifest is written.
    Finish,
    /// That page of the image is complete in RAM: erased and programmed.
    Page(usize),
    /// A key set has come in whole: it is installed.
    Keys(KeyStory),
    /// A loader in recovery brings the new image to a unit that has none.
    Recover(Lost, Revival),
}

/// What is wrong with a unit that has nothing to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// It was never given an image.
    Empty,
    /// The image in slot A differs from its hash, the manifest in slot B from its signature.
    Damaged,
}

/// How far recovery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revival {
    /// That page of the image is complete in RAM. It is the first one to come, or if it is not page 0, the last one.
    Page(usize),
    /// All pages are there: the image is put on record as a trial, then its manifest is written.
    Finish,
    /// It is activated; the unit restarts and boots its trial.
    Activate,
    /// It runs and is confirmed.
    Confirm,
}

impl Lost {
    /// The unit that it stands for.
    pub(super) const fn given(self) -> Given {
        match self {
            Self::Empty => Given::Nothing,
            Self::Damaged => Given::Damaged,
        }
    }
}

/// Moments that are told apart by how many records the log holds, with the numbers of a whole sweep. With 31 or 32 the log
/// is compacted.
const WITH_LOG: [(&str, Moment, &[usize]); 14] = [
    ("activate", Moment::Activate, &[1, 2, 30, 31, 32]),
    ("trial-boot", Moment::TrialBoot, &[1, 2, 30, 31, 32]),
    ("confirm", Moment::Confirm, &[1, 2, 30, 31, 32]),
    ("fall-back", Moment::FallBack, &[1, 2, 30, 31, 32]),
    ("roll-back", Moment::RollBack, &[1, 2, 30, 31, 32]),
    ("keys-first", Moment::Keys(KeyStory::First), &[1]),
    ("keys-rotate", Moment::Keys(KeyStory::Rotate), &[1]),
    ("keys-reset-floor", Moment::Keys(KeyStory::ResetFloor), &[32]),
    ("recover-empty-finish", Moment::Recover(Lost::Empty, Revival::Finish), &[0]),
    ("recover-empty-activate", Moment::Recover(Lost::Empty, Revival::Activate), &[1]),
    ("recover-empty-confirm", Moment::Recover(Lost::Empty, Revival::Confirm), &[2]),
    ("recover-damaged-finish", Moment::Recover(Lost::Damaged, Revival::Finish), &[1, 32]),
    ("recover-damaged-activate", Moment::Recover(Lost::Damaged, Revival::Activate), &[1, 32]),
    ("recover-damaged-confirm", Moment::Recover(Lost::Damaged, Revival::Confirm), &[1, 32]),
];

/// Pages of a transfer to a loader in recovery.
const RECOVERY_PAGES: [(&str, Lost); 2] =
    [("recover-empty-page", Lost::Empty), ("recover-damaged-page", Lost::Damaged)];

/// Most records that a page of the log holds.
const FULL_LOG: usize = 32;

/// A moment and how many records the boot log holds by then: near the end of its page the log is compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) moment: Moment,
    pub(super) records: usize,
}

impl Name {
    /// All of a sweep.
    pub(super) fn all(parts: &Parts, extent: Extent) -> Vec<Self> {
        let last = parts.new.pages() - 1;
        let pages = if extent == Extent::Full { (0..=last).collect() } else { vec![7] };
        let logged = WITH_LOG.into_iter().flat_map(|(_, moment, records)| {
            let some = if extent == Extent::Full { records } else { &records[records.len() - 1..] };
            some.iter().map(move |&records| Self { moment, records })
        });
        let pages = pages.into_iter().map(Self::page).chain([Self { moment: Moment::Finish, records: 1 }]);
        let recovery_pages = [(Lost::Empty, 0), (Lost::Empty, last), (Lost::Damaged, 0)];
        let recovery_pages = recovery_pages.map(|(lost, page)| Self::recovery_page(lost, page));
        // Long ones first, so that the threads end together.
        logged.chain(recovery_pages).chain(pages).collect()
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (what, number) = text.split_once('.')?;
        let number = number.parse().ok()?;
        if let Some((_, lost)) = RECOVERY_PAGES.into_iter().find(|(name, _)| *name == what) {
            return Some(Self::recovery_page(lost, number));
        }
        match what {
            "page" => Some(Self::page(number)),
            "finish" => Some(Self { moment: Moment::Finish, records: number }),
            _ => {
                let (_, moment, _) = WITH_LOG.into_iter().find(|(name, ..)| *name == what)?;
                // Only a unit that was never given an image has no record.
                let fewest = usize::from(moment != Moment::Recover(Lost::Empty, Revival::Finish));
                (fewest..=FULL_LOG).contains(&number).then_some(Self { moment, records: number })
            }
        }
    }

    fn page(page: usize) -> Self {
        Self { moment: Moment::Page(page), records: 1 }
    }

    fn recovery_page(lost: Lost, page: usize) -> Self {
        let records = if lost == Lost::Empty { 0 } else { 1 };
        Self { moment: Moment::Recover(lost, Revival::Page(page)), records }
    }

    /// Whether this one of so many operations is torn in one way, by turns with the next ones: one of many words that are
    /// written one behind the other. Others are torn in each way.
    pub(super) fn takes_turns(self, operation: u64, operations: u64) -> bool {
        match self.moment {
            Moment::Page(_) => true,
            // Up to the erase of the page the slot is opened; the page's mark comes last.
            Moment::Recover(_, Revival::Page(_)) => (3..operations - 1).contains(&operation),
            Moment::Keys(story) => is_word_of_set(story, operation),
            _ => false,
        }
    }

    /// Name of the group in tables.
    pub(super) fn group(self) -> String {
        match self.moment {
            Moment::Page(_) => "page of a transfer".into(),
            Moment::Finish => "manifest".into(),
            Moment::Recover(lost, Revival::Page(_)) => recovery_page_name(lost).into(),
            _ => self.to_string(),
        }
    }
}

/// A copy is an erase, the set, a note, two seals. Before it is erased, one that holds a set gets one more seal.
fn is_word_of_set(story: KeyStory, operation: u64) -> bool {
    const SET: u64 = SIGNED_SIZE as u64 / WORD_SIZE as u64;
    const COPY: u64 = 1 + COPY_SIZE as u64 / WORD_SIZE as u64;
    let first = if story == KeyStory::Rotate { 2 } else { 1 };
    let second = first + COPY + 1;
    [first, second].iter().any(|&start| (start..start + SET).contains(&operation))
}

fn recovery_page_name(lost: Lost) -> &'static str {
    RECOVERY_PAGES.into_iter().find(|(_, other)| *other == lost).map_or("", |(name, _)| name)
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.moment {
            Moment::Page(page) => write!(formatter, "page.{page}"),
            Moment::Recover(lost, Revival::Page(page)) => write!(formatter, "{}.{page}", recovery_page_name(lost)),
            Moment::Finish => write!(formatter, "finish.{}", self.records),
            moment => {
                let name = WITH_LOG.into_iter().find(|(_, known, _)| *known == moment).map_or("", |(name, ..)| name);
                write!(formatter, "{name}.{}", self.records)
            }
        }
    }
}
