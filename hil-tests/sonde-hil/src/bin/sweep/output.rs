//! All that this program prints: results on stdout, the rest on stderr.

use std::io::Write;
use std::time::Duration;

use sonde_hil::sweep::page::{Swept, table};
use sonde_hil::sweep::tally::Tally;

/// A line of the result.
pub(crate) fn line(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// What goes on, or went wrong.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "sweep: {text}");
}

/// The counts of a sweep, for people.
pub(crate) fn table_of(swept: Swept<'_>, took: Duration) {
    line(&format!("{}, {:.0} s", swept.name, took.as_secs_f64()));
    line(table("cut", swept.modes()).trim_end());
    failures(swept.tally);
    for figure in swept.figures() {
        line(&format!("{} = {}, goal {}", figure.figure, figure.value, figure.goal));
    }
}

/// The same for programs, an object a line: counts by mode, then the figures.
pub(crate) fn json_of(swept: Swept<'_>) {
    for (mode, counts) in swept.modes() {
        let counts = serde_json::json!({
            "sweep": swept.name, "cut": mode, "cuts": counts.cuts(), "old": counts.old, "new": counts.new,
            "recovery": counts.recovery, "failures": counts.failures,
        });
        line(&counts.to_string());
    }
    for figure in swept.figures() {
        line(&serde_json::to_string(&figure).expect("a figure is plain data"));
    }
    swept.tally.failures.iter().for_each(|failure| tell(&failure.to_string()));
}

fn failures(tally: &Tally) {
    tally.failures.iter().for_each(|failure| line(&failure.to_string()));
}
