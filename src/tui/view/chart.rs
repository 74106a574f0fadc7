//! The course of a value as a chart: filled columns of braille dots, four heights to a line and two points to a cell, with a scale on
//! the left and, where there is one, the limit as a line. In ASCII a cell is one column of three heights.
//!
//! It must never invent a point: what was not known is blank. Zero is known, and is the lowest dot.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::state::Settings;

use super::canvas;

/// How many points a cell has. ASCII has one, and shows the greater of the two: a peak is to be seen.
pub const POINTS_PER_CELL: usize = 2;

/// The heights of a line in braille.
const DOTS: usize = 4;

/// The heights of a line in ASCII.
const ASCII: [char; 4] = [' ', '.', ':', '#'];

/// The dots of a cell's left and right column, the lowest first: U+2800 and these bits.
const LEFT: [u32; DOTS] = [0x40, 0x04, 0x02, 0x01];
const RIGHT: [u32; DOTS] = [0x80, 0x20, 0x10, 0x08];

/// What the heights mean.
#[derive(Clone, Copy)]
pub struct Scale<'label> {
    /// The value of full height.
    pub top: f32,
    /// The value that must not be exceeded. Above `top` it is not drawn.
    pub limit: Option<f32>,
    /// A value in words, for the left side.
    pub label: &'label dyn Fn(f32) -> String,
    /// The cells for these words; 0 for no scale.
    pub label_width: u16,
}

impl Scale<'_> {
    /// The cells from the left side to the picture.
    fn indent(&self) -> u16 {
        if self.label_width == 0 { 0 } else { self.label_width + 1 }
    }

    /// How many cells of so many are the picture's.
    pub fn cells(&self, width: u16) -> usize {
        usize::from(width.saturating_sub(self.indent()))
    }
}

/// Draws the last points that fit, the newest on the right.
pub fn draw(settings: &Settings, area: Rect, points: &[Option<f32>], scale: Scale<'_>, buffer: &mut Buffer) {
    let (cells, rows) = (scale.cells(area.width), usize::from(area.height));
    if rows == 0 {
        return;
    }
    let limit_row = scale.limit.filter(|limit| *limit > 0.0 && *limit <= scale.top).map(|limit| row_of(limit, scale.top, rows));
    labels(settings, area, scale, limit_row, buffer);
    let shown = points.get(points.len().saturating_sub(cells * POINTS_PER_CELL)..).unwrap_or_default();
    let steps = rows * if settings.glyphs.ascii { ASCII.len() - 1 } else { DOTS };
    let heights: Vec<usize> = shown.iter().map(|point| height(*point, scale.top, steps)).collect();
    let columns: Vec<&[usize]> = heights.chunks(POINTS_PER_CELL).collect();
    let blank = cells.saturating_sub(columns.len());
    for (y, row) in (area.y..area.bottom()).zip((0..rows).rev()) {
        let is_limit = limit_row == Some(row);
        let above = limit_row.is_some_and(|limit| row > limit);
        let mut x = area.x + scale.indent();
        let nothing: &[usize] = &[];
        for column in std::iter::repeat_n(nothing, blank).chain(columns.iter().copied()) {
            let sign = if settings.glyphs.ascii { ascii(column, row) } else { braille(column, row) };
            x = match (sign, is_limit) {
                (Some(sign), _) => {
                    let style = if above { settings.theme.error } else { settings.theme.graph };
                    canvas::put(buffer, x, y, 1, sign.encode_utf8(&mut [0; 4]), style)
                }
                (None, true) => canvas::put(buffer, x, y, 1, settings.glyphs.limit, settings.theme.dim),
                (None, false) => x + 1,
            };
        }
    }
}

/// The scale: top, nothing, the middle where it has a line of its own, and the limit.
fn labels(settings: &Settings, area: Rect, scale: Scale<'_>, limit_row: Option<usize>, buffer: &mut Buffer) {
    let rows = usize::from(area.height);
    if scale.label_width == 0 {
        return;
    }
    let mut marks = vec![(0, 0.0)];
    if rows > 1 {
        marks.push((rows - 1, scale.top));
    }
    if rows >= 4 && rows.is_multiple_of(2) {
        marks.push((rows / 2 - 1, scale.top / 2.0));
    }
    if let (Some(row), Some(limit)) = (limit_row, scale.limit) {
        // Words one below the other: what is a line away from the limit makes room for it.
        marks.retain(|(known, _)| known.abs_diff(row) > 1 || *known == 0 && row > 0);
        marks.push((row, limit));
    }
    for (row, value) in marks {
        let Some(y) = u16::try_from(row + 1).ok().and_then(|above| area.bottom().checked_sub(above)) else { continue };
        canvas::put_right(buffer, area.x + scale.label_width, y, scale.label_width, &(scale.label)(value), settings.theme.dim);
    }
}

