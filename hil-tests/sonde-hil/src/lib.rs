//! The rig: virtual boards served on a line, the real `sonde` program in front of them, and what is told with both.

pub mod demo;
pub mod figures;
pub mod frames;
mod random;
pub mod skip;
pub mod sonde;
pub mod sweep;
pub mod unit;
