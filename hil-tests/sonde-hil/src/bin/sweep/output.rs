//! All that this program prints: results on stdout, the rest on stderr.

use std::io::Write;
use std::time::Duration;

use sonde_hil::sweep::page::{Swept, failures_by_kind, table};
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
    line(&format!("{}, {:.0} s", swept.sweep.name(), took.as_secs_f64()));
    line(&table("cut", swept.modes()));
    line(&table("where", swept.stories()));
    line(&failures_by_kind(swept.tally));
    if swept.tally.lost_trials > 0 {
        line(&format!("{} updates were taken back though the new image never ran", swept.tally.lost_trials));
    }
    failures(swept.tally);
    for figure in swept.figures() {
        let goal = if figure.goal.is_empty() { String::new() } else { format!(", goal {}", figure.goal) };
        line(&format!("{} = {}{goal}", figure.figure, figure.value));
    }
}

/// The same for programs, an object a line: counts by mode, by story, then the figures.
pub(crate) fn json_of(swept: Swept<'_>) {
    let modes = swept.modes().map(|(mode, counts)| ("cut", mode, counts));
    let stories = swept.stories().map(|(story, counts)| ("where", story, counts));
    for (by, name, counts) in modes.chain(stories) {
        let counts = serde_json::json!({
            "sweep": swept.sweep.name(), by: name, "cuts": counts.cuts(), "old": counts.old, "new": counts.new,
            "recovery": counts.recovery, "failures": counts.failures,
        });
        line(&counts.to_string());
    }
    for ((mode, story, kind), count) in &swept.tally.kinds {
        let kinds = serde_json::json!({
            "sweep": swept.sweep.name(), "cut": mode, "where": story, "failure": kind, "count": count,
        });
        line(&kinds.to_string());
    }
    if !swept.is_ours() {
        let lost = serde_json::json!({ "sweep": swept.sweep.name(), "lost_trials": swept.tally.lost_trials });
        line(&lost.to_string());
    }
    for figure in swept.figures() {
        line(&serde_json::to_string(&figure).expect("a figure is plain data"));
    }
    swept.tally.failures.iter().for_each(|failure| tell(&failure.to_string()));
}

fn failures(tally: &Tally) {
    tally.failures.iter().for_each(|failure| line(&failure.to_string()));
}
