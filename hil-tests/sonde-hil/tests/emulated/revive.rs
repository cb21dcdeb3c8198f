//! Units with nothing to run, brought back by the real program over the line (`boot:B9`).

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protocol::layout::{ERASED, Slot};
use virtual_board::board::Tear;
use virtual_board::unit::FIRST_UNIT_ID;

use crate::keys::{list, revoking_old};
use crate::site::{PLACE, Served, Site, number, program, text};
use crate::test::tests;

tests![
    an_empty_unit_says_what_it_needs_and_is_revived_by_an_update,
    a_revival_goes_on_after_a_power_cut,
    a_revival_goes_on_after_the_program_was_killed,
    a_unit_with_both_slots_damaged_is_revived,
    a_release_that_crashes_leads_back_into_recovery_and_another_one_out_of_it,
    a_unit_whose_image_was_given_up_is_revived_by_a_release_of_the_new_key,
    a_unit_in_recovery_takes_no_key_set_and_says_what_to_do,
];

fn empty(site: &Site) -> Served {
    Served::new(&site.factory(None))
}

/// Power goes in that flash operation from now, and leaves a word that cannot be read.
fn plan_power_cut(unit: &Served, operations: u64) {
    unit.control.plan_power_cut(PLACE, operations, Tear::Poison(2026)).expect("it is served");
}

