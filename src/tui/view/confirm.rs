//! The question: its title asks, its body names what will be hit, the focus is on Cancel.
//!
//! It must never show another target than the one that the order will carry.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use tui_input::Input;

use crate::domain::{Asked, Code, Row, Shown, Signal, Target, Verb, words};
use crate::tui::state::State;
use crate::tui::state::confirm::{Confirm, Field};

use super::canvas;

/// How wide it is where there is room.
const WIDTH: u16 = 64;

/// Draws it; says where the cursor is, when the reason is typed.
pub fn draw(state: &State, confirm: &Confirm, within: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let verb = capital(confirm.verb);
    let width = WIDTH.min(within.width);
    let room = usize::from(width.saturating_sub(4));
    let mut body: Vec<(String, Style)> = Vec::new();
    let mut say = |text: &str, style| body.extend(canvas::wrap(text, room).into_iter().map(|line| (line.to_owned(), style)));
    let facts = target(state, &confirm.row, confirm.target);
    match &confirm.foreseen {
        Some(foreseen) => say(&format!("It {foreseen}."), Style::new()),
        None => say(&consequence(&confirm.row, confirm.verb, confirm.target), theme.dim),
    }
    if let Some(changed) = &confirm.changed {
        say(&format!("Nothing will be done: {changed}. Ask again."), theme.error);
    }
    body.splice(0..0, listed(&facts, room).into_iter().map(|line| (line, Style::new())));
    let below = if confirm.changed.is_none() { 3 } else { 2 };
    let lines = u16::try_from(body.len() + below).unwrap_or(u16::MAX);
    let inside = canvas::float(settings, within, width, lines, &question(confirm), buffer)?;
    // When it is cramped the body leaves before the buttons.
    let body_area = Rect { height: inside.height.saturating_sub(1), ..inside };
    let mut y = body_area.y;
    for (text, style) in &body {
        if y < body_area.bottom() {
            canvas::put(buffer, inside.x, y, inside.width, text, *style);
        }
        y += 1;
    }
    let cursor = (y < body_area.bottom() && confirm.changed.is_none())
        .then(|| reason(state, &confirm.reason, confirm.focus == Field::Reason, Rect { y, height: 1, ..inside }, buffer))
        .flatten();
    buttons(state, confirm.focus, confirm.changed.is_none(), verb, Rect { y: inside.bottom() - 1, height: 1, ..inside }, buffer);
    cursor
}

/// Facts in lines, none of them broken where it fits into one: a date and its time stay together.
fn listed(facts: &[String], room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (index, fact) in facts.iter().enumerate() {
        let fact = if index + 1 < facts.len() { format!("{fact},") } else { fact.clone() };
        match lines.last_mut() {
            Some(line) if usize::from(canvas::cells(line)) + 1 + usize::from(canvas::cells(&fact)) <= room => {
                line.push(' ');
                line.push_str(&fact);
            }
            _ => lines.extend(canvas::wrap(&fact, room).into_iter().map(str::to_owned)),
        }
    }
    lines
}

/// `process`, `alice (uid 1001)`, `pid 2211 (node) since 01:09:41`, `port 8101`.
fn target(state: &State, row: &Row, target: Target) -> Vec<String> {
    let now = state.header.now.wall;
    let mut facts = vec![row.supervisor.word().to_owned(), format!("{} (uid {})", row.user, row.uid)];
    facts.push(match target {
        Target::Exactly(key) => {
            let name = row.processes.iter().find(|process| process.key == key).map(|process| format!(" ({})", process.name));
            let since = row.started_at.map(|at| format!(" since {}", words::clock(at, now, &state.settings.zone)));
            format!("pid {}{}{}", key.pid, name.unwrap_or_default(), since.unwrap_or_default())
        }
        Target::Nothing | Target::Whatever => "no process".to_owned(),
    });
    facts.push(row.port.map_or_else(|| "no port".to_owned(), |port| format!("port {port}")));
    facts
}

/// `Stop alice?`, `Send HUP to alice?`.
fn question(confirm: &Confirm) -> String {
    match confirm.verb {
        Verb::Signal(signal) => format!("Send {signal} to {}?", confirm.id()),
        Verb::Assign(Asked::Port(port)) => format!("Assign {port} to {}?", confirm.id()),
        Verb::Assign(Asked::Auto) => format!("Assign another port to {}?", confirm.id()),
        Verb::Trust(print) => format!("Accept the certificate {} of {}?", print.short(), confirm.id()),
        verb => format!("{} {}?", capital(verb), confirm.id()),
    }
}

