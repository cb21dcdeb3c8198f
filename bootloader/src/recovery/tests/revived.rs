//! Units that have nothing to run, or were asked to stay, and run again (`boot:B9`, `suite` of issue part 7).

use protocol::boot_record::{BootState, Phase, Switch};
use protocol::handover::{BootReason, Mark, MarkKind};
use protocol::identity::IDENTITY_SIZE;
use protocol::layout::{BOOT_LOG_OFFSETS, IDENTITY_OFFSET, PAGE_SIZE, Slot};
use protocol::message::{Answer, Refusal, Request, Transfer};
use protocol::recovery::{RecoveryReason, SlotTrouble};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::bench::{ACTIVATE, Bench, Started, start};
use crate::boot::{Asked, PinLevel};
use crate::boot_log::BootLog;
use crate::model::FlashModel;
use crate::model::release::{Release, blank_unit, factory_unit, release_key};
use crate::update::PAGE;

const V1_0: Version = Version::new(1, 0, 0);
const V1_1: Version = Version::new(1, 1, 0);

fn old() -> Release {
    Release::of_length(Slot::A, V1_0, PAGE + 700)
}

fn new() -> Release {
    Release::of_length(Slot::B, V1_1, 2 * PAGE + 12)
}

fn log(flash: &mut FlashModel) -> Option<BootState> {
    BootLog::read(flash).state()
}

/// A unit whose image in slot B went on trial in recovery and crashes at each start.
fn crashing(release: &Release) -> FlashModel {
    let mut bench = Bench::new(blank_unit());
    assert!(bench.revive(release));
    let (_, mut flash) = bench.restart(ResetCause::Requested).runs();
    loop {
        match start(flash, ResetCause::Watchdog, Asked::Nothing) {
            Started::Runs(report, ran) => {
                assert_eq!(report.reason, BootReason::Trial);
                flash = ran;
            }
            Started::Recovers(mut bench) => return bench.worker.flash().clone(),
        }
    }
}

#[test]
fn an_empty_unit_takes_an_image_into_either_slot_and_runs_it_on_trial() {
    // fault:S9
    for release in [old(), new()] {
        let mut bench = Bench::new(blank_unit());
        let told = bench.status();
        assert_eq!((told.why, told.slots), (RecoveryReason::NoImage, [SlotTrouble::Empty; 2]));
        assert!(bench.stage(&release));
        let told = bench.status();
        assert_eq!(told.transfer, Transfer::Staged { image: release.image_ref() });
        assert_eq!(told.slots[usize::from(release.manifest.slot.code())], SlotTrouble::None);
        let Answer::Activating(activating) = bench.done(&ACTIVATE) else { panic!("not activated") };
        assert_eq!(activating.image, release.image_ref());
        assert!(!bench.unit().restart_is_due(), "the answer has to leave first");
        bench.unit().observe(u32::from(activating.reset_in_ms));
        assert!(bench.unit().restart_is_due());
        let (report, mut flash) = bench.restart(ResetCause::Requested).runs();
        assert_eq!((report.slot, report.reason, report.attempts), (release.manifest.slot, BootReason::Trial, 1));
        let state = log(&mut flash).expect("it is on record");
        assert_eq!(state.phase, Phase::Trial { attempts: 1, fallback: None });
        assert_eq!(state.last_switch, Switch::Activated { from: Version::ZERO });
    }
}

#[test]
fn a_unit_that_lost_both_images_and_both_logs_is_revived() {
    // fault:S9, fault:P5
    let mut flash = factory_unit(&old());
    new().install(&mut flash);
    flash.poison(Slot::A.image_offset() + 64);
    flash.flip_bit(Slot::B.image_offset() + 100, 3);
    for copy in BOOT_LOG_OFFSETS {
        flash.poison(copy);
    }
    let mut bench = Bench::new(flash);
    let told = bench.status();
    assert_eq!(told.slots, [SlotTrouble::Unreadable, SlotTrouble::ImageDiffers]);
    assert_eq!(told.log_copies_good, [false, false]);
    assert!(bench.revive(&new()));
    let (report, _) = bench.restart(ResetCause::Requested).runs();
    assert_eq!((report.slot, report.reason), (Slot::B, BootReason::Trial));
}

