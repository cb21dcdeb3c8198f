//! A site: a unit on a line, keys and releases in a folder, and the real `sonde` program in front of it all.

use std::path::{Path, PathBuf};

use sonde_hil::sonde::{Outcome, Sonde};
use tempfile::TempDir;
use virtual_board::board::Board;
use virtual_board::line::{LineSettings, Segment};
use virtual_board::serve::{Control, Pace, ServeOptions, Server};
use virtual_board::unit::{self, FIRST_UNIT_ID, Factory, Parts};

use crate::releases::{HARDWARE, folder};
use crate::test::Test;
use crate::{config, keys, operate, revive};

/// Names the program.
const PROGRAM: &str = "SONDE_PROGRAM";
/// The unit's place on its line.
pub(crate) const PLACE: usize = 0;

/// The tests that need a site; skipped where the program is missing.
pub(crate) fn tests() -> Vec<Test> {
    let missing = missing();
    let tests = [keys::tests(), revive::tests(), operate::tests(), config::tests()];
    tests.into_iter().flatten().map(|test| test.needs(missing.as_deref())).collect()
}

fn missing() -> Option<String> {
    let found = std::env::var_os(PROGRAM).is_some_and(|program| Path::new(&program).is_file());
    (!found).then(|| format!("{PROGRAM} names no program; use `cargo xtask test`"))
}

/// The program.
pub(crate) fn program() -> PathBuf {
    std::env::var_os(PROGRAM).map(PathBuf::from).expect("no test of a site runs without it")
}

/// Keys and releases in a folder of their own.
///
/// Root keys `anna`, `ben`, `carl`, two of whom have to agree; release keys `old`, which new units believe, and `new`.
pub(crate) struct Site {
    folder: TempDir,
    sonde: Sonde,
}

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().expect("there is room"), sonde: Sonde::new(&program()) };
        for root in ["anna", "ben", "carl"] {
            site.must(&["key", "root", "new", "--no-passphrase", "--out", &site.path(root)]);
        }
        for key in ["old", "new"] {
            site.must(&["key", "new", "--no-passphrase", "--out", &site.path(key)]);
        }
        site
    }

    /// A file of the site.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("temporary folders have plain names").to_owned()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("the site has it")
    }

    /// Calls the program.
    #[track_caller]
    pub(crate) fn call(&self, arguments: &[&str]) -> Outcome {
        self.sonde.call(arguments).expect("it ends by itself")
    }

    /// Calls it where only exit code 0 will do.
    #[track_caller]
    pub(crate) fn must(&self, arguments: &[&str]) -> Outcome {
        self.sonde.must(arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Calls it where only this "no" will do.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], kind: &str) -> Outcome {
        let outcome = self.call(arguments);
        assert_eq!((outcome.exit, outcome.error_kind()), (1, Some(kind)), "{arguments:?}: {}", outcome.said());
        outcome
    }

    /// Builds a release from images linked as `variant`, and returns its path.
    pub(crate) fn release(&self, variant: &str, version: &str, key: &str, more: &[&str]) -> String {
        let linked = folder().expect("no test runs without images").join(variant);
        let image = |name: &str| linked.join(name).to_str().expect("a plain name").to_owned();
        let (path, key) = (self.path(&format!("{version}-{key}.sonde")), self.path(key));
        let (a, b, hardware) = (image("firmware-a.elf"), image("firmware-b.elf"), HARDWARE.to_string());
        let what = ["bundle", "build", "--key", &key, "--version", version, "--slot-a", &a, "--slot-b", &b];
        self.must(&[&what[..], &["--hardware", &hardware, "--out", &path], more].concat());
        path
    }

    /// Has a key set file signed by root keys, one after the other, and returns the path of the last copy.
    pub(crate) fn sign(&self, set: &str, roots: &[&str], more: &[&str]) -> String {
        roots.iter().fold(set.to_owned(), |before, root| {
            let (after, key) = (format!("{before}-{root}"), self.path(root));
            self.must(&[&["key", "sign", &before, "--with", &key, "--out", &after], more].concat());
            after
        })
    }

    /// The id of a key.
    pub(crate) fn key_id(&self, key: &str) -> String {
        let shown = self.must(&["key", "show", &self.path(&format!("{key}.pub.pem"))]);
        text(&shown, "/key_id")
    }

    /// A factory of units that believe `old` and the root keys.
    pub(crate) fn factory(&self, bundle: Option<&str>) -> Factory {
        self.factory_with(bundle, None)
    }

    /// A factory of units that come with a key set besides.
    pub(crate) fn factory_with(&self, bundle: Option<&str>, key_set: Option<&str>) -> Factory {
        let key = |name: &str| String::from_utf8(self.read(&format!("{name}.pub.pem"))).expect("PEM is text");
        let roots = ["anna", "ben", "carl"].map(|name| unit::root_key_from_pem(&key(name)).expect("a root key"));
        let release = unit::public_key_from_pem(&key("old")).expect("a release key");
        let anchors = unit::anchors(&[release], &roots, 2).expect("four keys fit");
        let loader = std::fs::read(folder().expect("no test runs without images").join("1.0.0/loader.elf"));
        let loader = loader.expect("the loader lies beside the firmware");
        let read = |path: Option<&str>| path.map(|path| std::fs::read(path).expect("the site has it"));
        let (bundle, key_set) = (read(bundle), read(key_set));
        let (bundle, key_set, hardware_revision) = (bundle.as_deref(), key_set.as_deref(), HARDWARE);
        let parts = Parts { loader: &loader, anchors: &anchors, key_set, bundle, hardware_revision };
        Factory::of(&parts).expect("the parts fit each other")
    }
}

