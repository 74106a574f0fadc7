//! The filter while it is typed, with what can be typed next; what the table's title says of it; and what an empty table says.
//!
//! It must never hide that rows are left out.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::domain::Shown;
use crate::present::columns::Column;
use crate::present::wording;
use crate::tui::state::State;
use crate::tui::state::fleet::descends;

use super::{canvas, status};

/// What stands before the text.
const SIGN: &str = "/ ";

/// What else can be typed where nothing is yet.
const BESIDE: &str = "/regex/ !not";

/// The ways out, on the right.
const HINT: &str = "Enter keep it  Esc clear it";

/// The parts of the title's right side, the one that may leave first at the front.
pub fn title(state: &State) -> Vec<String> {
    let (settings, fleet, filter, liked) = (&state.settings, &state.fleet, &state.filter, &state.preferences);
    let arrow = if descends(liked.sort, liked.reversed) { settings.glyphs.descending } else { settings.glyphs.ascending };
    let as_it_came = liked.sort == Column::Owner && !liked.reversed;
    let mut parts: Vec<String> = Some(format!("by {} {arrow}", liked.sort.title())).filter(|_| !as_it_came).into_iter().collect();
    if filter.is_active() {
        parts.push(format!("filter: {}", Shown::new(&filter.words())));
        parts.push(format!("{} of {}", fleet.rows.len(), fleet.total));
    }
    parts
}

/// `/ state:cr   Tab crashed  crash-loop          Enter keep it  Esc clear it`, or what is wrong with the text. Says where the cursor is.
pub fn line(state: &State, area: Rect, buffer: &mut Buffer) -> Position {
    let (settings, theme, filter) = (&state.settings, &state.settings.theme, &state.filter);
    let cursor = status::line(state, SIGN, &filter.input, ("", theme.dim), area, buffer);
    let text = canvas::cells(Shown::new(filter.input.value()).as_str());
    let begin = area.x.saturating_add(canvas::cells(SIGN)).saturating_add(text).saturating_add(3);
    let room = area.right().saturating_sub(begin);
    if let Some(wrong) = &filter.wrong {
        if room >= 8 {
            canvas::put_fit(settings, buffer, begin, area.y, room, wrong.as_str(), theme.error);
        }
        return cursor;
    }
    let mut end = offers(state, Rect { x: begin, width: room, ..area }, buffer);
    if filter.input.value().is_empty() && end + 2 + canvas::cells(BESIDE) <= area.right() {
        end = canvas::put(buffer, end + 2, area.y, canvas::cells(BESIDE), BESIDE, theme.dim);
    }
    if end + 3 + canvas::cells(HINT) <= area.right() {
        canvas::put_right(buffer, area.right(), area.y, canvas::cells(HINT), HINT, theme.dim);
    }
    cursor
}

/// What Tab puts into the text, as much as there is room for. Returns where that ends.
fn offers(state: &State, area: Rect, buffer: &mut Buffer) -> u16 {
    let (theme, glyphs, completion) = (&state.settings.theme, state.settings.glyphs, &state.filter.completion);
    if completion.options.is_empty() || area.width < 12 {
        return area.x;
    }
    let mut x = canvas::put(buffer, area.x, area.y, area.width, "Tab", theme.key) + 1;
    // The one that was taken is seen, however many stand before it.
    let first = completion.taken.map_or(0, |taken| taken.saturating_sub(2));
    for (index, option) in completion.options.iter().enumerate().skip(first) {
        let shown = Shown::new(option);
        let room = area.right().saturating_sub(x);
        if canvas::cells(shown.as_str()) + 2 > room {
            return canvas::put(buffer, x, area.y, room, glyphs.ellipsis, theme.dim);
        }
        let style = if completion.taken == Some(index) { theme.title } else { theme.dim };
        x = canvas::put(buffer, x, area.y, room, shown.as_str(), style) + 2;
    }
    x.saturating_sub(2)
}

/// What a table says that the filter leaves nothing of, and the next step.
pub fn empty(state: &State) -> Vec<String> {
    let (filter, total) = (&state.filter, wording::count(state.fleet.total, "row"));
    let text = Shown::new(filter.understood.trim());
    if text.is_empty() {
        return vec![format!("nothing has a problem; e shows all, {total}")];
    }
    let mut lines =
        vec![format!("nothing matches {text}"), String::new(), format!("Esc clears the filter and shows all, {total}; / changes it")];
    if filter.editing {
        lines[2] = format!("Esc clears the filter and shows all, {total}");
    }
    if filter.problems {
        lines[0].push_str(" among what has a problem");
        if !filter.editing {
            lines.push("e looks for it among all".to_owned());
        }
    }
    lines
}
