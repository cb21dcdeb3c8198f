//! `docs/settings.md` is generated from the table of settings; this test fails when it is stale.
//! `UPDATE_DOCS=1 cargo test -p sonde-protocol --test settings_page` writes it anew.
#![cfg(feature = "messages")]

use sonde_protocol::settings::{Entry, Kind, SETTINGS_SCHEMA, TABLE};
use std::fmt::Write as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");

#[test]
fn the_settings_page_is_that_of_the_table() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(found, page, "docs/settings.md is stale: run this test with UPDATE_DOCS=1");
}

fn page() -> String {
    let mut page = format!(
        "# Settings and calibration, schema {SETTINGS_SCHEMA}\n\n\
        Generated from `protocol/src/settings/table.rs`; do not edit. `sonde config` shows and changes them\n\
        (`docs/cli.md`); how they are stored is in `docs/decisions/settings-store.md`.\n\n\
        A change is made as a whole or not at all. It survives resets, updates and rollbacks. An older firmware takes what\n\
        it knows of a newer one's settings and keeps the rest; a newer one begins with the defaults of what is new.\n\n\
        Safety figures are no settings: silence of the master 1.0 s, debounce of an overload 10 ms, watchdog 1 s.\n"
    );
    for (title, kind) in [("Settings", Kind::Setting), ("Calibration", Kind::Calibration)] {
        write!(
            page,
            "\n## {title}\n\n| name | allowed | default | unit | since | meaning |\n|---|---|---|---|---|---|\n"
        )
        .expect("a String takes any text");
        for entry in TABLE.iter().filter(|entry| entry.kind == kind) {
            writeln!(page, "{}", row(entry)).expect("a String takes any text");
        }
    }
    page.push_str(
        "\n## `plc_writes`\n\n\
        `open`: any master may write every register that the map lets be written, as with the first controller.\n\n\
        `set-points`: plain Modbus writes set amplitudes, stop channels, and set the emergency stop. A start, a reset of an\n\
        overload, `GLOBAL_ENABLE`, `TEST_START_INHIBIT`, `SYSTEM_RESET` and the lifting of an emergency stop are refused with\n\
        exception 3. The register is the right one, since 0 is taken there; only this value is not, and trying again will not\n\
        help. Exception 4 is kept for what the unit's state forbids. Switching off is always allowed: `START_STOP` 0,\n\
        `GLOBAL_ENABLE` 0, `TEST_START_INHIBIT` 15, an emergency stop, also by broadcast.\n",
    );
    page
}

fn row(entry: &Entry) -> String {
    let Entry { name, allowed, default, unit, since, text, .. } = entry;
    let unit = unit.symbol();
    let default = entry.name_of(*default).map_or_else(|| default.to_string(), str::to_owned);
    format!("| `{name}` | {allowed} | {default} | {unit} | {since} | {text} |")
}
