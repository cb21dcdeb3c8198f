//! The line with scripted stations.

use std::sync::{Arc, Mutex};

use super::scripted::Scripted;
use super::*;
use crate::time::VirtualTime;

/// 115200 8N1.
fn character() -> VirtualTime {
    LineSettings::default().character_time()
}

fn times(count: u64) -> VirtualTime {
    VirtualTime(character().0 * count)
}

fn segment(stations: Vec<Scripted>) -> Segment<Scripted> {
    Segment::new(LineSettings::default(), stations)
}

fn values(heard: &[Heard]) -> Vec<u8> {
    heard.iter().map(|heard| heard.value).collect()
}

#[test]
fn a_byte_is_heard_exactly_when_its_last_bit_ends() {
    let mut segment = segment(vec![Scripted::silent()]);
    segment.run_until(VirtualTime::from_millis(3));
    segment.send(&[1, 2, 3]);
    segment.run_for(VirtualTime::from_millis(1));
    let arrived: Vec<_> = segment.station(0).arrived.iter().map(|heard| (heard.value, heard.end)).collect();
    let start = VirtualTime::from_millis(3);
    assert_eq!(arrived, [(1, start + times(1)), (2, start + times(2)), (3, start + times(3))]);
}

#[test]
fn an_answer_begins_after_the_stations_thinking_and_reaches_master_and_neighbours() {
    let mut segment = segment(vec![Scripted::echo(2), Scripted::silent()]);
    segment.send(&[7, 8]);
    segment.run_for(VirtualTime::from_millis(5));
    let heard = segment.take_heard();
    let answer_starts = times(2) + VirtualTime::from_millis(1);
    assert_eq!(values(&heard), [7, 8]);
    assert_eq!(heard[0].end, answer_starts + times(1));
    assert_eq!(heard[1].end, answer_starts + times(2));
    assert_eq!(segment.station(1).values(), [7, 8, 7, 8], "a neighbour hears both sides");
    assert_eq!(segment.station(0).values(), [7, 8], "nobody hears itself");
    assert!(segment.take_heard().is_empty());
}

#[test]
fn bytes_frames_and_busy_time_are_counted_by_direction() {
    let mut segment = segment(vec![Scripted::echo(4)]);
    segment.send(&[1, 2]);
    segment.run_for(times(2) + VirtualTime::from_millis(1));
    segment.send(&[3, 4]);
    segment.run_for(VirtualTime::from_millis(5));
    let counters = segment.counters();
    assert_eq!((counters.bytes_from_master, counters.bytes_from_stations, counters.bytes()), (4, 4, 8));
    assert_eq!((counters.frames_from_master, counters.frames_from_stations), (2, 1));
    assert_eq!(counters.busy, times(8));
    assert_eq!(counters.since(&counters), LineCounters::default());
}

#[test]
fn overlapping_characters_of_two_drivers_are_garbage_to_everybody() {
    let mut early = Scripted::silent();
    early.say(VirtualTime::from_micros(100), &[0x11]);
    let mut late = Scripted::silent();
    late.say(VirtualTime::from_micros(180), &[0x22]);
    let mut segment = segment(vec![early, late, Scripted::silent()]);
    segment.run_for(VirtualTime::from_millis(2));
    let counters = segment.counters();
    assert_eq!(counters.collided, 2);
    assert!(segment.take_heard().iter().all(|heard| heard.framing_error));
    assert_eq!(segment.station(2).arrived.len(), 2);
    assert!(segment.station(2).arrived.iter().all(|character| character.framing_error));
    assert!(segment.station(0).arrived.is_empty(), "its receiver is off while it drives");
    assert_eq!(counters.busy, VirtualTime::from_micros(80) + character());
}

#[test]
fn characters_that_touch_do_not_collide() {
    let mut first = Scripted::silent();
    first.say(VirtualTime::ZERO, &[1]);
    let mut second = Scripted::silent();
    second.say(character(), &[2]);
    let mut segment = segment(vec![first, second]);
    segment.run_for(VirtualTime::from_millis(1));
    assert_eq!(segment.counters().collided, 0);
    assert_eq!(values(&segment.take_heard()), [1, 2]);
}

#[test]
fn a_master_that_talks_over_an_answer_collides_with_it() {
    let mut segment = segment(vec![Scripted::echo(1)]);
    segment.send(&[9]);
    segment.run_for(times(1) + VirtualTime::from_millis(1) + VirtualTime::from_micros(20));
    segment.send(&[1]);
    segment.run_for(VirtualTime::from_millis(1));
    assert_eq!(segment.counters().collided, 2);
    assert!(segment.take_heard().is_empty(), "its receiver was off");
}

#[test]
fn a_station_at_another_rate_hears_framing_errors_and_is_not_understood() {
    let slow = LineSettings { baud: 57_600, ..LineSettings::default() };
    let mut other = Scripted::new(slow, |_| None);
    other.say(VirtualTime::from_millis(2), &[0x55]);
    let mut segment = segment(vec![other, Scripted::silent()]);
    segment.send(&[1, 2]);
    segment.run_for(VirtualTime::from_millis(4));
    assert_eq!(segment.station(0).arrived.len(), 2);
    assert!(segment.station(0).arrived.iter().all(|character| character.framing_error));
    assert_eq!(segment.station(1).values()[..2], [1, 2]);
    assert!(segment.station(1).arrived[2].framing_error);
    assert!(segment.take_heard()[0].framing_error);
    assert_eq!(segment.counters().unheard, 3);
}

