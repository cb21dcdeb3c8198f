//! `docs/events.md` is generated from the table of kinds; this test fails when it is stale.
//! `UPDATE_DOCS=1 cargo test -p sonde-protocol --test events_page` writes it anew.

use sonde_protocol::event::{EVENTS_PER_PAGE, KINDS, MAX_EVENTS, StopCause};
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.md");

#[test]
fn the_events_page_is_that_of_the_table() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).expect("docs/ is writable");
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(found, page, "docs/events.md is stale: run this test with UPDATE_DOCS=1");
}

fn page() -> String {
    let mut page = format!(
        "# Events\n\n\
        Generated from `protocol/src/event/kind.rs`; do not edit.\n\n\
        A unit remembers what happened to it in a ring of {MAX_EVENTS} records in flash, {EVENTS_PER_PAGE} a page; at least five\n\
        pages of them are there once the ring is full. Records have a number that is never given twice, the count of starts,\n\
        the time since that start, a kind, data, and the hash of the record before: one that was changed, removed or moved shows.\n\
        `sonde events` reads and verifies them; the layout is in `protocol/src/event.rs`, why it is so in\n\
        [decisions/event-log.md](decisions/event-log.md).\n\n\
        Data is 12 bytes; the number behind each field is its bytes, low byte first. Channels are numbered from 1, masks have bit 0\n\
        for channel 1. Kinds that no code of this release writes keep their number.\n\n\
        | number | kind | data | when |\n|---|---|---|---|\n"
    );
    for row in KINDS {
        let data = if row.data.is_empty() { "none" } else { row.data };
        writeln!(page, "| {} | `{}` | {data} | {} |", row.number, row.name, row.text).expect("a String takes any text");
    }
    page.push_str("\n## Causes of a stop\n\n| code | cause |\n|---|---|\n");
    for cause in StopCause::ALL {
        writeln!(page, "| {} | {cause} |", cause.code()).expect("a String takes any text");
    }
    page
}
