//! Key sets through the mailbox (`boot:B10`), over the flash model.

use bootloader::boot_log::BootLog;
use bootloader::model::key_sets::{
    anchors_with_roots, id_of, key_set, next_release_key, put_anchors, put_key_set, release_entry, root_key, sign_set,
};
use bootloader::model::release::{Release, factory_unit, padded, release_key};
use bootloader::model::{FlashModel, Tear};
use bootloader::unit::{Criteria, LOADER_VERSION};
use bootloader::update::PAGE;
use bootloader::verify::verify_image;
use protocol::anchors::Stage;
use protocol::boot_record::BootState;
use protocol::key_set::{FloorReset, KeySet, SIGNED_SIZE, SignedKeySet, Units};
use protocol::layout::{KEY_SET_OFFSETS, Slot};
use protocol::message::{
    Answer, ChannelPolicy, GiveUp, KeySetInstalled, KeySetReport, KeyState, MAX_KEY_SET_PART, Refusal, Reply, Request,
};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use crate::fixture::{Bench, V1_0, V1_1, release};

const TOP: Version = Version::new(u16::MAX, u16::MAX, u16::MAX);

/// A unit with root keys, two of which have to sign, that runs 1.0.0 from slot A.
fn flash() -> FlashModel {
    let mut flash = factory_unit(&Release::new(Slot::A, V1_0));
    put_anchors(&mut flash, &anchors_with_roots(2, Stage::Production));
    flash
}

fn bench() -> Bench {
    Bench::boot(flash(), ResetCause::PowerOn)
}

/// Adds the next release key.
fn adding(number: u16) -> KeySet {
    key_set(number, &[release_entry(&next_release_key())], &[], None)
}

/// Adds the next release key and revokes the first one.
fn rotating(number: u16) -> KeySet {
    key_set(number, &[release_entry(&next_release_key())], &[id_of(&release_key())], None)
}

fn resetting(number: u16) -> KeySet {
    key_set(number, &[], &[], Some(FloorReset { to: V1_0, units: Units::Any }))
}

fn signed(set: &KeySet) -> SignedKeySet {
    sign_set(set, &[0, 1])
}

fn send(bench: &mut Bench, set: &SignedKeySet) -> bool {
    (0_u16..).step_by(MAX_KEY_SET_PART).zip(set.0.chunks(MAX_KEY_SET_PART)).all(|(offset, part)| {
        let bytes = part.iter().copied().collect();
        matches!(bench.request(Request::KeySetPart { offset, bytes }), Reply::Done(Answer::KeySetPart(_)))
    })
}

fn install(bench: &mut Bench, set: &SignedKeySet, give_up: GiveUp) -> Reply {
    send(bench, set);
    bench.request(Request::InstallKeySet { give_up })
}

fn installed(bench: &mut Bench, set: &KeySet) -> KeySetInstalled {
    match install(bench, &signed(set), GiveUp::Nothing) {
        Reply::Done(Answer::KeySetInstalled(installed)) => installed,
        other => panic!("{other:?}"),
    }
}

fn report(bench: &mut Bench) -> KeySetReport {
    match bench.done(Request::KeySetReport) {
        Answer::KeySetReport(report) => report,
        other => panic!("{other:?}"),
    }
}

fn log(bench: &mut Bench) -> BootState {
    BootLog::read(bench.worker.flash()).state().expect("a log")
}

#[test]
fn a_set_is_sent_in_parts_installed_and_reported() {
    let mut bench = bench();
    let before = report(&mut bench);
    assert_eq!((before.number, before.threshold, before.copies_good), (0, 2, [true, true]));
    assert_eq!(installed(&mut bench, &adding(5)), KeySetInstalled { number: 5, floor: Version::ZERO });
    let after = report(&mut bench);
    assert_eq!((after.number, after.copies_good, after.given_up), (5, [true, true], None));
    let state = |key| after.keys.iter().find(|report| report.key == id_of(&key)).map(|report| report.state);
    assert_eq!(state(root_key(2)), Some(KeyState::Root));
    assert_eq!(state(release_key()), Some(KeyState::Anchored));
    assert_eq!(state(next_release_key()), Some(KeyState::Added));
    assert_eq!(usize::from(after.total), after.keys.len());
}

#[test]
fn parts_come_in_any_order_after_the_first_and_as_often_as_they_like() {
    // boot:U3
    let mut bench = bench();
    let set = signed(&adding(5));
    let part = |offset: usize| {
        let end = (offset + MAX_KEY_SET_PART).min(SIGNED_SIZE);
        Request::KeySetPart { offset: offset as u16, bytes: set.0[offset..end].iter().copied().collect() }
    };
    for offset in [0, 768, 192, 0, 576, 192] {
        assert!(matches!(bench.done(part(offset)), Answer::KeySetPart(_)));
    }
    let incomplete = Refusal::KeySetIncomplete { have: 608, need: 800 };
    assert_eq!(bench.refused(Request::InstallKeySet { give_up: GiveUp::Nothing }), incomplete);
    let _ = bench.done(part(384));
    assert!(matches!(bench.done(Request::InstallKeySet { give_up: GiveUp::Nothing }), Answer::KeySetInstalled(_)));
}

