//! Power lost in every flash operation of a transfer (`fault:P1`): the unit boots the old image, never a mixed one, and
//! the transfer goes on from what is there.

use bootloader::model::release::{Release, padded, release_key};
use bootloader::model::{FlashModel, Tear};
use bootloader::update::PAGE;
use embedded_storage::nor_flash::ReadNorFlash as _;
use protocol::boot_record::{Phase, Switch};
use protocol::layout::Slot;
use protocol::manifest::SIGNED_SIZE;
use protocol::message::{Answer, ChannelPolicy, Reply, Request, Staging, UnitStatus};
use protocol::reset::ResetCause;

use super::{differing, send_differing};
use crate::fixture::{Bench, V1_0, V1_1, V1_2, release};

/// A unit that runs 1.0.0 from slot A, with another image whole in slot B.
fn start() -> FlashModel {
    let mut bench = Bench::new();
    bench.stage(&release(Slot::B, V1_2, PAGE + 300));
    bench.worker.flash().clone()
}

fn next() -> Release {
    release(Slot::B, V1_1, PAGE + 40)
}

/// Runs an update as far as it gets; whether it got to the end.
fn update(bench: &mut Bench, release: &Release) -> bool {
    let image = padded(&release.image);
    let begun = bench.request(Request::Begin { manifest: release.sign(&release_key()) });
    let Reply::Done(Answer::Began(began)) = begun else { return false };
    if !matches!(bench.request(Request::PageMap { first: 0 }), Reply::Done(_)) {
        return false;
    }
    let _ = send_differing(bench, began.tag, &image);
    // What read as it should when the map was made may read as something else now: the map again, as a host does.
    for _ in 0..8 {
        match bench.request(Request::Finish) {
            Reply::Done(_) => {
                let activate = Request::Activate { channels: ChannelPolicy::RefuseWhileRunning };
                return matches!(bench.request(activate), Reply::Done(_));
            }
            Reply::Refused(_) if !bench.worker.flash().is_off() => {
                let _ = send_differing(bench, began.tag, &image);
            }
            _ => return false,
        }
    }
    false
}

