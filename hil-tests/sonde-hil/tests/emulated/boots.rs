//! Which image runs, and when another one is taken back (`boot:B7`).

use protocol::boot_record::{FallbackCause, Phase, Switch};
use protocol::handover::BootReason;
use protocol::layout::Slot;
use protocol::message::{Answer, Request};
use protocol::registers::RegisterId;
use protocol::reset::ResetCause;
use protocol::semver::Version;
use virtual_board::board::{Board, ResetCause as Reset};

use crate::client::Client;
use crate::flash::UnitFlash;
use crate::releases::{Release, releases};
use crate::rig::Rig;
use crate::test::tests;

tests![
    a_release_that_hangs_is_started_three_times_and_given_up,
    a_trial_survives_resets_that_are_nobodys_fault_but_not_for_ever,
    a_confirmed_image_stays_whatever_resets_it,
    a_new_unit_runs_its_only_image_and_writes_nothing,
    of_two_images_of_one_version_without_a_log_one_is_tried_and_can_be_confirmed,
];

const FIRST: Version = Version::new(1, 0, 0);
const SECOND: Version = Version::new(1, 1, 0);
const HANGING: Version = Version::new(1, 2, 0);

/// 1.0.0 confirmed in slot A, another release just activated in slot B.
fn activated(release: &Release) -> UnitFlash {
    UnitFlash::new().holding(release, Slot::B).on_trial(&release.image(Slot::B))
}

fn causes(rig: &Rig) -> Vec<Reset> {
    rig.board().resets().iter().map(|reset| reset.cause).collect()
}

fn a_release_that_hangs_is_started_three_times_and_given_up() {
    // boot:B7, fault:S3
    let mut rig = Rig::running(activated(&releases().hanging));
    assert_eq!(rig.read(RegisterId::FirmwareVersion), Ok(vec![1, 2, 0]), "until it hangs");
    assert_eq!(rig.number(RegisterId::TrialAttempts), 1);
    rig.wait_ms(5_000);
    assert_eq!(causes(&rig), [Reset::PowerOn, Reset::Watchdog, Reset::Watchdog, Reset::Watchdog]);
    let status = Client::open(&mut rig).status(&mut rig);
    assert_eq!((status.running.version, status.running.slot, status.phase), (FIRST, Slot::A, Phase::Confirmed));
    assert_eq!((status.boot_reason, status.reset), (BootReason::FellBack, ResetCause::Watchdog));
    let expected = Switch::FellBack { from: HANGING, cause: FallbackCause::AttemptsUsed, reset: ResetCause::Watchdog };
    assert_eq!(status.last_switch, expected);
    assert!(status.self_test.passed());
    assert_eq!(rig.number(RegisterId::ResetCause), u16::from(ResetCause::Watchdog.code()));
    assert_eq!(rig.number(RegisterId::LastShutdownReason), 1, "watchdog");
    rig.wait_ms(2_000);
    assert_eq!(causes(&rig).len(), 4, "1.0.0 feeds the watchdog");
}

fn a_trial_survives_resets_that_are_nobodys_fault_but_not_for_ever() {
    // fault:S2, fault:S3, fault:S4
    let mut rig = Rig::running(activated(&releases().second));
    for attempt in 2..=10 {
        rig.board_mut().pin_reset();
        rig.wait_for_answer();
        assert_eq!(rig.number(RegisterId::TrialAttempts), attempt);
        assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::Trial.code()));
    }
    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    let status = Client::open(&mut rig).status(&mut rig);
    let expected = Switch::FellBack { from: SECOND, cause: FallbackCause::AttemptsUsed, reset: ResetCause::Pin };
    assert_eq!((status.running.version, status.last_switch), (FIRST, expected));
}

fn a_confirmed_image_stays_whatever_resets_it() {
    // fault:S3, fault:P13
    let second = releases().second.image(Slot::B);
    let mut rig = Rig::running(UnitFlash::new().holding(&releases().second, Slot::B).confirmed(&second));
    let before = rig.flash_but_events();
    for reset in [Board::pin_reset, Board::brown_out].repeat(3) {
        reset(rig.board_mut());
        rig.wait_for_answer();
        assert_eq!(rig.number(RegisterId::RunningSlot), 1);
        assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::Confirmed.code()));
    }
    assert!(rig.flash_but_events() == before, "a boot loop wears nothing but the event log, which has its own bounds");
}

fn a_new_unit_runs_its_only_image_and_writes_nothing() {
    // fault:P13
    let mut rig = Rig::running(UnitFlash::new());
    let before = rig.flash_but_events();
    let status = Client::open(&mut rig).status(&mut rig);
    assert_eq!((status.running.version, status.running.slot), (FIRST, Slot::A));
    assert_eq!((status.boot_reason, status.last_switch), (BootReason::OnlyImage, Switch::Factory));
    rig.wait_ms(500);
    let status = Client::open(&mut rig).status(&mut rig);
    assert!(status.self_test.passed(), "{:?}", status.self_test.failures().collect::<Vec<_>>());
    assert_eq!(causes(&rig), [Reset::PowerOn]);
    assert!(rig.flash_but_events() == before, "nothing but the event log is written");
}

fn of_two_images_of_one_version_without_a_log_one_is_tried_and_can_be_confirmed() {
    // fault:S9
    let mut rig = Rig::running(UnitFlash::new().holding(&releases().first, Slot::B));
    assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::Trial.code()));
    assert_eq!((rig.number(RegisterId::RunningSlot), rig.number(RegisterId::TrialAttempts)), (0, 1));
    rig.wait_ms(500);
    let confirmed = Client::open(&mut rig).call(&mut rig, &Request::Confirm);
    assert!(matches!(confirmed, Ok(Answer::Confirmed(_))), "{confirmed:?}");
    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::Confirmed.code()));
}
