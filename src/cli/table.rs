//! Tables that fit the terminal.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, presets};

use super::{Output, text::one_line};

/// Longest text of one cell, in characters: what a peer calls itself has no limit of its own.
const MAX_CELL_CHARS: usize = 200;

/// Longest word that has a line of its cell to itself, in characters: longer ones are broken in a table.
const MAX_WORD_CHARS: usize = 16;

/// Lays `rows` out below `header`. On a terminal, long cells are wrapped to its width, except those of the column `whole`,
/// which are there to be copied; where words would break, each row is a record of `Header: cell` lines. Elsewhere every row
/// is one line.
pub(super) fn table<const N: usize>(
    output: &Output,
    header: [&str; N],
    rows: Vec<[String; N]>,
    whole: Option<usize>,
) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|cell| one_line(&cell, MAX_CELL_CHARS))).collect();
    if let Some(width) = output.width().map(usize::from)
        && least_width(header, &rows, whole) > width
    {
        return records(header, &rows, whole, width);
    }
    let mut table = Table::new();
    match output.width() {
        Some(width) => {
            table.load_style(presets::UTF8_FULL_CONDENSED);
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        None => {
            table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(header);
    for row in rows {
        table.add_row(row.map(Cell::new));
    }
    if let Some(column) = whole.and_then(|at| table.column_mut(at)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// How wide a table is in which no word breaks.
fn least_width<const N: usize>(header: [&str; N], rows: &[[String; N]], whole: Option<usize>) -> usize {
    let chars = |text: &str| text.chars().count();
    let longest_word = |text: &str| text.split(' ').map(chars).max().unwrap_or(0).min(MAX_WORD_CHARS);
    let column = |at: usize| {
        let cells = rows.iter().map(|row| if whole == Some(at) { chars(&row[at]) } else { longest_word(&row[at]) });
        cells.chain([longest_word(header[at])]).max().unwrap_or(0)
    };
    // A border on either side, and between two columns; a space on either side of a cell.
    (0..N).map(column).sum::<usize>() + 3 * N + 1
}

/// Each row as lines of `Header: cell`, no wider than `width` but for what is to be copied.
fn records<const N: usize>(header: [&str; N], rows: &[[String; N]], whole: Option<usize>, width: usize) -> String {
    let mut records = Vec::new();
    for row in rows {
        let mut lines = Vec::new();
        for (at, (label, cell)) in header.iter().zip(row).enumerate().filter(|(_, (_, cell))| !cell.is_empty()) {
            let text = format!("{label}: {cell}");
            if whole == Some(at) { lines.push(text) } else { lines.extend(wrapped(&text, width)) }
        }
        records.push(lines.join("\n"));
    }
    records.join("\n\n")
}

/// The text in lines of `width`, those after the first one indented.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let width = width.max(INDENT.len() + 1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let used = line.chars().count();
        if !line.trim().is_empty() && used + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, INDENT.into()));
        } else if !line.trim().is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if line.chars().count() == width {
                lines.push(std::mem::replace(&mut line, INDENT.into()));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, output::tests::captured};

    #[test]
    fn a_table_fits_the_terminal_and_stays_on_lines_elsewhere() {
        let rows = || vec![["a".repeat(30), "b\nc".to_owned()], ["x".to_owned(), "y".repeat(60)]];
        for width in [40, 60, 200] {
            let (output, ..) = captured(Format::Text, Some(width));
            let text = table(&output, ["One", "Two"], rows(), None);
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(widest <= usize::from(width), "{width}:\n{text}");
        }
        let (output, ..) = captured(Format::Text, None);
        let text = table(&output, ["One", "Two"], rows(), None);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains(&"y".repeat(60)) && text.contains("b\\nc"), "{text}");
    }
}