#[test]
fn a_unit_that_does_not_know_who_it_is_says_so_and_takes_nothing() {
    let mut flash = blank_unit();
    flash.wipe(IDENTITY_OFFSET, IDENTITY_OFFSET + PAGE_SIZE);
    flash.place(IDENTITY_OFFSET, &[0x5A; IDENTITY_SIZE]);
    let mut bench = Bench::new(flash);
    let told = bench.status();
    assert_eq!((told.hardware_revision, told.serial), (None, None));
    let begin = Request::Begin { manifest: old().sign(&release_key()) };
    assert!(matches!(bench.refused(&begin), Refusal::WrongHardware { .. }));
}

#[test]
fn an_image_that_crashes_on_trial_with_nothing_to_fall_back_on_ends_in_recovery() {
    // fault:S5, fault:S6
    let mut bench = Bench::after(crashing(&new()), ResetCause::Watchdog, Asked::Nothing);
    let told = bench.status();
    assert_eq!(told.why, RecoveryReason::TrialCrashed);
    assert_eq!(told.slots, [SlotTrouble::Empty, SlotTrouble::CrashedOnTrial]);
    let operations = bench.worker.flash().operations();
    // However often the watchdog bites, nothing is written (`fault:P13`).
    let mut bench = Bench::after(bench.worker.flash().clone(), ResetCause::Watchdog, Asked::Nothing);
    assert_eq!(bench.worker.flash().operations(), operations);
    // The image that crashed may be overwritten: nothing was ever confirmed.
    let fixed = Release::of_length(Slot::B, Version::new(1, 2, 0), PAGE);
    assert!(bench.revive(&fixed));
    let (report, mut flash) = bench.restart(ResetCause::Requested).runs();
    assert_eq!((report.slot, report.attempts), (Slot::B, 1));
    assert_eq!(log(&mut flash).map(|state| state.last_switch), Some(Switch::Activated { from: V1_1 }));
}

#[test]
fn a_power_cycle_gives_an_image_that_crashed_on_trial_another_try() {
    let (report, flash) = start(crashing(&new()), ResetCause::PowerOn, Asked::Nothing).runs();
    assert_eq!((report.reason, report.slot), (BootReason::Trial, Slot::B));
    assert!(matches!(start(flash, ResetCause::Panic, Asked::Nothing), Started::Recovers(_)));
}

#[test]
fn a_confirmed_image_that_verifies_never_goes_to_recovery_by_itself() {
    for &reset in ResetCause::ALL {
        let mut flash = factory_unit(&old());
        for _ in 0..20 {
            let (report, after) = start(flash, reset, Asked::Nothing).runs();
            assert_eq!(report.reason, BootReason::Confirmed);
            flash = after;
        }
    }
}

#[test]
fn a_unit_that_is_asked_to_stay_keeps_its_confirmed_image() {
    let mut bench = Bench::after(factory_unit(&old()), ResetCause::Pin, Asked::PinHeld);
    let told = bench.status();
    assert_eq!((told.why, told.slots), (RecoveryReason::Pin, [SlotTrouble::None, SlotTrouble::Empty]));
    let before = bench.worker.flash().operations();
    let over = Release::of_length(Slot::A, V1_1, PAGE);
    assert_eq!(
        bench.refused(&Request::Begin { manifest: over.sign(&release_key()) }),
        Refusal::SlotRuns { slot: Slot::A }
    );
    assert_eq!(bench.worker.flash().operations(), before);
    // Nothing that was done here stops the next boot.
    let (report, _) = start(bench.worker.flash().clone(), ResetCause::PowerOn, Asked::Nothing).runs();
    assert_eq!(report.reason, BootReason::Confirmed);
    // The other slot is free, and the confirmed image is what its trial falls back on.
    assert!(bench.revive(&new()));
    let (_, mut flash) = bench.restart(ResetCause::Requested).runs();
    let fallback = Some(old().image_ref());
    assert_eq!(log(&mut flash).map(|state| state.phase), Some(Phase::Trial { attempts: 1, fallback }));
}

