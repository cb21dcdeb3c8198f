//! All that this program prints: the report on stdout, the rest on stderr.

use std::io::Write;

use sonde_hil::demo::{DemoError, Report};

/// A step begins.
pub(crate) fn progress(step: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr().lock(), "demo: {step}");
}

/// The end.
pub(crate) fn report(report: &Report, json: bool) {
    let mut stdout = std::io::stdout().lock();
    let text = if json {
        serde_json::to_string(report).expect("a report holds nothing that JSON cannot say")
    } else {
        report.to_string()
    };
    let _ = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
}

/// No end.
pub(crate) fn error(error: &DemoError) {
    let _ = writeln!(std::io::stderr().lock(), "demo: {error}");
}