#[test]
fn a_part_outside_of_a_set_or_of_half_words_is_refused() {
    let mut bench = bench();
    for (offset, length) in [(800, 8), (796, 4), (4, 8), (0, 12), (0, 0), (792, 16), (u16::MAX, 8)] {
        let bytes = core::iter::repeat_n(0, length).collect();
        assert_eq!(bench.refused(Request::KeySetPart { offset, bytes }), Refusal::BadKeySet, "{length} at {offset}");
    }
}

#[test]
fn a_set_that_is_installed_again_is_answered_again_and_writes_nothing() {
    // boot:U3
    let mut bench = bench();
    let first = installed(&mut bench, &adding(5));
    let before = bench.worker.flash().operations();
    assert_eq!(installed(&mut bench, &adding(5)), first);
    assert_eq!(bench.worker.flash().operations(), before);
}

#[test]
fn refused_sets_change_nothing() {
    let mut bench = bench();
    installed(&mut bench, &adding(5));
    let before = bench.worker.flash().operations();
    for (set, refusal) in [
        (signed(&adding(4)), Refusal::KeySetOld { unit: 5, offered: 4 }),
        (signed(&resetting(5)), Refusal::KeySetOld { unit: 5, offered: 5 }),
        (sign_set(&adding(6), &[2]), Refusal::KeySetSignatures { valid: 1, needed: 2 }),
        (SignedKeySet([0; SIGNED_SIZE]), Refusal::BadKeySet),
        (signed(&rotating(6)), Refusal::WouldNotBoot { slot: Slot::A, version: V1_0 }),
    ] {
        assert_eq!(install(&mut bench, &set, GiveUp::Nothing), Reply::Refused(refusal));
    }
    assert_eq!((bench.worker.flash().operations(), report(&mut bench).number), (before, 5));
}

#[test]
fn a_unit_without_root_keys_takes_no_set() {
    let mut bench = Bench::new();
    assert_eq!(install(&mut bench, &signed(&adding(5)), GiveUp::Nothing), Reply::Refused(Refusal::NoRoots));
    assert_eq!(report(&mut bench).threshold, 0);
}

#[test]
fn a_key_is_rotated_update_first_then_revoke() {
    // boot:B10: the whole story, over the bus, and the loader's word at each step.
    let mut bench = bench();
    let next = release(Slot::B, V1_1, PAGE + 40);
    let manifest = next.sign(&next_release_key());
    let unknown = Refusal::UnknownKey { key: id_of(&next_release_key()) };
    assert_eq!(bench.refused(Request::Begin { manifest: manifest.clone() }), unknown);
    installed(&mut bench, &adding(5));
    assert_eq!(
        install(&mut bench, &signed(&rotating(6)), GiveUp::Nothing),
        Reply::Refused(Refusal::WouldNotBoot { slot: Slot::A, version: V1_0 })
    );
    let Answer::Began(began) = bench.done(Request::Begin { manifest }) else { panic!("not begun") };
    let image = padded(&next.image);
    bench.send(began.tag, &image, 0, image.len());
    let _ = bench.done(Request::Finish);
    let _ = bench.done(Request::Activate { channels: ChannelPolicy::RefuseWhileRunning });
    let mut bench = bench.restart(ResetCause::Requested);
    // fault:S7: not while it is on trial.
    let pending = Reply::Refused(Refusal::TrialPending { running: V1_1 });
    assert_eq!(install(&mut bench, &signed(&rotating(6)), GiveUp::Nothing), pending);
    let _ = bench.done(Request::Confirm);
    installed(&mut bench, &rotating(6));
    assert_eq!(
        bench.refused(Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning }),
        Refusal::NothingToRollBackTo
    );
    let mut bench = bench.restart(ResetCause::PowerOn);
    assert_eq!(report(&mut bench).number, 6);
    let manifest = release(Slot::A, Version::new(1, 2, 0), PAGE).sign(&release_key());
    assert_eq!(bench.refused(Request::Begin { manifest }), Refusal::RevokedKey { key: id_of(&release_key()) });
}

#[test]
fn the_running_image_is_given_up_by_an_explicit_choice_only_and_the_unit_keeps_that_it_was() {
    // boot:B10
    let mut bench = bench();
    let refused = Refusal::WouldNotBoot { slot: Slot::A, version: V1_0 };
    assert_eq!(install(&mut bench, &signed(&rotating(5)), GiveUp::Nothing), Reply::Refused(refused));
    // The set is still there: asking again is enough.
    assert!(matches!(bench.done(Request::InstallKeySet { give_up: GiveUp::RunningImage }), Answer::KeySetInstalled(_)));
    let given_up = report(&mut bench).given_up.expect("kept");
    assert_eq!((given_up.slot, given_up.version), (Slot::A, V1_0));
    let mut flash = bench.worker.flash().clone();
    let criteria = Criteria::read(&mut flash, Version::ZERO, LOADER_VERSION);
    assert!(verify_image(&mut flash, Slot::A, &criteria).is_err());
}

