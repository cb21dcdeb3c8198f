//! The one judge of flash: which slot may run, and why; and the update service that brings an image into a slot.
//!
//! The loader (`main.rs`) asks it at every boot; the firmware asks the same code before it activates an image, so that
//! what the unit accepts is what the loader will boot.
//!
//! - A boot never writes a slot, never copies an image, never speaks a protocol (`boot:B1`); it writes the boot log only.
//! - [`bus`] and [`update`] are for who is already up: the firmware, and the loader's recovery (`boot:B9`).
//! - Allocates nothing; has no clock.
//! - Rules are cited as `boot:B3`, faults that a test names as `fault:P1`.
#![cfg_attr(not(any(test, feature = "model")), no_std)]

pub mod boot;
pub mod boot_log;
pub mod bus;
pub mod decide;
pub mod ed25519;
pub mod flash;
pub mod recovery;
pub mod reset_cause;
pub mod seal;
pub mod transition;
pub mod trust;
pub mod unit;
pub mod update;
pub mod verify;

#[cfg(any(test, feature = "model"))]
pub mod model;

#[cfg(target_os = "none")]
pub mod stm32g4;
