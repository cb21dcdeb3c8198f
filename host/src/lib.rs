//! Signs releases and takes units through updates over the plant's own bus.
//!
//! - [`key`], [`elf`], [`bundle`]: from a linked image to a signed release file, and back.
//! - [`key_set`]: which keys units believe, changed and signed by root keys, and brought to a unit.
//! - [`endpoint`], [`bus`], [`session`]: a line, its owner, and the messages that go over it.
//! - [`channel`], [`health`]: what a unit's registers say of its channels and of itself.
//! - [`update`]: another version for one unit, and back.
//! - [`events`]: what happened to a unit, by its own log.
//! - [`failure`]: what an error means for the caller.
//!
//! Prints nothing and exits nowhere: the binary `sonde` does (`src/main.rs`, `src/output.rs`).

pub mod bundle;
pub mod bus;
pub mod channel;
pub mod config;
pub mod elf;
pub mod endpoint;
pub mod events;
pub mod failure;
pub mod health;
pub mod key;
pub mod key_set;
mod registers;
pub mod session;
pub mod update;
mod whole_file;
