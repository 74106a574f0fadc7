//! Small pictures of numbers: columns of a history, a bar of a share.
//!
//! It must never invent a point: what was not known is blank.

use crate::tui::glyphs::Glyphs;

/// A row of columns, `top` being full height; blank where nothing was known.
pub fn spark(glyphs: &Glyphs, points: impl IntoIterator<Item = Option<u32>>, top: u32) -> String {
    points.into_iter().map(|point| point.map_or(" ", |value| eighth(glyphs, step(value, top, 8).saturating_sub(1)))).collect()
}

/// The same over several rows, the top row first.
pub fn graph(glyphs: &Glyphs, points: &[Option<u32>], top: u32, rows: usize) -> Vec<String> {
    let rows = rows.max(1);
    (0..rows)
        .rev()
        .map(|row| {
            let cell = |point: &Option<u32>| match point.map(|value| step(value, top, rows * 8)) {
                None => " ",
                Some(height) if height > row * 8 => eighth(glyphs, (height - row * 8 - 1).min(7)),
                Some(_) => " ",
            };
            points.iter().map(cell).collect()
        })
        .collect()
}

/// A bar of so many cells: its full part and the rest.
pub fn bar(glyphs: &Glyphs, value: u64, whole: u64, cells: usize) -> (String, String) {
    let share = u128::from(value) * cells as u128 * 2 / u128::from(whole.max(1));
    // Half a cell or more is a cell.
    let full = usize::try_from(share.div_ceil(2)).unwrap_or(cells).min(cells);
    let full = if share == 0 { 0 } else { full };
    (glyphs.full.repeat(full), glyphs.empty.repeat(cells - full))
}

/// Which of `steps` heights a value has; at least the first, so that zero is a line and not a gap.
fn step(value: u32, top: u32, steps: usize) -> usize {
    let height = u64::from(value) * steps as u64 / u64::from(top.max(1));
    usize::try_from(height).unwrap_or(steps).clamp(1, steps)
}

/// A column of one to eight eighths.
fn eighth(glyphs: &Glyphs, index: usize) -> &'static str {
    glyphs.spark.get(index).copied().unwrap_or(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyphs::{ASCII, UNICODE};

    #[test]
    fn columns_have_heights_and_gaps_are_blank() {
        assert_eq!(spark(&UNICODE, [Some(0), Some(50), None, Some(100), Some(900)], 100), "▁▄ ██");
        assert_eq!(spark(&ASCII, [Some(0), Some(100)], 100), "_#");
    }

    #[test]
    fn a_graph_of_two_rows_fills_the_lower_first() {
        assert_eq!(graph(&UNICODE, &[Some(0), Some(50), Some(100), None], 100, 2), ["  █ ", "▁██ "]);
    }

    #[test]
    fn bars_are_of_the_whole() {
        assert_eq!(bar(&UNICODE, 50, 100, 6), ("███".to_owned(), "░░░".to_owned()));
        assert_eq!(bar(&UNICODE, 0, 0, 2), (String::new(), "░░".to_owned()));
        assert_eq!(bar(&UNICODE, 500, 100, 2), ("██".to_owned(), String::new()));
    }
}
