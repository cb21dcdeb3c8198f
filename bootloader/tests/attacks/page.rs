//! `docs/attacks.md` is generated from the catalogue and from the tests of the whole workspace; a test here fails when it
//! is stale, or when no test names an id. `UPDATE_DOCS=1 cargo test -p sonde-bootloader --test attacks page` writes it
//! anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::attack::{Attack, Ends};
use crate::catalogue::attacks;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/attacks.md");
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The ids of the list, by letter: how many there are of each.
const IDS: [(char, u8, &str); 4] = [
    ('P', 13, "Power and flash"),
    ('S', 10, "State machine"),
    ('A', 12, "Authenticity and parsing"),
    ('R', 8, "Rollback and freshness"),
];

#[test]
fn the_page_about_attacks_is_that_of_the_catalogue_and_the_tests() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).expect("the repository is writable");
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    let differs = found.lines().zip(page.lines()).find(|(found, page)| found != page);
    assert!(found == page, "docs/attacks.md is stale: run this test with UPDATE_DOCS=1; first line: {differs:?}");
}

#[test]
fn every_id_is_named_by_a_test_or_its_absence_explained() {
    let tests = tests_by_id();
    for id in ids() {
        assert!(tests.contains_key(&id), "{id}: name it in a test as `fault:{id}`");
    }
}

fn ids() -> impl Iterator<Item = String> {
    IDS.into_iter().flat_map(|(letter, last, _)| (1..=last).map(move |number| format!("{letter}{number}")))
}

fn page() -> String {
    let mut page = String::from(
        "# Attacks and faults\n\n\
        Generated from `bootloader/tests/attacks` and from the tests of the workspace; do not edit.\n\n\
        What somebody may do to a unit, or chance, and the test that shows what comes of it. An id names one attack or fault \
        from the list that the design started from.\n\n\
        ## What flash may hold when a unit boots\n\n\
        One folder per case in `bootloader/tests/attacks`: the bytes, what was done, where it was met before, and what the \
        boot says (`expected.txt`). Each is a unit that boots, the control, with that done to it. Two tests boot them all: \
        `each_folder_boots_as_it_says` on the library, \
        `every_control_starts_and_every_attack_ends_as_its_folder_says` on the linked loader in the virtual board. Every \
        forged image in slot A is also booted with each kind of boot log, and beside a good image in slot B.\n\n\
        | id | folder | what was done | how it ends |\n|---|---|---|---|\n",
    );
    for Attack { id, name, did, ends, .. } in attacks() {
        let ends = match ends {
            Ends::Runs(slot) => format!("slot {slot} runs"),
            Ends::Recovery => "nothing runs".to_owned(),
        };
        writeln!(page, "| {id} | `{id}-{name}` | {did} | {ends} |").expect("a String takes text");
    }
    page.push_str(LIMITS);
    page.push_str("\n## Every id, and the tests that name it\n");
    let tests = tests_by_id();
    for (letter, last, title) in IDS {
        write!(page, "\n### {title}\n\n| id | tests |\n|---|---|\n").expect("a String takes text");
        for id in (1..=last).map(|number| format!("{letter}{number}")) {
            writeln!(page, "| {id} | {} |", named_by(&tests, &id)).expect("a String takes text");
        }
    }
    page
}

/// What the tests show not to be caught.
const LIMITS: &str = "\n## What is not caught\n\n\
    - **A10**: an image that changes between the instant its bytes are hashed and the jump. The loader runs images where \
    they lie, so it cannot hash a copy. That is some 0.8 ms for the last bytes, and as long as hashing takes for the first \
    ones. Nobody writes flash in that time: no interrupt and no DMA is on, and the loader's driver refuses every page but \
    the boot log. A manifest that changes before the second look is caught, and an image \
    starts at the addresses that were hashed, not at what flash reads as later.\n\
    - **R1**, **R8**: with both copies of the boot log erased, the floor is gone, and a signed old image starts. With both \
    copies of the key set erased, or replaced by an older signed set, a revoked key counts again. Who can do that can \
    write flash; the way over the bus cannot.\n\
    - **A2**: bytes behind the image are not looked at. Signed code never runs them.\n";

fn named_by(tests: &BTreeMap<String, BTreeSet<String>>, id: &str) -> String {
    tests.get(id).map_or_else(|| "none".to_owned(), |tests| tests.iter().cloned().collect::<Vec<_>>().join("<br>"))
}

/// Tests, each with its file, by the ids that they name.
fn tests_by_id() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for file in sources(Path::new(WORKSPACE)) {
        let text = std::fs::read_to_string(&file).expect("a source of the workspace");
        let shown = file.strip_prefix(WORKSPACE).expect("below the workspace").display().to_string();
        for (id, test) in tests_in(&text) {
            found.entry(id).or_default().insert(format!("`{test}` in `{shown}`"));
        }
    }
    found
}

/// The Rust sources of the workspace, without what is built.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of the workspace");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("a folder of the workspace").path()) {
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Ids, each with the test that names it: in its name's comment, or inside.
fn tests_in(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some((_, comment)) = line.split_once("//") else { continue };
        let Some(test) = test_around(&lines, index) else { continue };
        found.extend(ids_in(comment).map(|id| (id, test.clone())));
    }
    found
}

/// `fault:A1` as `A1`.
fn ids_in(comment: &str) -> impl Iterator<Item = String> {
    comment.split("fault:").skip(1).map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
}

/// The test that a comment belongs to: the function that it stands in, or stands on.
fn test_around(lines: &[&str], index: usize) -> Option<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let function = |line: &str| {
        let rest = line.trim_start().strip_prefix("fn ").or_else(|| line.trim_start().strip_prefix("async fn "))?;
        Some(rest.split(['(', '<']).next().unwrap_or_default().to_owned())
    };
    let own = indent(lines[index]);
    let inside = (0..index).rev().find(|&above| function(lines[above]).is_some() && indent(lines[above]) < own);
    let on_top = || {
        let is_above = |line: &str| ["//", "#["].iter().any(|start| line.trim_start().starts_with(start));
        (index..lines.len()).find(|&below| !is_above(lines[below])).filter(|&below| function(lines[below]).is_some())
    };
    let at = inside.or_else(on_top)?;
    let name = function(lines[at])?;
    is_test(lines, at, &name).then_some(name)
}

/// Whether a function is a test: marked as one, or listed as one.
fn is_test(lines: &[&str], at: usize, name: &str) -> bool {
    let marks = lines[..at]
        .iter()
        .rev()
        .take_while(|line| ["//", "#["].iter().any(|start| line.trim_start().starts_with(start)));
    let is_marked = marks.into_iter().any(|line| line.trim_start().starts_with("#[test]") || line.contains("::test]"));
    let listed =
        lines.iter().skip_while(|line| !line.starts_with("tests![")).take_while(|line| !line.starts_with("];"));
    is_marked || listed.into_iter().any(|line| line.split([',', '[', ']']).any(|part| part.trim() == name))
}
