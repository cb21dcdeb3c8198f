//! `docs/registers.md` is generated from the register table; this test fails when it is stale.
//! `UPDATE_DOCS=1 cargo test -p sonde-protocol --test register_page` writes it anew.
#![cfg(feature = "messages")]

use sonde_protocol::registers::{Access, MAP_VERSION, REGISTERS, Register};
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/registers.md");

#[test]
fn the_register_page_is_that_of_the_table() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(found, page, "docs/registers.md is stale: run this test with UPDATE_DOCS=1");
}

fn page() -> String {
    let mut page = format!(
        "# Register map, version {MAP_VERSION}\n\n\
        Generated from `protocol/src/registers/table.rs`; do not edit.\n\n\
        Holding registers, 16 bit, unsigned; FC 3 and FC 4 read the same map. Addresses are those on the wire (0-based).\n\
        What spans several registers has its high word first unless the text says otherwise. A read of a reserved address\n\
        in a block answers 0; an address outside every block is exception 2, a write to a read-only register too; a value\n\
        above the maximum is exception 3.\n\n\
        | address | registers | name | access | unit | maximum | default | since | meaning |\n\
        |---|---|---|---|---|---|---|---|---|\n"
    );
    for register in REGISTERS {
        writeln!(page, "{}", row(register)).expect("a String takes any text");
    }
    page
}

fn row(register: &Register) -> String {
    let Register { address, words, name, access, unit, maximum, default, since, text, .. } = register;
    let access = match access {
        Access::ReadOnly => "R",
        Access::ReadWrite => "RW",
    };
    let unit = match unit.symbol() {
        "" => format!("{unit:?}").to_lowercase(),
        symbol => symbol.to_owned(),
    };
    format!("| {address:#06x} | {words} | {name} | {access} | {unit} | {maximum} | {default} | {since} | {text} |")
}