/// Waits until the unit has done so many flash operations.
fn wait_for_flash_operations(unit: &Served, operations: u64) {
    let started = Instant::now();
    while unit.control.flash_operations(PLACE).expect("it is served") < operations {
        assert!(started.elapsed() < Duration::from_secs(60), "flash was not touched in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts an update and comes back while it runs.
fn start_update(unit: &Served, bundle: &str) -> Child {
    let mut command = Command::new(program());
    command.args(["update", &unit.url, bundle]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

fn an_empty_unit_says_what_it_needs_and_is_revived_by_an_update() {
    let site = Site::new();
    let unit = empty(&site);
    let status = site.must(&["status", &unit.url]);
    assert_eq!((text(&status, "/phase"), text(&status, "/serial")), ("recovery".into(), "MS-000002".into()));
    assert_eq!(
        (text(&status, "/slots/0/trouble"), text(&status, "/slots/1/trouble")),
        ("empty".into(), "empty".into())
    );
    assert!(text(&status, "/next").contains("sonde update"), "{}", status.answer);
    for command in ["confirm", "rollback"] {
        site.refused(&[command, &unit.url], "session.in_recovery");
    }
    // boot:B9: a signature that is not believed is no better in recovery.
    let stranger = site.release("1.1.0", "1.1.0", "new", &[]);
    site.refused(&["update", &unit.url, &stranger], "refused.unknown_key");

    let release = site.release("1.0.0", "1.0.0", "old", &[]);
    let revived = site.must(&["update", &unit.url, &release]);
    assert_eq!((text(&revived, "/outcome"), text(&revived, "/after/slot")), ("revived".into(), "A".into()));
    assert!(revived.answer["before"].is_null());
    unit.power_cycle();
    let status = site.must(&["status", &unit.url]);
    assert_eq!((text(&status, "/phase"), text(&status, "/running/version")), ("confirmed".into(), "1.0.0".into()));
    let next = site.release("1.1.0", "1.1.0", "old", &[]);
    let updated = site.must(&["update", &unit.url, &next]);
    assert_eq!((text(&updated, "/outcome"), text(&updated, "/after/slot")), ("confirmed".into(), "B".into()));
    unit.stop();
}

fn a_revival_goes_on_after_a_power_cut() {
    // boot:U2, fault:P1
    let site = Site::new();
    let unit = empty(&site);
    let release = site.release("1.0.0", "1.0.0", "old", &[]);
    plan_power_cut(&unit, 3000);
    let cut = site.call(&["update", &unit.url, &release]);
    assert_eq!(cut.exit, 3, "{}", cut.said());
    unit.power_on();
    assert_eq!(text(&site.must(&["status", &unit.url]), "/phase"), "recovery");
    let revived = site.must(&["update", &unit.url, &release]);
    assert_eq!((text(&revived, "/outcome"), text(&revived, "/after/slot")), ("revived".into(), "A".into()));
    assert!(number(&revived, "/transferred/pages_skipped") > 5, "{}", revived.answer);
    unit.stop();
}

fn a_revival_goes_on_after_the_program_was_killed() {
    let site = Site::new();
    let unit = empty(&site);
    let release = site.release("1.0.0", "1.0.0", "old", &[]);
    let mut update = start_update(&unit, &release);
    wait_for_flash_operations(&unit, 3000);
    update.kill().expect("it runs");
    update.wait().expect("it ran");
    let revived = site.must(&["update", &unit.url, &release]);
    assert_eq!(text(&revived, "/outcome"), "revived");
    assert!(number(&revived, "/transferred/pages_skipped") > 5, "{}", revived.answer);
    unit.stop();
}

fn a_unit_with_both_slots_damaged_is_revived() {
    let site = Site::new();
    let release = site.release("1.0.0", "1.0.0", "old", &[]);
    let mut flash = site.factory(Some(&release)).flash(FIRST_UNIT_ID);
    flash[Slot::A.image_offset() as usize + 5000] ^= 1;
    let manifest = Slot::A.offset() as usize..Slot::A.offset() as usize + 224;
    let (a, b) = (flash[manifest].to_vec(), Slot::B.offset() as usize);
    assert!(a.iter().any(|byte| *byte != ERASED));
    // The manifest of the other slot.
    flash[b..b + a.len()].copy_from_slice(&a);
    let unit = Served::with(flash);
    let status = site.must(&["status", &unit.url]);
    let troubles = (text(&status, "/slots/0/trouble"), text(&status, "/slots/1/trouble"));
    assert_eq!(troubles.0, "its image is not the one that was signed");
    assert_eq!(troubles.1, "its manifest is for the other slot");
    let revived = site.must(&["update", &unit.url, &release]);
    assert_eq!((text(&revived, "/outcome"), text(&revived, "/after/slot")), ("revived".into(), "A".into()));
    unit.stop();
}

fn a_release_that_crashes_leads_back_into_recovery_and_another_one_out_of_it() {
    // boot:B7
    let site = Site::new();
    let unit = empty(&site);
    let hanging = site.release("1.2.0+fault-hang-after-boot", "1.2.0", "old", &[]);
    let crashed = site.call(&["update", &unit.url, &hanging]);
    assert_eq!((crashed.exit, text(&crashed, "/outcome")), (1, "fell_into_recovery".into()), "{}", crashed.answer);
    assert!(crashed.answer["after"].is_null());
    let status = site.must(&["status", &unit.url]);
    assert_eq!(
        (text(&status, "/phase"), text(&status, "/slots/0/trouble")),
        ("recovery".into(), "its image crashed on trial".into())
    );
    let release = site.release("1.0.0", "1.0.0", "old", &[]);
    assert_eq!(text(&site.must(&["update", &unit.url, &release]), "/outcome"), "revived");
    unit.stop();
}

fn a_unit_whose_image_was_given_up_is_revived_by_a_release_of_the_new_key() {
    // boot:B10
    let site = Site::new();
    let first = site.release("1.0.0", "1.0.0", "old", &[]);
    let unit = Served::new(&site.factory(Some(&first)));
    site.must(&["key", "install", &revoking_old(&site), "--to", &unit.url, "--give-up-running-image"]);
    unit.power_cycle();
    let status = site.must(&["status", &unit.url]);
    assert_eq!((text(&status, "/phase"), number(&status, "/key_set")), ("recovery".into(), 2));
    assert_eq!(text(&status, "/slots/0/trouble"), "signed by a revoked key");
    assert!(text(&status, "/next").contains("by a key that it believes"), "{}", status.answer);
    site.refused(&["update", &unit.url, &first], "refused.revoked_key");
    let by_new = site.release("1.1.0", "1.1.0", "new", &[]);
    assert_eq!(text(&site.must(&["update", &unit.url, &by_new]), "/outcome"), "revived");
    assert_eq!(text(&list(&site, &unit), "/given_up/version"), "1.0.0");
    unit.stop();
}

fn a_unit_in_recovery_takes_no_key_set_and_says_what_to_do() {
    let site = Site::new();
    let unit = empty(&site);
    let set = revoking_old(&site);
    for arguments in [&["key", "install", &set, "--to", &unit.url][..], &["key", "list", "--to", &unit.url]] {
        let refused = site.refused(arguments, "session.in_recovery");
        assert!(refused.said().contains("sonde update"), "{}", refused.said());
    }
    unit.stop();
}
