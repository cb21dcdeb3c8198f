use crate::{Folder, read};

#[test]
fn a_new_key_is_two_files_and_never_overwrites() {
    let folder = Folder::new();
    let made = folder.sonde(&["--json", "key", "new", "--out", "key", "--no-passphrase"]);
    assert_eq!(made.exit, 0, "{}", made.stderr);
    assert_eq!(made.json()["encrypted"], false);
    assert!(read(&folder.path("key")).starts_with(b"-----BEGIN PRIVATE KEY-----"));
    let before = read(&folder.path("key"));
    let again = folder.sonde(&["key", "new", "--out", "key", "--no-passphrase"]);
    assert_eq!(again.exit, 2);
    again.says(&["already exists", "--out"]);
    assert_eq!(read(&folder.path("key")), before);
}

#[test]
fn a_key_is_encrypted_unless_told_otherwise() {
    let folder = Folder::new();
    let secret = [("SONDE_PASSPHRASE", "correct horse")];
    assert_eq!(folder.sonde_with(&["key", "new", "--out", "key"], &secret).exit, 0);
    assert!(read(&folder.path("key")).starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let shown = folder.sonde_with(&["--json", "key", "show", "key"], &secret);
    let public = folder.sonde(&["--json", "key", "show", "key.pub.pem"]);
    assert_eq!((shown.exit, public.exit), (0, 0), "{}", shown.stderr);
    assert_eq!(shown.json(), public.json());
    let wrong = folder.sonde_with(&["key", "show", "key"], &[("SONDE_PASSPHRASE", "wrong")]);
    assert_eq!(wrong.exit, 2);
    wrong.says(&["passphrase does not open", "SONDE_PASSPHRASE"]);
    folder.write("secret", "correct horse\n");
    assert_eq!(folder.sonde(&["key", "show", "key", "--passphrase-file", "secret"]).exit, 0);
}

#[test]
fn without_a_terminal_a_missing_passphrase_is_an_error_and_no_key_is_made() {
    let folder = Folder::new();
    let ended = folder.sonde(&["key", "new", "--out", "key"]);
    assert_eq!(ended.exit, 2);
    ended.says(&["no terminal", "--passphrase-file"]);
    assert!(!folder.path("key").exists() && !folder.path("key.pub.pem").exists());
    let empty = folder.sonde_with(&["key", "new", "--out", "key"], &[("SONDE_PASSPHRASE", "")]);
    assert_eq!(empty.exit, 2);
    empty.says(&["SONDE_PASSPHRASE is empty"]);
}

#[cfg(unix)]
#[test]
fn a_private_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new().with_key();
    let mode = |mode| std::fs::set_permissions(folder.path("key"), std::fs::Permissions::from_mode(mode)).expect("own");
    let permissions = folder.path("key").metadata().expect("it exists").permissions().mode();
    assert_eq!(permissions & 0o777, 0o600);
    mode(0o640);
    let ended = folder.sonde(&["key", "show", "key"]);
    assert_eq!(ended.exit, 2);
    ended.says(&["0640", "expected 0600", "chmod 600"]);
}

#[test]
fn a_file_that_is_no_key_says_what_it_is() {
    let folder = Folder::new().with_key();
    let missing = folder.sonde(&["key", "show", "nowhere"]);
    assert_eq!(missing.exit, 2);
    missing.says(&["nowhere", "No such file"]);
    folder.write("text", "hello");
    std::fs::rename(folder.path("key.pub.pem"), folder.path("wrong.pem")).expect("own folder");
    let swapped = folder.sonde(&["bundle", "verify", "text", "--trust", "key"]);
    assert_eq!(swapped.exit, 2);
    swapped.says(&["key is no Ed25519 public key", "found a private key"]);
}
