//! Choosing a theme: the next one, one by its name, or from a list that shows each while one moves.
//!
//! It must never leave the screen in the styles of a theme that was only looked at.

use crate::domain::Shown;
use crate::tui::palette::Depth;
use crate::tui::state::State;
use crate::tui::state::picker::{Choice, Entry, Picker};

use super::{picker, status};

/// Why there is nothing to choose.
pub const NO_COLOURS: &str = "there are no colours here: NO_COLOR, --color never, or the terminal has none";

/// What holds at the start: the theme that the person chose once, else the configuration's, else berth's; and why it is not that one.
pub fn begin(state: &mut State, configured: Option<String>, chosen: Option<String>) {
    if let Some(name) = configured {
        let found = state.settings.themes.styles(&name).map(drop);
        match found {
            Ok(()) => state.settings.default_theme = name,
            Err(why) => status::refuse(state, why.as_str()),
        }
    }
    if let Err(why) = chosen.map_or(Ok(()), |name| choose_named(state, &name)) {
        status::refuse(state, why.as_str());
    }
    look_at(state);
}

/// The next theme.
pub fn next(state: &mut State) {
    if state.settings.themes.depth == Depth::None {
        status::refuse(state, NO_COLOURS);
        return;
    }
    let next = state.settings.themes.after(state.theme_name()).map(|named| named.name.clone());
    if let Some(name) = next {
        choose(state, &name);
    }
}

/// The list of themes, the one in force chosen.
pub fn open(state: &mut State) {
    if state.settings.themes.depth == Depth::None {
        status::refuse(state, NO_COLOURS);
        return;
    }
    let entry = |named: &crate::tui::themes::Named| {
        let mut entry = Entry::new(Shown::new(&named.name), Choice::Theme(named.name.clone()));
        entry.note = named.about.clone();
        entry.why_not = named.theme.as_ref().err().cloned();
        entry
    };
    let mut list = Picker::new("Theme", state.settings.themes.list.iter().map(entry).collect());
    let at = state.settings.themes.list.iter().position(|named| named.name == state.theme_name());
    list.choose(at.unwrap_or(0), crate::tui::view::picker::page(state));
    picker::open(state, list);
}

/// Shows the theme that stands chosen in the list; without a list, the one in force.
pub fn look_at(state: &mut State) {
    let entry = state.picker.as_ref().and_then(Picker::entry);
    let looked_at = entry.and_then(|entry| match &entry.choice {
        Choice::Theme(name) => Some(name.as_str()),
        _ => None,
    });
    let shown = looked_at.and_then(|name| state.settings.themes.styles(name).ok());
    let in_force = || state.settings.themes.styles(state.theme_name()).ok();
    if let Some(theme) = shown.or_else(in_force).filter(|theme| **theme != state.settings.theme) {
        state.settings.theme = theme.clone();
    }
}

/// Takes a theme.
pub fn choose(state: &mut State, name: &str) {
    match choose_named(state, name) {
        Ok(()) => status::say(state, &format!("theme: {name}")),
        Err(why) => status::refuse(state, why.as_str()),
    }
}

/// Takes a theme by the name that somebody typed.
///
/// # Errors
/// What is wrong with it; the one in force stays.
pub fn choose_named(state: &mut State, name: &str) -> Result<(), Shown> {
    let theme = state.settings.themes.styles(name)?.clone();
    (state.settings.theme, state.theme) = (theme, Some(name.to_owned()));
    Ok(())
}
