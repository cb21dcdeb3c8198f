//! Key sets on this side: the file, the next one from the one before, its signatures, and its way into a unit
//! (`boot:B10`).
//!
//! Does not decide what a unit accepts: the unit does.

pub mod change;
pub mod file;
pub mod install;
pub mod signatures;
pub mod unit;
