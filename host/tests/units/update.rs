//! Whole updates of a unit in memory.

use std::time::Duration;

use protocol::boot_record::{Phase, Switch};
use protocol::digest::sha256;
use protocol::layout::Slot;
use protocol::manifest::HardwareSet;
use protocol::semver::Version;
use sonde::bundle::Release;
use sonde::bundle::build::{ReleaseTerms, assemble};
use sonde::bus::UnitId;
use sonde::elf::LinkedImage;
use sonde::failure::{Class, Failure as _};
use sonde::key::ReleaseKey;
use sonde::update::{
    ChooseError, Image, Options, Outcome, Precheck, Reason, Report, Then, TrialLimits, UpdateError, confirm, roll_back,
    update,
};

use crate::fake_unit::{Behaviour, FakeUnit, Faults, Shared};
use crate::session::connect;

/// 30 pages and a bit.
const IMAGE: usize = 30 * 2048 + 1000;

pub(crate) fn key() -> ReleaseKey {
    ReleaseKey::from_secret(&[1; 32])
}

pub(crate) fn version(minor: u16) -> Version {
    Version::new(1, minor, 0)
}

/// Bytes that compress badly and differ between slots and versions in a few places only, as real images do.
fn image(slot: Slot, minor: u16) -> LinkedImage {
    let mut bytes: Vec<u8> =
        (0_u32..IMAGE as u32).flat_map(|index| sha256(&index.to_le_bytes())[..1].to_vec()).collect();
    for place in 0..3 {
        bytes[4000 + place * 20_000] = slot.code() + 10 * minor as u8;
    }
    LinkedImage { slot, bytes, build_id: None }
}

pub(crate) fn bytes(minor: u16, key: &ReleaseKey, hardware: u8) -> Vec<u8> {
    let terms = ReleaseTerms {
        version: version(minor),
        hardware: HardwareSet::only(hardware),
        security_floor: Version::ZERO,
        minimum_loader: Version::ZERO,
        last_day: None,
    };
    assemble(key, &terms, &[image(Slot::A, minor), image(Slot::B, minor)]).expect("good terms")
}

pub(crate) fn release(minor: u16) -> Release {
    Release::parse(bytes(minor, &key(), 1)).expect("just assembled")
}

pub(crate) fn options() -> Options {
    Options { precheck: Precheck::Here, trusted: Vec::new(), then: Then::Confirm, limits: TrialLimits::default() }
}

pub(crate) fn unit(behaviour: Behaviour, faults: Faults) -> Shared {
    let mut unit = FakeUnit::new(version(0));
    (unit.behaviour, unit.faults, unit.trusted) = (behaviour, faults, vec![key().public()]);
    unit.shared()
}

pub(crate) async fn run(unit: &Shared, release: &Release, options: &Options) -> Result<Report, UpdateError> {
    let bus = connect(unit);
    update(&bus, UnitId::DEFAULT, release, options, &mut |_| ()).await
}

/// The version of what ran or runs.
pub(crate) fn version_of(image: Option<&Image>) -> &str {
    image.map_or("nothing", |image| &image.version)
}

#[tokio::test(start_paused = true)]
async fn a_good_release_ends_confirmed() {
    let unit = unit(Behaviour::Good, Faults::default());
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert_eq!(report.outcome, Outcome::Confirmed);
    assert_eq!((version_of(report.before.as_ref()), version_of(report.after.as_ref())), ("1.0.0", "1.1.0"));
    let transferred = report.transferred.expect("something was sent");
    assert_eq!((transferred.pages, transferred.pages_sent, transferred.pages_skipped), (31, 31, 0));
    let unit = unit.lock().unwrap();
    assert_eq!((unit.running.version, unit.running.slot, unit.phase), (version(1), Slot::B, Phase::Confirmed));
    // 31 whole pages in chunks of 242 bytes.
    assert_eq!(unit.chunks, (31 * 2048_usize).div_ceil(242));
}

