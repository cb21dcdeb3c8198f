//! A moment in an update, and what then makes the unit write flash.

use protocol::layout::PAGE_SIZE;
use protocol::mailbox::MAX_CHUNK;
use protocol::message::{Answer, ChannelPolicy, Request};
use protocol::semver::Version;
use virtual_board::board::{Board, Tear};
use virtual_board::time::VirtualTime;

use super::ArmError;
use super::parts::{NEW, OLD, Parts, Staged};
use super::rig::{Rig, chunk_frame};
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
}

const WITH_LOG: [(&str, Moment); 5] = [
    ("activate", Moment::Activate),
    ("trial-boot", Moment::TrialBoot),
    ("confirm", Moment::Confirm),
    ("fall-back", Moment::FallBack),
    ("roll-back", Moment::RollBack),
];

/// A moment and how many records the boot log holds by then: near the end of its page the log is compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) moment: Moment,
    pub(super) records: usize,
}

impl Name {
    /// All of a sweep.
    pub(super) fn all(parts: &Parts, extent: Extent) -> Vec<Self> {
        let (records, pages): (&[usize], _) = match extent {
            Extent::Full => (&[1, 2, 30, 31, 32], (0..parts.new.pages()).collect()),
            Extent::Slice => (&[32], vec![7]),
        };
        let logged = WITH_LOG.iter().flat_map(|&(_, moment)| records.iter().map(move |&records| (moment, records)));
        let others = pages.into_iter().map(|page| (Moment::Page(page), 1)).chain([(Moment::Finish, 1)]);
        logged.chain(others).map(|(moment, records)| Self { moment, records }).collect()
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (what, number) = text.split_once('.')?;
        let number = number.parse().ok()?;
        match what {
            "page" => Some(Self { moment: Moment::Page(number), records: 1 }),
            "finish" => Some(Self { moment: Moment::Finish, records: number }),
            _ => {
                let &(_, moment) = WITH_LOG.iter().find(|(name, _)| *name == what)?;
                (1..=32).contains(&number).then_some(Self { moment, records: number })
            }
        }
    }

    /// Whether each operation is torn in each way, or in one of them by turns.
    pub(super) fn takes_turns(self) -> bool {
        matches!(self.moment, Moment::Page(_))
    }

    /// Name of the group in tables.
    pub(super) fn group(self) -> String {
        match self.moment {
            Moment::Page(_) => "page of a transfer".into(),
            Moment::Finish => "manifest".into(),
            _ => self.to_string(),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.moment {
            Moment::Page(page) => write!(formatter, "page.{page}"),
            Moment::Finish => write!(formatter, "finish.{}", self.records),
            moment => {
                let name = WITH_LOG.iter().find(|(_, known)| *known == moment).map_or("", |(name, _)| name);
                write!(formatter, "{name}.{}", self.records)
            }
        }
    }
}

/// A unit at that moment.
pub(super) struct Scene {
    /// What sets it off.
    start: Start,
    /// The unit on its way, so that a cut does not cost the whole way to it.
    stops: Vec<Stop>,
    /// What may run after a cut.
    pub(super) may_run: &'static [Version],
    /// Flash operations that follow when nothing is cut.
    pub(super) operations: u64,
}

/// A unit at a moment, and what makes it go on.
struct Start {
    board: Board,
    /// Power when there is none.
    frame: Option<Vec<u8>>,
}

/// A unit that has done so many of the operations.
struct Stop {
    operations: u64,
    board: Board,
}

/// Longest that a moment's operations take, a restart and the boot behind it included.
const LENGTH: VirtualTime = VirtualTime::from_millis(400);
/// Longest boot.
const BOOT: VirtualTime = VirtualTime::from_millis(1000);

impl Scene {
    /// Brings a unit there.
    pub(super) fn build(parts: &Parts, name: Name) -> Result<Self, ArmError> {
        let (staged, state, may_run): (_, _, &'static [Version]) = match name.moment {
            Moment::Activate => (Staged::Whole, parts.old_confirmed(), &[OLD, NEW]),
            Moment::TrialBoot | Moment::Confirm => (Staged::Whole, parts.on_trial(0), &[NEW]),
            Moment::FallBack => (Staged::Whole, parts.on_trial(10), &[OLD]),
            Moment::RollBack => (Staged::Whole, parts.new_confirmed(), &[OLD, NEW]),
            Moment::Finish => (Staged::Body, parts.old_confirmed(), &[OLD]),
            Moment::Page(_) => (Staged::Nothing, parts.old_confirmed(), &[OLD]),
        };
        // The boot into the trial writes a record of its own before the one that is meant.
        let records = if name.moment == Moment::Confirm { name.records - 1 } else { name.records };
        let mut rig = Rig::new(parts.unit(staged, state, records.max(1)));
        let lost = |what: &'static str| ArmError::Scene { scene: name.to_string(), what };
        let frame = match name.moment {
            Moment::TrialBoot | Moment::FallBack => None,
            moment => {
                rig.board_mut().power_on();
                rig.version(BOOT).ok_or(lost("answer"))?;
                rig.request(&Request::Hello).ok_or(lost("open a session"))?;
                Some(prepare(parts, &mut rig, moment).ok_or(lost("get ready"))?)
            }
        };
        let start = Start { board: rig.board().clone(), frame };
        let stops = start.stops();
        let operations = stops.last().ok_or(lost("write flash"))?.operations;
        Ok(Self { start, stops, may_run, operations })
    }

