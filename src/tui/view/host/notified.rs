//! Who is told of events, and how that goes: a line each.
//!
//! It must never be there where nobody is to be told.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::Snapshot;
use crate::present::{fit, notified};
use crate::tui::state::State;

use super::canvas;

/// The widest that a name is shown beside its sentence.
const NAME: usize = 40;

/// How many lines it takes.
pub(super) fn height(snapshot: &Snapshot) -> u16 {
    snapshot.notified.as_ref().map_or(0, |all| u16::try_from(all.len()).unwrap_or(u16::MAX).saturating_add(1))
}

/// Draws it.
pub(super) fn draw(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let settings = &state.settings;
    let all = snapshot.notified.as_deref().unwrap_or_default();
    canvas::put_fit(settings, buffer, area.x, area.y, area.width, "NOTIFY", settings.theme.heading);
    let name = all.iter().map(|one| fit::width(one.whom.as_str())).max().unwrap_or(0).min(NAME).min(usize::from(area.width) / 3);
    let name = u16::try_from(name).unwrap_or(0);
    for (y, one) in (area.y + 1..area.bottom()).zip(all) {
        let (sentence, tone) = notified::sentence(one, snapshot.taken.wall, &settings.zone);
        let style = settings.theme.tone(tone);
        canvas::put(buffer, area.x, y, 2, notified::sign(one, settings.glyphs.ascii), style);
        canvas::put_fit(settings, buffer, area.x + 2, y, name, one.whom.as_str(), ratatui::style::Style::new());
        let x = area.x + 2 + name + 2;
        canvas::put_fit(settings, buffer, x, y, area.right().saturating_sub(x), &sentence, style);
    }
}
