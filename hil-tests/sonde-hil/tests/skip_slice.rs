//! A slice of the skipped instructions, small enough for every day; `cargo xtask sweep skip` runs them all.

use std::num::NonZero;
use std::path::PathBuf;

use sonde_hil::skip::{Extent, run};

#[test]
fn no_skipped_instruction_of_the_slice_boots_a_forged_image() {
    let Some(images) = std::env::var_os("SONDE_CHIP_IMAGES").map(PathBuf::from).filter(|folder| folder.is_dir()) else {
        eprintln!("skipped: SONDE_CHIP_IMAGES names no folder of linked images; use `cargo xtask test`");
        return;
    };
    let slice = Extent::Slice(NonZero::new(97).expect("not zero"));
    let report = run(&images.join("1.0.0/loader.elf"), slice).expect("the loader is there and refuses all of them");
    assert_eq!(report.forged_boots(), 0, "{report}");
    assert!(report.total().skips > 50, "{report}");
}
