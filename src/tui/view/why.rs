//! The page that answers why an instance is as it is.
//!
//! It must never hold a sentence of its own: they are `present::why`'s.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::present::doctor::{self, Checks};
use crate::present::paint::Tone;
use crate::present::why::{self, Kind, Said, Sources};
use crate::tui::state::State;
use crate::tui::state::log::Phase;

use super::canvas;
use super::prose::Prose;

/// How wide it is where there is room.
const WIDTH: u16 = 92;

/// The page's sentences; none when the instance is gone.
fn said(state: &State) -> Vec<Said> {
    let (Some(page), Some(snapshot)) = (&state.why, &state.snapshot) else { return Vec::new() };
    let Some(row) = snapshot.row(&page.id) else { return Vec::new() };
    // Where no pane shows it, no line was asked for: that says nothing about the log.
    let is_read = !state.log.view.lines.is_empty() || state.log.view.notice.is_some();
    let is_at_hand = state.log.of.as_ref() == Some(&page.id) && state.log.phase == Phase::Open && is_read;
    why::why(&Sources {
        row,
        snapshot,
        checks: match &page.checked {
            Some(Ok(diagnosis)) => Checks::Made(diagnosis),
            Some(Err(why)) => Checks::Failed(why),
            None if row.declared.is_some() => Checks::Underway,
            None => Checks::Unasked,
        },
        order: state.detail.outcomes.get(&page.id).map(|(verb, outcome)| (*verb, outcome)),
        log: is_at_hand.then_some(&*state.log.view.lines),
        giver: state.settings.giver(),
        zone: &state.settings.zone,
    })
}

/// The page as Markdown.
pub fn markdown(state: &State) -> String {
    why::markdown(&said(state))
}

/// How many lines are seen, and how many there are.
pub fn extent(state: &State) -> (usize, usize) {
    let (width, height) = state.size;
    let page = usize::from(height.saturating_sub(4)).max(1);
    (page, prose(state, WIDTH.min(width).saturating_sub(4), page).lines.len())
}

/// The page in lines. When it has more than are seen, no line is spent on blanks.
fn prose(state: &State, width: u16, page: usize) -> Prose {
    let airy = lines(state, width, true);
    if airy.lines.len() > page { lines(state, width, false) } else { airy }
}

fn lines(state: &State, width: u16, airy: bool) -> Prose {
    let theme = &state.settings.theme;
    let mut prose = Prose::new(width);
    let all = said(state);
    for (index, said) in all.iter().enumerate() {
        let style = theme.tone(said.tone);
        match said.kind {
            Kind::Heading if index == 0 => prose.say(("", Style::new()), 0, &capital(&said.text), style.patch(theme.title)),
            Kind::Heading => {
                if airy {
                    prose.blank();
                }
                prose.say(("", Style::new()), 0, &said.text, theme.title);
            }
            Kind::Sentence => prose.say((state.settings.glyphs.dot, theme.dim), 2, &said.text, style),
            Kind::Check(verdict) => {
                prose.say((doctor::sign(verdict, state.settings.glyphs.ascii), style), 2, &said.text, theme.tone(Tone::Plain))
            }
            Kind::Quote => prose.say(("", Style::new()), 4, &said.text, style),
        }
    }
    if all.is_empty() {
        prose.say(("", Style::new()), 0, "It is not there any more.", theme.dim);
    }
    prose
}

/// A sentence begins with a capital, unless it begins with a name.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if text.starts_with("it is not known") => first.to_ascii_uppercase().to_string() + characters.as_str(),
        _ => text.to_owned(),
    }
}

/// Draws it.
pub fn draw(state: &State, within: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let Some(page) = &state.why else { return };
    let (page_lines, _) = extent(state);
    let prose = prose(state, WIDTH.min(within.width).saturating_sub(4), page_lines);
    let height = u16::try_from(prose.lines.len()).unwrap_or(u16::MAX);
    let Some(inside) = canvas::float(settings, within, WIDTH, height, &format!("Why: {}", page.id), buffer) else { return };
    let seen = usize::from(inside.height);
    let top = page.top.min(prose.lines.len().saturating_sub(seen));
    prose.draw(settings, inside, top, false, buffer);
    if prose.lines.len() > seen {
        let more = format!(" {}-{} of {} ", top + 1, (top + seen).min(prose.lines.len()), prose.lines.len());
        canvas::put_right(buffer, inside.right(), inside.bottom(), inside.width, &more, theme.dim);
    }
}
