//! Prints how many instructions a second the emulated core runs in a loop of its own; `core.mips`, the same with the real
//! boot check, comes from `sonde-hil`. With `--json` one object a line, as `docs/performance.md` is made of.
#![expect(clippy::print_stdout, reason = "printing figures is all this program does")]

use virtual_board::core::bench;

/// Enough for about a second.
const INSTRUCTIONS: u64 = 100_000_000;
/// Millions of instructions a second.
const GOAL: f64 = 80.0;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    // The first run warms the host's caches and clock; the best of the others is what the machine can do.
    let _ = bench::measure(INSTRUCTIONS / 10);
    let mips = (0..3).map(|_| bench::measure(INSTRUCTIONS).mips()).fold(0.0, f64::max);
    let holds = mips >= GOAL;
    if json {
        println!(r#"{{"figure":"core.loop_mips","value":{mips:.1},"unit":"1e6/s","goal":">={GOAL}","holds":{holds}}}"#);
    } else {
        println!(
            "core.loop_mips  {mips:.1} million instructions/s  (goal >= {GOAL}, {})",
            if holds { "holds" } else { "MISSED" }
        );
    }
}
