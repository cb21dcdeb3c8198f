//! Every byte that crosses a border: flash layout, image manifest, boot-log records, key sets, hand-over area, register
//! map, Modbus framing and mailbox messages.
//!
//! - Allocates nothing, does no I/O, has no clock, no `unsafe`.
//! - Fixed layouts (manifest, boot record, identity, anchors, key set, hand-over) are plain little-endian bytes at fixed
//!   offsets, so that they can be read before anything is trusted (`boot:B4`, `boot:B5`).
//! - Messages are postcard and grow by appending only ([`version`]).
#![cfg_attr(not(test), no_std)]

pub mod anchors;
pub mod boot_record;
pub mod bundle;
pub mod channel;
pub mod checksum;
pub mod crash;
pub mod digest;
pub mod event;
pub mod handover;
pub mod identity;
pub mod key_set;
pub mod layout;
pub mod manifest;
pub mod recovery;
pub mod reset;
pub mod semver;
pub mod settings;

mod coded;
mod fields;
#[cfg(feature = "messages")]
pub mod mailbox;
#[cfg(feature = "messages")]
pub mod message;
#[cfg(feature = "messages")]
pub mod modbus;
#[cfg(feature = "messages")]
pub mod registers;
#[cfg(feature = "messages")]
pub mod version;