fn status(bench: &mut Bench) -> UnitStatus {
    match bench.done(Request::Status) {
        Answer::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

/// What must be true after any cut: the old image runs, or the new one on trial, whole.
fn old_or_new(bench: &mut Bench, what: &str) {
    let status = status(bench);
    let is_told_right = match status.running.version {
        // The last one: the loader could not read the record of the activation, the firmware could, and undid it.
        V1_0 => matches!(status.last_switch, Switch::Factory | Switch::RolledBack { from: V1_1 }),
        V1_1 => matches!(status.phase, Phase::Trial { .. }) && status.last_switch == Switch::Activated { from: V1_0 },
        other => panic!("{what}: {other} runs"),
    };
    assert!(is_told_right, "{what}: {status:?}");
}

#[test]
fn power_lost_in_any_operation_of_an_update_leaves_the_old_image_or_the_new_one() {
    let (flash, next) = (start(), next());
    let whole = {
        let mut bench = Bench::boot(flash.clone(), ResetCause::PowerOn);
        let before = bench.worker.flash().operations();
        assert!(update(&mut bench, &next));
        bench.worker.flash().operations() - before
    };
    assert!(whole > 300, "{whole} operations");
    for cut in 0..whole {
        // One kind of tear for each cut, all kinds around every border; each place meets each kind with another seed.
        let kinds = Tear::kinds(cut);
        let near_border = cut < 4 || cut + 40 > whole;
        let kinds = if near_border { &kinds[..] } else { std::slice::from_ref(&kinds[cut as usize % kinds.len()]) };
        for &tear in kinds {
            let what = format!("cut in operation {cut} of {whole}, {tear:?}");
            let mut bench = Bench::boot(flash.clone(), ResetCause::PowerOn);
            bench.worker.flash().plan_cut(cut, tear);
            let _ = update(&mut bench, &next);
            assert!(bench.worker.flash().is_off(), "{what}: not reached");
            let mut bench = bench.restart(ResetCause::PowerOn);
            old_or_new(&mut bench, &what);
            // And the update can be repeated to its end.
            if status(&mut bench).running.version == V1_0 {
                assert!(update(&mut bench, &next), "{what}: does not go on");
                bench = bench.restart(ResetCause::Requested);
            }
            assert_eq!(status(&mut bench).running, next.image_ref(), "{what}");
        }
    }
}

#[test]
fn power_lost_again_while_the_update_is_repeated() {
    // fault:P2: pairs of cuts, a sample.
    let (flash, next) = (start(), next());
    for first in (0..300).step_by(23) {
        for second in (0..300).step_by(29) {
            let kinds = Tear::kinds(first * 1000 + second);
            let what = format!("cuts in operations {first} and {second}");
            let mut bench = Bench::boot(flash.clone(), ResetCause::PowerOn);
            bench.worker.flash().plan_cut(first, kinds[(first + second) as usize % kinds.len()]);
            let _ = update(&mut bench, &next);
            let mut bench = bench.restart(ResetCause::PowerOn);
            old_or_new(&mut bench, &what);
            bench.worker.flash().plan_cut(second, kinds[(first * 3 + second) as usize % kinds.len()]);
            let _ = update(&mut bench, &next);
            let mut bench = bench.restart(ResetCause::PowerOn);
            old_or_new(&mut bench, &what);
            if status(&mut bench).running.version == V1_0 {
                assert!(update(&mut bench, &next), "{what}: does not go on");
            }
        }
    }
}

#[test]
fn a_page_that_reads_right_by_chance_is_sent_again_and_one_that_was_finished_is_not() {
    // fault:P3: the last word of a page is unstable, and may read right whenever it is asked for.
    let next = release(Slot::B, V1_1, 3 * PAGE);
    let image = padded(&next.image);
    let (mut by_chance, mut kept) = (0, 0);
    for seed in 0..20 {
        let mut bench = Bench::boot(start(), ResetCause::PowerOn);
        let tag = bench.begin(&next);
        bench.send(tag, &image, 0, PAGE);
        // Nothing to erase for the slot any more: the erase of the page, its words, and its mark.
        bench.worker.flash().plan_cut(PAGE as u64 / 8, Tear::Unstable(seed));
        bench.send(tag, &image, PAGE, 2 * PAGE);
        assert!(bench.worker.flash().is_off());
        let mut bench = bench.restart(ResetCause::PowerOn);
        bench.begin(&next);
        let mut page = [0; PAGE];
        let torn = Slot::B.image_offset() + PAGE as u32;
        let mut reads_right =
            || bench.worker.flash().read(torn, &mut page).is_ok() && page[..] == image[PAGE..2 * PAGE];
        by_chance += u32::from((0..16).any(|_| reads_right()));
        let missing = differing(&mut bench, &image);
        assert!(missing.contains(&1), "page 1 was not written to its end: {missing:?}");
        kept += u32::from(!missing.contains(&0));
    }
    assert!(by_chance > 2, "the hazard was there {by_chance} times");
    assert_eq!(kept, 20, "page 0 was written to its end");
}

#[test]
fn a_manifest_that_reads_right_by_chance_is_written_again() {
    // fault:P3, and the last word of the manifest.
    let next = release(Slot::B, V1_1, PAGE);
    let image = padded(&next.image);
    for seed in 0..20 {
        let mut bench = Bench::boot(start(), ResetCause::PowerOn);
        let tag = bench.begin(&next);
        bench.send(tag, &image, 0, PAGE);
        let words = SIGNED_SIZE as u64 / 8;
        bench.worker.flash().plan_cut(words - 1, Tear::Unstable(seed));
        let _ = bench.request(Request::Finish);
        assert!(bench.worker.flash().is_off());
        let mut bench = bench.restart(ResetCause::PowerOn);
        let Answer::Began(began) = bench.done(Request::Begin { manifest: next.sign(&release_key()) }) else {
            panic!("not armed")
        };
        assert_eq!(began.staging, Staging::Open, "seed {seed}");
        // Only the manifest was torn: no page is sent again.
        assert_eq!(differing(&mut bench, &image), [0; 0]);
        assert!(matches!(bench.done(Request::Finish), Answer::Staged(_)));
        let Answer::Began(began) = bench.done(Request::Begin { manifest: next.sign(&release_key()) }) else {
            panic!("not armed")
        };
        assert_eq!(began.staging, Staging::Complete);
    }
}
