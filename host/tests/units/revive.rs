//! Units in recovery: what is said about them, and how they come back (`boot:B9`).

use std::time::Duration;

use protocol::boot_record::Phase;
use protocol::layout::Slot;
use protocol::message::{RecoveryReason, SlotTrouble};
use sonde::bus::UnitId;
use sonde::failure::{Class, Failure as _};
use sonde::update::{Options, Outcome, Reason, Then, confirm, roll_back};

use crate::fake_unit::{Behaviour, Faults, Shared, Trouble};
use crate::session::connect;
use crate::update::{options, release, run, unit, version, version_of};

fn in_recovery(trouble: Trouble, behaviour: Behaviour, faults: Faults) -> Shared {
    let unit = unit(behaviour, faults);
    unit.lock().expect("nobody else holds it").recovery = Some(trouble);
    unit
}

fn empty() -> Shared {
    in_recovery(Trouble::EMPTY, Behaviour::Good, Faults::default())
}

#[tokio::test(start_paused = true)]
async fn an_empty_unit_is_revived_into_slot_a() {
    let unit = empty();
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert_eq!((&report.outcome, report.before.as_ref()), (&Outcome::Revived, None));
    assert_eq!(version_of(report.after.as_ref()), "1.1.0");
    assert!(report.outcome.is_good());
    assert!(report.to_string().contains("REVIVED"), "{report}");
    let unit = unit.lock().unwrap();
    assert_eq!((unit.running.slot, unit.phase), (Slot::A, Phase::Confirmed));
}

