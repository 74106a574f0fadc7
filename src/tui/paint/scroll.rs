//! Lines that only moved up or down, as a log's do: the terminal moves them itself, for a few bytes instead of all of them again.
//!
//! It must never decide what is shown: whatever is not right after the move is painted like any other change.

use ratatui::buffer::{Buffer, Cell};

/// Lines move by at most this many at once.
const FURTHEST: usize = 12;

/// Fewer lines than this are painted anew: the move itself costs some twenty bytes.
const LEAST: usize = 3;

/// Lines `top..=bottom` of the screen move up by so many, or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The first line of the region.
    pub top: usize,
    /// The last line of the region.
    pub bottom: usize,
    /// How far.
    pub by: usize,
    /// Up, as new lines come at the end; else down.
    pub up: bool,
}

/// The move that spares most lines, where one spares enough.
pub fn find(shown: &Buffer, next: &Buffer) -> Option<Move> {
    let (width, height) = (usize::from(next.area.width), usize::from(next.area.height));
    if shown.area != next.area || width == 0 {
        return None;
    }
    let changed = |y: usize| line(shown, y, width) != line(next, y, width);
    let (first, last) = ((0..height).find(|y| changed(*y))?, (0..height).rev().find(|y| changed(*y))?);
    if last - first < LEAST {
        return None;
    }
    let mut best: Option<(usize, Move)> = None;
    for (by, up) in (1..=FURTHEST.min(last - first)).flat_map(|by| [(by, true), (by, false)]) {
        let mut spared = 0;
        // Where the lines at hand begin to have moved.
        let mut begin = None;
        for y in first..=last + 1 - by {
            let (from, to) = if up { (y + by, y) } else { (y, y + by) };
            let moved = y + by <= last && line(shown, from, width) == line(next, to, width);
            if moved {
                begin = begin.or(Some(y));
                spared += usize::from(changed(to));
            } else if let Some(top) = begin.take() {
                if spared >= LEAST && best.is_none_or(|(most, _)| spared > most) {
                    best = Some((spared, Move { top, bottom: y - 1 + by, by, up }));
                }
                spared = 0;
            }
        }
    }
    best.map(|(_, found)| found)
}

/// What the terminal shows after a move.
pub fn apply(shown: &mut Buffer, Move { top, bottom, by, up }: Move) {
    let width = usize::from(shown.area.width);
    let Some(region) = shown.content.get_mut(top * width..(bottom + 1) * width) else { return };
    let kept = region.len() - by * width;
    let emptied = if up {
        region.rotate_left(by * width);
        region.get_mut(kept..)
    } else {
        region.rotate_right(by * width);
        region.get_mut(..by * width)
    };
    emptied.into_iter().flatten().for_each(Cell::reset);
}

fn line(buffer: &Buffer, y: usize, width: usize) -> &[Cell] {
    buffer.content.get(y * width..(y + 1) * width).unwrap_or_default()
}
