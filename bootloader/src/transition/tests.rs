use super::*;
use protocol::boot_record::FallbackCause;
use protocol::digest::ImageTag;
use protocol::reset::ResetCause;

fn image(slot: Slot, minor: u16) -> ImageRef {
    ImageRef { slot, version: Version::new(1, minor, 0), tag: ImageTag([minor as u8; 8]) }
}

const RUNNING: fn() -> ImageRef = || image(Slot::A, 1);
const OTHER: fn() -> ImageRef = || image(Slot::B, 2);

fn confirmed(active: ImageRef) -> BootState {
    let floor = Version::new(1, 1, 0);
    BootState { active, phase: Phase::Confirmed, floor, floor_order: 3, last_switch: Switch::Factory }
}

fn trial(active: ImageRef, fallback: Option<ImageRef>) -> BootState {
    let last_switch = Switch::Activated { from: Version::new(1, 1, 0) };
    BootState { phase: Phase::Trial { attempts: 1, fallback }, last_switch, ..confirmed(active) }
}

#[test]
fn an_activated_image_is_on_trial_with_the_running_one_behind_it() {
    let state = activate(Some(confirmed(RUNNING())), RUNNING(), OTHER()).unwrap();
    assert_eq!(state.active, OTHER());
    assert_eq!(state.phase, Phase::Trial { attempts: 0, fallback: Some(RUNNING()) });
    assert_eq!(state.floor, Version::new(1, 1, 0));
    assert_eq!(state.last_switch, Switch::Activated { from: RUNNING().version });
    assert!(activate(None, RUNNING(), OTHER()).is_ok());
}

#[test]
fn nothing_is_activated_while_a_trial_is_pending() {
    // fault:S7: whoever runs at the moment.
    for log in [trial(RUNNING(), Some(OTHER())), trial(OTHER(), Some(RUNNING()))] {
        let refused = activate(Some(log), RUNNING(), image(Slot::B, 9));
        assert_eq!(refused, Err(ActivateError::TrialPending { active: log.active }));
    }
}

#[test]
fn a_trial_with_nothing_to_fall_back_on_may_be_followed_by_another() {
    let alone = trial(RUNNING(), None);
    let state = activate(Some(alone), RUNNING(), OTHER()).unwrap();
    assert_eq!((state.active, state.phase), (OTHER(), Phase::Trial { attempts: 0, fallback: None }));
    // Not while another one is about to start.
    let refused = activate(Some(trial(OTHER(), None)), RUNNING(), OTHER());
    assert_eq!(refused, Err(ActivateError::TrialPending { active: OTHER() }));
}

#[test]
fn what_runs_or_is_below_the_floor_is_not_activated() {
    let log = Some(confirmed(RUNNING()));
    assert_eq!(activate(log, RUNNING(), image(Slot::A, 3)), Err(ActivateError::RunningSlot { slot: Slot::A }));
    let floor = Version::new(1, 1, 0);
    let old = image(Slot::B, 0);
    assert_eq!(activate(log, RUNNING(), old), Err(ActivateError::BelowFloor { floor, image: old.version }));
}

#[test]
fn the_floor_rises_at_confirm_and_nowhere_else() {
    // fault:R4, boot:B8
    let asked = Version::new(1, 2, 0);
    let log = trial(OTHER(), Some(RUNNING()));
    let Ok(Confirmation::Append(state)) = confirm(Some(log), OTHER(), asked) else { panic!("not confirmed") };
    assert_eq!((state.phase, state.floor), (Phase::Confirmed, asked));
    assert_eq!(state.last_switch, log.last_switch);
    // A manifest that asks for less does not lower it.
    let Ok(Confirmation::Append(state)) = confirm(Some(log), OTHER(), Version::ZERO) else { panic!("not confirmed") };
    assert_eq!(state.floor, log.floor);
}

#[test]
fn confirming_twice_changes_nothing() {
    let asked = Version::new(1, 1, 0);
    assert_eq!(confirm(Some(confirmed(RUNNING())), RUNNING(), asked), Ok(Confirmation::Already));
    assert!(matches!(confirm(None, RUNNING(), asked), Ok(Confirmation::Append(_))));
}

#[test]
fn an_image_that_is_not_the_active_one_is_not_confirmed() {
    let log = trial(OTHER(), Some(RUNNING()));
    let refused = confirm(Some(log), RUNNING(), Version::ZERO);
    assert_eq!(refused, Err(ConfirmError::NotActive { active: OTHER(), running: RUNNING() }));
}

#[test]
fn rolling_back_to_what_ran_before_confirms_it_at_once() {
    let from_trial = roll_back(Some(trial(RUNNING(), Some(OTHER()))), RUNNING(), OTHER()).unwrap();
    assert_eq!((from_trial.active, from_trial.phase), (OTHER(), Phase::Confirmed));
    assert_eq!(from_trial.last_switch, Switch::RolledBack { from: RUNNING().version });

    for last_switch in [Switch::Activated { from: OTHER().version }, Switch::RolledBack { from: OTHER().version }] {
        let log = BootState { last_switch, ..confirmed(RUNNING()) };
        assert_eq!(roll_back(Some(log), RUNNING(), OTHER()).unwrap().phase, Phase::Confirmed);
    }
}

#[test]
fn rolling_back_to_an_image_nobody_confirmed_is_a_trial() {
    let trial_with_running = Phase::Trial { attempts: 0, fallback: Some(RUNNING()) };
    let gave_up =
        Switch::FellBack { from: OTHER().version, cause: FallbackCause::AttemptsUsed, reset: ResetCause::Watchdog };
    let logs = [
        None,
        Some(confirmed(RUNNING())),
        Some(BootState { last_switch: gave_up, ..confirmed(RUNNING()) }),
        Some(BootState { last_switch: Switch::Activated { from: Version::new(1, 1, 7) }, ..confirmed(RUNNING()) }),
    ];
    for log in logs {
        let state = roll_back(log, RUNNING(), OTHER()).unwrap();
        assert_eq!((state.active, state.phase), (OTHER(), trial_with_running), "{log:?}");
    }
}

#[test]
fn a_roll_back_is_refused_where_it_leads_nowhere() {
    // fault:R1
    let log = Some(confirmed(RUNNING()));
    assert_eq!(roll_back(log, RUNNING(), RUNNING()), Err(RollBackError::RunningSlot { slot: Slot::A }));
    let old = image(Slot::B, 0);
    let floor = Version::new(1, 1, 0);
    assert_eq!(roll_back(log, RUNNING(), old), Err(RollBackError::BelowFloor { floor, image: old.version }));
    let pending = Some(trial(OTHER(), Some(RUNNING())));
    assert_eq!(roll_back(pending, RUNNING(), OTHER()), Err(RollBackError::SwitchPending { active: OTHER() }));
}
