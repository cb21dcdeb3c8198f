//! `sonde config` on the linked images, by the real program.

use crate::site::{Served, Site, number, text};
use crate::test::tests;

tests![settings_survive_resets_updates_and_the_way_back, a_new_unit_id_is_followed_and_kept,];

fn settings_survive_resets_updates_and_the_way_back() {
    let site = Site::new();
    let first = site.release("1.0.0", "1.0.0", "old", &[]);
    let unit = Served::new(&site.factory(Some(&first)));
    let get = |name: &str| text(&site.must(&["config", "get", &unit.url, name]), "/text");

    assert_eq!(number(&site.must(&["config", "show", &unit.url]), "/settings/sequence"), 0);
    // The last one: there is nobody to ask.
    for (changes, kind) in [
        (&["amplitude=19", "--yes"][..], "config.out_of_range"),
        (&["amplitud=60", "--yes"], "config.unknown_name"),
        (&["amplitude=60", "power_gain_1=9000", "--yes"], "config.both_kinds"),
        (&["amplitude=60"], "config.not_meant"),
    ] {
        let outcome = site.call(&[&["config", "set", &unit.url], changes].concat());
        assert_eq!((outcome.exit, text(&outcome, "/error/kind")), (2, kind.to_owned()));
    }
    assert_eq!(get("amplitude"), "50");

    let set = site.must(&["config", "set", &unit.url, "amplitude=60", "stagger_ms=800", "--yes"]);
    assert_eq!(
        (text(&set, "/outcome"), text(&set, "/changes/0/from"), number(&set, "/sequence")),
        ("stored".into(), "50".into(), 1)
    );
    let again = site.must(&["config", "set", &unit.url, "amplitude=60", "--yes"]);
    assert_eq!(text(&again, "/outcome"), "unchanged");
    site.must(&["config", "set", &unit.url, "temperature_offset=-5", "--yes"]);
    unit.power_cycle();
    let is_kept = || {
        assert_eq!(
            (get("amplitude"), get("stagger_ms"), get("temperature_offset")),
            ("60".into(), "800".into(), "-5".into())
        );
    };
    is_kept();

    let next = site.release("1.1.0", "1.1.0", "old", &[]);
    assert_eq!(text(&site.must(&["update", &unit.url, &next]), "/outcome"), "confirmed");
    is_kept();
    // From slot B too, and what it writes is there after the way back.
    site.must(&["config", "set", &unit.url, "reset_pulse_ms=80", "--yes"]);
    site.must(&["rollback", &unit.url]);
    assert_eq!(text(&site.must(&["status", &unit.url]), "/running/version"), "1.0.0");
    is_kept();
    assert_eq!(get("reset_pulse_ms"), "80");
    let exported = site.must(&["config", "export", &unit.url]);
    assert_eq!(text(&exported, "/settings/amplitude"), "60");
    assert_eq!(exported.answer["settings"].as_object().map(serde_json::Map::len), Some(3));
    unit.stop();
}

fn a_new_unit_id_is_followed_and_kept() {
    let site = Site::new();
    let first = site.release("1.0.0", "1.0.0", "old", &[]);
    let unit = Served::new(&site.factory(Some(&first)));
    let set = site.must(&["config", "set", &unit.url, "unit_id=7", "amplitude=70", "--yes"]);
    assert_eq!((text(&set, "/outcome"), number(&set, "/unit")), ("stored".into(), 7));
    unit.power_cycle();
    let got = site.must(&["config", "get", &unit.url, "amplitude", "--unit", "7"]);
    assert_eq!(text(&got, "/text"), "70");
    unit.stop();
}
