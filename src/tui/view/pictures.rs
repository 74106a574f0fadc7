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

/// A value over time.
pub struct Course<'points> {
    /// Oldest first; `None` where nothing was known.
    pub points: &'points [Option<u32>],
    /// The value of full height.
    pub top: u32,
    /// A line is drawn at this value.
    pub limit: Option<u32>,
}

/// Bits of a braille cell by column and by row from the bottom (Unicode block 2800).
const DOTS: [[u8; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// A filled course over several rows, the top row first, all of them `cells` wide: braille, or blocks where there is only ASCII.
pub fn course(glyphs: &Glyphs, course: &Course<'_>, cells: usize, rows: usize) -> Vec<String> {
    let (columns, steps) = if glyphs.ascii { (cells, rows) } else { (cells * 2, rows * 4) };
    let heights: Vec<Option<usize>> =
        stretch(course.points, columns).into_iter().map(|point| point.map(|value| step(value, course.top, steps))).collect();
    let limit_row = course.limit.and_then(|limit| row_of(limit, course.top, rows));
    let mut drawn = Vec::with_capacity(rows);
    for row in 0..rows {
        let below = rows - 1 - row;
        let text: String = (0..cells)
            .map(|cell| {
                let filled = if glyphs.ascii {
                    heights.get(cell).copied().flatten().filter(|height| *height > below).map(|_| '#')
                } else {
                    braille(heights.get(cell * 2).copied().flatten(), heights.get(cell * 2 + 1).copied().flatten(), below * 4)
                };
                filled.unwrap_or(if limit_row == Some(row) { if glyphs.ascii { '-' } else { '┈' } } else { ' ' })
            })
            .collect();
        drawn.push(text);
    }
    drawn
}

/// The row, from the top, in which a value's line is drawn; `None` above the picture.
pub fn row_of(value: u32, top: u32, rows: usize) -> Option<usize> {
    let height = u64::from(value) * rows as u64;
    let row = height.div_ceil(u64::from(top.max(1))).max(1);
    usize::try_from(row).ok().filter(|row| *row <= rows).map(|row| rows - row)
}

/// The dots of two columns that lie in a cell; `None` for none.
fn braille(left: Option<usize>, right: Option<usize>, below: usize) -> Option<char> {
    let mut bits = 0u8;
    for (column, height) in [left, right].into_iter().enumerate() {
        let filled = height.unwrap_or(0).saturating_sub(below).min(4);
        bits |= DOTS.get(column).into_iter().flatten().take(filled).fold(0, |bits, bit| bits | bit);
    }
    (bits != 0).then(|| char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '))
}

/// So many columns of the newest points: points are repeated evenly, or the oldest are left out.
fn stretch(points: &[Option<u32>], columns: usize) -> Vec<Option<u32>> {
    if points.len() >= columns {
        return points.iter().skip(points.len() - columns).copied().collect();
    }
    (0..columns).map(|column| points.get(column * points.len() / columns).copied().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyphs::{ASCII, UNICODE};

    #[test]
    fn a_graph_of_two_rows_fills_the_lower_first() {
        assert_eq!(graph(&UNICODE, &[Some(0), Some(50), Some(100), None], 100, 2), ["  █ ", "▁██ "]);
    }

    #[test]
    fn a_course_is_filled_from_below_and_the_limit_is_a_line() {
        let points = [Some(0), Some(50), Some(100), None];
        let drawn = course(&UNICODE, &Course { points: &points, top: 100, limit: None }, 2, 2);
        assert_eq!(drawn, [" ⡇", "⣸⡇"]);
        let drawn = course(&UNICODE, &Course { points: &points, top: 200, limit: Some(200) }, 2, 2);
        assert_eq!(drawn, ["┈┈", "⣠⡇"]);
        assert_eq!(course(&ASCII, &Course { points: &points, top: 100, limit: Some(100) }, 4, 2), ["--#-", "### "]);
        assert_eq!((row_of(100, 100, 4), row_of(51, 100, 4), row_of(0, 100, 4), row_of(101, 100, 4)), (Some(0), Some(1), Some(3), None));
    }

    #[test]
    fn few_points_are_stretched_and_many_lose_the_oldest() {
        assert_eq!(stretch(&[Some(1), Some(2)], 4), [Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!(stretch(&[Some(1), Some(2), Some(3)], 2), [Some(2), Some(3)]);
        assert_eq!(stretch(&[], 2), [None, None]);
    }
}
