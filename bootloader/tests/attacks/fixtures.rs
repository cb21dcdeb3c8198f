//! The folders: they are what the catalogue makes, they boot as they say, and nothing but the attack decides that.

use std::collections::BTreeSet;

use protocol::layout::{BOOT_LOG_OFFSETS, Slot};
use sonde_bootloader::model::fixture::Contents;
use sonde_bootloader::model::release::Release;

use crate::attack::{Attack, Control, Ends};
use crate::catalogue::attacks;
use crate::folder::{EXPECTED, Folder, committed_names, differences, path};
use crate::unit::{self, OLD, release};
use crate::verdict::{ends, verdict};

/// Set to write the folders anew.
const UPDATE: &str = "UPDATE_FIXTURES";

fn folders() -> Vec<Folder> {
    let controls = Control::ALL.map(Folder::of_control);
    controls.into_iter().chain(attacks().iter().map(Folder::of_attack)).collect()
}

#[test]
fn the_committed_folders_are_what_the_catalogue_makes() {
    let folders = folders();
    let names: BTreeSet<String> = folders.iter().map(|folder| folder.name.clone()).collect();
    assert_eq!(names.len(), folders.len(), "two attacks of one name");
    if std::env::var_os(UPDATE).is_some() {
        for stale in committed_names().difference(&names) {
            std::fs::remove_dir_all(path(stale)).expect("the repository is writable");
        }
        folders.iter().for_each(Folder::write);
    }
    let strange: Vec<_> = committed_names().symmetric_difference(&names).cloned().collect();
    assert!(strange.is_empty(), "{strange:?} only here or only there; run this test with {UPDATE}=1");
    for folder in folders {
        // Not as bytes: the message would be unreadable.
        let (committed, made) = (folder.committed(), folder.files);
        let differs: Vec<_> =
            made.keys().chain(committed.keys()).filter(|file| made.get(*file) != committed.get(*file)).collect();
        assert!(differs.is_empty(), "{}: {differs:?} differ; run this test with {UPDATE}=1", folder.name);
    }
}

#[test]
fn each_folder_boots_as_it_says() {
    for name in committed_names() {
        let contents = Contents::read(&path(&name)).expect("a folder of the repository");
        let expected = std::fs::read_to_string(path(&name).join(EXPECTED)).expect("a folder says what to expect");
        assert_eq!(verdict(&contents.flash()).text, expected, "{name}");
    }
}

#[test]
fn each_attack_ends_as_it_must() {
    // Beside expected.txt, which is written by a machine: this was written by hand.
    for attack in attacks() {
        assert_eq!(ends(&attack.flash()), attack.ends, "{}", attack.folder());
    }
}

#[test]
fn each_control_boots_and_each_attack_changes_only_what_it_says() {
    for control in Control::ALL {
        assert_eq!(ends(&control.flash()), Ends::Runs(control.runs()), "{}", control.folder());
    }
    for attack in attacks() {
        let found: Vec<String> = differences(&attack.flash(), attack.control).into_iter().collect();
        let mut changed: Vec<&str> = found.iter().map(|file| part(file)).collect();
        changed.sort_unstable();
        assert_eq!(changed, attack.changes, "{}", attack.folder());
    }
}

/// `10800-image-a.bin` is about `image-a`.
fn part(file: &str) -> &str {
    let (stem, _) = file.split_once('.').unwrap_or((file, ""));
    stem.split_once('-').map_or(stem, |(_, part)| part)
}

/// Attacks on what is in slot A, the rest of the unit being as it was.
fn forged_in_slot_a() -> impl Iterator<Item = Attack> {
    attacks().into_iter().filter(|attack| {
        attack.id.starts_with('A')
            && attack.control == Control::Confirmed
            && attack.ends == Ends::Recovery
            && attack.changes.iter().all(|part| part.ends_with("-a"))
    })
}

#[test]
fn no_forged_image_runs_whatever_the_log_says_of_it() {
    // fault:S3: without a log, as the confirmed image, and on trial with or without starts left.
    let mut tried = 0;
    for attack in forged_in_slot_a() {
        let mut flash = attack.flash();
        unit::forget_log(&mut flash);
        assert_eq!(ends(&flash), Ends::Recovery, "{} without a log", attack.folder());
        for attempts in [0, 2, u8::MAX] {
            let mut flash = attack.flash();
            unit::log(&mut flash, |state| {
                state.phase = protocol::boot_record::Phase::Trial { attempts, fallback: None };
            });
            assert_eq!(ends(&flash), Ends::Recovery, "{} on trial", attack.folder());
        }
        tried += 1;
    }
    assert!(tried > 50, "{tried} attacks");
}

#[test]
fn beside_every_forged_image_the_good_one_in_the_other_slot_runs() {
    for attack in forged_in_slot_a() {
        let mut flash = attack.flash();
        release(Slot::B, OLD).install(&mut flash);
        let (name, verdict) = (attack.folder(), verdict(&flash));
        assert_eq!(verdict.ends, Ends::Runs(Slot::B), "{name}: {}", verdict.text);
        let second = verdict.text.lines().nth(1).unwrap_or_default();
        assert!(second.ends_with(", 0 flash operations"), "{name}: {second}");
    }
}

#[test]
fn the_floor_outlives_the_loss_of_either_copy_of_the_log() {
    // fault:R8, fault:R1
    for lost in BOOT_LOG_OFFSETS {
        let mut flash = Control::Confirmed.flash();
        release(Slot::A, unit::BELOW).install(&mut flash);
        flash.wipe(lost, lost + protocol::layout::PAGE_SIZE);
        assert_eq!(ends(&flash), Ends::Recovery, "{lost:#x}");
    }
}

#[test]
fn a_trial_is_not_started_when_no_copy_of_the_log_takes_its_record() {
    // fault:R5: found before anything depends on it.
    let mut flash = Control::Trial.flash();
    BOOT_LOG_OFFSETS.iter().for_each(|&page| flash.make_worn(page));
    assert_eq!(ends(&flash), Ends::Runs(Slot::A));
}

#[test]
fn the_same_attack_in_slot_b_ends_the_same_way() {
    // A check that looked at slot A only would pass everything else here.
    let mut flash = Control::Pair.flash();
    let mut forged: Release = release(Slot::B, unit::GOOD);
    forged.manifest.product += 1;
    forged.install(&mut flash);
    assert_eq!(ends(&flash), Ends::Runs(Slot::A));
}
