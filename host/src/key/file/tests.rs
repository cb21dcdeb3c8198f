use std::process::Command;

use ed25519_dalek::pkcs8::EncodePublicKey as _;
use pkcs8::LineEnding;
use proptest::prelude::*;

use super::pem::{parse_private, parse_public};
use super::*;
use crate::key::ReleaseKey;
use crate::key::pair::{Release, Root};
use crate::key::root::RootKey;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text, "a test").expect("not empty")
}

fn nobody_asks() -> Result<Passphrase, PassphraseError> {
    panic!("an unencrypted file needs no passphrase")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("own file");
}

#[test]
fn a_written_key_pair_reads_back() {
    let folder = folder();
    for (name, protection) in
        [("open", Protection::FileModeOnly), ("closed", Protection::Encrypted(passphrase("correct horse")))]
    {
        let (path, key) = (folder.path().join(name), ReleaseKey::generate());
        let public = write_new(&path, &key, &protection).expect("a new name");
        assert_eq!(public, folder.path().join(format!("{name}.pub.pem")));
        let read = read_private(&path, || Ok(passphrase("correct horse"))).expect("the key just written");
        assert_eq!(read.public(), key.public());
        assert_eq!(read_public(&public).expect("the key just written"), key.public());
    }
}

#[cfg(unix)]
#[test]
fn a_private_key_file_has_mode_0600_and_one_that_others_can_read_is_not_used() {
    let folder = folder();
    let path = folder.path().join("key");
    write_new(&path, &ReleaseKey::generate(), &Protection::FileModeOnly).expect("a new name");
    assert_eq!(mode_of(&path.metadata().expect("it exists")) & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620, 0o601, 0o666] {
        set_mode(&path, mode);
        let error = read_private::<Release>(&path, nobody_asks).expect_err("too open");
        assert!(matches!(error, ReadKeyError::TooOpen { .. }));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    set_mode(&path, 0o400);
    read_private::<Release>(&path, nobody_asks).expect("read-only for its owner is as good");
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let folder = folder();
    let key = ReleaseKey::generate();
    for taken in ["key", "key.pub.pem"] {
        let path = folder.path().join(taken);
        std::fs::write(&path, "precious").expect("own folder");
        let error = write_new(&folder.path().join("key"), &key, &Protection::FileModeOnly).expect_err("taken");
        assert!(matches!(error, NewKeyError::Exists { path: found } if found == path));
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "precious");
        assert_eq!(std::fs::read_dir(folder.path()).expect("own folder").count(), 1, "nothing else was made");
        std::fs::remove_file(path).expect("own file");
    }
}

#[test]
fn a_wrong_passphrase_is_told_from_a_missing_one() {
    let folder = folder();
    let path = folder.path().join("key");
    write_new(&path, &ReleaseKey::generate(), &Protection::Encrypted(passphrase("right"))).expect("a new name");
    let wrong = read_private::<Release>(&path, || Ok(passphrase("wrong"))).expect_err("another passphrase");
    assert!(matches!(wrong, ReadKeyError::WrongPassphrase { .. }));
    let missing = read_private::<Release>(&path, || Err(PassphraseError::NoTerminal)).expect_err("no passphrase");
    assert!(missing.to_string().contains("SONDE_PASSPHRASE"), "{missing}");
}

#[test]
fn a_file_of_another_kind_says_what_was_found() {
    let public = public_pem(&ReleaseKey::generate().public(), Role::Release);
    let path = Path::new("k");
    let found = |text: &str| parse_private(text, path, nobody_asks).expect_err("no private key").to_string();
    assert!(found(&public).contains("found a public key"));
    assert!(found("").contains("found an empty file"));
    assert!(found("hello").contains("found no PEM file"));
    let private = pem::private(&ReleaseKey::generate().0, Role::Release, &Protection::FileModeOnly);
    assert!(parse_public(&private, path).expect_err("no public key").to_string().contains("found a private key"));
}

#[test]
fn a_weak_public_key_is_refused() {
    // fault:A7 family: the all-zero point of small order accepts crafted signatures for any message.
    let key = VerifyingKey::from_bytes(&[0; 32]).expect("a point of small order decodes");
    let pem = key.to_public_key_pem(LineEnding::LF).expect("any point has an SPKI form");
    assert!(parse_public(&pem, Path::new("k")).expect_err("weak").to_string().contains("weak"));
}

