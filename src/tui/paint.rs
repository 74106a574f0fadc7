//! Two frames in, the bytes that turn one into the other out: as few as possible, since an SSH link pays for each.
//!
//! It must never write anywhere, and never clear more than it was asked to forget.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::palette::Depth;

mod scroll;

use scroll::Move;

/// Frames longer than this are wrapped in synchronised output (mode 2026), so that no half of one is seen.
/// A shorter one is one write of a few cells; the wrapping would be most of it.
const SYNCHRONISE_FROM: usize = 256;

/// Up to so many cells are written again rather than jumped over: a jump takes three bytes.
const NEAR: u16 = 3;

/// What the terminal shows, as far as it was told.
pub struct Painter {
    depth: Depth,
    ascii: bool,
    shown: Buffer,
    next: Buffer,
    /// The cursor's place; unknown after the last column and after characters whose width terminals dispute.
    at: Option<(u16, u16)>,
    pen: Pen,
    cursor_visible: bool,
    forgotten: bool,
}

/// The attributes that the terminal writes with.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pen {
    foreground: Color,
    background: Color,
    modifier: Modifier,
}

impl Pen {
    const PLAIN: Pen = Pen { foreground: Color::Reset, background: Color::Reset, modifier: Modifier::empty() };

    /// What a cell is written with.
    fn of(cell: &Cell, depth: Depth) -> Self {
        Self { foreground: depth.nearest(cell.fg), background: depth.nearest(cell.bg), modifier: cell.modifier }
    }
}

impl Painter {
    /// For a terminal of which nothing is known.
    pub fn new(depth: Depth, ascii: bool) -> Self {
        let (shown, next) = (Buffer::empty(Rect::ZERO), Buffer::empty(Rect::ZERO));
        Self { depth, ascii, shown, next, at: None, pen: Pen::PLAIN, cursor_visible: false, forgotten: true }
    }

    /// What the terminal shows is not known any more: the next frame is painted whole.
    pub fn forget(&mut self) {
        self.forgotten = true;
    }

    /// Draws a frame of this size and returns the bytes for it; none when nothing changed.
    /// `draw` says where the cursor is to be seen, if anywhere.
    pub fn frame(&mut self, width: u16, height: u16, draw: impl FnOnce(&mut Buffer) -> Option<Position>) -> Vec<u8> {
        let area = Rect::new(0, 0, width, height);
        if self.next.area != area {
            self.next = Buffer::empty(area);
            self.forgotten = true;
        } else {
            self.next.reset();
        }
        let cursor = draw(&mut self.next);
        let mut bytes = String::new();
        if self.forgotten {
            // The whole pen and the whole screen, once: after a resize, a resume or Ctrl-L.
            bytes.push_str("\x1b[m\x1b[?25l\x1b[2J");
            (self.pen, self.at, self.cursor_visible, self.forgotten) = (Pen::PLAIN, None, false, false);
            self.shown = Buffer::empty(area);
        }
        let next = std::mem::replace(&mut self.next, Buffer::empty(Rect::ZERO));
        let mut shown = std::mem::replace(&mut self.shown, Buffer::empty(Rect::ZERO));
        if let Some(moved) = scroll::find(&shown, &next) {
            self.scroll(&mut bytes, moved, height);
            scroll::apply(&mut shown, moved);
        }
        for (x, y, cell) in shown.diff_iter(&next) {
            self.step(&mut bytes, &next, x, y);
            self.go(&mut bytes, x, y);
            self.dip(&mut bytes, cell);
            self.put(&mut bytes, cell, x, y, width);
        }
        (self.shown, self.next) = (next, shown);
        self.show_cursor(&mut bytes, cursor);
        if bytes.len() >= SYNCHRONISE_FROM {
            bytes.insert_str(0, "\x1b[?2026h");
            bytes.push_str("\x1b[?2026l");
        }
        bytes.into_bytes()
    }

    /// Comes to a cell by writing what stands before it anew, where that is shorter than moving: mostly the blank between two words.
    fn step(&mut self, bytes: &mut String, next: &Buffer, x: u16, y: u16) {
        let Some((column, row)) = self.at else { return };
        if row != y || column >= x || x - column > NEAR {
            return;
        }
        let depth = self.depth;
        let between = || (column..x).filter_map(|x| next.cell((x, y)));
        let same = |cell: &Cell| cell.symbol().len() == 1 && Pen::of(cell, depth) == self.pen;
        if between().all(same) {
            between().for_each(|cell| bytes.push_str(cell.symbol()));
            self.at = Some((x, y));
        }
    }

