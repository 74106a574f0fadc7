//! Taking lines out of the log: choosing, copying, saving, the pager.
//!
//! It must never take what is not to be seen.

use crate::domain::Shown;
use crate::link::At;
use crate::tui::effect::Effect;
use crate::tui::keymap::{LogKey, Motion};
use crate::tui::state::State;
use crate::tui::state::log::{Edge, Select};
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::update::status;
use crate::tui::view::log::names;

/// A key.
pub fn act(state: &mut State, key: LogKey, effects: &mut Vec<Effect>) {
    let serial = state.log.serial;
    let names = names(&state.log);
    match key {
        LogKey::Select if state.log.select.is_some() => state.log.select = None,
        LogKey::Select => match state.log.current.filter(|current| state.log.sees(*current)).or(state.log.bottom()) {
            Some(number) => {
                state.log.pause();
                state.log.select = Some(Select { anchor: number, cursor: number, stick: None });
            }
            None => status::refuse(state, "there is no line to choose"),
        },
        LogKey::Copy | LogKey::CopyPage => match ends(state, key) {
            Some((from, to)) => effects.push(Effect::TakeLog { serial, from, to, names }),
            None => status::refuse(state, "there is no line to copy"),
        },
        LogKey::Save => {
            let name: String =
                whose(state).chars().map(|sign| if sign.is_ascii_alphanumeric() || "-_.".contains(sign) { sign } else { '-' }).collect();
            let at = state.header.now.wall.to_zoned(state.settings.zone.clone()).strftime("%Y%m%d-%H%M%S").to_string();
            state.prompt = Some(Prompt::new(Purpose::Save, &format!("~/{name}-{at}.log")));
        }
        LogKey::Pager => effects.push(Effect::PageLog { serial, names }),
        _ => {}
    }
}

/// The first and the last line that are to be copied.
fn ends(state: &State, key: LogKey) -> Option<(u64, u64)> {
    let log = &state.log;
    if key == LogKey::CopyPage {
        return log.view.lines.first().map(|line| line.number).zip(log.bottom());
    }
    match log.select {
        Some(select) => Some((select.anchor.min(select.cursor), select.anchor.max(select.cursor))),
        None => log.current.filter(|current| log.sees(*current)).or(log.bottom()).map(|number| (number, number)),
    }
}

/// Whose lines they are, in words.
fn whose(state: &State) -> String {
    match (state.log.together.len(), &state.log.of) {
        (0, Some(id)) => id.to_string(),
        (0, None) => "log".to_owned(),
        (count, _) => format!("{count} logs"),
    }
}

/// The lines are here as a text.
pub fn taken(state: &mut State, serial: u64, taken: Result<(usize, String), Shown>, effects: &mut Vec<Effect>) {
    if serial != state.log.serial {
        return;
    }
    match taken {
        Ok((count, text)) => {
            let lines = if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
            effects.push(Effect::Copy { what: format!("{lines} of {}", whose(state)), text });
            state.log.select = None;
        }
        Err(why) => status::refuse(state, why.as_str()),
    }
}

/// A file was named.
pub fn save(state: &mut State, path: &str, effects: &mut Vec<Effect>) -> Result<(), Shown> {
    if path.is_empty() || path.ends_with('/') {
        return Err(Shown::from("that names no file"));
    }
    let names = names(&state.log);
    effects.push(Effect::SaveLog { serial: state.log.serial, path: path.to_owned(), names });
    status::say(state, "saving …");
    Ok(())
}

/// Moves the end of what is being chosen; the page follows it. Says whether the motion was one of these.
pub fn travel(state: &mut State, motion: Motion, page: usize) -> bool {
    let log = &mut state.log;
    let Some(select) = &mut log.select else { return false };
    let lines = &log.view.lines;
    let place = lines.iter().position(|line| line.number == select.cursor).unwrap_or(lines.len().saturating_sub(1));
    let (up, down) = match motion {
        Motion::Up => (1, 0),
        Motion::Down => (0, 1),
        Motion::PageUp => (page, 0),
        Motion::PageDown => (0, page),
        Motion::First => (usize::MAX, 0),
        Motion::Last => (0, usize::MAX),
        Motion::Left | Motion::Right => return false,
    };
    let Some(last) = lines.last().map(|line| line.number) else { return true };
    let wanted = place.saturating_add(down);
    if up > place {
        // Beyond the page: that moves, and the cursor goes to its edge.
        select.stick = Some(Edge::First);
        select.cursor = lines.first().map_or(select.cursor, |line| line.number);
        log.at = if up == usize::MAX { At::Oldest } else { At::Up(last, up - place) };
    } else if wanted >= lines.len() {
        select.stick = Some(Edge::Last);
        select.cursor = last;
        log.at = if down == usize::MAX { At::Ending(u64::MAX - 1) } else { At::Down(last, wanted + 1 - lines.len()) };
    } else if let Some(line) = lines.get(wanted - up) {
        select.cursor = line.number;
    }
    true
}
