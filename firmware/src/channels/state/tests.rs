use super::*;

const PATIENCE: Patience = Patience { start_ms: 5_000, lost_ms: 10_000 };
const OK: Senses = Senses { overloaded: false, locked: true, over_power: false, patience: PATIENCE };
const UNLOCKED: Senses = Senses { locked: false, ..OK };
const OVERLOADED: Senses = Senses { overloaded: true, ..OK };
const TOO_MUCH: Senses = Senses { over_power: true, ..OK };

const AWAITED: Lock = Lock::Awaited { since_ms: 1_000 };
const STARTING: State = State::Starting { since_ms: 1_000, lock: AWAITED };
const RUNNING: State = State::Running { lock: Lock::Held };
const STOPPING: State = State::Stopping { since_ms: 1_000 };

const fn fault(why: Latched) -> State {
    State::Fault { why, pulse_until_ms: None }
}

const fn pulsed(why: Latched, until_ms: u64) -> State {
    State::Fault { why, pulse_until_ms: Some(until_ms) }
}

#[test]
fn every_state_and_event_has_its_answer() {
    let start = Event::Start;
    let reset = Event::Reset { pulse_ms: 50 };
    let on_overload = fault(Latched::Overload);
    let table = [
        // state, event, time, state after it
        (State::Idle, start, 0, State::Queued),
        (State::Idle, Event::Turn, 0, State::Idle),
        (State::Idle, Event::Stop, 0, State::Idle),
        (State::Idle, reset, 0, State::Idle),
        (State::Idle, Event::Look(OK), 0, State::Idle),
        (State::Idle, Event::Look(TOO_MUCH), 0, State::Idle),
        (State::Idle, Event::Look(OVERLOADED), 0, on_overload),
        (State::Queued, start, 0, State::Queued),
        (State::Queued, Event::Turn, 1_000, STARTING),
        (State::Queued, Event::Stop, 0, State::Idle),
        (State::Queued, reset, 0, State::Queued),
        (State::Queued, Event::Look(UNLOCKED), 9_000, State::Queued),
        (State::Queued, Event::Look(OVERLOADED), 0, on_overload),
        (STARTING, start, 1_010, STARTING),
        (STARTING, Event::Turn, 1_010, STARTING),
        (STARTING, Event::Stop, 1_000, STOPPING),
        (STARTING, reset, 1_010, STARTING),
        (STARTING, Event::Look(UNLOCKED), 1_049, STARTING),
        (STARTING, Event::Look(UNLOCKED), 1_050, State::Running { lock: AWAITED }),
        (STARTING, Event::Look(OK), 1_050, RUNNING),
        (STARTING, Event::Look(OVERLOADED), 1_010, on_overload),
        (STARTING, Event::Look(TOO_MUCH), 1_010, fault(Latched::Power)),
        (RUNNING, start, 2_000, RUNNING),
        (RUNNING, Event::Turn, 2_000, RUNNING),
        (RUNNING, Event::Stop, 1_000, STOPPING),
        (RUNNING, reset, 2_000, RUNNING),
        (RUNNING, Event::Look(OK), 900_000, RUNNING),
        (RUNNING, Event::Look(OVERLOADED), 2_000, on_overload),
        (RUNNING, Event::Look(TOO_MUCH), 2_000, fault(Latched::Power)),
        (RUNNING, Event::Look(UNLOCKED), 2_000, State::Running { lock: Lock::Lost { since_ms: 2_000 } }),
        (STOPPING, start, 1_050, STOPPING),
        (STOPPING, Event::Turn, 1_050, STOPPING),
        (STOPPING, Event::Stop, 1_050, STOPPING),
        (STOPPING, reset, 1_050, STOPPING),
        (STOPPING, Event::Look(OK), 1_099, STOPPING),
        (STOPPING, Event::Look(OK), 1_100, State::Idle),
        (STOPPING, Event::Look(OVERLOADED), 1_050, on_overload),
        (on_overload, start, 0, on_overload),
        (on_overload, Event::Turn, 0, on_overload),
        (on_overload, Event::Stop, 0, on_overload),
        (on_overload, Event::Look(OK), 900_000, on_overload),
        (on_overload, reset, 2_000, pulsed(Latched::Overload, 2_050)),
        (pulsed(Latched::Overload, 2_050), reset, 2_040, pulsed(Latched::Overload, 2_050)),
        (pulsed(Latched::Overload, 2_050), start, 2_040, pulsed(Latched::Overload, 2_050)),
        (pulsed(Latched::Overload, 2_050), Event::Look(OK), 2_049, pulsed(Latched::Overload, 2_050)),
        (pulsed(Latched::Overload, 2_050), Event::Look(OK), 2_050, State::Idle),
        (pulsed(Latched::Overload, 2_050), Event::Look(OVERLOADED), 2_050, on_overload),
        (pulsed(Latched::LockLost, 2_050), Event::Look(UNLOCKED), 2_050, State::Idle),
        (fault(Latched::Power), Event::Look(OVERLOADED), 2_000, on_overload),
    ];
    for (state, event, now_ms, expected) in table {
        assert_eq!(state.after(event, now_ms), expected, "{state:?} on {event:?} at {now_ms}");
    }
}

#[test]
fn a_sonicator_that_does_not_lock_in_five_seconds_is_stopped() {
    let unlocked = Event::Look(UNLOCKED);
    let running = STARTING.after(unlocked, 1_050);
    assert_eq!(running.after(unlocked, 5_999), running);
    assert_eq!(running.after(unlocked, 6_000), fault(Latched::LockLost));
}

#[test]
fn a_lock_may_be_gone_for_ten_seconds_and_begins_anew_when_it_comes_back() {
    let unlocked = Event::Look(UNLOCKED);
    let lost = RUNNING.after(unlocked, 2_000);
    assert_eq!(lost.after(unlocked, 11_999), lost);
    assert_eq!(lost.after(unlocked, 12_000), fault(Latched::LockLost));
    let found = lost.after(Event::Look(OK), 11_999);
    assert_eq!(found, RUNNING);
    assert_eq!(found.after(unlocked, 12_000), State::Running { lock: Lock::Lost { since_ms: 12_000 } });
}
