//! Channels by the real program on the linked images, with sonicators on the pins.

use serde_json::Value;
use virtual_board::plant::Fault;

use crate::site::{PLACE, Served, Site, number, text};
use crate::test::tests;

tests![
    a_channel_runs_as_long_as_the_command_does_and_the_status_tells_of_it,
    an_emergency_stop_refuses_starts_until_it_is_lifted,
    an_overload_is_told_and_ends_by_a_reset_once_its_cause_is_gone,
    what_happened_is_listed_with_a_chain_that_holds,
];

fn unit(site: &Site) -> Served {
    let release = site.release("1.0.0", "1.0.0", "old", &[]);
    Served::new(&site.factory(Some(&release)))
}

fn field<'a>(answer: &'a Value, pointer: &str) -> &'a Value {
    answer.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}: {answer}"))
}

fn a_channel_runs_as_long_as_the_command_does_and_the_status_tells_of_it() {
    let site = Site::new();
    let unit = unit(&site);
    let set = site.must(&["channel", "amplitude", &unit.url, "all", "60"]);
    assert_eq!(field(&set.answer, "/channels/3/amplitude_set"), 60);
    let ran = site.must(&["channel", "start", &unit.url, "2", "--amplitude", "40", "--for", "2"]);
    let last = field(&ran.answer, "/last");
    assert_eq!((field(last, "/state_code"), field(last, "/amplitude")), (&"running".into(), &40.into()));
    assert!(field(last, "/watts").as_u64() > Some(50), "{last}");
    assert!(field(last, "/hertz").as_u64().is_some_and(|hertz| hertz.abs_diff(20_000) < 1_000), "{last}");

    let status = site.must(&["status", &unit.url]);
    assert_eq!(number(&status, "/outputs"), 0);
    let channel = field(&status.answer, "/health/channels/1");
    assert!(field(channel, "/run_seconds").as_u64() >= Some(1), "{channel}");
    assert_eq!(field(&status.answer, "/health/watchdog_ok"), true);
    assert!(number(&status, "/health/stack_free") > 1_024);
    assert_eq!(field(&status.answer, "/health/silence_trips"), 0);
    unit.stop_with_channels();
}

fn an_emergency_stop_refuses_starts_until_it_is_lifted() {
    let site = Site::new();
    let unit = unit(&site);
    let stopped = site.must(&["estop", &unit.url]);
    assert_eq!(field(&stopped.answer, "/emergency_stop"), true);
    let refused = site.call(&["channel", "start", &unit.url, "1", "--for", "1"]);
    assert_eq!((refused.exit, refused.error_kind()), (1, Some("channel.refused")), "{}", refused.said());
    assert!(refused.said().contains("--lift"), "the error names the next step: {}", refused.said());
    let lifted = site.must(&["estop", &unit.url, "--lift"]);
    assert_eq!(field(&lifted.answer, "/emergency_stop"), false);
    assert_eq!(number(&site.must(&["status", &unit.url]), "/outputs"), 0, "lifting it starts nothing");
    unit.stop();
}

fn an_overload_is_told_and_ends_by_a_reset_once_its_cause_is_gone() {
    let site = Site::new();
    let unit = unit(&site);
    let plant = |fault: fn(&mut virtual_board::plant::Plant)| {
        unit.control.with(move |segment| fault(segment.station_mut(PLACE).plant_mut())).expect("it is served");
    };
    plant(|plant| plant.inject(0, Fault::Overload));
    let refused = site.call(&["channel", "start", &unit.url, "1", "--for", "1"]);
    assert_eq!((refused.exit, refused.error_kind()), (1, Some("channel.refused")), "{}", refused.said());
    let reset = site.call(&["channel", "reset", &unit.url, "1"]);
    assert_eq!(reset.exit, 1, "the cause is still there: {}", reset.said());
    plant(|plant| plant.mend(0, Fault::Overload));
    let reset = site.must(&["channel", "reset", &unit.url, "1"]);
    assert_eq!(text(&reset, "/channels/0/state_code"), "stopped");
    let status = site.must(&["status", &unit.url]);
    assert_eq!(field(&status.answer, "/health/channels/0/overloads"), 1);
    unit.stop();
}

fn what_happened_is_listed_with_a_chain_that_holds() {
    let site = Site::new();
    let unit = unit(&site);
    site.must(&["estop", &unit.url]);
    site.must(&["estop", &unit.url, "--lift"]);
    // The log is written behind the bus, and the unit has a moment for that while the program starts again.
    let listed = site.must(&["events", &unit.url]);
    let events = field(&listed.answer, "/events").as_array().expect("a list").clone();
    assert_eq!(events[0]["kind"], "boot", "{}", listed.answer);
    assert!(events.iter().any(|event| event["kind"] == "emergency-stop"), "{}", listed.answer);
    let boots = site.must(&["events", &unit.url, "--kind", "boot"]);
    assert_eq!(field(&boots.answer, "/events").as_array().map(Vec::len), Some(1));
    let none = site.call(&["crash", &unit.url]);
    assert_eq!(none.exit, 1, "it has not crashed: {}", none.said());
    unit.stop();
}
