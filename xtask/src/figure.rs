//! Figures: measured values with a name that never changes and the goal they are held against.

use std::fmt;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::limits;
use crate::table::table;

/// One measured value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// Its name, `group.what`.
    pub(crate) name: String,
    /// The value, in `unit`.
    pub(crate) value: f64,
    /// The unit, `1` for a plain number.
    pub(crate) unit: String,
    /// What it should be, such as `>=80`; empty when nothing is asked of it.
    pub(crate) goal: String,
    /// Whether the goal is met; true without one.
    pub(crate) holds: bool,
}

impl Figure {
    /// A figure of our own, judged against its goal (`<=n`, `>=n` or `=n`).
    pub(crate) fn judged(name: &str, value: f64, unit: &str, goal: &str) -> Self {
        let holds = holds(value, goal).expect("goals in this crate are well formed: covered by tests");
        Self { name: name.into(), value, unit: unit.into(), goal: goal.into(), holds }
    }

    /// The group it belongs to: the name up to the first dot.
    pub(crate) fn group(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// Reads one line of a bench program.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line).context("not JSON")?;
        let text = |name: &str| value[name].as_str().with_context(|| format!("`{name}` is missing or no text"));
        let goal = value["goal"].as_str().unwrap_or_default().to_owned();
        let number = value["value"].as_f64().context("`value` is missing or no number")?;
        // The program judged the exact value, we the printed one: a figure holds when neither says no.
        let said = value["holds"].as_bool().unwrap_or(true);
        let holds = said && holds(number, &goal)?;
        Ok(Self { name: text("figure")?.into(), value: number, unit: text("unit")?.into(), goal, holds })
    }

    /// The line for programs.
    pub(crate) fn json(&self) -> String {
        let Self { name, value, unit, goal, holds } = self;
        // Keys in this order, as the figures' page shows them; serde_json would sort them.
        format!(
            r#"{{"figure":{},"value":{},"unit":{},"goal":{},"holds":{holds}}}"#,
            json!(name),
            shown(*value),
            json!(unit),
            json!(goal)
        )
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} {}", self.name, shown(self.value), self.unit)
    }
}

/// The table for people.
pub(crate) fn figures_table(figures: &[Figure]) -> String {
    table(&COLUMNS, &figures.iter().map(row).collect::<Vec<_>>())
}

/// The same table in Markdown.
pub(crate) fn figures_markdown(figures: &[Figure]) -> String {
    let rule = vec!["---".to_owned(); COLUMNS.len()];
    let headers = COLUMNS.iter().map(ToString::to_string).collect();
    [headers, rule]
        .into_iter()
        .chain(figures.iter().map(row))
        .map(|cells| format!("| {} |\n", cells.join(" | ")))
        .collect()
}

const COLUMNS: [&str; 6] = ["figure", "value", "unit", "goal", "holds", "limit"];

fn row(figure: &Figure) -> Vec<String> {
    let holds = match (figure.goal.is_empty(), figure.holds) {
        (true, _) => "",
        (false, true) => "yes",
        (false, false) => "NO",
    };
    let limit = limits::of(&figure.name).map(|limit| format!("<={}", shown(limit.most))).unwrap_or_default();
    vec![figure.name.clone(), shown(figure.value), figure.unit.clone(), figure.goal.clone(), holds.into(), limit]
}

/// Whole numbers whole, others with three decimals.
fn shown(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// Whether `value` meets `goal`; a goal of another form is an error.
fn holds(value: f64, goal: &str) -> Result<bool> {
    if goal.is_empty() {
        return Ok(true);
    }
    let (at_least, at_most) = (goal.strip_prefix(">="), goal.strip_prefix("<="));
    let number =
        at_least.or(at_most).or(goal.strip_prefix('=')).with_context(|| format!("goal `{goal}` is no >=, <= or ="))?;
    let number: f64 = number.trim().parse().with_context(|| format!("goal `{goal}` names no number"))?;
    Ok(if at_least.is_some() {
        value >= number
    } else if at_most.is_some() {
        value <= number
    } else {
        value == number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_judged_at_their_edge() {
        for (value, goal, expected) in [
            (80.0, ">=80", true),
            (79.999, ">=80", false),
            (49_152.0, "<=49152", true),
            (49_153.0, "<=49152", false),
            (0.0, "=0", true),
            (1.0, "=0", false),
            (5.0, "", true),
        ] {
            assert_eq!(holds(value, goal).unwrap(), expected, "{value} {goal}");
        }
        assert!(holds(1.0, "about 3").is_err());
        assert!(holds(1.0, ">=x").is_err());
    }

    #[test]
    fn a_line_comes_back_as_it_was_written() {
        let line = r#"{"figure":"core.mips","value":112.300,"unit":"1e6/s","goal":">=80","holds":true}"#;
        let figure = Figure::parse(line).unwrap();
        assert_eq!(figure.group(), "core");
        assert_eq!(figure.json(), line);
    }

    #[test]
    fn a_figure_holds_only_when_its_program_and_its_numbers_agree() {
        for (value, said, expected) in [("1", true, false), ("2.0", false, false), ("2.0", true, true)] {
            let line = format!(r#"{{"figure":"a.b","value":{value},"unit":"s","goal":">=2","holds":{said}}}"#);
            assert_eq!(Figure::parse(&line).unwrap().holds, expected, "{line}");
        }
    }

    #[test]
    fn lines_of_another_shape_are_errors() {
        for line in ["", "{}", r#"{"figure":1,"value":1,"unit":"s"}"#, r#"{"figure":"a","value":"1","unit":"s"}"#] {
            assert!(Figure::parse(line).is_err(), "{line}");
        }
    }
}
