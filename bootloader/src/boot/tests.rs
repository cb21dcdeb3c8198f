use super::*;
use crate::boot_log::CopyHealth;
use crate::decide::{MAX_ATTEMPTS, MAX_STARTS, blames_image};
use crate::model::release::{Release, blank_unit, factory_unit};
use crate::model::{FlashModel, Tear};
use crate::transition::{Confirmation, activate, confirm, floor_of, roll_back};
use proptest::prelude::*;
use protocol::boot_record::{BootRecord, FallbackCause, ImageRef, RECORD_SIZE, Switch};
use protocol::digest::ImageTag;
use protocol::handover::{BootReason, MarkKind};
use protocol::layout::{BOOT_LOG_OFFSETS, PAGE_SIZE};
use protocol::semver::Version;

fn old() -> Release {
    Release::new(Slot::A, Version::new(1, 0, 0))
}

fn new() -> Release {
    let mut release = Release::new(Slot::B, Version::new(1, 1, 0));
    release.manifest.security_floor = Version::new(1, 0, 0);
    release
}

/// A unit that runs the old release, with the new one staged beside it.
fn staged_unit() -> FlashModel {
    let mut flash = factory_unit(&old());
    new().install(&mut flash);
    flash
}

fn boot_once(flash: &mut FlashModel, reset: ResetCause) -> (ImageRef, BootReport) {
    match boot(flash, reset, None, Asked::Nothing) {
        Boot::Run { image, report } => (image.image_ref(), report),
        Boot::Recovery { slots: [a, b], .. } => panic!("in recovery: {a}; {b}"),
    }
}

/// One step of a unit's life: what firmware or loader append.
type Step = fn(&mut FlashModel);

fn append(flash: &mut FlashModel, state: BootState) {
    let _ = BootLog::append(flash, state);
}

fn log(flash: &mut FlashModel) -> Option<BootState> {
    BootLog::read(flash).state()
}

const ACTIVATE: Step = |flash| {
    let state = activate(log(flash), old().image_ref(), new().image_ref()).expect("nothing is pending");
    append(flash, state);
};
const CONFIRM: Step = |flash| {
    let floor = new().manifest.security_floor;
    if let Ok(Confirmation::Append(state)) = confirm(log(flash), new().image_ref(), floor) {
        append(flash, state);
    }
};
const ROLL_BACK: Step = |flash| {
    if let Ok(state) = roll_back(log(flash), new().image_ref(), old().image_ref()) {
        append(flash, state);
    }
};
const BOOT: Step = |flash| {
    let _ = boot(flash, ResetCause::PowerOn, None, Asked::Nothing);
};
const BOOT_AFTER_WATCHDOG: Step = |flash| {
    let _ = boot(flash, ResetCause::Watchdog, None, Asked::Nothing);
};

/// The life of a unit up to each step that is then cut.
fn lives() -> Vec<(&'static str, Vec<Step>, Step)> {
    vec![
        ("activate", vec![], ACTIVATE),
        ("first start", vec![ACTIVATE], BOOT),
        ("confirm", vec![ACTIVATE, BOOT], CONFIRM),
        ("roll back", vec![ACTIVATE, BOOT, CONFIRM], ROLL_BACK),
        ("fall back", vec![ACTIVATE, BOOT, BOOT_AFTER_WATCHDOG, BOOT_AFTER_WATCHDOG], BOOT_AFTER_WATCHDOG),
    ]
}

/// A unit after some steps, its log filled by `filler` records before them.
fn lived(filler: usize, steps: &[Step]) -> FlashModel {
    let mut flash = staged_unit();
    for _ in 0..filler {
        let state = log(&mut flash).expect("a unit from the factory has a log");
        append(&mut flash, state);
    }
    steps.iter().for_each(|step| step(&mut flash));
    flash
}

fn operations(start: &FlashModel, step: Step) -> u64 {
    let mut flash = start.clone();
    step(&mut flash);
    flash.operations() - start.operations()
}

/// Boots until the log no longer changes, and says what runs.
fn settles_on(flash: &mut FlashModel, reset: ResetCause) -> ImageRef {
    for _ in 0..=MAX_STARTS {
        let before = log(flash);
        let (image, _) = boot_once(flash, reset);
        if log(flash) == before {
            return image;
        }
    }
    panic!("still writing after {MAX_STARTS} boots");
}