#[tokio::test(start_paused = true)]
async fn the_slot_with_least_to_lose_is_taken() {
    use SlotTrouble::{BadSignature, CrashedOnTrial, Empty, None as Bootable, RevokedKey};
    for (slots, expected) in [
        ([Empty, Empty], Slot::A),
        ([BadSignature, Empty], Slot::B),
        ([Empty, BadSignature], Slot::A),
        ([RevokedKey, BadSignature], Slot::A),
        ([CrashedOnTrial, BadSignature], Slot::B),
        ([Bootable, CrashedOnTrial], Slot::B),
    ] {
        let trouble = Trouble { why: RecoveryReason::NoImage, slots, kept: None };
        let unit = in_recovery(trouble, Behaviour::Good, Faults::default());
        run(&unit, &release(1), &options()).await.expect("no failure");
        assert_eq!(unit.lock().unwrap().running.slot, expected, "{slots:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_slot_that_the_unit_keeps_is_left_alone() {
    // boot:B9: the pin was held, and both slots verify.
    let slots = [SlotTrouble::None; 2];
    let trouble = Trouble { why: RecoveryReason::Pin, slots, kept: Some(Slot::A) };
    let unit = in_recovery(trouble, Behaviour::Good, Faults::default());
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert_eq!(report.outcome, Outcome::Revived);
    assert_eq!(unit.lock().unwrap().running.slot, Slot::B);
}

#[tokio::test(start_paused = true)]
async fn a_revival_goes_on_after_a_restart_of_the_unit_and_after_a_power_cut() {
    let restarts = Faults { restart_after: Some(150), ..Faults::default() };
    let unit = in_recovery(Trouble::EMPTY, Behaviour::Good, restarts);
    let report = run(&unit, &release(1), &options()).await.expect("resumed by itself");
    assert_eq!(report.outcome, Outcome::Revived);
    assert_eq!(report.transferred.expect("something was sent").pages_sent, 31);

    let dark_for = Duration::from_secs(5);
    let goes_dark = Faults { restart_after: Some(150), dark_for, ..Faults::default() };
    let unit = in_recovery(Trouble::EMPTY, Behaviour::Good, goes_dark);
    let error = run(&unit, &release(1), &options()).await.expect_err("nobody answers");
    assert_eq!(error.class(), Class::Bus);
    tokio::time::sleep(dark_for).await;
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert_eq!(report.outcome, Outcome::Revived);
    assert_eq!(report.transferred.expect("the rest was sent").pages_skipped, 17);
}

#[tokio::test(start_paused = true)]
async fn a_revival_cut_off_before_its_end_is_ended_by_the_next_one() {
    // The host was killed between activation and confirmation.
    let unit = empty();
    let later = Options { then: Then::LeaveOnTrial, ..options() };
    let report = run(&unit, &release(1), &later).await.expect("no failure");
    assert_eq!(report.outcome, Outcome::OnTrial);
    let chunks = unit.lock().unwrap().chunks;
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert_eq!((report.outcome, report.before), (Outcome::Revived, None));
    let unit = unit.lock().unwrap();
    assert_eq!((unit.chunks, unit.phase), (chunks, Phase::Confirmed));
}

#[tokio::test(start_paused = true)]
async fn an_update_cut_off_before_its_end_is_ended_by_the_next_one() {
    let unit = unit(Behaviour::Good, Faults::default());
    let later = Options { then: Then::LeaveOnTrial, ..options() };
    run(&unit, &release(1), &later).await.expect("no failure");
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert_eq!((&report.outcome, version_of(report.before.as_ref())), (&Outcome::Confirmed, "1.0.0"));
    assert_eq!(unit.lock().unwrap().phase, Phase::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn a_revival_that_crashes_ends_in_recovery_and_says_so() {
    for behaviour in [Behaviour::Hangs, Behaviour::Dead] {
        let unit = in_recovery(Trouble::EMPTY, behaviour, Faults::default());
        let report = run(&unit, &release(1), &options()).await.expect("no failure");
        let Outcome::FellIntoRecovery { reason: Reason::Recovery { why, slot } } = &report.outcome else {
            panic!("{behaviour:?}: {report}")
        };
        assert!(why.contains("keeps crashing") && slot.contains("crashed on trial"), "{why}; {slot}");
        assert_eq!(report.after, None);
        assert!(!report.outcome.is_good());
        // And another release brings it back, into the slot that did not crash.
        unit.lock().unwrap().behaviour = Behaviour::Good;
        let report = run(&unit, &release(2), &options()).await.expect("no failure");
        assert_eq!(report.outcome, Outcome::Revived);
        assert_eq!(unit.lock().unwrap().running.slot, Slot::B);
    }
}

#[tokio::test(start_paused = true)]
async fn a_revived_image_that_is_not_well_is_not_confirmed() {
    let unit = in_recovery(Trouble::EMPTY, Behaviour::FailsSelfTest, Faults::default());
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert!(matches!(report.outcome, Outcome::NotWell { reason: Reason::SelfTest { .. } }), "{report}");
    assert!(report.to_string().contains("nothing to go back to"), "{report}");
    assert!(matches!(unit.lock().unwrap().phase, Phase::Trial { fallback: None, .. }));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let unit = empty();
    unit.lock().unwrap().floor = version(5);
    let error = run(&unit, &release(1), &options()).await.expect_err("too old");
    assert_eq!((error.kind(), error.class()), ("precheck.below_floor", Class::No));
    let unit = empty();
    unit.lock().unwrap().hardware = 7;
    let error = run(&unit, &release(1), &options()).await.expect_err("other hardware");
    assert_eq!(error.kind(), "precheck.wrong_hardware");
    assert_eq!(unit.lock().unwrap().chunks, 0);
}

#[tokio::test(start_paused = true)]
async fn confirm_and_rollback_say_that_nothing_runs_and_what_to_do() {
    let bus = connect(&empty());
    let error = confirm(&bus, UnitId::DEFAULT).await.expect_err("nothing runs");
    assert_eq!((error.kind(), error.class()), ("session.in_recovery", Class::No));
    assert!(error.to_string().contains("sonde update"), "{error}");
    let error = roll_back(&bus, UnitId::DEFAULT, &options(), &mut |_| ()).await.expect_err("nothing runs");
    assert_eq!((error.kind(), error.class()), ("session.in_recovery", Class::No));
}
