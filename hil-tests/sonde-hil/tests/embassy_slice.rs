//! A slice of the comparison with embassy-boot: does the harness do what its table claims? `cargo xtask sweep embassy` runs
//! the whole.

use sonde_hil::sweep::seed::Seed;
use sonde_hil::sweep::tally::Outcome;
use sonde_hil::sweep::{Extent, embassy};

#[test]
fn without_a_cut_an_update_ends_in_the_new_image_and_a_crashing_one_in_the_old() {
    assert_eq!(embassy::without_cuts(), Ok([Outcome::New, Outcome::Old]));
}

#[test]
fn cuts_between_operations_leave_embassy_boot_whole_and_words_that_fault_do_not() {
    let tally = embassy::sweep(Extent::Slice);
    // What it promises it keeps, as an earlier measurement of another harness says too.
    for mode in ["before", "after"] {
        let counts = tally.modes[mode];
        assert!(counts.cuts() > 50 && counts.failures == 0, "{mode}: {counts:?}");
        assert!(counts.old > 0 && counts.new > 0, "{mode}: {counts:?}");
    }
    // And what it never promised it does not.
    let bricked = |(mode, _, kind): &(&str, String, &str)| *mode == "inside: ECC fault" && *kind == "unbootable";
    assert!(tally.kinds.keys().any(bricked), "{:?}", tally.kinds);
}

#[test]
fn a_case_by_its_seed_fails_as_it_did_in_the_sweep() {
    // The magic of `mark_updated` faults on read: no boot comes past it.
    let seed: Seed = "embassy/update/2058p".parse().expect("a seed as the sweep prints it");
    let mut trace = Vec::new();
    let failure = embassy::replay(&seed, &mut |line| trace.push(line)).expect_err("no boot comes past it");
    assert_eq!(failure.fault.kind(), "unbootable", "{trace:#?}");
    assert!(trace.iter().any(|line| line.contains("in mark_updated")), "{trace:#?}");
}
