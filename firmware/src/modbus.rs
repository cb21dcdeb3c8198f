//! The Modbus RTU slave (`bus:M1`): frames out of bytes, and an answer for each request.
//!
//! - [`receiver`] finds the frames that are for this unit.
//! - [`server`] answers one request; the functions are one file per group.
//! - Knows no UART and no clock: bytes and times come in, answers go out.
//! - Never sends anything that was not asked for, and nothing at all to a broadcast (`fault:B3`).

pub mod receiver;
pub mod server;

mod answer;
mod diagnostics;
mod identification;
mod read;
mod write;

pub use receiver::{Heard, Receiver};