#[test]
fn a_root_key_is_not_taken_for_a_release_key_nor_the_other_way_round() {
    let folder = folder();
    let (root, release) = (folder.path().join("root"), folder.path().join("release"));
    let protection = Protection::Encrypted(passphrase("x"));
    let (root_key, release_key) = (RootKey::generate(), ReleaseKey::generate());
    let root_public = write_new(&root, &root_key, &protection).expect("a new name");
    let release_public = write_new(&release, &release_key, &protection).expect("a new name");
    let is = |error: ReadKeyError, role| matches!(error, ReadKeyError::OtherRole { found, .. } if found == role);
    // Nobody is asked for the passphrase of a key that would not be used.
    assert!(is(read_private::<Release>(&root, nobody_asks).expect_err("a root key"), Role::Root));
    assert!(is(read_private::<Root>(&release, nobody_asks).expect_err("a release key"), Role::Release));
    let error = read_public::<Release>(&root_public).expect_err("a root key");
    assert!(error.to_string().contains("is a root key, expected a release key"), "{error}");
    assert!(is(error, Role::Root));
    assert!(is(read_public::<Root>(&release_public).expect_err("a release key"), Role::Release));
    let read = read_private(&root, || Ok(passphrase("x"))).expect("the key just written");
    assert_eq!(read.public(), root_key.public());
    assert_eq!(read_public(&root_public).expect("the key just written"), root_key.public());
    let (role, public) = read_any(&root, || Ok(passphrase("x"))).expect("any key");
    assert_eq!((role, public.bytes()), (Role::Root, root_key.public().bytes()));
}

#[test]
fn openssl_reads_what_we_write_and_we_read_what_it_writes() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    let folder = folder();
    let key = ReleaseKey::generate();
    let path = folder.path().join("key");
    let public = write_new(&path, &key, &Protection::Encrypted(passphrase("correct horse"))).expect("a new name");
    let read = openssl(&["pkey", "-pubout", "-passin", "pass:correct horse", "-in"], &path);
    assert_eq!(read, std::fs::read_to_string(public).expect("written beside it"));

    let root = folder.path().join("root");
    write_new(&root, &RootKey::generate(), &Protection::Encrypted(passphrase("y"))).expect("a new name");
    let read = openssl(&["pkey", "-pubout", "-passin", "pass:y", "-in"], &root);
    assert!(std::fs::read_to_string(public_path(&root)).expect("written beside it").ends_with(&read));

    let theirs = folder.path().join("theirs");
    std::fs::write(
        &theirs,
        openssl(
            &["genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "pass:x", "-out"],
            Path::new("/dev/stdout"),
        ),
    )
    .expect("own folder");
    #[cfg(unix)]
    set_mode(&theirs, 0o600);
    let their_key = read_private(&theirs, || Ok(passphrase("x"))).expect("an OpenSSL key");
    let their_public = openssl(&["pkey", "-pubout", "-passin", "pass:x", "-in"], &theirs);
    assert_eq!(public_pem(&their_key.public(), Role::Release), their_public);
}

fn openssl(arguments: &[&str], path: &Path) -> String {
    let output = Command::new("openssl").args(arguments).arg(path).output().expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("PEM is text")
}

proptest! {
    #[test]
    fn any_text_is_answered(text in ".{0,300}") {
        let path = Path::new("k");
        prop_assert!(parse_private(&text, path, || Err(PassphraseError::NoTerminal)).is_err());
        prop_assert!(parse_public(&text, path).is_err());
    }

    #[test]
    fn any_change_to_a_key_file_is_answered(at in 0_usize..200, value in any::<char>()) {
        let key = ReleaseKey::from_secret(&[3; 32]);
        for pem in [pem::private(&key.0, Role::Root, &Protection::FileModeOnly).to_string(), public_pem(&key.public(), Role::Root)] {
            let changed: String = pem.chars().enumerate().map(|(index, c)| if index == at { value } else { c }).collect();
            let path = Path::new("k");
            let _ = parse_private(&changed, path, || Err(PassphraseError::NoTerminal));
            let _ = parse_public(&changed, path);
        }
    }
}
