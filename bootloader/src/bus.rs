//! The Modbus RTU slave (`bus:M1`), for the loader's recovery and for the firmware: an answer for each request.
//!
//! - Knows no UART and no clock: requests come in, answers go out. [`protocol::modbus::receiver`] finds the requests.
//! - Which registers there are is the unit's business: [`Unit`].
//! - Never sends anything that was not asked for, and nothing at all to a broadcast (`fault:B3`).
//! - [`server`] answers one request; the functions are one file per group.

pub mod server;
pub mod unit;

mod answer;
mod diagnostics;
mod identification;
mod read;
mod write;

pub use answer::Out;
pub use server::handle;
pub use unit::{Nameplate, Range, Unit};
pub use write::Words;
