//! Keys that change over time, by the real program on the linked images (`boot:B8`, `boot:B10`).

use crate::site::{Served, Site, number, text};
use crate::test::tests;

tests![
    a_new_key_takes_over_and_the_old_one_is_revoked,
    the_running_image_is_given_up_only_on_purpose_and_that_is_kept,
    a_floor_that_was_raised_too_far_is_lowered_by_the_root_keys,
    a_unit_that_comes_with_a_key_set_runs_what_the_set_vouches_for,
];

/// `sonde key list` of the unit.
pub(crate) fn list(site: &Site, unit: &Served) -> sonde_hil::sonde::Outcome {
    site.must(&["key", "list", "--to", &unit.url])
}

/// What a key is worth to the unit.
#[track_caller]
fn standing(site: &Site, unit: &Served, key: &str) -> String {
    let (listed, id) = (list(site, unit), site.key_id(key));
    let keys = listed.answer["keys"].as_array().expect("a list").clone();
    let found = keys.iter().find(|listed| listed["key_id"] == id.as_str());
    found.and_then(|key| key["standing"].as_str()).unwrap_or("not_known").to_owned()
}

/// Makes key set `number` from the one before.
fn next_set(site: &Site, number: u16, change: &[&str]) -> String {
    let (path, before) = (site.path(&format!("{number}.keys")), site.path(&format!("{}.keys", number - 1)));
    let base = if number == 1 { vec!["--first"] } else { vec!["--from", &before] };
    site.must(&[&["key"], change, &base, &["--out", &path]].concat());
    path
}

fn a_new_key_takes_over_and_the_old_one_is_revoked() {
    let site = Site::new();
    let first = site.release("1.0.0", "1.0.0", "old", &[]);
    let unit = Served::new(&site.factory(Some(&first)));
    assert_eq!((standing(&site, &unit, "old"), standing(&site, &unit, "anna")), ("believed".into(), "root".into()));

    let by_new = site.release("1.1.0", "1.1.0", "new", &[]);
    site.refused(&["update", &unit.url, &by_new], "refused.unknown_key");

    // fault:A7: one root key is not two, found here and by the unit.
    let set = next_set(&site, 1, &["rotate", "--add", &site.path("new.pub.pem")]);
    let half = site.sign(&set, &["anna"], &[]);
    site.refused(&["key", "install", &half, "--to", &unit.url], "precheck.key_set_signatures");
    site.refused(&["key", "install", &half, "--to", &unit.url, "--no-precheck"], "refused.key_set_signatures");
    let signed = site.sign(&half, &["carl"], &[]);
    let planned = site.must(&["key", "install", &signed, "--to", &unit.url, "--plan"]);
    assert_eq!((text(&planned, "/outcome"), standing(&site, &unit, "new")), ("planned".into(), "not_known".into()));
    let installed = site.must(&["key", "install", &signed, "--to", &unit.url]);
    assert_eq!((text(&installed, "/outcome"), standing(&site, &unit, "new")), ("installed".into(), "believed".into()));
    let again = site.must(&["key", "install", &signed, "--to", &unit.url]);
    assert_eq!(text(&again, "/outcome"), "already_installed");

    // The old key cannot go while its image is all that runs.
    let set = next_set(&site, 2, &["revoke", &site.path("old.pub.pem")]);
    let revoking = site.sign(&set, &["ben", "carl"], &[]);
    site.refused(&["key", "install", &revoking, "--to", &unit.url], "refused.would_not_boot");
    assert_eq!(text(&site.must(&["update", &unit.url, &by_new]), "/outcome"), "confirmed");
    let revoked = site.must(&["key", "install", &revoking, "--to", &unit.url]);
    assert_eq!(
        (text(&revoked, "/slots/0/bootable/version"), &revoked.answer["slots"][0]["lost"]),
        ("1.0.0".into(), &true.into())
    );

    // fault:R4 family: nothing by the old key runs again, new or from before.
    let by_old = site.release("1.0.0", "1.3.0", "old", &[]);
    site.refused(&["update", &unit.url, &by_old], "refused.revoked_key");
    site.refused(&["rollback", &unit.url], "refused.nothing_to_roll_back_to");
    // fault:R5: nor is the set before played back.
    site.refused(&["key", "install", &signed, "--to", &unit.url, "--no-precheck"], "refused.key_set_old");
    unit.power_cycle();
    assert_eq!(text(&site.must(&["status", &unit.url]), "/running/version"), "1.1.0");
    assert_eq!((number(&list(&site, &unit), "/number"), standing(&site, &unit, "old")), (2, "revoked".into()));
    unit.stop();
}