#[test]
fn power_lost_anywhere_in_a_change_of_state_boots_the_old_image_or_the_new_one() {
    // fault:P1, fault:P3, fault:P4, fault:S10, fault:R4
    let mut cuts = 0;
    for filler in [0, 28, 29, 30, 31] {
        for (what, before, step) in lives() {
            let start = lived(filler, &before);
            for cut in 0..operations(&start, step) {
                for tear in Tear::kinds(cut + filler as u64) {
                    let mut flash = start.clone();
                    flash.plan_cut(cut, tear);
                    step(&mut flash);
                    assert!(flash.is_off(), "{what}: no operation {cut}");
                    flash.power_on();
                    let floor_before = floor_of(log(&mut start.clone()));
                    let (image, report) = boot_once(&mut flash, ResetCause::PowerOn);
                    let known = [old().image_ref(), new().image_ref()].contains(&image);
                    assert!(known, "{what}, {filler} records, {tear:?} at {cut}: {image:?}");
                    assert_eq!(report.slot, image.slot);
                    assert!(floor_of(log(&mut flash)) >= floor_before, "{what}: the floor sank, {tear:?} at {cut}");
                    // And left alone it comes to rest on one of them, whatever becomes of the trial.
                    let rests = settles_on(&mut flash, ResetCause::Watchdog);
                    assert!([old().image_ref(), new().image_ref()].contains(&rests));
                    cuts += 1;
                }
            }
        }
    }
    assert!(cuts > 2_000, "{cuts}");
}

#[test]
fn a_second_cut_in_the_boot_after_the_first_is_survived_too() {
    // fault:P2: every cut of the change, then every cut of the boot that follows it.
    for (what, before, step) in lives() {
        let start = lived(30, &before);
        for cut in (0..operations(&start, step)).step_by(3) {
            for tear in Tear::kinds(cut) {
                let mut first = start.clone();
                first.plan_cut(cut, tear);
                step(&mut first);
                first.power_on();
                for second in (0..operations(&first, BOOT)).step_by(5) {
                    let mut flash = first.clone();
                    flash.plan_cut(second, Tear::kinds(second)[(cut + second) as usize % 7]);
                    BOOT(&mut flash);
                    flash.power_on();
                    let (image, _) = boot_once(&mut flash, ResetCause::PowerOn);
                    assert!([old().image_ref(), new().image_ref()].contains(&image), "{what}: {tear:?} at {cut}");
                }
            }
        }
    }
}

#[test]
fn a_release_that_works_is_confirmed_and_stays() {
    // fault:S3
    let mut flash = staged_unit();
    ACTIVATE(&mut flash);
    let (image, report) = boot_once(&mut flash, ResetCause::Requested);
    assert_eq!((image, report.reason, report.attempts), (new().image_ref(), BootReason::Trial, 1));
    CONFIRM(&mut flash);
    assert_eq!(floor_of(log(&mut flash)), Version::new(1, 0, 0));
    for reset in ResetCause::ALL.iter().copied().cycle().take(50) {
        let before = flash.operations();
        let (image, report) = boot_once(&mut flash, reset);
        assert_eq!((image, report.reason, report.attempts), (new().image_ref(), BootReason::Confirmed, 0));
        assert_eq!(flash.operations(), before, "a confirmed boot writes nothing");
    }
}

#[test]
fn a_release_that_hangs_is_given_up_after_three_starts_with_the_reason_kept() {
    // boot:B7, fault:S2
    let mut flash = staged_unit();
    ACTIVATE(&mut flash);
    for attempt in 1..=MAX_ATTEMPTS {
        let reset = if attempt == 1 { ResetCause::Requested } else { ResetCause::Watchdog };
        let (image, report) = boot_once(&mut flash, reset);
        assert_eq!((image, report.attempts), (new().image_ref(), attempt));
    }
    let (image, report) = boot_once(&mut flash, ResetCause::Watchdog);
    assert_eq!((image, report.reason), (old().image_ref(), BootReason::FellBack));
    let state = log(&mut flash).expect("a log");
    let gave_up = Switch::FellBack {
        from: new().manifest.version,
        cause: FallbackCause::AttemptsUsed,
        reset: ResetCause::Watchdog,
    };
    assert_eq!((state.phase, state.last_switch), (Phase::Confirmed, gave_up));
    let before = flash.operations();
    assert_eq!(boot_once(&mut flash, ResetCause::PowerOn).1.reason, BootReason::Confirmed);
    assert_eq!(flash.operations(), before);
}

