//! Whole conversations with a unit that exists in memory only: a scripted Modbus peer that speaks the mailboxes.

mod commands;
mod fake_unit;
mod keys;
mod revive;
mod session;
mod update;