fn the_running_image_is_given_up_only_on_purpose_and_that_is_kept() {
    let site = Site::new();
    let first = site.release("1.0.0", "1.0.0", "old", &[]);
    let unit = Served::new(&site.factory(Some(&first)));
    let signed = revoking_old(&site);
    let planned = site.must(&["key", "install", &signed, "--to", &unit.url, "--plan"]);
    assert!(text(&planned, "/warnings/0").contains("does not boot any more"), "{}", planned.answer);
    site.refused(&["key", "install", &signed, "--to", &unit.url], "refused.would_not_boot");
    let given_up = site.must(&["key", "install", &signed, "--to", &unit.url, "--give-up-running-image"]);
    assert_eq!(text(&given_up, "/outcome"), "installed");
    assert_eq!(given_up.answer["slots"][0]["lost"], true, "{}", given_up.answer);
    assert_eq!(text(&list(&site, &unit), "/given_up/version"), "1.0.0");
    unit.stop();
}

/// A signed key set that adds `new` and revokes `old`.
pub(crate) fn revoking_old(site: &Site) -> String {
    next_set(site, 1, &["rotate", "--add", &site.path("new.pub.pem")]);
    let set = next_set(site, 2, &["revoke", &site.path("old.pub.pem")]);
    site.sign(&set, &["anna", "ben"], &[])
}

fn a_floor_that_was_raised_too_far_is_lowered_by_the_root_keys() {
    // fault:R6
    let site = Site::new();
    let first = site.release("1.0.0", "1.0.0", "old", &[]);
    let unit = Served::new(&site.factory(Some(&first)));
    let far = site.release("1.1.0", "1.1.0", "old", &["--floor", "1.1.0"]);
    assert_eq!(text(&site.must(&["update", &unit.url, &far]), "/outcome"), "confirmed");
    site.refused(&["update", &unit.url, &first], "precheck.below_floor");
    site.refused(&["update", &unit.url, &first, "--no-precheck"], "refused.below_floor");

    let reset = |number: u16, serial: &str| {
        let words = format!("lower the floor to 1.0.0 on {serial}");
        let meant = ["--confirm", words.as_str()];
        let change = ["rotate", "--reset-floor", "1.0.0", "--unit-serial", serial];
        site.sign(&next_set(&site, number, &[&change[..], &meant].concat()), &["anna", "carl"], &meant)
    };
    // Another unit's reset changes nothing here.
    let other = site.must(&["key", "install", &reset(1, "MS-000099"), "--to", &unit.url]);
    assert_eq!((text(&other, "/outcome"), text(&other, "/floor/1")), ("installed".into(), "1.1.0".into()));
    let lowered = site.must(&["key", "install", &reset(2, "MS-000002"), "--to", &unit.url]);
    assert_eq!((text(&lowered, "/floor/0"), text(&lowered, "/floor/1")), ("1.1.0".into(), "1.0.0".into()));
    assert_eq!(text(&site.must(&["update", &unit.url, &first]), "/outcome"), "confirmed");
    // Spent: a floor that rises again stays up, whatever the set in flash still says.
    assert_eq!(text(&site.must(&["update", &unit.url, &far]), "/outcome"), "confirmed");
    unit.power_cycle();
    assert_eq!(text(&site.must(&["status", &unit.url]), "/floor"), "1.1.0");
    unit.stop();
}

fn a_unit_that_comes_with_a_key_set_runs_what_the_set_vouches_for() {
    let site = Site::new();
    let set = revoking_old(&site);
    let by_new = site.release("1.1.0", "1.1.0", "new", &[]);
    let unit = Served::new(&site.factory_with(Some(&by_new), Some(&set)));
    assert_eq!(text(&site.must(&["status", &unit.url]), "/running/version"), "1.1.0");
    let listed = list(&site, &unit);
    assert_eq!((number(&listed, "/number"), listed.answer["copies_good"].to_string()), (2, "[true,true]".into()));
    unit.stop();
}
