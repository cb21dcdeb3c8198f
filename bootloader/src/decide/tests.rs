use super::*;
use proptest::prelude::*;
use protocol::digest::ImageTag;

/// What the slots hold, without flash; counts how often they are looked at.
struct Slots {
    a: Option<ImageRef>,
    b: Option<ImageRef>,
    looks: usize,
}

impl Images for Slots {
    fn verify(&mut self, slot: Slot) -> Result<ImageRef, SlotTrouble> {
        self.looks += 1;
        let image = if slot == Slot::A { self.a } else { self.b };
        image.ok_or(wrong_with(slot))
    }
}

fn wrong_with(slot: Slot) -> SlotTrouble {
    if slot == Slot::A { SlotTrouble::Unreadable } else { SlotTrouble::ImageDiffers }
}

fn image(slot: Slot, minor: u16) -> ImageRef {
    ImageRef { slot, version: Version::new(1, minor, 0), tag: ImageTag([minor as u8; 8]) }
}

fn old() -> ImageRef {
    image(Slot::A, 1)
}

fn new() -> ImageRef {
    image(Slot::B, 2)
}

fn confirmed(active: ImageRef) -> BootState {
    let floor = Version::new(1, 0, 0);
    BootState { active, phase: Phase::Confirmed, floor, floor_order: 3, last_switch: Switch::Factory }
}

fn trial(attempts: u8) -> BootState {
    BootState {
        phase: Phase::Trial { attempts, fallback: Some(old()) },
        last_switch: Switch::Activated { from: old().version },
        ..confirmed(new())
    }
}

fn fell_back(cause: FallbackCause, reset: ResetCause) -> BootState {
    BootState { last_switch: Switch::FellBack { from: new().version, cause, reset }, ..confirmed(old()) }
}

fn decide_with(
    log: Option<BootState>,
    a: Option<ImageRef>,
    b: Option<ImageRef>,
    reset: ResetCause,
) -> (Decision, usize) {
    let mut slots = Slots { a, b, looks: 0 };
    let decision = decide(log, &mut slots, reset);
    (decision, slots.looks)
}

/// Image, reason and record of a decision to run, for tables.
type Ran = (ImageRef, BootReason, u8, Option<BootState>);

