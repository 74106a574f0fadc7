//! A group's heading: whose rows follow, how many, and what is wrong with them.
//!
//! It must never look like a row: it cannot be chosen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::State as Doing;
use crate::present::paint::Tone;
use crate::present::wording;
use crate::tui::state::State;
use crate::tui::state::fleet::Group;
use crate::tui::view::canvas;

/// `bob  2 instances  ✖ 1 crashed  ▲ 1 finding`.
pub fn draw(state: &State, group: &Group, area: Rect, buffer: &mut Buffer) {
    let (theme, ascii) = (&state.settings.theme, state.settings.glyphs.ascii);
    let mut parts = vec![(group.owner.to_string(), theme.title)];
    if group.instances > 0 {
        parts.push((wording::count(group.instances, "instance"), theme.dim));
    }
    if group.strangers > 0 {
        parts.push((wording::count(group.strangers, "stranger"), theme.dim));
    }
    for (count, doing, word) in [(group.crashed, Doing::Crashed, "crashed"), (group.degraded, Doing::Degraded, "degraded")] {
        if count > 0 {
            parts.push((format!("{} {count} {word}", wording::state_sign(doing, ascii)), theme.tone(Tone::of_state(doing))));
        }
    }
    if let Some(level) = group.worst {
        let sign = wording::level_sign(level, ascii);
        parts.push((format!("{sign} {}", wording::count(group.findings, "finding")), theme.tone(Tone::of_level(level))));
    }
    let mut x = area.x;
    for (text, style) in parts {
        x = canvas::put_fit(&state.settings, buffer, x, area.y, area.right().saturating_sub(x), &text, style) + 2;
    }
}
