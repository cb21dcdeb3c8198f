//! What must hold for any bytes, one module per target. The fuzzer (`fuzz_targets/`) and the replay of the corpus
//! (`firmware/tests/fuzz_corpus.rs`, stable, in every test run) call the same `run`, which panics where it does not hold.
//!
//! A checksum or a hash in front of the fields would stop the fuzzer, so targets also look at the input with those made
//! good ("mended"). Signatures are made, not guessed: what was signed is known, and nothing else may ever run.

pub mod boot_log;
pub mod bundle;
pub mod framing;
pub mod image;
pub mod key_set;
pub mod manifest;
pub mod messages;
pub mod receiver;
pub mod records;
pub mod server;
pub mod session;

pub mod seeds;

mod input;

/// A target: looks at any bytes, panics when something does not hold for them.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its module, its program and its folder of the corpus.
pub const TARGETS: [(&str, Target); 11] = [
    ("manifest", manifest::run),
    ("image", image::run),
    ("records", records::run),
    ("key_set", key_set::run),
    ("boot_log", boot_log::run),
    ("bundle", bundle::run),
    ("messages", messages::run),
    ("framing", framing::run),
    ("receiver", receiver::run),
    ("server", server::run),
    ("session", session::run),
];
