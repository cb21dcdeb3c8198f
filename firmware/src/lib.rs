//! The controller's firmware: the library thinks, the bins wire it to the chip.
//!
//! - [`holding`] is the one address space that the Modbus functions of [`bootloader::bus`] work on.
//! - [`mod@unit`] is everything an answer can depend on, in one place; whoever holds it never waits.
//! - [`worker`] does what takes time: signatures, hashes, flash. It holds the unit only between its steps.
//! - An update is served by [`bootloader::update`], the same code that the loader's recovery serves.
//!
//! Allocates nothing, has no clock (times are arguments), and but for `chip` knows no chip: the same code runs on the host.
//!
//! - [`channels`] are the four sonicators. After any reset all of them are off and stay off (`boot:U8`); the pins follow
//!   [`channels::Channels::drive`] and nothing else.
#![cfg_attr(not(test), no_std)]

pub mod channels;
pub mod crash;
pub mod events;
pub mod facts;
pub mod health;
pub mod holding;
pub mod kept;
pub mod registers;
pub mod self_test;
pub mod settings;
pub mod shutdown;
pub mod status;
pub mod store;
pub mod unit;
pub mod version;
pub mod worker;

#[cfg(target_os = "none")]
pub mod chip;
#[cfg(test)]
mod fixture;
