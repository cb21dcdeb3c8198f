use super::budget::{AT_POWER_ON, EARN_MS, FULL};
use super::*;
use proptest::prelude::*;
use protocol::channel::ChannelId;

fn started(channel: ChannelId) -> Event {
    Event::ChannelStarted { channel, percent: 50 }
}

/// Writes all that may be written at that time.
fn drain(events: &mut Events, now_ms: u64) -> Vec<Waiting> {
    let mut written = Vec::new();
    while let Some(waiting) = events.next(now_ms) {
        events.done(waiting, Outcome::Written);
        written.push(waiting);
    }
    written
}

#[test]
fn the_first_of_a_kind_is_written_at_once_and_its_repetitions_as_one() {
    let mut events = Events::new();
    let event = Event::LoginFailed { why: 1, key: protocol::digest::KeyId([0; 8]) };
    events.note(event, 1_000);
    assert_eq!(drain(&mut events, 1_000).len(), 1);
    for second in 2..30 {
        events.note(event, second * 1_000);
        assert_eq!(drain(&mut events, second * 1_000), []);
    }
    let joined = drain(&mut events, 1_000 + JOINED_MS);
    assert_eq!(joined, [Waiting { time_ms: 2_000, repeats: 28, event }]);
}

#[test]
fn another_event_ends_the_waiting_so_that_the_order_stays() {
    let mut events = Events::new();
    events.note(started(ChannelId::One), 0);
    drain(&mut events, 0);
    events.note(started(ChannelId::One), 10);
    events.note(started(ChannelId::Two), 20);
    let written: Vec<_> = drain(&mut events, 20).iter().map(|waiting| waiting.event).collect();
    assert_eq!(written, [started(ChannelId::One), started(ChannelId::Two)]);
}

#[test]
fn a_repetition_while_it_is_being_written_is_not_lost() {
    let mut events = Events::new();
    events.note(started(ChannelId::One), 0);
    let waiting = events.next(0).unwrap();
    events.note(started(ChannelId::One), 1);
    events.done(waiting, Outcome::Written);
    assert_eq!(drain(&mut events, JOINED_MS), [Waiting { time_ms: 0, repeats: 1, event: started(ChannelId::One) }]);
}

#[test]
fn events_without_room_are_counted_at_their_place() {
    let mut events = Events::new();
    for number in 0..40 {
        events.note(Event::KeySet { number }, 0);
    }
    assert_eq!(events.lost(), 40 - ROOM as u32);
    events.budget = Budget::of(FULL);
    let written = drain(&mut events, 0);
    assert_eq!(written.len(), ROOM + 1);
    assert_eq!(written[ROOM].event, Event::EventsLost { count: 40 - ROOM as u32 });
    events.note(Event::KeySet { number: 99 }, 0);
    assert_eq!(drain(&mut events, 0).len(), 1);
}

#[test]
fn without_leave_nothing_is_written_and_leave_comes_with_time() {
    let mut events = Events::new();
    events.budget.spend(AT_POWER_ON - 16);
    for number in 0..20 {
        events.note(Event::KeySet { number }, 0);
    }
    assert_eq!(drain(&mut events, 0).len(), 16);
    assert_eq!(drain(&mut events, EARN_MS - 1), []);
    assert_eq!(drain(&mut events, EARN_MS).len(), 1);
    assert_eq!(drain(&mut events, 3 * EARN_MS).len(), 2);
}

#[test]
fn a_log_that_takes_nothing_is_tried_as_often_as_leave_is_given() {
    // fault:P13
    let mut events = Events::new();
    events.note(started(ChannelId::One), 0);
    let mut tries = 0;
    for now_ms in (0..=10 * EARN_MS).step_by(100) {
        while let Some(waiting) = events.next(now_ms) {
            events.done(waiting, Outcome::Failed);
            tries += 1;
        }
    }
    assert!(tries <= u32::from(AT_POWER_ON) + 10, "{tries}");
}

#[test]
fn a_purse_never_holds_more_than_it_may_after_a_year() {
    let mut budget = Budget::of(0);
    budget.pass(365 * 24 * 3_600_000);
    assert_eq!(budget.left(), FULL);
    assert_eq!(Budget::of(255).left(), FULL);
}

proptest! {
    #[test]
    fn in_any_hour_at_most_a_full_purse_and_two_a_minute_are_written(
        gaps in proptest::collection::vec((0_u64..2_000, 0_u16..4), 0..3_000),
    ) {
        let mut events = Events::new();
        events.budget = Budget::of(FULL);
        let (mut now_ms, mut written, mut happened, mut told) = (0, 0_u64, 0_u32, 0_u32);
        let mut count = |waiting: &Waiting| match waiting.event {
            Event::EventsLost { count } => count,
            _ => u32::from(waiting.repeats),
        };
        for (gap, number) in gaps {
            now_ms += gap;
            events.note(Event::KeySet { number }, now_ms);
            happened += 1;
            for waiting in drain(&mut events, now_ms) {
                written += 1;
                told += count(&waiting);
            }
        }
        prop_assert!(written <= u64::from(FULL) + now_ms / EARN_MS);
        // And in the end each of them is told of.
        for _ in 0..200 {
            now_ms += 5 * EARN_MS;
            told += drain(&mut events, now_ms).iter().map(&mut count).sum::<u32>();
        }
        prop_assert_eq!(told, happened);
    }
}
