//! The bytes of the mailbox protocol, frozen, one file for what each version added.
//!
//! If a test in here fails, **revert the change, not the test**: a message or a variant was changed, removed or
//! reordered, and units in the field would no longer be understood (`sonde_protocol::version` has the rule).
#![cfg(feature = "messages")]

mod frozen;
mod v1;
mod v2;
mod v3_events;
mod v3_settings;
