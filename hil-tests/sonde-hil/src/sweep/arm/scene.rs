//! A unit at a moment, and what then makes it write flash.

use protocol::boot_record::BootState;
use protocol::message::{ChannelPolicy, Request};
use protocol::semver::Version;
use virtual_board::board::{Board, Tear};
use virtual_board::time::VirtualTime;

use super::ArmError;
use super::host;
use super::moment::{Lost, Moment, Name, Revival};
use super::parts::{Given, NEW, OLD, Parts, Past, Staged};
use super::rig::{Rig, Undone};

/// A unit at that moment.
pub(super) struct Scene {
    /// What sets it off.
    start: Start,
    /// The unit on its way, so that a cut does not cost the whole way to it.
    stops: Vec<Stop>,
    /// Which moment.
    pub(super) moment: Moment,
    /// What may run after a cut.
    pub(super) may_run: &'static [Version],
    /// Whether the loader may stay up after a cut.
    pub(super) may_recover: bool,
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
const LENGTH: VirtualTime = VirtualTime::from_millis(800);
/// Longest boot.
const BOOT: VirtualTime = VirtualTime::from_millis(1000);

impl Scene {
    /// Brings a unit there.
    pub(super) fn build(parts: &Parts, name: Name) -> Result<Self, ArmError> {
        let (may_run, may_recover) = allowed(name.moment);
        let mut rig = Rig::new(parts.unit(past(parts, name)));
        let lost = |what: &'static str| ArmError::Scene { scene: name.to_string(), what };
        let frame = match name.moment {
            Moment::TrialBoot | Moment::FallBack => None,
            moment => {
                rig.board_mut().power_on();
                rig.up(BOOT).ok_or(lost("answer"))?;
                rig.request(&Request::Hello).map_err(|_| lost("open a session"))?;
                Some(prepare(parts, &mut rig, moment).map_err(|_| lost("get ready"))?)
            }
        };
        let start = Start { board: rig.board().clone(), frame };
        let stops = start.stops();
        let operations = stops.last().ok_or(lost("write flash"))?.operations;
        Ok(Self { start, stops, moment: name.moment, may_run, may_recover, operations })
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

/// The flash that a moment begins with.
fn past(parts: &Parts, name: Name) -> Past {
    let plain = |staged, state| Past { given: Given::Image, staged, state, records: name.records };
    // The boot into a trial writes a record of its own before the one that is meant.
    let before_boot = name.records.max(2) - 1;
    match name.moment {
        Moment::Activate => plain(Staged::Whole, parts.old_confirmed()),
        Moment::TrialBoot => plain(Staged::Whole, parts.on_trial(0)),
        Moment::Confirm => Past { records: before_boot, ..plain(Staged::Whole, parts.on_trial(0)) },
        Moment::FallBack => plain(Staged::Whole, parts.on_trial(10)),
        Moment::RollBack => plain(Staged::Whole, parts.new_confirmed()),
        Moment::Finish => plain(Staged::Body, parts.old_confirmed()),
        Moment::Page(_) => plain(Staged::Nothing, parts.old_confirmed()),
        Moment::Keys(story) => {
            let order = parts.key_order(story);
            let given = if order.before.number == 0 { Given::Roots } else { Given::Set };
            let (floor, floor_order) = (order.before.floor, order.before.number);
            let state = BootState { floor, floor_order, ..parts.old_confirmed() };
            Past { given, ..plain(Staged::Nothing, state) }
        }
        Moment::Recover(lost, revival) => {
            let given = lost.given();
            let (staged, records) = match (revival, lost) {
                (Revival::Page(0), Lost::Empty) => (Staged::Nothing, name.records),
                (Revival::Page(0), Lost::Damaged) => (Staged::Damaged, name.records),
                (Revival::Page(page), _) => (Staged::AllBut(page), name.records),
                (Revival::Finish, _) => (Staged::Body, name.records),
                // It is on record as a trial by the time that it is activated.
                (Revival::Activate, _) => (Staged::Body, name.records - 1),
                (Revival::Confirm, _) => (Staged::Whole, before_boot),
            };
            let state = if revival == Revival::Confirm { parts.recovered(given) } else { parts.old_confirmed() };
            Past { given, staged, state, records }
        }
    }
}

/// What may run after a cut, and whether the loader may stay up.
fn allowed(moment: Moment) -> (&'static [Version], bool) {
    match moment {
        Moment::Activate | Moment::RollBack => (&[OLD, NEW], false),
        Moment::TrialBoot | Moment::Confirm => (&[NEW], false),
        Moment::FallBack | Moment::Finish | Moment::Page(_) | Moment::Keys(_) => (&[OLD], false),
        Moment::Recover(_, Revival::Page(_)) => (&[], true),
        Moment::Recover(_, Revival::Finish) => (&[NEW], true),
        Moment::Recover(_, Revival::Activate | Revival::Confirm) => (&[NEW], false),
    }
}

/// All that comes before the frame that matters, and that frame.
fn prepare(parts: &Parts, rig: &mut Rig, moment: Moment) -> Result<Vec<u8>, Undone> {
    let channels = ChannelPolicy::RefuseWhileRunning;
    match moment {
        Moment::Activate => {
            host::begin(parts, rig)?;
            Ok(rig.frame_of(&Request::Activate { channels }))
        }
        Moment::Recover(_, Revival::Activate) => {
            host::begin(parts, rig)?;
            rig.request(&Request::Finish)?;
            Ok(rig.frame_of(&Request::Activate { channels }))
        }
        Moment::Confirm | Moment::Recover(_, Revival::Confirm) => {
            rig.run(host::SELF_TEST);
            Ok(rig.frame_of(&Request::Confirm))
        }
        Moment::RollBack => Ok(rig.frame_of(&Request::RollBack { channels })),
        Moment::Finish | Moment::Recover(_, Revival::Finish) => {
            host::begin(parts, rig)?;
            Ok(rig.frame_of(&Request::Finish))
        }
        Moment::Page(page) | Moment::Recover(_, Revival::Page(page)) => {
            let began = host::begin(parts, rig)?;
            let mut frames = host::page_frames(parts, began.tag, page);
            let last = frames.pop().ok_or(Undone::Gone)?;
            frames.iter().try_for_each(|frame| rig.write(frame))?;
            Ok(last)
        }
        Moment::Keys(story) => {
            host::send_set(&parts.key_order(story).signed, rig)?;
            Ok(rig.frame_of(&host::INSTALL))
        }
        Moment::TrialBoot | Moment::FallBack => Err(Undone::Gone),
    }
}