    /// Goes the way to that operation, in which power is to be lost.
    pub(super) fn begin(&self, operation: u64, tear: Tear) -> Rig {
        match self.stops.iter().rev().find(|stop| stop.operations <= operation) {
            Some(stop) => {
                let mut board = stop.board.clone();
                board.plan_power_cut(operation - stop.operations + 1, tear);
                Rig::new(board)
            }
            None => {
                let mut board = self.start.board.clone();
                board.plan_power_cut(operation + 1, tear);
                self.start.set_off(board)
            }
        }
    }

    /// Runs until power is lost; whether it was.
    pub(super) fn run_into_cut(rig: &mut Rig) -> bool {
        rig.run(LENGTH);
        !rig.board().is_powered()
    }
}

impl Start {
    fn set_off(&self, board: Board) -> Rig {
        let mut rig = Rig::new(board);
        match &self.frame {
            Some(frame) => rig.send(frame),
            None => rig.board_mut().power_on(),
        }
        rig
    }

    /// The unit after each millisecond that has flash operations in it.
    fn stops(&self) -> Vec<Stop> {
        let before = self.board.flash_operations();
        let mut rig = self.set_off(self.board.clone());
        let end = rig.now() + LENGTH;
        let mut stops: Vec<Stop> = Vec::new();
        while rig.now() < end {
            rig.run(VirtualTime::from_millis(1));
            let operations = rig.board().flash_operations() - before;
            if operations > stops.last().map_or(0, |stop| stop.operations) {
                stops.push(Stop { operations, board: rig.board().clone() });
            }
        }
        stops
    }
}

/// All that comes before the frame that matters, and that frame.
fn prepare(parts: &Parts, rig: &mut Rig, moment: Moment) -> Option<Vec<u8>> {
    let channels = ChannelPolicy::RefuseWhileRunning;
    match moment {
        Moment::Activate => {
            rig.request(&Request::Begin { manifest: parts.new.signed.clone() })?;
            Some(rig.frame_of(&Request::Activate { channels }))
        }
        Moment::Confirm => {
            // The self-test comes first.
            rig.run(VirtualTime::from_millis(400));
            Some(rig.frame_of(&Request::Confirm))
        }
        Moment::RollBack => Some(rig.frame_of(&Request::RollBack { channels })),
        Moment::Finish => {
            rig.request(&Request::Begin { manifest: parts.new.signed.clone() })?;
            Some(rig.frame_of(&Request::Finish))
        }
        Moment::Page(page) => {
            let Answer::Began(began) = rig.request(&Request::Begin { manifest: parts.new.signed.clone() })? else {
                return None;
            };
            let start = page * PAGE_SIZE as usize;
            let mut bytes = parts.new.bytes.get(start..)?.to_vec();
            bytes.resize(PAGE_SIZE as usize, protocol::layout::ERASED);
            let mut frames: Vec<Vec<u8>> = bytes
                .chunks(MAX_CHUNK)
                .enumerate()
                .map(|(index, data)| chunk_frame(began.tag, (start + index * MAX_CHUNK) as u32, data))
                .collect();
            let last = frames.pop()?;
            for frame in frames {
                rig.ask(&frame)?;
            }
            Some(last)
        }
        Moment::TrialBoot | Moment::FallBack => None,
    }
}