/// What it means for those who use it.
fn consequence(row: &Row, verb: Verb, target: Target) -> String {
    let text = match (verb, target) {
        (Verb::Start, _) if row.declared.as_ref().is_some_and(|declared| declared.moves) => {
            "It is started as that account, on that port; if another one has that, on the next free one, which it keeps."
        }
        (Verb::Start, _) if row.findings.contains(&Code::PortTaken) => "Its port is another's now: as long as it is, the start is refused.",
        (Verb::Start, _) => "It is started as that account, on that port.",
        (Verb::Stop, _) => "Its whole process tree ends; clients lose their connection.",
        (Verb::Restart, Target::Exactly(_)) => {
            "Its whole process tree ends and starts again on the same port; clients lose their connection."
        }
        (Verb::Restart, _) => "Nothing of it runs: it is started.",
        (Verb::Logs | Verb::Assign(_), _) => "",
        (Verb::Trust(_), _) => "It is known by this one from now on; who holds it is sent the key that berth asks with.",
        (Verb::Signal(signal), _) => return of_signal(row, signal),
    };
    text.to_owned()
}

/// What a signal does, to whom, and what it does not.
fn of_signal(row: &Row, signal: Signal) -> String {
    let end = match signal {
        _ if signal.leaves_running() => "",
        Signal::Kill | Signal::Terminate | Signal::Interrupt => {
            " Its end counts as a crash, and the restart policy decides; S ends the whole tree."
        }
        _ => " If it ends by it, that counts as a crash.",
    };
    format!("{signal} {}. It goes to this one process, as {}, and to none below it.{end}", signal.meaning(), row.user)
}

/// The reason's line.
pub(super) fn reason(state: &State, input: &Input, typing: bool, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let label = if typing { theme.key } else { theme.dim };
    let x = canvas::put(buffer, area.x, area.y, area.width, "reason ", label);
    let x = canvas::put(buffer, x, area.y, 1, settings.glyphs.prompt, label);
    let value = input.value();
    let width = area.right().saturating_sub(x).max(1);
    if !typing && value.is_empty() {
        canvas::put(buffer, x, area.y, width, "none; Tab to write one", theme.dim);
        return None;
    }
    let scroll = input.visual_scroll(usize::from(width.saturating_sub(1)));
    let text: String = value.chars().skip(scroll).collect();
    canvas::put(buffer, x, area.y, width, Shown::new(&text).as_str(), Style::new());
    let column = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
    typing.then(|| Position::new((x + column).min(area.right().saturating_sub(1)), area.y))
}

/// `[ Cancel ]   y Stop`, the one with the focus marked.
pub(super) fn buttons(state: &State, focus: Field, can: bool, verb: &str, area: Rect, buffer: &mut Buffer) {
    let theme = &state.settings.theme;
    let button = |text: &str, focused: bool| if focused { format!("[ {text} ]") } else { format!("  {text}  ") };
    let style = |focused: bool| if focused { theme.focus } else { Style::new() };
    let (cancel, act) = (focus == Field::Cancel, focus == Field::Button);
    let mut x = area.right();
    if can {
        let text = button(&format!("y {verb}"), act);
        x = x.saturating_sub(canvas::cells(&text));
        canvas::put(buffer, x, area.y, area.width, &text, style(act));
        x = x.saturating_sub(1);
    }
    let text = button("Cancel", cancel);
    x = x.saturating_sub(canvas::cells(&text)).max(area.x);
    canvas::put(buffer, x, area.y, area.right() - x, &text, style(cancel));
}

pub(super) fn capital(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "Start",
        Verb::Stop => "Stop",
        Verb::Restart => "Restart",
        Verb::Logs => "Logs",
        Verb::Signal(_) => "Send",
        Verb::Assign(_) => "Assign",
        Verb::Trust(_) => "Accept",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::testing::row;

    #[test]
    fn a_start_that_will_be_refused_says_so() {
        let free = row("alice", |_| {});
        assert!(consequence(&free, Verb::Start, Target::Nothing).contains("on that port"));
        let taken = row("alice", |row| row.findings = vec![Code::PortTaken]);
        assert!(consequence(&taken, Verb::Start, Target::Nothing).contains("refused"));
    }
}
