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

use super::{canvas, events, findings, fleet, host, ports};

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
        Tab::Ports => ports::right_of_title(state, area),
    };
    let room = area.width.saturating_sub(canvas::title_right(&right) + 2);
    short_places(state, Rect { x: area.x + 1, width: room, height: 1, ..area })
}

/// Where each tab is in a title, in as few words as all of them need to fit; none where they do not.
fn short_places(state: &State, area: Rect) -> Vec<(Tab, Rect, String)> {
    let with = |tab: Tab| if tab == Tab::Findings { words(state, tab) } else { named(state, tab) };
    let plain = |tab: Tab| named(state, tab);
    let all = |places: &Vec<_>| places.len() == Tab::ALL.len();
    let wide = beside(Tab::ALL.map(|tab| (tab, with(tab))), area);
    let narrow = || Some(beside(Tab::ALL.map(|tab| (tab, plain(tab))), area)).filter(all);
    // Beside a filter and marks: where one is, and the keys of the others.
    let keys = || Some(beside(Tab::ALL.map(|tab| (tab, signs(state, tab))), area)).filter(all);
    Some(wide).filter(all).or_else(narrow).or_else(keys).unwrap_or_default()
}

/// A tab by its title; the map of ports also says which range it is of, and which plan lies over it.
fn named(state: &State, tab: Tab) -> String {
    let title = tab.title();
    let Some(map) = state.ports.map().filter(|_| tab == Tab::Ports && state.tab == tab) else { return title.to_owned() };
    let plan = state.ports.plan.as_ref().map(|(plan, _)| format!(" plan {}", plan.strategy())).unwrap_or_default();
    format!("{title} {}{plan}", map.range)
}

/// Where one is, and of the others only how bad the findings are.
fn signs(state: &State, tab: Tab) -> String {
    match tab {
        tab if tab == state.tab => named(state, tab),
        Tab::Findings => words(state, tab).trim_start_matches(tab.title()).trim_start().to_owned(),
        _ => String::new(),
    }
}

/// How many columns a title has to have for the tabs at their shortest; none where they stand in a line of their own.
pub fn least(state: &State) -> u16 {
    if Layout::of(state).is_none_or(|layout| layout.tabs.is_some()) {
        return 0;
    }
    let width = |tab: Tab| {
        let text = signs(state, tab);
        if text.is_empty() { 3 } else { canvas::cells(&text) + 4 }
    };
    Tab::ALL.into_iter().map(width).sum::<u16>() + 4
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
        Tab::Ports => {
            let own = state.own().unwrap_or(snapshot);
            format!("{title} {}/{}", own.totals.ports_in_use, own.range.count())
        }
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
