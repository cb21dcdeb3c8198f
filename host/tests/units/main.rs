//! Whole conversations with a unit that exists in memory only: a scripted Modbus peer that speaks the mailboxes.

mod commands;
mod fake_unit;
mod session;
mod update;
