//! The table at the end.

use std::fmt;

use serde::Serialize;

use super::step::Step;

/// All steps, and whether the story went as it should.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether every step did what it should.
    pub holds: bool,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// Sum of the steps' wall time and of what was done before them, seconds.
    pub wall_s: f64,
}

impl Report {
    /// Of these steps.
    #[must_use]
    pub fn new(steps: Vec<Step>, wall_s: f64) -> Self {
        Self { holds: steps.iter().all(|step| step.holds), steps, wall_s }
    }
}

const HEAD: [&str; 7] = ["", "step", "expected", "seen", "bytes", "virtual s", "wall s"];
/// Widest text in a cell; longer ones are wrapped.
const WIDTH: usize = 44;

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(|cell| vec![cell.to_string()])];
        rows.extend(self.steps.iter().map(cells));
        let widths: [usize; HEAD.len()] = std::array::from_fn(|column| {
            rows.iter().flat_map(|row| &row[column]).map(|line| line.chars().count()).max().unwrap_or(0)
        });
        for (number, row) in rows.iter().enumerate() {
            write_row(formatter, row, &widths)?;
            if number == 0 {
                writeln!(formatter, "{}", widths.map(|width| "-".repeat(width)).join("  "))?;
            }
        }
        let good = self.steps.iter().filter(|step| step.holds).count();
        let verdict = if self.holds { "every step did what it should" } else { "NOT every step did what it should" };
        writeln!(formatter, "\n{verdict}: {good} of {} in {:.1} s", self.steps.len(), self.wall_s)
    }
}

/// The cells of a step, each a few lines.
fn cells(step: &Step) -> [Vec<String>; HEAD.len()] {
    let mark = if step.holds { "ok" } else { "NO" };
    [
        vec![mark.into()],
        wrapped(&step.step, WIDTH),
        wrapped(&step.expected, WIDTH),
        wrapped(&step.seen, WIDTH),
        vec![step.bytes_on_the_wire.to_string()],
        vec![format!("{:.2}", step.virtual_s)],
        vec![format!("{:.2}", step.wall_s)],
    ]
}

fn write_row(
    formatter: &mut fmt::Formatter<'_>,
    row: &[Vec<String>; HEAD.len()],
    widths: &[usize; HEAD.len()],
) -> fmt::Result {
    let height = row.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        let mut text = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let words = cell.get(line).map_or("", String::as_str);
            let is_number = column >= 4;
            let padded = if is_number { format!("{words:>width$}") } else { format!("{words:<width$}") };
            text.push_str(&padded);
            text.push_str("  ");
        }
        writeln!(formatter, "{}", text.trim_end())?;
    }
    Ok(())
}

/// Lines of at most `width` characters, broken between words, or inside of a word that is longer than a line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let letters: Vec<char> = text.chars().collect();
    let words = letters.split(|letter| letter.is_whitespace()).flat_map(|word| word.chunks(width));
    for word in words.map(|word| word.iter().collect::<String>()) {
        let line = lines.last_mut().expect("there is always a line");
        let used = line.chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(word);
        } else {
            if used > 0 {
                line.push(' ');
            }
            line.push_str(&word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(holds: bool) -> Step {
        Step {
            step: "update 1.0.0 to 1.1.0".into(),
            expected: "trial, self-test, confirmed".into(),
            seen: "1.1.0 in slot B, confirmed, and a lot more words than fit into one line of a cell".into(),
            holds,
            bytes_on_the_wire: 70_123,
            virtual_s: 7.123_4,
            wall_s: 1.0,
            flash_operations: 3,
            instructions: 4,
        }
    }

    #[test]
    fn one_step_that_does_not_hold_spoils_the_report() {
        assert!(Report::new(vec![step(true)], 1.0).holds);
        let report = Report::new(vec![step(true), step(false)], 1.0);
        assert!(!report.holds);
        assert!(report.to_string().contains("NOT every step did what it should: 1 of 2"));
    }

    #[test]
    fn long_words_are_broken_and_no_letter_is_lost() {
        let text = format!("a {} ü", "x".repeat(100));
        let lines = wrapped(&text, 44);
        assert!(lines.iter().all(|line| line.chars().count() <= 44), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
    }

    #[test]
    fn the_table_keeps_its_columns_and_wraps_long_words() {
        let text = Report::new(vec![step(true)], 1.0).to_string();
        assert!(text.contains("70123"), "{text}");
        assert!(text.contains("7.12"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 160), "{text}");
        assert!(text.lines().count() > 5, "{text}");
    }
}