#[test]
fn a_floor_reset_holds_at_once_is_logged_and_is_not_repeated() {
    // boot:B8, fault:R6
    let mut bench = bench();
    let high = BootState { floor: V1_0, ..log(&mut bench) };
    BootLog::append(bench.worker.flash(), high).unwrap();
    let mut bench = bench.restart(ResetCause::PowerOn);
    let lower = key_set(5, &[], &[], Some(FloorReset { to: Version::new(0, 9, 0), units: Units::Any }));
    assert_eq!(installed(&mut bench, &lower).floor, Version::new(0, 9, 0));
    assert_eq!((log(&mut bench).floor, log(&mut bench).floor_order), (Version::new(0, 9, 0), 5));
    // A later set without a reset takes nothing back, and the floor may rise again.
    assert_eq!(installed(&mut bench, &adding(6)).floor, Version::new(0, 9, 0));
    let risen = BootState { floor: V1_0, ..log(&mut bench) };
    BootLog::append(bench.worker.flash(), risen).unwrap();
    let mut bench = bench.restart(ResetCause::PowerOn);
    assert_eq!((report(&mut bench).floor, log(&mut bench).floor_order), (V1_0, 6));
}

#[test]
fn a_unit_that_a_floor_has_shut_out_comes_back_by_a_set_written_before_its_boot() {
    // fault:R6: what recovery, or a programmer, does.
    let mut flash = flash();
    let state = BootLog::read(&mut flash).state().expect("a log");
    BootLog::append(&mut flash, BootState { floor: TOP, ..state }).unwrap();
    put_key_set(&mut flash, &signed(&resetting(5)));
    let mut bench = Bench::boot(flash, ResetCause::PowerOn);
    // Hello came first: the log has taken the reset in.
    assert_eq!((log(&mut bench).floor, log(&mut bench).floor_order), (V1_0, 5));
}

#[test]
fn the_first_hello_brings_a_damaged_copy_back_and_later_ones_write_nothing() {
    // fault:P5, fault:P13
    let mut bench = bench();
    installed(&mut bench, &adding(5));
    let mut flash = bench.worker.flash().clone();
    flash.poison(KEY_SET_OFFSETS[0] + 400);
    let mut bench = Bench::boot(flash, ResetCause::PowerOn);
    assert_eq!((report(&mut bench).number, report(&mut bench).copies_good), (5, [true, true]));
    let before = bench.worker.flash().operations();
    for _ in 0..3 {
        let _ = bench.done(Request::Hello);
        bench = bench.restart(ResetCause::PowerOn);
    }
    assert_eq!(bench.worker.flash().operations(), before);
}

#[test]
fn a_cut_anywhere_in_an_install_leaves_one_set_or_the_other_and_the_unit_boots() {
    // fault:P1, fault:P3, fault:P4: with boot, signatures and the boot log around it.
    let mut start = bench();
    installed(&mut start, &adding(5));
    let start = start.worker.flash().clone();
    let set = signed(&key_set(6, &[], &[], Some(FloorReset { to: Version::new(0, 5, 0), units: Units::Any })));
    let operations = {
        let mut whole = Bench::boot(start.clone(), ResetCause::PowerOn);
        assert!(matches!(install(&mut whole, &set, GiveUp::Nothing), Reply::Done(_)));
        whole.worker.flash().operations() - start.operations()
    };
    for (index, tear) in Tear::kinds(3).into_iter().enumerate() {
        // The ends of each page, and a sample of what is between.
        for cut in (0..operations).filter(|cut| cut % 13 == index as u64 || cut % 105 < 3 || operations - cut < 20) {
            let mut bench = Bench::boot(start.clone(), ResetCause::PowerOn);
            assert!(send(&mut bench, &set));
            bench.worker.flash().plan_cut(cut, tear);
            let _ = bench.request(Request::InstallKeySet { give_up: GiveUp::Nothing });
            let mut bench = bench.restart(ResetCause::PowerOn);
            let (seen, state) = (report(&mut bench), log(&mut bench));
            assert!(seen.number == 5 || seen.number == 6, "{} after {tear:?} at {cut}", seen.number);
            // A word that reads now so, now so may have read well when the unit looked after its copies.
            let both_or_unstable = seen.copies_good == [true, true] || matches!(tear, Tear::Unstable(_));
            assert!(both_or_unstable, "{:?} after {tear:?} at {cut}", seen.copies_good);
            assert_eq!((seen.floor, seen.number), (state.floor, state.floor_order), "{tear:?} at {cut}");
            assert!(matches!(install(&mut bench, &set, GiveUp::Nothing), Reply::Done(_)), "{tear:?} at {cut}");
            assert_eq!(report(&mut bench).floor, Version::new(0, 5, 0), "{tear:?} at {cut}");
        }
    }
}
