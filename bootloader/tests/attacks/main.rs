//! What an attacker, or a fault, left in flash: one folder per attack, booted and compared with what must happen
//! (`docs/attacks.md`).
//!
//! - The folders here are made by `catalogue.rs`. `UPDATE_FIXTURES=1 cargo test -p sonde-bootloader --test attacks` writes
//!   them anew; what a boot says of them is then to be reviewed as a diff of `expected.txt`.
//! - Each attack is a control, a unit that boots, with one thing changed: no check can pass for the wrong reason.
//! - The same folders are booted by the linked loader: `hil-tests/sonde-hil/tests/emulated/attacks.rs`.

mod attack;
mod catalogue;
mod changing;
mod field;
mod fixtures;
mod folder;
mod forge;
mod generated;
mod page;
mod unit;
mod verdict;