#[tokio::test(start_paused = true)]
async fn a_release_that_runs_already_is_not_sent_again() {
    let unit = unit(Behaviour::Good, Faults::default());
    run(&unit, &release(1), &options()).await.expect("no failure");
    let chunks = unit.lock().unwrap().chunks;
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert!(matches!(report.outcome, Outcome::AlreadyRunning { .. }), "{report}");
    assert_eq!(unit.lock().unwrap().chunks, chunks);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_loses_and_a_unit_that_is_busy_only_take_longer() {
    for faults in [
        Faults { busy_every: Some(3), ..Faults::default() },
        Faults { lose_answer_every: Some(7), ..Faults::default() },
        Faults { lose_request_every: Some(5), pending_looks: 3, ..Faults::default() },
        Faults { busy_every: Some(4), lose_answer_every: Some(9), lose_request_every: Some(11), ..Faults::default() },
    ] {
        let unit = unit(Behaviour::Good, faults.clone());
        let report = run(&unit, &release(1), &options()).await.expect("no failure");
        assert_eq!(report.outcome, Outcome::Confirmed, "{faults:?}");
        assert_eq!(report.transferred.expect("something was sent").rounds, 1, "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_went_wrong_is_sent_again_alone() {
    let unit = unit(Behaviour::Good, Faults { damage_after: Some(100), ..Faults::default() });
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    let transferred = report.transferred.expect("something was sent");
    assert_eq!((transferred.rounds, transferred.pages_sent), (2, 32));
}

#[tokio::test(start_paused = true)]
async fn flash_that_holds_nothing_is_given_up() {
    let unit = unit(Behaviour::Good, Faults { flash_is_broken: true, ..Faults::default() });
    let error = run(&unit, &release(1), &options()).await.expect_err("never right");
    assert!(matches!(error, UpdateError::Unstable { pages: 31, rounds: 5, .. }), "{error}");
    assert_eq!(error.class(), Class::Bus);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_in_the_middle_only_the_rest_is_sent() {
    // boot:U2: the slot itself is the state of the transfer. 149 chunks of 242 bytes are 17 whole pages.
    let unit = unit(Behaviour::Good, Faults { restart_after: Some(150), ..Faults::default() });
    let report = run(&unit, &release(1), &options()).await.expect("resumed by itself");
    assert_eq!(report.outcome, Outcome::Confirmed);
    let transferred = report.transferred.expect("something was sent");
    assert_eq!((transferred.rounds, transferred.pages_sent, transferred.pages_skipped), (2, 31, 0));
}

#[tokio::test(start_paused = true)]
async fn after_a_power_cut_the_next_update_sends_only_the_rest() {
    let dark_for = Duration::from_secs(5);
    let unit = unit(Behaviour::Good, Faults { restart_after: Some(150), dark_for, ..Faults::default() });
    let error = run(&unit, &release(1), &options()).await.expect_err("nobody answers");
    assert_eq!((error.kind(), error.class()), ("bus.no_answer", Class::Bus));
    tokio::time::sleep(dark_for).await;
    let report = run(&unit, &release(1), &options()).await.expect("no failure");
    assert_eq!(report.outcome, Outcome::Confirmed);
    let transferred = report.transferred.expect("the rest was sent");
    assert_eq!((transferred.pages_skipped, transferred.pages_sent), (17, 14));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_over_ends_the_update() {
    let unit = unit(Behaviour::Good, Faults { pending_looks: 20, ..Faults::default() });
    let bus = connect(&unit);
    let (release, options) = (release(1), options());
    let mut silent = |_| ();
    let updating = update(&bus, UnitId::DEFAULT, &release, &options, &mut silent);
    let taking_over = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sonde::session::Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    };
    let (result, ()) = tokio::join!(updating, taking_over);
    let error = result.expect_err("taken over");
    assert_eq!((error.kind(), error.class()), ("refused.other_session", Class::No), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_hangs_is_reported_when_the_unit_has_fallen_back() {
    for behaviour in [Behaviour::Hangs, Behaviour::Dead] {
        let unit = unit(behaviour, Faults::default());
        for _ in 0..2 {
            // The second time the boot log already tells of such a fall back.
            let report = run(&unit, &release(2), &options()).await.expect("no failure");
            let Outcome::FellBack { reason: Reason::FellBack { cause, reset } } = &report.outcome else {
                panic!("{behaviour:?}: {report}")
            };
            assert_eq!((cause.as_str(), reset.as_str()), ("not confirmed within its attempts", "watchdog"));
            assert_eq!(version_of(report.after.as_ref()), "1.0.0");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_well_is_rolled_back_with_the_reason() {
    // boot:U7
    for (behaviour, expected) in [
        (Behaviour::FailsSelfTest, Reason::SelfTest { failed: vec!["system clock".to_owned()] }),
        (Behaviour::SwitchesOutputsOn, Reason::Outputs { before: 0, after: 1 }),
    ] {
        let unit = unit(behaviour, Faults::default());
        let report = run(&unit, &release(1), &options()).await.expect("no failure");
        assert_eq!(report.outcome, Outcome::RolledBack { reason: expected });
        assert_eq!(unit.lock().unwrap().running.version, version(0));
        assert!(!report.outcome.is_good());
    }
}

#[tokio::test(start_paused = true)]
async fn a_trial_can_be_left_to_be_confirmed_later() {
    let unit = unit(Behaviour::Good, Faults::default());
    let later = Options { then: Then::LeaveOnTrial, ..options() };
    let report = run(&unit, &release(1), &later).await.expect("no failure");
    assert_eq!(report.outcome, Outcome::OnTrial);
    assert!(matches!(unit.lock().unwrap().phase, Phase::Trial { .. }));
    let bus = connect(&unit);
    let confirmed = confirm(&bus, UnitId::DEFAULT).await.expect("on trial");
    assert_eq!(confirmed.image.version, version(1));
    let error = confirm(&bus, UnitId::DEFAULT).await.expect_err("no longer on trial");
    assert_eq!((error.kind(), error.class()), ("refused.not_on_trial", Class::No));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_sends_nothing() {
    let unit = unit(Behaviour::Good, Faults::default());
    run(&unit, &release(1), &options()).await.expect("no failure");
    let chunks = unit.lock().unwrap().chunks;
    let bus = connect(&unit);
    let report = roll_back(&bus, UnitId::DEFAULT, &options(), &mut |_| ()).await.expect("no failure");
    assert_eq!((report.outcome, version_of(report.after.as_ref())), (Outcome::Confirmed, "1.0.0"));
    let unit = unit.lock().unwrap();
    assert_eq!((unit.chunks, unit.last_switch), (chunks, Switch::RolledBack { from: version(1) }));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_an_empty_slot_is_refused_by_the_unit() {
    let unit = unit(Behaviour::Good, Faults::default());
    let bus = connect(&unit);
    let error = roll_back(&bus, UnitId::DEFAULT, &options(), &mut |_| ()).await.expect_err("nothing there");
    assert_eq!((error.kind(), error.class()), ("refused.nothing_to_roll_back_to", Class::No));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_whose_answer_is_lost_is_still_seen() {
    for nth in 3..12 {
        let unit = unit(Behaviour::Good, Faults::default());
        run(&unit, &release(1), &options()).await.expect("no failure");
        unit.lock().unwrap().faults.lose_answer_every = Some(nth);
        let bus = connect(&unit);
        let report = roll_back(&bus, UnitId::DEFAULT, &options(), &mut |_| ()).await.expect("no failure");
        assert_eq!((report.outcome, version_of(report.after.as_ref())), (Outcome::Confirmed, "1.0.0"), "every {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_refused_here_and_by_the_unit_each_with_its_own_error() {
    let here = options();
    let by_unit = Options { precheck: Precheck::UnitOnly, ..options() };
    let other_hardware = Release::parse(bytes(1, &key(), 2)).expect("just assembled");
    let stranger = ReleaseKey::from_secret(&[9; 32]);
    let unknown_key = Release::parse(bytes(1, &stranger, 1)).expect("just assembled");
    let trusting = Options { trusted: vec![key().public()], ..options() };
    for (release, options, kind) in [
        (&other_hardware, &here, "precheck.wrong_hardware"),
        (&other_hardware, &by_unit, "refused.wrong_hardware"),
        (&unknown_key, &trusting, "precheck.unknown_key"),
        (&unknown_key, &here, "refused.unknown_key"),
    ] {
        let unit = unit(Behaviour::Good, Faults::default());
        let error = run(&unit, release, options).await.expect_err("does not fit");
        assert_eq!((error.kind(), error.class()), (kind, Class::No), "{error}");
        let unit = unit.lock().unwrap();
        assert!(unit.chunks == 0 && unit.flash.is_empty(), "nothing was changed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_below_the_floor_is_not_even_offered() {
    let unit = unit(Behaviour::Good, Faults::default());
    unit.lock().unwrap().floor = version(5);
    let error = run(&unit, &release(1), &options()).await.expect_err("too old");
    assert!(matches!(error, UpdateError::Choose(ChooseError::BelowFloor { .. })), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_never_comes_back_is_a_bus_failure() {
    let unit = unit(Behaviour::Dead, Faults::default());
    let limits = TrialLimits { deadline: Duration::from_secs(2), ..TrialLimits::default() };
    let error = run(&unit, &release(1), &Options { limits, ..options() }).await.expect_err("gone");
    assert!(matches!(error, UpdateError::NoReturn { .. }), "{error}");
    assert_eq!(error.class(), Class::Bus);
}