#[test]
fn a_station_whose_port_is_off_hears_nothing_and_a_driver_that_is_off_says_nothing() {
    let mut deaf = Scripted::silent();
    deaf.port_on = false;
    let mut mute = Scripted::echo(1);
    mute.driver_enabled = false;
    let mut segment = segment(vec![deaf, mute]);
    segment.send(&[1]);
    segment.run_for(VirtualTime::from_millis(3));
    assert!(segment.station(0).arrived.is_empty());
    assert!(segment.take_heard().is_empty());
    assert_eq!((segment.counters().undriven, segment.counters().unheard), (1, 1));
}

#[test]
fn thirty_two_stations_answer_in_turn() {
    let answers_to = |id: u8| {
        Scripted::new(LineSettings::default(), move |bytes| {
            let frame = (bytes.len() >= 2).then(|| std::mem::take(bytes))?;
            (frame[0] == id).then(|| vec![id, frame[1].wrapping_add(1)])
        })
    };
    let mut segment = segment((2..34).map(answers_to).collect());
    for id in 2..34 {
        segment.send(&[id, id * 3]);
        segment.run_for(VirtualTime::from_millis(3));
        assert_eq!(values(&segment.take_heard()), [id, id * 3 + 1]);
    }
    assert_eq!(segment.counters().collided, 0);
}

#[test]
fn a_power_cut_in_the_middle_of_a_character_spoils_it_and_ends_the_answer() {
    let mut station = Scripted::silent();
    station.say(VirtualTime::ZERO, &[1, 2, 3, 4]);
    station.power_lost_at = times(1) + VirtualTime::from_micros(30);
    let mut segment = segment(vec![station]);
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    segment.set_trace(move |event| seen.lock().unwrap().push(event.clone()));
    segment.run_for(VirtualTime::from_millis(2));
    let heard = segment.take_heard();
    assert_eq!(heard.iter().map(|heard| heard.framing_error).collect::<Vec<_>>(), [false, true]);
    let lost = LineEvent::PowerLost { station: 0, time: times(1) + VirtualTime::from_micros(30) };
    assert!(events.lock().unwrap().contains(&lost));
}

#[test]
fn a_stopped_machine_is_reported_once_and_the_others_go_on() {
    let mut broken = Scripted::silent();
    broken.stops_at = VirtualTime::from_micros(50);
    let mut segment = segment(vec![broken, Scripted::echo(1)]);
    let stops = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&stops);
    segment.set_trace(move |event| {
        if let LineEvent::Stopped { station, reason, .. } = event {
            seen.lock().unwrap().push((*station, reason.clone()));
        }
    });
    segment.send(&[5]);
    segment.run_for(VirtualTime::from_millis(3));
    assert_eq!(*stops.lock().unwrap(), [(0, "unmodelled register at 0x08000123".to_string())]);
    assert_eq!(segment.stopped(0), Some("unmodelled register at 0x08000123"));
    assert_eq!(values(&segment.take_heard()), [5]);
}

#[test]
fn a_bad_line_loses_and_turns_characters_for_everybody_alike() {
    let mut segment = segment(vec![Scripted::silent(), Scripted::silent()]);
    segment.set_faults(LineFaults { drop_byte_per_million: 200_000, corrupt_per_million: 200_000, seed: 3 });
    segment.send(&[0xA5; 200]);
    segment.run_for(VirtualTime::from_millis(20));
    let values = segment.station(0).values();
    assert!((100..190).contains(&values.len()), "{}", values.len());
    assert!(values.iter().any(|value| (value ^ 0xA5).count_ones() == 1));
    assert!(values.iter().all(|value| (value ^ 0xA5).count_ones() <= 1));
    assert_eq!(values, segment.station(1).values());
    assert_eq!(segment.counters().bytes_from_master, 200);
    assert!(segment.counters().disturbed > 0);
}

#[test]
fn activity_tells_idle_from_busy() {
    let mut thinker = Scripted::echo(1);
    thinker.computes = true;
    let mut segment = segment(vec![thinker]);
    assert_eq!(segment.activity(), Activity::IdleUntil(VirtualTime::NEVER));
    segment.send(&[1]);
    assert_eq!(segment.activity(), Activity::Busy);
    segment.run_for(times(1) + VirtualTime::from_micros(100));
    assert_eq!(segment.activity(), Activity::Busy, "the CPU is awake");
    segment.run_for(VirtualTime::from_millis(5));
    assert_eq!(segment.activity(), Activity::IdleUntil(VirtualTime::NEVER));
}

#[test]
fn the_cut_of_the_run_into_pieces_changes_nothing() {
    let story = |piece: VirtualTime| {
        let mut noisy = Scripted::silent();
        noisy.say(VirtualTime::from_micros(2_345), &[1, 2, 3]);
        let mut segment = segment(vec![Scripted::echo(3), noisy]);
        segment.send(&[4, 5, 6, 7, 8, 9]);
        let end = VirtualTime::from_millis(8);
        while segment.now() < end {
            let next = (segment.now() + piece).min(end);
            segment.run_until(next);
        }
        (segment.take_heard(), segment.counters(), segment.station(0).arrived.clone())
    };
    let whole = story(VirtualTime::from_millis(8));
    assert_eq!(whole, story(VirtualTime::from_micros(7)));
    assert_eq!(whole, story(VirtualTime::from_micros(331)));
}