#[test]
fn a_trial_whose_start_cannot_be_counted_is_not_started() {
    let mut flash = staged_unit();
    ACTIVATE(&mut flash);
    BOOT_LOG_OFFSETS.iter().for_each(|&page| flash.make_worn(page));
    let (image, report) = boot_once(&mut flash, ResetCause::Requested);
    assert_eq!((image, report.reason), (old().image_ref(), BootReason::FellBack));
}

#[test]
fn a_trial_that_crashes_with_nothing_to_fall_back_on_ends_in_recovery_and_runs_on_when_nobody_blames_it() {
    // fault:S5, fault:S6, fault:P13
    let mut flash = blank_unit();
    new().install(&mut flash);
    let state = BootState {
        active: new().image_ref(),
        phase: Phase::Trial { attempts: 0, fallback: Some(old().image_ref()) },
        floor: Version::ZERO,
        floor_order: 0,
        last_switch: Switch::Factory,
    };
    append(&mut flash, state);
    for _ in 0..MAX_ATTEMPTS {
        boot_once(&mut flash, ResetCause::Watchdog);
    }
    let crashed =
        Boot::Recovery { why: RecoveryReason::TrialCrashed, slots: [SlotTrouble::Empty, SlotTrouble::CrashedOnTrial] };
    let before = flash.operations();
    for _ in 0..20 {
        assert_eq!(boot(&mut flash, ResetCause::Watchdog, None, Asked::Nothing), crashed);
    }
    assert_eq!(flash.operations(), before);
    for _ in MAX_ATTEMPTS..MAX_STARTS {
        boot_once(&mut flash, ResetCause::PowerOn);
    }
    let before = flash.operations();
    for _ in 0..20 {
        assert_eq!(boot_once(&mut flash, ResetCause::PowerOn).0, new().image_ref());
    }
    assert_eq!(flash.operations(), before);
}

#[test]
fn a_poisoned_image_gives_way_to_the_other_one() {
    // fault:P5
    let mut flash = staged_unit();
    flash.poison(Slot::A.image_offset() + 64);
    let (image, report) = boot_once(&mut flash, ResetCause::PowerOn);
    assert_eq!((image, report.reason), (new().image_ref(), BootReason::ConfirmedInvalid));
    assert_eq!(boot_once(&mut flash, ResetCause::PowerOn).1.reason, BootReason::Confirmed);
}

#[test]
fn poisoned_logs_still_boot() {
    // fault:P5
    for copies in [&BOOT_LOG_OFFSETS[..1], &BOOT_LOG_OFFSETS[1..], &BOOT_LOG_OFFSETS[..]] {
        let mut flash = factory_unit(&old());
        for &copy in copies {
            (0..PAGE_SIZE).step_by(8).for_each(|offset| flash.poison(copy + offset));
        }
        let (image, report) = boot_once(&mut flash, ResetCause::PowerOn);
        assert_eq!(image, old().image_ref());
        assert_eq!(report.log_copies_good.iter().filter(|&&good| !good).count(), copies.len());
    }
}

#[test]
fn an_image_below_the_floor_never_runs() {
    // boot:B8, fault:R1: not even as the only one.
    let mut flash = factory_unit(&old());
    let floor = Version::new(1, 0, 1);
    let state = BootState { floor, ..log(&mut flash).expect("a log") };
    append(&mut flash, state);
    assert!(matches!(boot(&mut flash, ResetCause::PowerOn, None, Asked::Nothing), Boot::Recovery { .. }));
}

#[test]
fn a_floor_of_the_highest_version_shuts_everything_out_and_nothing_else_breaks() {
    // fault:R6: nothing verifies any more, and the unit says so instead of crashing.
    let mut flash = staged_unit();
    let top = Version::new(u16::MAX, u16::MAX, u16::MAX);
    let state = BootState { floor: top, ..log(&mut flash).expect("a log") };
    append(&mut flash, state);
    assert!(matches!(boot(&mut flash, ResetCause::PowerOn, None, Asked::Nothing), Boot::Recovery { .. }));
}

