use protocol::layout::Slot;

use crate::elf_file::{elf, write_pair};
use crate::{BUILD, Folder, nobody, read};

#[test]
fn a_release_is_built_shown_and_verified() {
    let folder = Folder::new().with_release();
    let shown = folder.sonde(&["--json", "bundle", "show", "good.sonde"]).json();
    assert_eq!(shown["images"][0]["version"], "1.1.0");
    assert_eq!((&shown["images"][0]["slot"], &shown["images"][1]["slot"]), (&"A".into(), &"B".into()));
    assert_eq!(shown["images"][1]["hardware"], "1,2");
    let verified = folder.sonde(&["--json", "bundle", "verify", "good.sonde", "--trust", "key.pub.pem"]);
    assert_eq!((verified.exit, &verified.json()["verified"]), (0, &true.into()));
}

#[test]
fn a_release_signed_by_nobody_we_trust_does_not_verify() {
    let folder = Folder::new().with_release();
    assert_eq!(folder.sonde(&["key", "new", "--out", "other", "--no-passphrase"]).exit, 0);
    let ended = folder.sonde(&["bundle", "verify", "good.sonde", "--trust", "other.pub.pem"]);
    assert_eq!(ended.exit, 1);
    assert!(ended.stdout.contains("DOES NOT VERIFY") && ended.stdout.contains("not trusted"), "{}", ended.stdout);
}

#[test]
fn a_release_that_should_have_been_followed_by_a_newer_one_is_warned_of_and_used_all_the_same() {
    // fault:R7
    let folder = Folder::new().with_release();
    for (day, late) in [("2020-01-31", true), ("2179-06-06", false)] {
        let mut arguments = BUILD.to_vec();
        arguments.extend(["--last-day", day]);
        assert_eq!(folder.sonde(&arguments).exit, 0);
        let shown = folder.sonde(&["--json", "bundle", "show", "good.sonde"]);
        assert_eq!((shown.exit, &shown.json()["images"][0]["last_day"]), (0, &day.into()));
        assert_eq!(shown.stderr.contains("holding it back"), late, "{}", shown.stderr);
        let verified = folder.sonde(&["bundle", "verify", "good.sonde", "--trust", "key.pub.pem"]);
        assert_eq!((verified.exit, verified.stderr.contains(day)), (0, late), "{}", verified.stderr);
        // Nobody listens there: it is tried.
        let updated = folder.sonde(&["update", &nobody(), "good.sonde"]);
        assert_eq!((updated.exit, updated.stderr.contains(day)), (3, late), "{}", updated.stderr);
    }
    let mut arguments = BUILD.to_vec();
    arguments.extend(["--last-day", "30.6.2027"]);
    let refused = folder.sonde(&arguments);
    assert_eq!(refused.exit, 2);
    refused.says(&["2027-06-30"]);
}

#[test]
fn one_flipped_byte_is_found_before_a_unit_is_touched() {
    let folder = Folder::new().with_release();
    let mut bytes = read(&folder.path("good.sonde"));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    folder.write("flipped.sonde", bytes);
    // Nobody listens there: with a good file this would be exit code 3.
    for arguments in
        [&["--json", "update", &nobody(), "flipped.sonde"][..], &["--json", "bundle", "show", "flipped.sonde"]]
    {
        let ended = folder.sonde(arguments);
        assert_eq!(ended.exit, 1);
        let error = &ended.json()["error"];
        assert_eq!(error["kind"], "bundle.damaged");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("flipped.sonde")), "{error}");
    }
    assert_eq!(folder.sonde(&["update", &nobody(), "good.sonde"]).exit, 3);
    assert_eq!(folder.sonde(&["bundle", "verify", "flipped.sonde", "--trust", "key.pub.pem"]).exit, 1);
}

#[test]
fn a_truncated_or_foreign_file_says_what_was_expected_and_found() {
    let folder = Folder::new().with_release();
    let bytes = read(&folder.path("good.sonde"));
    folder.write("cut.sonde", &bytes[..1000]);
    let cut = folder.sonde(&["update", &nobody(), "cut.sonde"]);
    assert_eq!(cut.exit, 2);
    cut.says(&["cut.sonde", "1000 bytes, expected", &bytes.len().to_string()]);
    folder.write("text.sonde", "not a bundle at all");
    let text = folder.sonde(&["rollback", &nobody(), "--to", "text.sonde"]);
    assert_eq!(text.exit, 2);
    text.says(&["text.sonde", "not a sonde bundle", "sonde bundle build"]);
    let missing = folder.sonde(&["bundle", "verify", "nowhere.sonde", "--trust", "key.pub.pem"]);
    assert_eq!(missing.exit, 2);
    missing.says(&["nowhere.sonde"]);
}

#[test]
fn an_image_linked_for_the_other_slot_names_file_and_both_slots() {
    let folder = Folder::new().with_key();
    folder.write("a.elf", elf(Slot::B, 5000));
    folder.write("b.elf", elf(Slot::A, 5000));
    let ended = folder.sonde(&BUILD);
    assert_eq!(ended.exit, 2);
    ended.says(&["a.elf", "linked for slot B, expected slot A", "exchange --slot-a and --slot-b"]);
    assert!(!folder.path("good.sonde").exists());
}

#[test]
fn an_elf_that_is_none_or_too_large_is_named() {
    let folder = Folder::new().with_key();
    write_pair(&folder);
    folder.write("a.elf", "text");
    let ended = folder.sonde(&BUILD);
    assert_eq!(ended.exit, 2);
    ended.says(&["a.elf", "ELF", "thumbv7em-none-eabihf"]);
    folder.write("a.elf", elf(Slot::A, 200_000));
    let ended = folder.sonde(&BUILD);
    assert_eq!(ended.exit, 2);
    ended.says(&["200000 bytes", "178176 fit"]);
}

#[test]
fn terms_that_contradict_each_other_are_refused() {
    let folder = Folder::new().with_key();
    write_pair(&folder);
    let arguments: Vec<&str> = BUILD.into_iter().chain(["--floor", "1.2.0"]).collect();
    let ended = folder.sonde(&arguments);
    assert_eq!(ended.exit, 2);
    ended.says(&["--floor 1.2.0 is above --version 1.1.0"]);
}

#[test]
fn a_release_of_the_same_name_is_replaced_whole() {
    let folder = Folder::new().with_release();
    let first = read(&folder.path("good.sonde"));
    assert_eq!(folder.sonde(&BUILD).exit, 0);
    // Ed25519 is deterministic: the same images, terms and key give the same bytes.
    assert_eq!(read(&folder.path("good.sonde")), first);
}
