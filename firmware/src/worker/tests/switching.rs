//! Activate, confirm, roll back: across the restarts that they ask for.

use bootloader::boot_log::BootLog;
use bootloader::model::Tear;
use bootloader::model::release::Release;
use embedded_storage::nor_flash::ReadNorFlash as _;
use protocol::boot_record::{FallbackCause, Phase, Switch};
use protocol::layout::{SEAL_PLACES, SEALS_IN_SLOT, Slot, WORD_SIZE};
use protocol::message::{Answer, ChannelPolicy, Refusal, Reply, Request, UnitStatus};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::{begin, example};
use crate::fixture::{Bench, V1_0, V1_1, V1_2, release};
use crate::self_test::Outputs;
use bootloader::model::release::release_key;

const ACTIVATE: Request = Request::Activate { channels: ChannelPolicy::RefuseWhileRunning };
const ROLL_BACK: Request = Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning };

fn status(bench: &mut Bench) -> UnitStatus {
    match bench.done(Request::Status) {
        Answer::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

/// A unit on trial with 1.1.0 in slot B.
fn on_trial() -> Bench {
    let mut bench = Bench::new();
    bench.stage(&example());
    let Answer::Activating(activating) = bench.done(ACTIVATE) else { panic!("not activated") };
    assert_eq!(activating.image, example().image_ref());
    assert!((50..=100).contains(&activating.reset_in_ms));
    let uptime = bench.unit.borrow().live.uptime_ms;
    bench.unit.borrow_mut().observe(uptime + u64::from(activating.reset_in_ms), Outputs::OFF);
    assert!(bench.unit.borrow().restart_is_due());
    bench.restart(ResetCause::Requested)
}

fn confirmed() -> Bench {
    let mut bench = on_trial();
    assert!(matches!(bench.done(Request::Confirm), Answer::Confirmed(_)));
    bench
}

#[test]
fn an_update_is_tried_and_confirmed() {
    let mut bench = on_trial();
    let trial = status(&mut bench);
    assert_eq!((trial.running.version, trial.running.slot), (V1_1, Slot::B));
    assert!(matches!(trial.phase, Phase::Trial { attempts: 1, .. }));
    let Answer::Confirmed(confirmed) = bench.done(Request::Confirm) else { panic!("not confirmed") };
    assert_eq!(confirmed.image, example().image_ref());
    let mut bench = bench.restart(ResetCause::Watchdog);
    let after = status(&mut bench);
    assert_eq!((after.running.version, after.phase), (V1_1, Phase::Confirmed));
    assert_eq!(after.last_switch, Switch::Activated { from: V1_0 });
}

#[test]
fn a_trial_that_is_not_confirmed_falls_back_with_the_reason() {
    let mut bench = on_trial();
    for _ in 0..2 {
        bench = bench.restart(ResetCause::Watchdog);
        assert_eq!(status(&mut bench).running.version, V1_1);
    }
    let mut bench = bench.restart(ResetCause::Watchdog);
    let after = status(&mut bench);
    assert_eq!((after.running.version, after.phase), (V1_0, Phase::Confirmed));
    let cause = FallbackCause::AttemptsUsed;
    assert_eq!(after.last_switch, Switch::FellBack { from: V1_1, cause, reset: ResetCause::Watchdog });
    // The image that failed is still there, and not to be gone back to.
    assert_eq!(bench.refused(ROLL_BACK), Refusal::FailedItsTrial { version: V1_1 });
}

#[test]
fn nothing_is_activated_that_is_not_staged() {
    let mut bench = Bench::new();
    assert_eq!(bench.refused(ACTIVATE), Refusal::NothingStaged);
    bench.begin(&example());
    assert_eq!(bench.refused(ACTIVATE), Refusal::NothingStaged);
}

#[test]
fn an_image_that_has_changed_since_it_was_staged_is_not_activated() {
    // fault:A10
    let mut bench = Bench::new();
    bench.stage(&example());
    bench.worker.flash().flip_bit(Slot::B.image_offset() + 800, 1);
    assert_eq!(bench.refused(ACTIVATE), Refusal::ImageDiffers);
    assert_eq!(bench.refused(ACTIVATE), Refusal::NothingStaged);
}

#[test]
fn while_a_channel_runs_nothing_is_activated_or_rolled_back() {
    // boot:U5, fault:B6
    let mut bench = confirmed();
    bench.stage(&release(Slot::A, V1_2, 5000));
    let refusal = Refusal::ChannelsRunning { outputs: 0b0010 };
    bench.unit.borrow_mut().observe(1_000, Outputs { start: 0b0010, reset: 0 });
    let operations = bench.worker.flash().operations();
    assert_eq!(bench.refused(ACTIVATE), refusal);
    assert_eq!(bench.refused(ROLL_BACK), refusal);
    assert_eq!(bench.worker.flash().operations(), operations);
    assert!(!bench.unit.borrow().restart_is_due());
    bench.unit.borrow_mut().observe(2_000, Outputs::OFF);
    assert!(matches!(bench.done(ACTIVATE), Answer::Activating(_)));
}

#[test]
fn during_a_trial_no_other_update_begins() {
    // fault:S7
    let mut bench = on_trial();
    let next = release(Slot::A, V1_2, 5000);
    assert_eq!(bench.refused(begin(next.sign(&release_key()))), Refusal::TrialPending { running: V1_1 });
    assert!(matches!(bench.done(Request::Confirm), Answer::Confirmed(_)));
    bench.begin(&next);
}

#[test]
fn a_trial_that_has_nothing_behind_it_can_be_replaced_by_an_update() {
    // fault:S6: revived in recovery, it stays up and does not pass its self-test.
    let mut bench = on_trial();
    bench.worker.flash().flip_bit(Slot::A.image_offset(), 3);
    bench.pass_self_test(1);
    assert!(matches!(bench.refused(Request::Confirm), Refusal::SelfTestFailed { .. }));
    assert_eq!(bench.refused(ROLL_BACK), Refusal::NothingToRollBackTo);
    bench.stage(&release(Slot::A, V1_2, 5000));
    bench.done(ACTIVATE);
    let mut bench = bench.restart(ResetCause::Requested);
    let after = status(&mut bench);
    assert_eq!(after.running.version, V1_2);
    assert!(matches!(after.phase, Phase::Trial { fallback: None, .. }), "nobody has seen 1.1.0 work: {after:?}");
    assert!(matches!(bench.done(Request::Confirm), Answer::Confirmed(_)));
}

#[test]
fn between_activation_and_restart_nothing_else_is_started() {
    let mut bench = confirmed();
    bench.stage(&release(Slot::A, V1_2, 5000));
    bench.done(ACTIVATE);
    assert_eq!(bench.refused(ACTIVATE), Refusal::TrialPending { running: V1_2 });
    assert_eq!(
        bench.refused(begin(release(Slot::A, V1_2, 600).sign(&release_key()))),
        Refusal::TrialPending { running: V1_2 }
    );
    assert_eq!(bench.refused(Request::Confirm), Refusal::NotOnTrial);
}

#[test]
fn only_a_trial_that_passed_its_self_test_is_confirmed() {
    let mut bench = Bench::new();
    assert_eq!(bench.refused(Request::Confirm), Refusal::NotOnTrial);
    let mut bench = {
        drop(bench);
        on_trial()
    };
    bench.pass_self_test(0b100);
    assert_eq!(bench.refused(Request::Confirm), Refusal::SelfTestFailed { failed: 0b100 });
    bench.unit.borrow_mut().live.self_test.ran = 0;
    bench.unit.borrow_mut().live.self_test.failed = 0;
    assert_eq!(bench.refused(Request::Confirm), Refusal::SelfTestFailed { failed: 0 });
    bench.pass_self_test(0);
    assert!(matches!(bench.done(Request::Confirm), Answer::Confirmed(_)));
    assert_eq!(bench.refused(Request::Confirm), Refusal::NotOnTrial);
}

#[test]
fn the_floor_rises_at_confirm_to_what_the_manifest_says() {
    // boot:B8, fault:R4
    let mut raising = example();
    raising.manifest.security_floor = V1_1;
    let mut bench = Bench::new();
    bench.stage(&raising);
    bench.done(ACTIVATE);
    let mut bench = bench.restart(ResetCause::Requested);
    assert_eq!(status(&mut bench).floor, Version::ZERO);
    let Answer::Confirmed(confirmed) = bench.done(Request::Confirm) else { panic!("not confirmed") };
    assert_eq!((confirmed.floor, status(&mut bench).floor), (V1_1, V1_1));
    let below = release(Slot::A, V1_0, 5000);
    assert_eq!(bench.refused(begin(below.sign(&release_key()))), Refusal::BelowFloor { floor: V1_1, image: V1_0 });
    // The image before is below the floor too: it would not boot.
    assert_eq!(bench.refused(ROLL_BACK), Refusal::NothingToRollBackTo);
}

#[test]
fn rolling_back_returns_to_the_image_before_without_a_trial() {
    for start in [on_trial as fn() -> Bench, confirmed] {
        let mut bench = start();
        let Answer::Activating(activating) = bench.done(ROLL_BACK) else { panic!("not rolled back") };
        assert_eq!(activating.image, Release::new(Slot::A, V1_0).image_ref());
        let mut bench = bench.restart(ResetCause::Requested);
        let after = status(&mut bench);
        assert_eq!((after.running.version, after.phase), (V1_0, Phase::Confirmed));
        assert_eq!(after.last_switch, Switch::RolledBack { from: V1_1 });
    }
}

#[test]
fn there_is_nothing_to_roll_back_to_when_the_other_slot_does_not_verify() {
    let mut bench = Bench::new();
    assert_eq!(bench.refused(ROLL_BACK), Refusal::NothingToRollBackTo);
    bench.stage(&example());
    bench.worker.flash().flip_bit(Slot::B.image_offset(), 9);
    assert_eq!(bench.refused(ROLL_BACK), Refusal::NothingToRollBackTo);
}

#[test]
fn a_unit_without_a_boot_log_can_be_updated_and_confirmed() {
    // As it leaves the factory: an image, no record.
    let mut flash = bootloader::model::release::blank_unit();
    Release::new(Slot::A, V1_0).install(&mut flash);
    let mut bench = Bench::boot(flash, ResetCause::PowerOn);
    assert!(status(&mut bench).self_test.passed());
    bench.stage(&example());
    bench.done(ACTIVATE);
    let mut bench = bench.restart(ResetCause::Requested);
    assert!(matches!(bench.done(Request::Confirm), Answer::Confirmed(_)));
    assert_eq!(status(&mut bench).running.version, V1_1);
}

#[test]
fn a_staged_image_that_nobody_activated_is_not_started_on_a_unit_without_a_boot_log() {
    // fault:S2: without a log the loader tries the better of two images that verify.
    let mut flash = bootloader::model::release::blank_unit();
    Release::new(Slot::A, V1_0).install(&mut flash);
    let mut bench = Bench::boot(flash, ResetCause::PowerOn);
    bench.stage(&example());
    let mut bench = bench.restart(ResetCause::PowerOn);
    let after = status(&mut bench);
    assert_eq!((after.running.version, after.phase), (V1_0, Phase::Confirmed));
    bench.stage(&example());
}

#[test]
fn a_record_that_only_one_copy_holds_is_written_again_before_a_host_is_told_of_it() {
    // fault:P3, boot:B2: what reads well now may not at the next boot.
    for tear in [Tear::Before, Tear::Unstable(1)] {
        for last_word in [7, 15] {
            let mut bench = on_trial();
            bench.worker.flash().plan_cut(last_word, tear);
            let _ = bench.request(Request::Confirm);
            let mut bench = bench.restart(ResetCause::PowerOn);
            let told = status(&mut bench).phase;

            let view = BootLog::read(bench.worker.flash());
            assert!(view.state().is_some_and(|state| state.phase == told));
            // An unstable word that reads well at each look is not found; the other copy holds what was told, whole.
            let good = view.copies.iter().filter(|copy| copy.is_good()).count();
            assert!(good == 2 || (good == 1 && tear != Tear::Before), "{view:?}");
            for _ in 0..50 {
                assert!(BootLog::read(bench.worker.flash()).state().is_some_and(|state| state.phase == told));
            }
            let operations = bench.worker.flash().operations();
            assert!(matches!(bench.request(Request::Hello), Reply::Done(Answer::Hello(_))));
            assert_eq!(bench.worker.flash().operations(), operations, "once a start");
        }
    }
}

#[test]
fn what_is_confirmed_gets_a_seal_of_its_own_and_without_one_nothing_is_confirmed() {
    // fault:P4: the seal of the transfer may have been torn and read well for now.
    let place = |index: u32| Slot::B.offset() + SEALS_IN_SLOT + index * WORD_SIZE;
    let tag = example().image_ref().tag;
    let mut bench = on_trial();
    assert!(matches!(bench.done(Request::Confirm), Answer::Confirmed(_)));
    for index in 0..2 {
        let mut seal = [0; 8];
        bench.worker.flash().read(place(index), &mut seal).unwrap();
        assert_eq!(seal, tag.0);
    }
    let mut bench = on_trial();
    (1..SEAL_PLACES).for_each(|index| bench.worker.flash().place(place(index), &[0x5A; 8]));
    let operations = bench.worker.flash().operations();
    assert_eq!(bench.refused(Request::Confirm), Refusal::FlashFailed { offset: place(0) });
    assert_eq!(bench.worker.flash().operations(), operations);
    assert!(matches!(status(&mut bench).phase, Phase::Trial { .. }));
}
