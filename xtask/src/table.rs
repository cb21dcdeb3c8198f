//! Plain text tables with aligned columns.

/// Lays out `rows` under `headers`; the last column is not padded. Cells that look like numbers are aligned right.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(column, header)| rows.iter().map(|row| width(&row[column])).chain([width(header)]).max().unwrap_or(0))
        .collect();
    let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    [&headers, &rule].into_iter().chain(rows).map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| pad(cell, *width)).collect();
    format!("{}\n", cells.join("  ").trim_end())
}

fn pad(cell: &str, to: usize) -> String {
    let space = " ".repeat(to.saturating_sub(width(cell)));
    let number = cell.starts_with(|c: char| c.is_ascii_digit()) && cell.parse::<f64>().is_ok();
    if number { space + cell } else { format!("{cell}{space}") }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let text =
            table(&["step", "seconds"], &[vec!["fmt".into(), "1.5".into()], vec!["clippy".into(), "12.0".into()]]);
        assert_eq!(text, "step    seconds\n------  -------\nfmt         1.5\nclippy     12.0\n");
    }
}