/// What, log, slot A, slot B, reset, expected.
type Row = (&'static str, Option<BootState>, Option<ImageRef>, Option<ImageRef>, ResetCause, Option<Ran>);

fn ran(decision: Decision) -> Option<Ran> {
    match decision {
        Decision::Run(run) => Some((run.image, run.reason, run.attempts, run.record)),
        Decision::Recovery { .. } => None,
    }
}

#[test]
fn the_decision_for_each_log_and_each_content_of_the_slots() {
    use BootReason::{Confirmed, ConfirmedInvalid, FellBack, OnlyImage, Trial};
    use FallbackCause::{AttemptsUsed, ImageInvalid};
    use ResetCause::{PowerOn, Requested, Watchdog};

    let (both_a, both_b) = (Some(old()), Some(new()));
    // The same slots with images that the log does not know.
    let (odd_a, odd_b) = (Some(image(Slot::A, 7)), Some(image(Slot::B, 8)));
    let swapped_in = |to: ImageRef, cause, reset| BootState {
        last_switch: Switch::FellBack { from: old().version, cause, reset },
        ..confirmed(to)
    };
    let gave_up_to = |to, cause, reset| BootState { active: to, ..fell_back(cause, reset) };
    let trial_without_fallback = |attempts| Phase::Trial { attempts, fallback: None };
    let without_fallback = BootState { phase: trial_without_fallback(3), ..trial(3) };
    let first_trial = |active: ImageRef, fallback| BootState {
        active,
        phase: Phase::Trial { attempts: 1, fallback: Some(fallback) },
        floor: Version::ZERO,
        floor_order: 0,
        last_switch: Switch::Factory,
    };
    let twin = image(Slot::B, 1);

    let table: [Row; 23] = [
        ("confirmed", Some(confirmed(old())), both_a, both_b, Watchdog, Some((old(), Confirmed, 0, None))),
        (
            "confirmed, invalid",
            Some(confirmed(old())),
            None,
            both_b,
            PowerOn,
            Some((new(), ConfirmedInvalid, 0, Some(swapped_in(new(), ImageInvalid, PowerOn)))),
        ),
        (
            "confirmed, another image there, other slot valid",
            Some(confirmed(old())),
            odd_a,
            both_b,
            PowerOn,
            Some((new(), ConfirmedInvalid, 0, Some(swapped_in(new(), ImageInvalid, PowerOn)))),
        ),
        (
            "confirmed, another image there, alone",
            Some(confirmed(old())),
            odd_a,
            None,
            PowerOn,
            Some((image(Slot::A, 7), OnlyImage, 0, None)),
        ),
        ("confirmed, nothing valid", Some(confirmed(old())), None, None, PowerOn, None),
        ("first start", Some(trial(0)), both_a, both_b, Requested, Some((new(), Trial, 1, Some(trial(1))))),
        ("second start", Some(trial(1)), both_a, both_b, Watchdog, Some((new(), Trial, 2, Some(trial(2))))),
        ("third start", Some(trial(2)), both_a, both_b, Watchdog, Some((new(), Trial, 3, Some(trial(3))))),
        (
            "attempts used",
            Some(trial(3)),
            both_a,
            both_b,
            Watchdog,
            Some((old(), FellBack, 0, Some(fell_back(AttemptsUsed, Watchdog)))),
        ),
        ("power came and went", Some(trial(3)), both_a, both_b, PowerOn, Some((new(), Trial, 4, Some(trial(4))))),
        (
            "power came and went too often",
            Some(trial(10)),
            both_a,
            both_b,
            PowerOn,
            Some((old(), FellBack, 0, Some(fell_back(AttemptsUsed, PowerOn)))),
        ),
        (
            "trial invalid",
            Some(trial(0)),
            both_a,
            None,
            Requested,
            Some((old(), FellBack, 0, Some(fell_back(ImageInvalid, Requested)))),
        ),
        (
            "another image in the trial's slot",
            Some(trial(0)),
            both_a,
            odd_b,
            Requested,
            Some((old(), FellBack, 0, Some(fell_back(ImageInvalid, Requested)))),
        ),
        (
            "fallback is another image now",
            Some(trial(3)),
            odd_a,
            both_b,
            Watchdog,
            Some((image(Slot::A, 7), FellBack, 0, Some(gave_up_to(image(Slot::A, 7), AttemptsUsed, Watchdog)))),
        ),
        // fault:S5, fault:S6: nothing to fall back on. A crash ends in recovery, any other reset is another start.
        ("no fallback", Some(without_fallback), None, both_b, Watchdog, None),
        (
            "no fallback, power came and went",
            Some(without_fallback),
            None,
            both_b,
            PowerOn,
            Some((new(), Trial, 4, Some(BootState { phase: trial_without_fallback(4), ..without_fallback }))),
        ),
        (
            "no fallback, power came and went too often: it runs on, without a write",
            Some(BootState { phase: trial_without_fallback(10), ..without_fallback }),
            None,
            both_b,
            PowerOn,
            Some((new(), Trial, 10, None)),
        ),
        // The image in the other slot was never confirmed either.
        (
            "no fallback, another image",
            Some(without_fallback),
            odd_a,
            both_b,
            Watchdog,
            Some((
                image(Slot::A, 7),
                FellBack,
                1,
                Some(BootState {
                    phase: trial_without_fallback(1),
                    ..gave_up_to(image(Slot::A, 7), AttemptsUsed, Watchdog)
                }),
            )),
        ),
        ("another image, alone", Some(trial(0)), None, odd_b, Watchdog, Some((image(Slot::B, 8), OnlyImage, 0, None))),
        ("trial, nothing valid", Some(trial(1)), None, None, Watchdog, None),
        // fault:S9
        ("no log, two images", None, both_a, both_b, PowerOn, Some((new(), Trial, 1, Some(first_trial(new(), old()))))),
        (
            "no log, equal versions",
            None,
            both_a,
            Some(twin),
            PowerOn,
            Some((old(), Trial, 1, Some(first_trial(old(), twin)))),
        ),
        ("no log, one image", None, None, both_b, PowerOn, Some((new(), OnlyImage, 0, None))),
    ];
    for (what, log, a, b, reset, expected) in table {
        assert_eq!(ran(decide_with(log, a, b, reset).0), expected, "{what}");
    }
}

#[test]
fn an_empty_unit_stays_in_recovery_and_says_why_for_each_slot() {
    for log in [None, Some(confirmed(old())), Some(trial(1)), Some(trial(3))] {
        let (decision, _) = decide_with(log, None, None, ResetCause::PowerOn);
        let slots = Slot::ALL.map(wrong_with);
        assert_eq!(decision, Decision::Recovery { why: RecoveryReason::NoImage, slots });
    }
}

#[test]
fn a_trial_without_fallback_that_crashes_is_told_as_such() {
    // fault:S5
    let log = BootState { phase: Phase::Trial { attempts: MAX_ATTEMPTS, fallback: None }, ..trial(0) };
    for &reset in ResetCause::ALL {
        let (decision, _) = decide_with(Some(log), None, Some(new()), reset);
        let crashed = Decision::Recovery {
            why: RecoveryReason::TrialCrashed,
            slots: [wrong_with(Slot::A), SlotTrouble::CrashedOnTrial],
        };
        assert_eq!(decision == crashed, blames_image(reset), "{reset}: {decision:?}");
    }
}

#[test]
fn two_images_that_crash_and_were_never_confirmed_are_each_tried_once() {
    // fault:P13
    let mut log = BootState { phase: Phase::Trial { attempts: 0, fallback: None }, ..trial(0) };
    let mut starts = Vec::new();
    while let Some((image, _, _, Some(record))) =
        ran(decide_with(Some(log), Some(old()), Some(new()), ResetCause::Watchdog).0)
    {
        starts.push(image.slot);
        log = record;
    }
    assert_eq!(starts, [[Slot::B; 3], [Slot::A; 3]].concat());
    let (decision, _) = decide_with(Some(log), Some(old()), Some(new()), ResetCause::Watchdog);
    let (why, slots) = (RecoveryReason::TrialCrashed, [SlotTrouble::CrashedOnTrial; 2]);
    assert_eq!(decision, Decision::Recovery { why, slots });
}

#[test]
fn two_images_that_nobody_blames_or_confirms_cost_their_starts_and_no_more() {
    // fault:P13: the most that a sequence of boots ever writes.
    let mut log = BootState { phase: Phase::Trial { attempts: 0, fallback: None }, ..trial(0) };
    let mut writes = 0;
    for _ in 0..100 {
        let run = ran(decide_with(Some(log), Some(old()), Some(new()), ResetCause::PowerOn).0).unwrap();
        if let (_, _, _, Some(record)) = run {
            (log, writes) = (record, writes + 1);
        }
    }
    assert_eq!(writes, 2 * MAX_STARTS);
}

#[test]
fn an_ordinary_boot_verifies_one_slot_once() {
    for (log, reset) in
        [(confirmed(old()), ResetCause::PowerOn), (trial(0), ResetCause::Requested), (trial(3), ResetCause::Watchdog)]
    {
        assert_eq!(decide_with(Some(log), Some(old()), Some(new()), reset).1, 1);
    }
}

#[test]
fn three_starts_that_fail_end_a_trial() {
    // fault:S3, boot:B7
    let mut log = trial(0);
    let mut starts = 0;
    let mut reset = ResetCause::Requested;
    while let Some((image, BootReason::Trial, _, Some(record))) =
        ran(decide_with(Some(log), Some(old()), Some(new()), reset).0)
    {
        assert_eq!(image, new());
        (log, reset, starts) = (record, ResetCause::Watchdog, starts + 1);
    }
    assert_eq!(starts, MAX_ATTEMPTS);
}

#[test]
fn every_reset_is_blamed_on_the_image_or_not() {
    // fault:S4
    let blamed: Vec<_> = ResetCause::ALL.iter().filter(|&&reset| blames_image(reset)).collect();
    let expected = [
        ResetCause::Unknown,
        ResetCause::Panic,
        ResetCause::Watchdog,
        ResetCause::WindowWatchdog,
        ResetCause::LowPower,
    ];
    assert_eq!(blamed, expected.iter().collect::<Vec<_>>());
}

fn any_image(slot: Slot) -> impl Strategy<Value = ImageRef> {
    (0_u16..4).prop_map(move |minor| image(slot, minor))
}

fn any_state() -> impl Strategy<Value = BootState> {
    let somewhere = || prop_oneof![any_image(Slot::A), any_image(Slot::B)];
    let phase = prop_oneof![
        Just(Phase::Confirmed),
        (any::<u8>(), proptest::option::of(somewhere()))
            .prop_map(|(attempts, fallback)| Phase::Trial { attempts, fallback }),
    ];
    (somewhere(), phase).prop_map(|(active, phase)| BootState { phase, ..confirmed(active) })
}

proptest! {
    #[test]
    fn whatever_the_log_says_a_valid_image_is_run_if_there_is_one_that_did_not_just_crash(
        log in proptest::option::of(any_state()),
        a in proptest::option::of(any_image(Slot::A)),
        b in proptest::option::of(any_image(Slot::B)),
        reset in proptest::sample::select(ResetCause::ALL),
    ) {
        match ran(decide_with(log, a, b, reset).0) {
            Some((image, _, attempts, record)) => {
                prop_assert!(Some(image) == a || Some(image) == b);
                prop_assert!(attempts <= MAX_STARTS);
                // What is written names what runs, and never lowers the floor.
                if let Some(record) = record {
                    prop_assert_eq!(record.active, image);
                    prop_assert!(log.is_none_or(|log| record.floor == log.floor));
                }
            }
            None if a.is_none() && b.is_none() => {}
            // A crash at the last start that a trial has, and nothing to fall back on.
            None => {
                let Some(BootState { active, phase: Phase::Trial { attempts, .. }, .. }) = log else {
                    return Err(TestCaseError::fail("recovery although something could run"));
                };
                let (here, there) = if active.slot == Slot::A { (a, b) } else { (b, a) };
                prop_assert!(blames_image(reset) && attempts >= MAX_ATTEMPTS && here == Some(active) && there.is_none());
            }
        }
    }

    #[test]
    fn boots_settle_without_writing_for_ever(
        log in proptest::option::of(any_state()),
        a in proptest::option::of(any_image(Slot::A)),
        b in proptest::option::of(any_image(Slot::B)),
        resets in proptest::collection::vec(proptest::sample::select(ResetCause::ALL), 40),
    ) {
        // fault:P13: an image that is never confirmed, under any sequence of resets.
        let mut log = log;
        let mut writes = 0;
        for reset in resets {
            if let Some((_, _, _, Some(record))) = ran(decide_with(log, a, b, reset).0) {
                log = Some(record);
                writes += 1;
            }
        }
        prop_assert!(writes <= 2 * MAX_STARTS, "{writes} records");
    }
}
