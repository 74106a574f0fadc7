//! Putting text, rules and boxes into cells, cut to where they belong.
//!
//! It must never draw outside the area it was given, nor outside the buffer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::present;
use crate::tui::state::Settings;

/// Puts a text at a place, cut at `width` cells. Returns the column after it.
pub fn put(buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    let area = buffer.area;
    if x >= area.right() || y >= area.bottom() || width == 0 {
        return x;
    }
    let room = width.min(area.right() - x);
    // What was there before, a rule, gives nothing of its style to what comes over it.
    buffer.set_stringn(x, y, text, usize::from(room), Style::reset().patch(style)).0
}

/// The same, with an ellipsis where it was cut.
pub fn put_fit(settings: &Settings, buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    put(buffer, x, y, width, &fit(settings, text, width), style)
}

/// Puts a text so that it ends at `right` (exclusive), within `width` cells.
pub fn put_right(buffer: &mut Buffer, right: u16, y: u16, width: u16, text: &str, style: Style) {
    let cells = cells(text).min(width);
    put(buffer, right.saturating_sub(cells), y, cells, text, style);
}

/// How many cells a text takes.
pub fn cells(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// A text of at most `width` cells, with an ellipsis where it was cut.
pub fn fit(settings: &Settings, text: &str, width: u16) -> String {
    present::fit::cut(text, usize::from(width), settings.glyphs.ascii)
}

/// The beginning of a text that takes at most `width` cells.
pub fn take(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (index, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return text.get(..index).unwrap_or_default();
        }
    }
    text
}

/// A text in lines of at most `width` cells, broken at spaces where there are some, in a path after a slash.
pub fn wrap(text: &str, width: usize) -> Vec<&str> {
    let width = width.max(1);
    let (mut lines, mut rest) = (Vec::new(), text);
    loop {
        // Only as far as the line goes: asking for the width of all the rest each time would take the square of its length.
        let head = take(rest, width);
        if head.len() == rest.len() {
            break;
        }
        // A character wider than the line has to leave all the same.
        let head = if head.is_empty() { rest.get(..rest.chars().next().map_or(1, char::len_utf8)).unwrap_or(rest) } else { head };
        let at = match (head.rfind(' '), head.rfind('/')) {
            _ if rest.get(head.len()..).is_some_and(|after| after.starts_with(' ')) => head.len(),
            (Some(space), _) if space > 0 => before_number(head, space, rest),
            // A path breaks after a name, unless that would leave the line nearly empty.
            (_, Some(slash)) if slash * 2 > head.len() => slash + 1,
            _ => head.len(),
        };
        lines.push(rest.get(..at).unwrap_or(rest));
        rest = rest.get(at..).unwrap_or_default().trim_start_matches(' ');
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest);
    }
    lines
}

/// A sentence of at most `width` cells, cut after a word where it has to be.
pub fn fit_words(settings: &Settings, text: &str, width: u16) -> String {
    present::fit::cut_words(text, usize::from(width), settings.glyphs.ascii)
}

/// Where to break instead of at a blank that stands between a number and its unit.
fn before_number(head: &str, space: usize, rest: &str) -> usize {
    const UNITS: [&str; 26] = [
        "%", "B", "K", "M", "G", "T", "KiB", "MiB", "GiB", "TiB", "B/s", "K/s", "M/s", "G/s", "KiB/s", "MiB/s", "GiB/s", "ms", "s", "min",
        "h", "d", "days", "hours", "lines", "times",
    ];
    let unit = rest.get(space + 1..).unwrap_or_default().split(' ').next().unwrap_or_default();
    let unit = unit.trim_end_matches([',', ';', ')', '.', ':']);
    let begin = head.get(..space).and_then(|before| before.rfind(' '));
    let number = head.get(begin.map_or(0, |begin| begin + 1)..space).unwrap_or_default().trim_start_matches('(');
    let is_number = !number.is_empty() && number.chars().all(|sign| sign.is_ascii_digit() || sign == '.');
    match begin {
        Some(begin) if begin > 0 && is_number && UNITS.contains(&unit) => begin,
        _ => space,
    }
}

