//! The power-cut sweeps: power is lost at every flash operation of an update and of what follows it, in every way that an
//! operation can be torn, and the unit has to come back each time (`design/boot.md`, `fault:P1` to `fault:P4`).
//!
//! - [`native`] runs the libraries of loader and firmware over the loader's flash model: fast, so also two cuts in a row.
//! - [`arm`] runs the linked images on the virtual board: slower, and nothing left out.
//! - `embassy`, behind the feature `embassy-boot`, puts embassy-boot through the same cuts, to compare with.
//! - Each case has a name, its [`seed::Seed`], from which it can be run again.

pub mod arm;
#[cfg(feature = "embassy-boot")]
pub mod embassy;
pub mod native;
pub mod page;
pub mod seed;
pub mod tally;
mod threads;
mod trace;

pub use trace::case_at_hand;

/// How much of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Full,
    /// Some of each story: for the tests.
    Slice,
}
