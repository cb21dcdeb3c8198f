//! What a host does with a unit, before a cut and after it.

use protocol::boot_record::Phase;
use protocol::digest::PageHash;
use protocol::key_set::SignedKeySet;
use protocol::layout::{ERASED, PAGE_SIZE};
use protocol::mailbox::MAX_CHUNK;
use protocol::message::{
    Answer, Began, ChannelPolicy, GiveUp, KeySetReport, MAX_KEY_SET_PART, Request, Staging, UnitStatus,
};
use virtual_board::time::VirtualTime;

use super::PATIENCE;
use super::moment::{Moment, Revival};
use super::parts::{KeyOrder, KeyState, NEW, Parts};
use super::rig::{Rig, Undone, Up, chunk_frame};
use crate::sweep::tally::Fault;

/// An image tests itself before it may be confirmed.
pub(super) const SELF_TEST: VirtualTime = VirtualTime::from_millis(400);
/// What makes a unit install the key set that has come in.
pub(super) const INSTALL: Request = Request::InstallKeySet { give_up: GiveUp::Nothing };

/// How often a host tries again, after a restart, what a unit does not do.
const TRIES: usize = 4;

/// Arms the transfer of the new image.
pub(super) fn begin(parts: &Parts, rig: &mut Rig) -> Result<Began, Undone> {
    match rig.request(&Request::Begin { manifest: parts.new.signed.clone() })? {
        Answer::Began(began) => Ok(began),
        _ => Err(Undone::Gone),
    }
}

/// The frames that bring a page of the new image; none behind its end.
pub(super) fn page_frames(parts: &Parts, tag: u8, page: usize) -> Vec<Vec<u8>> {
    let start = page * PAGE_SIZE as usize;
    let frame = |(index, data)| chunk_frame(tag, (start + index * MAX_CHUNK) as u32, data);
    page_of(parts, page).chunks(MAX_CHUNK).enumerate().map(frame).collect()
}

fn page_of(parts: &Parts, page: usize) -> Vec<u8> {
    let Some(bytes) = parts.new.bytes.chunks(PAGE_SIZE as usize).nth(page) else { return Vec::new() };
    let mut bytes = bytes.to_vec();
    bytes.resize(PAGE_SIZE as usize, ERASED);
    bytes
}

/// Sends a key set, without having it installed.
pub(super) fn send_set(set: &SignedKeySet, rig: &mut Rig) -> Result<(), Undone> {
    for (offset, part) in (0..).step_by(MAX_KEY_SET_PART).zip(set.0.chunks(MAX_KEY_SET_PART)) {
        rig.request(&Request::KeySetPart { offset, bytes: part.iter().copied().collect() })?;
    }
    Ok(())
}

/// Goes on to the end of a story after a cut, with what is up now. What it was told at the end has to stay.
pub(super) fn go_on(parts: &Parts, moment: Moment, rig: &mut Rig) -> Result<(), Fault> {
    match moment {
        Moment::Keys(story) => keys(&parts.key_order(story), rig),
        Moment::Recover(_, Revival::Page(0)) => take_page(parts, rig),
        Moment::Recover(..) => revive(parts, rig),
        _ => Ok(()),
    }
}

/// The set before or the new one is in force, with its floor; then the new one is installed, and stays.
fn keys(order: &KeyOrder, rig: &mut Rig) -> Result<(), Fault> {
    check_keys(order, rig, &[order.before, order.after])?;
    again(rig, "install the key set", |rig| {
        send_set(&order.signed, rig)?;
        rig.request(&INSTALL)
    })?;
    restart(rig)?;
    let report = check_keys(order, rig, &[order.after])?;
    match report.copies_good {
        [true, true] => Ok(()),
        copies => Err(Fault::LostKeySet(format!("copies read well: {copies:?}"))),
    }
}

fn check_keys(order: &KeyOrder, rig: &mut Rig, may_be: &[KeyState]) -> Result<KeySetReport, Fault> {
    let report = again(rig, "tell of its keys", |rig| match rig.request(&Request::KeySetReport)? {
        Answer::KeySetReport(report) => Ok(report),
        _ => Err(Undone::Gone),
    })?;
    let told = KeyState { number: report.number, floor: report.floor };
    if may_be.contains(&told) {
        Ok(report)
    } else if may_be.iter().any(|state| state.number == told.number) {
        Err(Fault::FloorSank(format!("{told:?}, it was {:?}", order.before)))
    } else {
        Err(Fault::LostKeySet(format!("{told:?}, expected one of {may_be:?}")))
    }
}

