//! The one judge of flash: which slot may run, and why.
//!
//! The loader (`main.rs`) asks it at every boot; the firmware asks the same code before it activates an image, so that
//! what the unit accepts is what the loader will boot.
//!
//! - Never writes a slot, never copies an image, never speaks a protocol (`boot:B1`); writes the boot log only.
//! - Allocates nothing; has no clock.
//! - Rules are cited as `boot:B3`, faults that a test names as `fault:P1`.
#![cfg_attr(not(any(test, feature = "model")), no_std)]

pub mod boot;
pub mod boot_log;
pub mod decide;
pub mod flash;
pub mod reset_cause;
pub mod sha256;
pub mod transition;
pub mod unit;
pub mod verify;

#[cfg(any(test, feature = "model"))]
pub mod model;

#[cfg(target_os = "none")]
pub mod stm32g4;