/// The chosen row: its sign before it, its style over all of it.
pub fn choose(settings: &Settings, area: Rect, buffer: &mut Buffer) {
    let chosen = settings.theme.chosen;
    put(buffer, area.x, area.y, 1, settings.glyphs.chosen, settings.theme.title);
    let area = area.intersection(buffer.area);
    if chosen.add_modifier.contains(Modifier::REVERSED) {
        // Reversed, what is dim or coloured would be patches in the bar, the dimmest of them hardly to be read.
        for position in area.positions() {
            if let Some(cell) = buffer.cell_mut(position) {
                cell.modifier.remove(Modifier::DIM);
                (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
            }
        }
    }
    buffer.set_style(area, chosen);
}

/// A rule with a title in it: `─ instances ───── 41 of 42 ──`. The parts on the right leave when it gets narrow, the first one first.
pub fn title(settings: &Settings, area: Rect, title: &str, focused: bool, right: &[String], buffer: &mut Buffer) {
    let (theme, glyphs) = (&settings.theme, settings.glyphs);
    put(buffer, area.x, area.y, area.width, &glyphs.rule.repeat(usize::from(area.width)), theme.rule);
    let style = if focused { theme.title } else { theme.dim };
    let room = area.width.saturating_sub(4);
    let text = format!(" {} ", fit(settings, title, room.saturating_sub(2)));
    let end = put(buffer, area.x + 1, area.y, room, &text, style);
    let mut parts = right;
    while !parts.is_empty() && end + title_right(parts) + 2 > area.right() {
        parts = parts.get(1..).unwrap_or_default();
    }
    let mut x = area.right().saturating_sub(title_right(parts));
    for part in parts {
        x = put(buffer, x, area.y, area.right().saturating_sub(x), &format!(" {part} "), style) + 2;
    }
}

/// How many cells the parts on the right of a title take.
pub fn title_right(parts: &[String]) -> u16 {
    parts.iter().map(|part| cells(part) + 4).sum()
}

/// A vertical rule between two panes.
pub fn divide(settings: &Settings, x: u16, beside: Rect, rule: Option<Rect>, buffer: &mut Buffer) {
    let (style, glyphs) = (settings.theme.rule, settings.glyphs);
    put(buffer, x, beside.y, 1, glyphs.tee_down, style);
    for y in beside.y + 1..rule.map_or(beside.bottom(), |rule| rule.y) {
        put(buffer, x, y, 1, glyphs.divider, style);
    }
}

/// The rule above the last line.
pub fn rule_below(settings: &Settings, area: Rect, tee: Option<u16>, buffer: &mut Buffer) {
    put(buffer, area.x, area.y, area.width, &settings.glyphs.rule.repeat(usize::from(area.width)), settings.theme.rule);
    if let Some(x) = tee {
        put(buffer, x, area.y, 1, settings.glyphs.tee_up, settings.theme.rule);
    }
}

/// A box that floats in the middle of an area, emptied. Returns what is inside; nothing when it does not fit at all.
pub fn float(settings: &Settings, within: Rect, width: u16, lines: u16, title: &str, buffer: &mut Buffer) -> Option<Rect> {
    let (width, height) = (width.min(within.width), lines.saturating_add(2).min(within.height));
    if width < 6 || height < 3 {
        return None;
    }
    let (x, y) = (within.x + (within.width - width) / 2, within.y + (within.height - height) / 2);
    let ([top_left, top_right, bottom_left, bottom_right], rule) = (settings.glyphs.corners, settings.glyphs.rule);
    let style = settings.theme.rule;
    let across = rule.repeat(usize::from(width - 2));
    let blank = " ".repeat(usize::from(width));
    for row in y..y + height {
        // What is below must not shine through, its style included.
        for column in x..x + width {
            if let Some(cell) = buffer.cell_mut((column, row)) {
                cell.reset();
            }
        }
        put(buffer, x, row, width, &blank, Style::new());
        put(buffer, x, row, 1, settings.glyphs.divider, style);
        put(buffer, x + width - 1, row, 1, settings.glyphs.divider, style);
    }
    put(buffer, x, y, width, &format!("{top_left}{across}{top_right}"), style);
    put(buffer, x, y + height - 1, width, &format!("{bottom_left}{across}{bottom_right}"), style);
    put(buffer, x + 1, y, width - 2, &format!(" {} ", fit(settings, title, width.saturating_sub(6))), settings.theme.title);
    Some(Rect::new(x + 2, y + 1, width - 4, height - 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_broken_at_spaces() {
        assert_eq!(wrap("8107 is held by pid 4711", 12), ["8107 is held", "by pid 4711"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("日本語", 1), ["日", "本", "語"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("/opt/mcp-server/users", 18), ["/opt/mcp-server/", "users"]);
    }

    #[test]
    fn a_number_keeps_its_unit() {
        assert_eq!(wrap("workspace 10.1 M; grows by 2 KiB/s", 29), ["workspace 10.1 M; grows by", "2 KiB/s"]);
        assert_eq!(wrap("it took 12 s", 11), ["it took", "12 s"]);
        assert_eq!(wrap("held by pid 4711 since", 17), ["held by pid 4711", "since"]);
        assert_eq!(wrap("12 s", 3), ["12", "s"], "where there is no other place");
    }

    #[test]
    fn a_text_over_a_rule_has_its_own_style() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 5, 1));
        put(&mut buffer, 0, 0, 5, "-----", Style::new().red().dim());
        put(&mut buffer, 1, 0, 3, "abc", Style::new().bold());
        let cell = &buffer[(1, 0)];
        assert_eq!((cell.fg, cell.modifier), (ratatui::style::Color::Reset, ratatui::style::Modifier::BOLD));
    }

    proptest! {
        #[test]
        fn wrapping_ends_and_loses_nothing_but_spaces(text in "[ a-z日…]{0,80}", width in 0usize..20) {
            let lines = wrap(&text, width);
            let joined: String = lines.concat().chars().filter(|c| *c != ' ').collect();
            prop_assert_eq!(joined, text.chars().filter(|c| *c != ' ').collect::<String>());
            prop_assert!(width < 2 || lines.iter().all(|line| line.width() <= width));
        }
    }
}
