//! Version of the mailbox messages.
//!
//! The rule: messages are **append-only**. A new variant of [`crate::message::Request`], [`crate::message::Answer`] or
//! [`crate::message::Refusal`] goes last and raises [`CURRENT`]; a new field is a new variant. Nothing is renamed in
//! meaning, reordered or removed while a unit in the field may speak it, since postcard numbers variants by position.
//! `tests/wire/v1.rs` holds the bytes of every message of version 1, `tests/wire/v2.rs` of what version 2 added, and so
//! on: if one fails, revert the change, not the test.
//!
//! Version 2 brought key sets and the answers of a loader in recovery; version 3 settings and the event log.

/// Oldest version that this side still understands.
pub const MIN: u16 = 1;
/// Version that this side speaks.
pub const CURRENT: u16 = 3;
/// Version that a loader in recovery speaks: the loader is made once, and knows nothing of what came later (`boot:B9`).
pub const RECOVERY: u16 = 2;
