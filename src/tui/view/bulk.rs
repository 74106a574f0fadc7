//! The question about many: who will be hit, who cannot and why, and the number that is to be typed.
//!
//! It must never leave out how many will be hit, however small the screen is.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::domain::{self, Pace, Shown, Target, Verb, words};
use crate::tui::keymap::{Action, Place};
use crate::tui::state::State;
use crate::tui::state::bulk::{Bulk, Hit};

use super::{canvas, confirm};

/// How wide it is where there is room.
const WIDTH: u16 = 84;

/// How many of them are seen at most.
const MOST: u16 = 14;

/// What is said below the list, without the reason's and the number's lines.
fn notes(bulk: &Bulk, key: &str, width: u16, most: u16) -> Vec<(String, bool)> {
    let mut notes: Vec<(String, bool)> = bulk.refusals(usize::from(most)).into_iter().map(|text| (text, true)).collect();
    let changed = bulk.hits.len() - bulk.number();
    if changed > 0 {
        notes.push((format!("{changed} {} left out: not what it was when you asked", if changed == 1 { "is" } else { "are" }), true));
    }
    let hidden = bulk.hidden();
    if hidden > 0 {
        notes.push((format!("{hidden} of them {} hidden by the filter", if hidden == 1 { "is" } else { "are" }), true));
    }
    let idle = bulk.hits.iter().filter(|hit| hit.changed.is_none() && is_idle(hit.row.state)).count();
    if bulk.verb == Verb::Restart && idle > 0 {
        let (does, is) = if idle == 1 { ("does", "is") } else { ("do", "are") };
        notes.push((format!("{idle} of them {does} not run and {is} started"), true));
    }
    let room = usize::from(width.saturating_sub(4)).max(1);
    notes.extend(canvas::wrap(consequence(bulk.verb), room).into_iter().map(|line| (line.to_owned(), false)));
    if bulk.verb == Verb::Restart {
        notes.push((pace(bulk.pace, key), bulk.pace.is_rolling()));
    }
    notes
}

/// The key that changes it.
fn pace_key(state: &State) -> String {
    state.settings.keymap.label(Place::Bulk, Action::Pace)
}

/// How fast, and the key that changes it.
fn pace(pace: Pace, key: &str) -> String {
    match (pace.is_rolling(), pace.at_once) {
        (false, most) => format!("{key}  {most} at once; one failing keeps none of the others"),
        (true, 1) => format!("{key}  one after the other, each when the one before serves; ends at a failure"),
        (true, most) => format!("{key}  {most} at once, the next when one of them serves; ends at a failure"),
    }
}

/// What it means for those who use them.
fn consequence(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "Each is started as its account, on its port.",
        Verb::Stop => "Each one's whole process tree ends; clients lose their connections.",
        Verb::Restart => "Each one's whole process tree ends and starts again on its port; clients lose their connections.",
        Verb::Logs | Verb::Signal(_) | Verb::Assign(_) | Verb::Trust(_) => "",
    }
}

/// Whether a restart of it is a start.
fn is_idle(state: domain::State) -> bool {
    matches!(state, domain::State::Stopped | domain::State::Crashed | domain::State::CrashLoop)
}

/// How many reasons have a line each on this screen.
fn reasons(state: &State) -> u16 {
    (state.size.1 / 6).max(1)
}

/// How many of the hits are seen on this screen, and how many of the notes.
fn parts(state: &State, bulk: &Bulk) -> (u16, u16) {
    // The header, the last line, the box, the reason and the number are always there; the list has a line at least.
    let room = state.size.1.saturating_sub(6).max(1);
    let hits = u16::try_from(bulk.hits.len()).unwrap_or(u16::MAX).min(MOST);
    let all = u16::try_from(notes(bulk, &pace_key(state), WIDTH.min(state.size.0), reasons(state)).len()).unwrap_or(u16::MAX);
    let kept = all.min(room.saturating_sub(hits.min(4)));
    (hits.min(room.saturating_sub(kept)).max(1), kept)
}