#[test]
fn what_a_trial_falls_back_on_is_kept_too() {
    let mut flash = factory_unit(&old());
    new().install(&mut flash);
    let state = crate::transition::activate(log(&mut flash), old().image_ref(), new().image_ref()).unwrap();
    BootLog::append(&mut flash, state).unwrap();
    let mut bench = Bench::after(flash, ResetCause::Requested, Asked::MarkLeft);
    assert_eq!(bench.status().why, RecoveryReason::Requested);
    let over =
        |slot| Request::Begin { manifest: Release::of_length(slot, Version::new(1, 2, 0), PAGE).sign(&release_key()) };
    assert_eq!(bench.refused(&over(Slot::A)), Refusal::SlotRuns { slot: Slot::A });
    assert!(matches!(bench.done(&over(Slot::B)), Answer::Began(_)));
}

#[test]
fn the_only_image_of_a_unit_without_a_log_is_kept_and_put_on_record() {
    let mut flash = blank_unit();
    old().install(&mut flash);
    let mut bench = Bench::after(flash, ResetCause::PowerOn, Asked::PinHeld);
    let over = Release::of_length(Slot::A, V1_1, PAGE);
    assert_eq!(
        bench.refused(&Request::Begin { manifest: over.sign(&release_key()) }),
        Refusal::SlotRuns { slot: Slot::A }
    );
    // A second image that is whole is not started before somebody activates it.
    assert!(bench.stage(&new()));
    let (report, _) = bench.restart(ResetCause::PowerOn).runs();
    assert_eq!((report.slot, report.reason), (Slot::A, BootReason::Confirmed));
}

#[test]
fn an_image_that_is_whole_but_was_not_activated_starts_on_trial_after_a_loss_of_power() {
    let mut flash = factory_unit(&old());
    flash.poison(Slot::A.image_offset());
    let mut bench = Bench::new(flash);
    assert!(bench.stage(&new()));
    let (report, mut flash) = bench.restart(ResetCause::PowerOn).runs();
    assert_eq!(report.reason, BootReason::Trial);
    let fallback = Some(old().image_ref());
    assert_eq!(log(&mut flash).map(|state| state.phase), Some(Phase::Trial { attempts: 1, fallback }));
}

#[test]
fn pin_and_mark_ask_and_an_old_mark_does_not() {
    let mark = |kind| Some(Mark { kind, detail: 0 });
    let recovery = mark(MarkKind::Recovery);
    for (pin, mark, reset, asked) in [
        (PinLevel::Free, None, ResetCause::PowerOn, Asked::Nothing),
        (PinLevel::Held, None, ResetCause::PowerOn, Asked::PinHeld),
        (PinLevel::Held, recovery, ResetCause::Requested, Asked::PinHeld),
        (PinLevel::Free, recovery, ResetCause::Requested, Asked::MarkLeft),
        (PinLevel::Free, mark(MarkKind::Requested), ResetCause::Requested, Asked::Nothing),
        (PinLevel::Free, recovery, ResetCause::BrownOut, Asked::Nothing),
        (PinLevel::Free, recovery, ResetCause::Watchdog, Asked::Nothing),
        (PinLevel::Free, recovery, ResetCause::Pin, Asked::Nothing),
    ] {
        assert_eq!(Asked::by(pin, mark, reset), asked, "{pin:?} {mark:?} {reset}");
    }
}
