//! A history drawn larger than one line of blocks.
//!
//! It must never invent a point: what was not known is blank.

use crate::tui::glyphs::Glyphs;

/// Columns over several rows, the top row first, `top` being full height; blank where nothing was known.
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
    use crate::tui::glyphs::UNICODE;

    #[test]
    fn a_graph_of_two_rows_fills_the_lower_first() {
        assert_eq!(graph(&UNICODE, &[Some(0), Some(50), Some(100), None], 100, 2), ["  █ ", "▁██ "]);
    }
}