/// The transfer goes on with the page that was cut. What comes behind it is another moment's: a whole image takes
/// fifteen seconds of line.
fn take_page(parts: &Parts, rig: &mut Rig) -> Result<(), Fault> {
    again(rig, "take the page", |rig| {
        let began = begin(parts, rig)?;
        page_frames(parts, began.tag, 0).iter().try_for_each(|frame| rig.write(frame))?;
        match rig.request(&Request::PageMap { first: 0 })? {
            Answer::PageMap(map) if map.hashes.first() == Some(&PageHash::of(&page_of(parts, 0))) => Ok(()),
            _ => Err(Undone::Gone),
        }
    })
}

/// Brings the new image to a loader in recovery, and confirms it once it runs.
fn revive(parts: &Parts, rig: &mut Rig) -> Result<(), Fault> {
    again(rig, "take the image and keep it", |rig| {
        if up(rig)? == Up::Recovery {
            bring(parts, rig)?;
            up(rig)?;
            rig.request(&Request::Hello)?;
        }
        if status(rig)?.phase != Phase::Confirmed {
            rig.run(SELF_TEST);
            rig.request(&Request::Confirm)?;
        }
        Ok(())
    })?;
    restart(rig)?;
    match up(rig) {
        Ok(Up::Image(NEW)) => {}
        other => return Err(Fault::LostConfirmed(format!("{other:?} after {NEW} was confirmed"))),
    }
    let status = again(rig, "say how it is", status)?;
    if status.phase == Phase::Confirmed { Ok(()) } else { Err(Fault::LostConfirmed(format!("{:?}", status.phase))) }
}

/// Sends what differs, stages and activates.
fn bring(parts: &Parts, rig: &mut Rig) -> Result<(), Undone> {
    let began = begin(parts, rig)?;
    if began.staging == Staging::Open {
        send_what_differs(parts, rig, began)?;
        rig.request(&Request::Finish)?;
    }
    rig.request(&Request::Activate { channels: ChannelPolicy::RefuseWhileRunning })?;
    // It restarts after the time that the answer needs to be polled.
    rig.run(VirtualTime::from_millis(150));
    Ok(())
}

fn send_what_differs(parts: &Parts, rig: &mut Rig, began: Began) -> Result<(), Undone> {
    let mut page = 0;
    while page < began.pages {
        let Answer::PageMap(map) = rig.request(&Request::PageMap { first: page })? else { return Err(Undone::Gone) };
        for hash in map.hashes {
            if hash != PageHash::of(&page_of(parts, page.into())) {
                page_frames(parts, began.tag, page.into()).iter().try_for_each(|frame| rig.write(frame))?;
            }
            page += 1;
        }
    }
    Ok(())
}

/// Has a unit do something; restarts it when it does not.
fn again<T>(rig: &mut Rig, what: &str, mut ask: impl FnMut(&mut Rig) -> Result<T, Undone>) -> Result<T, Fault> {
    let mut tries = 1;
    loop {
        match rig.request(&Request::Hello).and_then(|_| ask(rig)) {
            Ok(done) => return Ok(done),
            Err(_) if tries < TRIES => restart(rig)?,
            Err(undone) => return Err(Fault::Stuck(format!("does not {what}: {undone}"))),
        }
        tries += 1;
    }
}

fn restart(rig: &mut Rig) -> Result<(), Fault> {
    rig.power_cycle();
    match up(rig) {
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::Unbootable(rig.stopped().unwrap_or("nothing answers any more").into())),
    }
}

fn up(rig: &mut Rig) -> Result<Up, Undone> {
    rig.up(PATIENCE).ok_or(Undone::Gone)
}

fn status(rig: &mut Rig) -> Result<UnitStatus, Undone> {
    match rig.request(&Request::Status)? {
        Answer::Status(status) => Ok(status),
        _ => Err(Undone::Gone),
    }
}