    /// Lets the terminal move lines. By line feeds at the region's end, not by SU and SD: the Linux console has neither.
    fn scroll(&mut self, bytes: &mut String, Move { top, bottom, by, up }: Move, height: u16) {
        // What comes in is blank in the pen's background.
        if self.pen != Pen::PLAIN {
            bytes.push_str("\x1b[m");
            self.pen = Pen::PLAIN;
        }
        let (place, feed) = if up { (bottom, "\n") } else { (top, "\x1bM") };
        let whole = top == 0 && bottom + 1 == usize::from(height);
        let written = if whole {
            write!(bytes, "\x1b[{}H{}", place + 1, feed.repeat(by))
        } else {
            write!(bytes, "\x1b[{};{}r\x1b[{}H{}\x1b[r", top + 1, bottom + 1, place + 1, feed.repeat(by))
        };
        // Writing to a String cannot fail.
        debug_assert!(written.is_ok());
        self.at = None;
    }

    /// Moves the cursor by the shortest way.
    fn go(&mut self, bytes: &mut String, x: u16, y: u16) {
        let written = match self.at {
            Some(at) if at == (x, y) => Ok(()),
            Some((column, row)) if row == y && column < x => match x - column {
                1 => bytes.write_str("\x1b[C"),
                right => write!(bytes, "\x1b[{right}C"),
            },
            Some((_, row)) if x == 0 && row.checked_add(1) == Some(y) => bytes.write_str("\r\n"),
            _ if x == 0 => write!(bytes, "\x1b[{}H", u32::from(y) + 1),
            _ => write!(bytes, "\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1),
        };
        // Writing to a String cannot fail.
        debug_assert!(written.is_ok());
        self.at = Some((x, y));
    }

    /// Changes the attributes to those of a cell.
    fn dip(&mut self, bytes: &mut String, cell: &Cell) {
        let pen = Pen::of(cell, self.depth);
        if pen == self.pen {
            return;
        }
        let mut codes = String::new();
        let mut known = self.pen;
        if !known.modifier.difference(pen.modifier).is_empty() || pen == Pen::PLAIN {
            codes.push(';');
            known = Pen::PLAIN;
        }
        for (modifier, code) in ATTRIBUTES {
            if pen.modifier.contains(modifier) && !known.modifier.contains(modifier) {
                push_code(&mut codes, code);
            }
        }
        if pen.foreground != known.foreground {
            push_color(&mut codes, pen.foreground, 30);
        }
        if pen.background != known.background {
            push_color(&mut codes, pen.background, 40);
        }
        bytes.push_str("\x1b[");
        bytes.push_str(codes.trim_end_matches(';'));
        bytes.push('m');
        self.pen = pen;
    }

    /// Writes a cell's text.
    fn put(&mut self, bytes: &mut String, cell: &Cell, x: u16, y: u16, width: u16) {
        let symbol = cell.symbol();
        let cells = u16::try_from(symbol.width()).unwrap_or(1).max(1);
        if self.ascii && !symbol.is_ascii() {
            (0..cells).for_each(|_| bytes.push('?'));
        } else {
            bytes.push_str(symbol);
        }
        // What several characters or two cells make up is of disputed width, and after the last column the terminal waits with wrapping.
        let sure = (self.ascii || (cells == 1 && symbol.chars().nth(1).is_none())) && x + cells < width;
        self.at = sure.then_some((x + cells, y));
    }

    /// Shows the cursor where an input wants it, or hides it.
    fn show_cursor(&mut self, bytes: &mut String, cursor: Option<Position>) {
        match cursor {
            Some(position) => {
                self.go(bytes, position.x, position.y);
                if !self.cursor_visible {
                    bytes.push_str("\x1b[?25h");
                }
            }
            None if self.cursor_visible => bytes.push_str("\x1b[?25l"),
            None => {}
        }
        self.cursor_visible = cursor.is_some();
    }
}

/// The attributes with their SGR codes.
const ATTRIBUTES: [(Modifier, u8); 6] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::CROSSED_OUT, 9),
];

/// Adds an SGR code. The list may begin with the `;` of an empty code, which means 0.
fn push_code(codes: &mut String, code: u8) {
    // Writing to a String cannot fail.
    let _ = write!(codes, "{code};");
}

/// Adds a colour; `base` is 30 for the foreground, 40 for the background.
fn push_color(codes: &mut String, color: Color, base: u8) {
    let basic = match color {
        Color::Reset => 9,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 60,
        Color::LightRed => 61,
        Color::LightGreen => 62,
        Color::LightYellow => 63,
        Color::LightBlue => 64,
        Color::LightMagenta => 65,
        Color::LightCyan => 66,
        Color::White => 67,
        Color::Indexed(index) => {
            let _ = write!(codes, "{};5;{index};", base + 8);
            return;
        }
        Color::Rgb(red, green, blue) => {
            let _ = write!(codes, "{};2;{red};{green};{blue};", base + 8);
            return;
        }
    };
    push_code(codes, base + basic);
}

#[cfg(test)]
mod tests;
