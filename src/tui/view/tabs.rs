//! The line of tabs, each with its key and how much stands on it.
//!
//! It must never move: a tab's place depends on the tabs before it and their counts, which are few.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::Level;
use crate::present::wording;
use crate::tui::layout::Layout;
use crate::tui::state::{State, Tab};

use super::{canvas, events, findings, fleet, host};

/// Draws it.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    draw_places(state, places(state, area), buffer);
}

/// Draws tabs where they are.
pub fn draw_places(state: &State, places: Vec<(Tab, Rect, String)>, buffer: &mut Buffer) {
    let theme = &state.settings.theme;
    for (tab, place, text) in places {
        let style = if tab == state.tab { theme.focus } else { theme.dim };
        let end = canvas::put(buffer, place.x, place.y, place.width, tab.key(), if tab == state.tab { style } else { theme.key });
        canvas::put(buffer, end, place.y, place.right().saturating_sub(end), &format!(" {text}"), style);
        // In a title a rule runs behind them: a blank on either side.
        canvas::put(buffer, place.x.saturating_sub(1), place.y, 1, " ", Style::new());
        canvas::put(buffer, place.right(), place.y, 1, " ", Style::new());
    }
}

/// Where each tab is, and its words.
pub fn places(state: &State, area: Rect) -> Vec<(Tab, Rect, String)> {
    beside(Tab::ALL.map(|tab| (tab, words(state, tab))), area)
}

/// The tabs in the title of what is shown, where a small screen has no line for them and the title has room; nothing where it has not.
pub fn in_title(state: &State, area: Rect) -> Vec<(Tab, Rect, String)> {
    if Layout::of(state).is_none_or(|layout| layout.tabs.is_some()) {
        return Vec::new();
    }
    let right = match state.tab {
        Tab::Instances => fleet::right_of_title(state),
        Tab::Findings => findings::right_of_title(state),
        Tab::Events => events::right_of_title(state),
        Tab::Host => host::right_of_title(state, area),
        // The map's title tells how the range stands, which needs all of it.
        Tab::Ports => return Vec::new(),
    };
    let room = area.width.saturating_sub(canvas::title_right(&right) + 2);
    short_places(state, Rect { x: area.x + 1, width: room, height: 1, ..area })
}

/// Where each tab is in a title, in as few words as all of them need to fit; none where they do not.
fn short_places(state: &State, area: Rect) -> Vec<(Tab, Rect, String)> {
    let with = |tab: Tab| if tab == Tab::Findings { words(state, tab) } else { tab.title().to_owned() };
    let plain = |tab: Tab| tab.title().to_owned();
    let all = |places: &Vec<_>| places.len() == Tab::ALL.len();
    let wide = beside(Tab::ALL.map(|tab| (tab, with(tab))), area);
    let narrow = || Some(beside(Tab::ALL.map(|tab| (tab, plain(tab))), area)).filter(all);
    // Beside a filter and marks: where one is, and the keys of the others.
    let signs = |tab: Tab| match tab {
        tab if tab == state.tab => tab.title().to_owned(),
        Tab::Findings => words(state, tab).trim_start_matches(tab.title()).trim_start().to_owned(),
        _ => String::new(),
    };
    let keys = || Some(beside(Tab::ALL.map(|tab| (tab, signs(tab))), area)).filter(all);
    Some(wide).filter(all).or_else(narrow).or_else(keys).unwrap_or_default()
}

/// Tabs side by side, as many as fit.
fn beside(tabs: [(Tab, String); Tab::ALL.len()], area: Rect) -> Vec<(Tab, Rect, String)> {
    let (mut x, mut places) = (area.x + 1, Vec::new());
    for (tab, text) in tabs {
        let width = if text.is_empty() { 1 } else { canvas::cells(&text) + 2 };
        if x + width > area.right() {
            break;
        }
        places.push((tab, Rect { x, width, height: 1, ..area }, text));
        x += width + 2;
    }
    places
}

/// `Ports 42/1001`, `Findings ✖2 ▲5`.
fn words(state: &State, tab: Tab) -> String {
    let title = tab.title();
    let Some(snapshot) = &state.snapshot else { return title.to_owned() };
    match tab {
        Tab::Ports => format!("{title} {}/{}", snapshot.totals.ports_in_use, snapshot.range.count()),
        Tab::Findings => {
            let mut text = title.to_owned();
            for level in [Level::Error, Level::Warning] {
                let count = snapshot.findings.iter().filter(|finding| finding.code.level() == level).count();
                if count > 0 {
                    text.push_str(&format!(" {}{count}", wording::level_sign(level, state.settings.glyphs.ascii)));
                }
            }
            text
        }
        Tab::Instances | Tab::Events | Tab::Host => title.to_owned(),
    }
}
