//! A slice of the hour of random frames; `cargo xtask bench frames` runs the whole.

use sonde_hil::frames::campaign;

#[test]
fn no_frame_turns_an_output_on_without_a_legal_start() {
    // boot:U8
    let tally = campaign(60_000, 1);
    assert!(tally.unlawful.is_empty(), "{:#?}", tally.unlawful);
    // The test means something only when channels do run, stop, are refused, and the unit restarts.
    assert!(tally.rises > 200 && tally.falls > 200 && tally.restarts > 3, "{tally:?}");
    assert!(tally.good > 10_000 && tally.refused > 5_000, "{tally:?}");
}