/// The line, counted from below, in which a value lies.
fn row_of(value: f32, top: f32, rows: usize) -> usize {
    height(Some(value), top, rows).saturating_sub(1)
}

/// How many of `steps` a point is high; 0 only where nothing is known.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn height(point: Option<f32>, top: f32, steps: usize) -> usize {
    match point {
        Some(value) if value.is_finite() && top > 0.0 => {
            let share = (value / top).clamp(0.0, 1.0);
            ((share * steps as f32).round() as usize).clamp(1, steps.max(1))
        }
        _ => 0,
    }
}

/// The cell of two points in a line; nothing where both are lower.
fn braille(column: &[usize], row: usize) -> Option<char> {
    let dots = |height: usize, bits: &[u32; DOTS]| bits.iter().take(height.saturating_sub(row * DOTS)).sum::<u32>();
    let bits = column.first().map_or(0, |height| dots(*height, &LEFT)) + column.get(1).map_or(0, |height| dots(*height, &RIGHT));
    (bits > 0).then(|| char::from_u32(0x2800 + bits)).flatten()
}

/// The same in ASCII: the greater of the two.
fn ascii(column: &[usize], row: usize) -> Option<char> {
    let steps = ASCII.len() - 1;
    let height = column.iter().copied().max().unwrap_or(0).saturating_sub(row * steps);
    ASCII.get(height.min(steps)).copied().filter(|sign| *sign != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyphs::ASCII as PLAIN;
    use crate::tui::testing::console;

    fn drawn(points: &[Option<f32>], (width, height): (u16, u16), limit: Option<f32>, is_ascii: bool, label_width: u16) -> Vec<String> {
        let mut settings = console(80, 24).settings;
        if is_ascii {
            settings.glyphs = &PLAIN;
        }
        let label = |value: f32| format!("{value:.0}");
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(&settings, area, points, Scale { top: 100.0, limit, label: &label, label_width }, &mut buffer);
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }

    #[test]
    fn two_points_stand_in_a_cell_and_gaps_are_blank() {
        let points = [Some(0.0), Some(100.0), Some(50.0), None, None, Some(25.0)];
        assert_eq!(drawn(&points, (4, 1), None, false, 0), [" ⣸⡄⢀"]);
        assert_eq!(drawn(&points, (4, 2), None, false, 0), [" ⢸", " ⣸⡇⢠"]);
        assert_eq!(drawn(&[], (4, 1), None, false, 0), [""]);
        assert_eq!(drawn(&points, (1, 1), None, false, 0), ["⢀"]);
    }

    #[test]
    fn ascii_shows_the_greater_of_two() {
        let points = [Some(0.0), Some(100.0), Some(50.0), None, Some(0.0), Some(10.0)];
        assert_eq!(drawn(&points, (3, 2), None, true, 0), ["#", "##."]);
        assert!(drawn(&points, (12, 6), Some(50.0), true, 4).iter().all(|line| line.is_ascii()));
    }

    #[test]
    fn the_scale_stands_on_the_left_and_the_limit_is_a_line() {
        let points = [Some(100.0), Some(100.0), Some(10.0), Some(10.0)];
        assert_eq!(drawn(&points, (8, 4), None, false, 4), [" 100  ⣿", "      ⣿", "  50  ⣿", "   0  ⣿⣤"]);
        let limited = drawn(&points, (8, 4), Some(75.0), false, 4);
        assert_eq!(limited[1].trim_start().chars().next(), Some('7'), "{limited:?}");
        assert!(limited[1].ends_with('┈') && limited[1].contains('⣿'), "{limited:?}");
        assert!(!limited.iter().any(|line| line.contains("100") || line.contains("50 ")), "{limited:?}");
    }

    #[test]
    fn a_limit_above_the_scale_is_not_drawn() {
        assert!(drawn(&[Some(1.0)], (8, 4), Some(101.0), false, 4).iter().all(|line| !line.contains('┈')));
    }

    #[test]
    fn no_area_and_no_number_makes_it_panic() {
        for (width, height) in (0..6).flat_map(|width| (0..6).map(move |height| (width, height))) {
            for value in [0.0, -5.0, 1e30, f32::NAN, f32::INFINITY] {
                drop(drawn(&[Some(value), None], (width, height), Some(value), false, 3));
            }
        }
    }
}