/// A string in an answer.
#[track_caller]
pub(crate) fn text(outcome: &Outcome, pointer: &str) -> String {
    let found = outcome.answer.pointer(pointer).and_then(|value| value.as_str());
    found.unwrap_or_else(|| panic!("no {pointer}: {}", outcome.answer)).to_owned()
}

/// A number in an answer.
#[track_caller]
pub(crate) fn number(outcome: &Outcome, pointer: &str) -> u64 {
    let found = outcome.answer.pointer(pointer).and_then(serde_json::Value::as_u64);
    found.unwrap_or_else(|| panic!("no {pointer}: {}", outcome.answer))
}

/// A unit behind RTU over TCP.
pub(crate) struct Served {
    server: Server<Board>,
    pub(crate) control: Control<Board>,
    pub(crate) url: String,
}

impl Served {
    /// A new unit, with power.
    pub(crate) fn new(factory: &Factory) -> Self {
        Self::with(factory.flash(FIRST_UNIT_ID))
    }

    /// A unit with any flash, with power.
    pub(crate) fn with(flash: Vec<u8>) -> Self {
        let mut board = unit::board(flash, FIRST_UNIT_ID);
        board.power_on();
        let segment = Segment::new(LineSettings::default(), vec![board]);
        let server = Server::start(segment, ServeOptions::local(Pace::Fast)).expect("a port is to be had");
        let url = format!("rtu+tcp://{}", server.address().expect("these options listen"));
        Self { control: server.control(), url, server }
    }

    /// The power goes for a moment.
    pub(crate) fn power_cycle(&self) {
        self.control.power_off(PLACE).expect("it is served");
        self.power_on();
    }

    pub(crate) fn power_on(&self) {
        self.control.power_on(PLACE).expect("it is served");
    }

    /// Takes it off the line; panics when an output was ever on or the machine has stopped.
    pub(crate) fn stop(self) {
        assert_eq!(self.control.stopped(PLACE).expect("it is served"), None, "the machine stopped");
        let outputs = self.control.outputs(PLACE).expect("it is served");
        assert!(!outputs.ever_on, "a START output was on");
        drop(self.server.stop());
    }

    /// The same for a unit whose channels were started: none of them is on any more.
    pub(crate) fn stop_with_channels(self) {
        assert_eq!(self.control.stopped(PLACE).expect("it is served"), None, "the machine stopped");
        let outputs = self.control.outputs(PLACE).expect("it is served");
        assert_eq!((outputs.ever_on, outputs.start), (true, [false; 4]));
        drop(self.server.stop());
    }
}
