//! Tables that fit the terminal.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, presets};

use super::{Output, text::one_line};

/// Longest text of one cell, in characters: what a peer calls itself has no limit of its own.
const MAX_CELL_CHARS: usize = 200;

/// Lays `rows` out below `header`. On a terminal, long cells are wrapped to its width, except those of the column `whole`,
/// which are there to be copied; elsewhere every row is one line.
pub(super) fn table<const N: usize>(
    output: &Output,
    header: [&str; N],
    rows: Vec<[String; N]>,
    whole: Option<usize>,
) -> String {
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
        table.add_row(row.map(|cell| Cell::new(one_line(&cell, MAX_CELL_CHARS))));
    }
    if let Some(column) = whole.and_then(|at| table.column_mut(at)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
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