/// How many of the hits are seen on this screen.
pub fn page(state: &State) -> usize {
    state.bulk.as_ref().map_or(1, |bulk| usize::from(parts(state, bulk).0))
}

/// Draws it; says where the cursor is.
pub fn draw(state: &State, bulk: &Bulk, within: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let (hits, kept) = parts(state, bulk);
    let number = bulk.number();
    let width = WIDTH.min(within.width);
    let mut title = format!("{} {number} {}?", confirm::capital(bulk.verb), if number == 1 { "instance" } else { "instances" });
    if usize::from(hits) < bulk.hits.len() {
        let (first, last) = (bulk.top + 1, (bulk.top + usize::from(hits)).min(bulk.hits.len()));
        title.push_str(&format!("  {first}-{last} of {} below", bulk.hits.len()));
    }
    let inside = canvas::float(settings, within, width, hits + kept + 2, &title, buffer)?;
    let mut y = inside.y;
    let ids = bulk.hits.iter().map(|hit| canvas::cells(&hit.row.id.to_string())).max().unwrap_or(0).min(inside.width / 3);
    for hit in bulk.hits.iter().skip(bulk.top).take(usize::from(hits)) {
        let (text, style) = match &hit.changed {
            Some(changed) => (format!("left out: {changed}"), theme.warning),
            None => (what(state, hit), Style::new()),
        };
        canvas::put_fit(settings, buffer, inside.x, y, ids, &hit.row.id.to_string(), style);
        canvas::put_fit(settings, buffer, inside.x + ids + 2, y, inside.width.saturating_sub(ids + 2), &text, style);
        y += 1;
    }
    for (text, warns) in notes(bulk, &pace_key(state), width, reasons(state)).into_iter().take(usize::from(kept)) {
        let style = if warns { theme.warning } else { theme.dim };
        canvas::put_fit(settings, buffer, inside.x, y, inside.width, &text, style);
        y += 1;
    }
    let line = |y: u16| Rect { y, height: 1, ..inside };
    let bottom = inside.bottom().saturating_sub(1);
    let reason = confirm::reason(state, &bulk.reason, bulk.reasoning, line(bottom.saturating_sub(1)), buffer);
    let count = number_line(state, bulk, number, line(bottom), buffer);
    if bulk.reasoning { reason } else { Some(count) }
}

/// `pid 2211 since 01:09:41, port 8101`.
fn what(state: &State, hit: &Hit) -> String {
    let row = &hit.row;
    let process = match hit.target {
        Target::Exactly(key) => {
            let since = row.started_at.map(|at| format!(" since {}", words::clock(at, state.header.now.wall, &state.settings.zone)));
            format!("pid {}{}", key.pid, since.unwrap_or_default())
        }
        Target::Nothing | Target::Whatever => format!("{}, no process", row.state.word()),
    };
    row.port.map_or_else(|| process.clone(), |port| format!("port {port}, {process}"))
}

/// `type 9 to stop them ▏`, and what is wrong with it.
fn number_line(state: &State, bulk: &Bulk, number: usize, area: Rect, buffer: &mut Buffer) -> Position {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let style = if bulk.reasoning { theme.dim } else { theme.key };
    let them = if number == 1 { "it" } else { "them" };
    let text = format!("type {number} and Enter to {} {them} {}", bulk.verb, settings.glyphs.prompt);
    let x = canvas::put(buffer, area.x, area.y, area.width, &text, style);
    let end = canvas::put(buffer, x, area.y, area.right().saturating_sub(x), Shown::new(bulk.count.value()).as_str(), theme.title);
    if let Some(wrong) = &bulk.wrong {
        canvas::put_fit(settings, buffer, end + 2, area.y, area.right().saturating_sub(end + 2), wrong.as_str(), theme.error);
    } else if end + 14 < area.right() {
        canvas::put_right(buffer, area.right(), area.y, 11, "Esc cancels", theme.dim);
    }
    let cursor = u16::try_from(bulk.count.visual_cursor()).unwrap_or(0);
    Position::new((x + cursor).min(area.right().saturating_sub(1)), area.y)
}
