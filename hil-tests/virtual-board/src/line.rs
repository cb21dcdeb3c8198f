//! One virtual RS-485 segment: any number of stations and one master port, with real character times.
//!
//! Discrete events in virtual time. A byte is heard when its last stop bit ends, so nobody can react to a character
//! sooner than one character time after it began: that is how far the stations run without looking at each other.
//!
//! What it does not model: an idle driver that holds the line between its characters, reflections, levels, and a
//! receiver that hears its own driver (the transceiver's receiver is off while its driver is on).

mod counters;
mod faults;
mod flight;
mod frames;
mod master;
mod segment;
mod settings;
mod station;
mod trace;

#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;

pub use counters::LineCounters;
pub use faults::LineFaults;
pub use frames::{Frame, Frames};
pub use master::Heard;
pub use segment::{Activity, Segment};
pub use settings::{LineSettings, Parity, StopBits};
pub use station::{Station, StationRan};
pub use trace::{LineEvent, Sender};