#[test]
fn an_empty_unit_stays_in_recovery_and_writes_nothing() {
    // fault:S9
    let mut flash = blank_unit();
    let expected = Boot::Recovery { why: RecoveryReason::NoImage, slots: [SlotTrouble::Empty; 2] };
    assert_eq!(boot(&mut flash, ResetCause::PowerOn, None, Asked::Nothing), expected);
    assert_eq!(flash.operations(), 0);
}

#[test]
fn the_report_tells_what_the_log_and_the_mark_said() {
    let mut flash = factory_unit(&old());
    flash.poison(BOOT_LOG_OFFSETS[1]);
    let mark = Mark { kind: MarkKind::Panic, detail: 0x0801_2345 };
    let Boot::Run { report, .. } = boot(&mut flash, ResetCause::Panic, Some(mark), Asked::Nothing) else {
        panic!("in recovery")
    };
    let expected = BootReport {
        slot: Slot::A,
        reason: BootReason::Confirmed,
        reset: ResetCause::Panic,
        attempts: 0,
        log_copies_good: [true, false],
        loader: LOADER_VERSION,
        boot_us: 0,
        mark_detail: 0x0801_2345,
    };
    assert_eq!(report, expected);
    assert!(matches!(BootLog::read(&mut flash).copies[1], CopyHealth::Doubtful { .. }));
}

/// A record of any content that the format allows.
fn any_record() -> impl Strategy<Value = [u8; RECORD_SIZE]> {
    let image = (any::<bool>(), 0_u16..3, 0_u8..4).prop_map(|(in_b, minor, tag)| {
        let known = if in_b { new().image_ref() } else { old().image_ref() };
        // Mostly the images that exist, now and then one that does not.
        if tag == 0 { ImageRef { version: Version::new(1, minor, 0), tag: ImageTag([tag; 8]), ..known } } else { known }
    });
    let phase = prop_oneof![
        Just(Phase::Confirmed),
        (any::<u8>(), proptest::option::of(image.clone()))
            .prop_map(|(attempts, fallback)| Phase::Trial { attempts, fallback }),
    ];
    (any::<u32>(), image, phase, 0_u16..3).prop_map(|(sequence, active, phase, minor)| {
        let floor = Version::new(0, minor, 0);
        let state = BootState { active, phase, floor, floor_order: 0, last_switch: Switch::Factory };
        BootRecord { sequence, state }.emit()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_the_log_holds_only_a_verified_image_runs_and_one_does_unless_it_just_crashed(
        records in proptest::collection::vec((0_usize..2, 0_u32..32, any_record()), 0..20),
        garbage in proptest::collection::vec((0_usize..2, 0_u32..256, any::<[u8; 8]>(), any::<bool>()), 0..20),
        break_a: bool, break_b: bool,
        reset in proptest::sample::select(ResetCause::ALL),
    ) {
        let mut flash = staged_unit();
        for (copy, place, record) in records {
            flash.place(BOOT_LOG_OFFSETS[copy] + place * RECORD_SIZE as u32, &record);
        }
        for (copy, place, bytes, poisoned) in garbage {
            let offset = BOOT_LOG_OFFSETS[copy] + place * 8;
            if poisoned { flash.poison(offset) } else { flash.place(offset, &bytes) }
        }
        for (release, is_broken) in [(old(), break_a), (new(), break_b)] {
            if is_broken {
                flash.flip_bit(release.manifest.slot.image_offset() + 300, 3);
            }
        }
        for _ in 0..3 {
            match boot(&mut flash, reset, None, Asked::Nothing) {
                Boot::Run { image, .. } => {
                    let good = [(old(), break_a), (new(), break_b)]
                        .iter()
                        .any(|(release, is_broken)| release.image_ref() == image.image_ref() && !is_broken);
                    prop_assert!(good);
                }
                // A crash at the last start that a trial has, and nothing to fall back on.
                Boot::Recovery { why: RecoveryReason::TrialCrashed, .. } => {
                    prop_assert!(blames_image(reset) && (break_a || break_b));
                }
                Boot::Recovery { .. } => prop_assert!(break_a && break_b),
            }
        }
    }
}
