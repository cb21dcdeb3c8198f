//! A slice of the power-cut sweeps, small enough for every day; `cargo xtask sweep` runs the whole.

use std::path::PathBuf;

use sonde_hil::sweep::seed::Seed;
use sonde_hil::sweep::tally::{Outcome, Tally};
use sonde_hil::sweep::{Extent, arm, native};

fn nothing_failed(tally: &Tally) {
    let failures: Vec<String> = tally.failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let has_image = |(story, _): &(&String, _)| !story.starts_with("recover");
    let recovered = tally.stories.iter().filter(has_image).map(|(_, counts)| counts.recovery).sum::<u64>();
    assert_eq!(recovered, 0, "a unit that has an image never stays in recovery");
}

#[test]
fn no_power_cut_takes_the_libraries_anything_but_the_old_image_or_the_new_one() {
    // fault:P1, fault:P2, fault:P3, fault:P4
    let tally = native::sweep(Extent::Slice, None);
    nothing_failed(&tally);
    assert!(tally.total().cuts() > 5_000, "{:?}", tally.total());
}

#[test]
fn a_case_by_its_seed_ends_as_it_did_in_the_sweep() {
    let cases = [
        // The manifest's first word torn so that it reads as erased and is not: the page has to be erased again.
        ("native/update.0/14g2", Outcome::Old),
        ("native/give-up.29/6w1,12g,0b1,2a2", Outcome::Old),
        ("native/update.29/55p,3w", Outcome::New),
    ];
    for (seed, outcome) in cases {
        let seed: Seed = seed.parse().expect("a seed as the sweep prints it");
        let mut trace = Vec::new();
        assert_eq!(native::replay(&seed, &mut |line| trace.push(line)), Ok(outcome), "{trace:#?}");
        assert!(trace.iter().any(|line| line.starts_with("power lost in operation")), "{trace:#?}");
    }
    let unknown: Seed = "native/nothing.0/1b".parse().expect("the form of a seed");
    assert!(native::replay(&unknown, &mut |_| {}).is_err());
}

#[test]
fn no_power_cut_takes_the_linked_images_anything_but_the_old_image_or_the_new_one() {
    let Some(images) = linked_images() else { return };
    let tally = arm::sweep(&images, Extent::Slice).expect("every moment is reached");
    nothing_failed(&tally);
    assert!(tally.total().cuts() >= 60, "{:?}", tally.total());
    for story in ["activate", "keys-first", "keys-reset-floor", "recover-empty-page", "recover-damaged-finish"] {
        let cuts = tally.stories.iter().filter(|(name, _)| name.starts_with(story)).map(|(_, counts)| counts.cuts());
        assert!(cuts.sum::<u64>() >= 2, "{story}: {:?}", tally.stories);
    }
}

#[test]
fn a_case_of_the_linked_images_is_run_again_by_its_seed() {
    let Some(images) = linked_images() else { return };
    let cases = [
        ("arm/trial-boot.31/2p", Outcome::New),
        ("arm/page.3/40u", Outcome::Old),
        // The erase of the copy of the key set that vouches for what runs, while the other one is finished.
        ("arm/keys-rotate.1/109p", Outcome::Old),
        // A word of the manifest, then the last operation, after which the image is whole.
        ("arm/recover-empty-finish.0/20p", Outcome::Recovery),
        ("arm/recover-empty-finish.0/44a", Outcome::New),
    ];
    for (seed, outcome) in cases {
        let seed: Seed = seed.parse().expect("a seed as the sweep prints it");
        let mut trace = Vec::new();
        let verdict = arm::replay(&images, &seed, &mut |line| trace.push(line)).expect("the moment is reached");
        assert_eq!(verdict, Ok(outcome), "{trace:#?}");
        assert!(trace.iter().any(|line| line.starts_with("power lost in operation")), "{trace:#?}");
    }
    let unknown: Seed = "arm/nothing.1/1b".parse().expect("the form of a seed");
    assert!(arm::replay(&images, &unknown, &mut |_| {}).is_err());
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn linked_images() -> Option<PathBuf> {
    let images = std::env::var_os("SONDE_CHIP_IMAGES").map(PathBuf::from).filter(|folder| folder.is_dir());
    if images.is_none() {
        eprintln!("skipped: SONDE_CHIP_IMAGES names no folder of linked images; use `cargo xtask test`");
    }
    images
}
