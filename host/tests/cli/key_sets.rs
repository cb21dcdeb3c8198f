//! Root keys, key sets and their signatures, as people at different places make them (`boot:B10`).

use crate::{Ended, Folder, read};

/// Root keys `anna`, `ben`, `carl`, release keys `old` and `new`, and the anchors: two of three roots, `old` believed.
fn site() -> Folder {
    let folder = Folder::new();
    for name in ["anna", "ben", "carl"] {
        good(folder.sonde(&["key", "root", "new", "--out", name, "--no-passphrase"]));
    }
    for name in ["old", "new"] {
        good(folder.sonde(&["key", "new", "--out", name, "--no-passphrase"]));
    }
    let roots = ["anna.pub.pem", "ben.pub.pem", "carl.pub.pem"];
    let rest = ["--threshold", "2", "--release", "old.pub.pem", "--out", "anchors.bin"];
    good(folder.sonde(&[&["key", "root", "anchors"][..], &roots, &rest].concat()));
    folder
}

#[track_caller]
fn good(ended: Ended) -> Ended {
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    ended
}

fn key_id(folder: &Folder, file: &str) -> String {
    let shown = good(folder.sonde(&["--json", "key", "show", file])).json();
    shown["key_id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_set_is_made_signed_at_two_places_and_found_good() {
    let folder = site();
    let made = good(folder.sonde(&["--json", "key", "rotate", "--first", "--add", "new.pub.pem", "--out", "1.keys"]));
    assert_eq!((&made.json()["number"], made.json()["signatures"].as_array().map(Vec::len)), (&1.into(), Some(0)));
    for name in ["anna", "ben"] {
        let signed = format!("1-{name}.keys");
        let listed = good(folder.sonde(&[
            "--json",
            "key",
            "sign",
            "1.keys",
            "--with",
            name,
            "--out",
            &signed,
            "--anchors",
            "anchors.bin",
        ]));
        assert_eq!((&listed.json()["valid"], &listed.json()["enough"]), (&1.into(), &false.into()));
    }
    good(folder.sonde(&["key", "sign", "1-anna.keys", "--collect", "1-ben.keys", "--out", "1-both.keys"]));
    let one_by_one = ["key", "sign", "1-ben.keys", "--with", "anna", "--out", "1-too.keys"];
    good(folder.sonde(&one_by_one));
    assert_eq!(read(&folder.path("1-both.keys")), read(&folder.path("1-too.keys")), "the order does not matter");
    let listed = good(folder.sonde(&["--json", "key", "list", "1-both.keys", "--anchors", "anchors.bin"])).json();
    assert_eq!((&listed["valid"], &listed["threshold"], &listed["enough"]), (&2.into(), &2.into(), &true.into()));
    assert_eq!(listed["keys"][0]["key_id"], key_id(&folder, "new.pub.pem"));
    // Nothing is overwritten.
    let again = folder.sonde(&one_by_one);
    assert_eq!(again.exit, 2);
    again.says(&["already exists", "--out"]);
}

#[test]
fn revoking_goes_by_id_or_by_file_and_takes_the_key_out_of_the_set() {
    let folder = site();
    good(folder.sonde(&[
        "key",
        "rotate",
        "--first",
        "--add",
        "new.pub.pem",
        "--add",
        "old.pub.pem",
        "--out",
        "1.keys",
    ]));
    let id = key_id(&folder, "old.pub.pem");
    for (key, out) in [("old.pub.pem", "by-file.keys"), (id.as_str(), "by-id.keys")] {
        let revoked = good(folder.sonde(&["--json", "key", "revoke", key, "--from", "1.keys", "--out", out])).json();
        assert_eq!((&revoked["revoked"][0], revoked["keys"].as_array().map(Vec::len)), (&id.as_str().into(), Some(1)));
        assert_eq!(revoked["number"], 2);
    }
    assert_eq!(read(&folder.path("by-file.keys")), read(&folder.path("by-id.keys")));
    let back = folder.sonde(&["key", "rotate", "--from", "by-id.keys", "--add", "old.pub.pem", "--out", "3.keys"]);
    assert_eq!(back.exit, 2);
    back.says(&["is revoked", "add another one"]);
}

#[test]
fn root_keys_and_release_keys_are_not_taken_for_each_other() {
    // fault:A7 family: a key of one purpose is worth nothing for another.
    let folder = site();
    good(folder.sonde(&["key", "rotate", "--first", "--add", "new.pub.pem", "--out", "1.keys"]));
    for (arguments, says) in [
        (&["key", "sign", "1.keys", "--with", "old", "--out", "x"][..], "is a release key, expected a root key"),
        (&["key", "rotate", "--first", "--add", "anna.pub.pem", "--out", "x"], "is a root key, expected a release key"),
        (&["key", "revoke", "anna.pub.pem", "--first", "--out", "x"], "is a root key, expected a release key"),
        (&["key", "root", "anchors", "old.pub.pem", "--threshold", "1", "--out", "x"], "expected a root key"),
        (&["bundle", "verify", "x", "--trust", "anna.pub.pem"], "expected a release key"),
    ] {
        let ended = folder.sonde(arguments);
        assert_eq!(ended.exit, 2, "{arguments:?}");
        ended.says(&[says]);
        assert!(!folder.path("x").exists());
    }
}

#[test]
fn a_floor_reset_is_made_and_signed_only_with_the_exact_words() {
    let folder = site();
    let make = ["key", "rotate", "--first", "--reset-floor", "1.0.0", "--unit-serial", "MS-000002", "--out", "1.keys"];
    let words = "lower the floor to 1.0.0 on MS-000002";
    let silent = folder.sonde(&make);
    assert_eq!(silent.exit, 2);
    silent.says(&["DANGER", "known to be bad", words]);
    let wrong = folder.sonde(&[&make[..], &["--confirm", "yes"]].concat());
    assert_eq!(wrong.exit, 2);
    wrong.says(&["\"yes\" was said", words]);
    assert!(!folder.path("1.keys").exists());
    let made = good(folder.sonde(&[&["--json"], &make[..], &["--confirm", words]].concat())).json();
    assert_eq!((&made["floor_reset"]["to"], &made["floor_reset"]["unit"]), (&"1.0.0".into(), &"MS-000002".into()));
    let sign = ["key", "sign", "1.keys", "--with", "anna", "--out", "1-anna.keys"];
    assert_eq!(folder.sonde(&sign).exit, 2);
    good(folder.sonde(&[&sign[..], &["--confirm", words]].concat()));
    // A reset without saying for whom is none.
    let for_whom = folder.sonde(&["key", "rotate", "--first", "--reset-floor", "1.0.0", "--out", "x"]);
    assert_eq!(for_whom.exit, 2);
    for_whom.says(&["--unit-serial"]);
}

#[test]
fn a_damaged_or_foreign_set_is_no_set() {
    let folder = site();
    good(folder.sonde(&["key", "rotate", "--first", "--add", "new.pub.pem", "--out", "1.keys"]));
    let mut bytes = read(&folder.path("1.keys"));
    bytes[20] ^= 1;
    folder.write("other.keys", &bytes);
    let other = folder.sonde(&["key", "sign", "1.keys", "--collect", "other.keys", "--out", "x"]);
    assert_eq!(other.exit, 2);
    other.says(&["says something else"]);
    bytes[0] ^= 1;
    folder.write("damaged.keys", &bytes);
    for file in ["damaged.keys", "anchors.bin", "nowhere"] {
        let ended = folder.sonde(&["key", "list", file]);
        assert_eq!((ended.exit, ended.stdout.as_str()), (2, ""), "{file}");
    }
}

#[test]
fn an_encrypted_root_key_never_takes_its_passphrase_from_the_command_line() {
    let folder = Folder::new();
    let secret = [("SONDE_PASSPHRASE", "correct horse")];
    good(folder.sonde_with(&["key", "root", "new", "--out", "root"], &secret));
    let text = String::from_utf8(read(&folder.path("root"))).expect("PEM is text");
    assert!(text.starts_with("Sonde-Key-Role: root\n-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{text}");
    good(folder.sonde(&["key", "revoke", "0123456789abcdef", "--first", "--out", "1.keys"]));
    let silent = folder.sonde(&["key", "sign", "1.keys", "--with", "root", "--out", "2.keys"]);
    assert_eq!(silent.exit, 2);
    silent.says(&["is encrypted", "SONDE_PASSPHRASE"]);
    good(folder.sonde_with(&["key", "sign", "1.keys", "--with", "root", "--out", "2.keys"], &secret));
    assert_eq!(folder.sonde(&["key", "root", "new", "--out", "k", "--passphrase", "secret"]).exit, 2);
}
