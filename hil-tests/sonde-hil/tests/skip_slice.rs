//! A slice of the skipped instructions, small enough for every day; `cargo xtask sweep skip` runs them all.

use std::num::NonZero;
use std::path::PathBuf;

use sonde_hil::skip::{Extent, Scenario, Way, run};

const NO_LOADER: &str = "skipped: SONDE_CHIP_IMAGES names no folder of linked images; use `cargo xtask test`";

fn loader() -> Option<PathBuf> {
    let images = std::env::var_os("SONDE_CHIP_IMAGES").map(PathBuf::from).filter(|folder| folder.is_dir())?;
    Some(images.join("1.0.0/loader.elf"))
}

fn one_in(addresses: usize) -> Extent {
    Extent::Slice(NonZero::new(addresses).expect("not zero"))
}

#[test]
fn no_skipped_instruction_of_the_slice_boots_a_forged_image() {
    let Some(loader) = loader() else {
        eprintln!("{NO_LOADER}");
        return;
    };
    let report = run(&loader, &Scenario::FORGED, one_in(199), Way::Short).expect("the loader refuses all of them");
    assert_eq!(report.forged_boots(), 0, "{report}");
    assert!(report.total().skips > 400, "{report}");
}

#[test]
fn shortcuts_change_no_outcome() {
    let Some(loader) = loader() else {
        eprintln!("{NO_LOADER}");
        return;
    };
    let images = [Scenario::BelowFloor, Scenario::ExpiredKey];
    let [short, long] = [Way::Short, Way::Long].map(|way| {
        let report = run(&loader, &images, one_in(101), way).expect("the loader refuses all of them");
        report.to_string()
    });
    assert_eq!(short, long);
}
