//! How far a bulk action is: each instance with its step and its result, and what the whole came to.
//!
//! It must never leave out a failure: the summary names them all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{State as Doing, Verb};
use crate::present::{units, wording};
use crate::tui::state::State;
use crate::tui::state::progress::{Item, Progress, Step};

use super::canvas;

/// How wide it is where there is room.
const WIDTH: u16 = 100;

/// How many are seen at most.
const MOST: u16 = 20;

/// The summary has this many lines at most.
const SUMMARY: u16 = 3;

/// How many lines the list has.
fn lines(state: &State, progress: &Progress) -> u16 {
    let room = state.size.1.saturating_sub(5 + SUMMARY).clamp(1, MOST);
    u16::try_from(progress.items.len()).unwrap_or(u16::MAX).min(room)
}

/// How many orders are seen on this screen.
pub fn page(state: &State) -> usize {
    state.progress.as_ref().map_or(1, |progress| usize::from(lines(state, progress)))
}

/// `Stopping: 1 of 2`, and when nothing is underway any more `Stopped: 1 of 2, 1 failed`.
fn title(progress: &Progress) -> String {
    let (counts, all) = (progress.counts(), progress.items.len());
    let [doing, done] = match progress.verb {
        Verb::Start => ["Starting", "Started"],
        Verb::Stop => ["Stopping", "Stopped"],
        Verb::Restart => ["Restarting", "Restarted"],
        Verb::Logs | Verb::Signal(_) | Verb::Assign(_) | Verb::Trust(_) => ["Doing", "Done"],
    };
    if !progress.is_over() {
        return format!("{doing}: {} of {all}", all - counts.waiting - counts.underway);
    }
    let mut title = format!("{done}: {} of {all}", counts.done);
    for (count, word) in [(counts.failed, "failed"), (counts.left, "not begun")] {
        if count > 0 {
            title.push_str(&format!(", {count} {word}"));
        }
    }
    title
}

/// Draws it.
pub fn draw(state: &State, progress: &Progress, within: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let (counts, all) = (progress.counts(), progress.items.len());
    let list = lines(state, progress);
    let first = progress.first_seen(usize::from(list));
    let width = WIDTH.min(within.width);
    let summary = progress.summary();
    // Its height does not change while results come in.
    let wrapped = canvas::wrap(&summary, usize::from(width.saturating_sub(4)).max(1));
    let mut title = title(progress);
    if usize::from(list) < all {
        title.push_str(&format!("  {}-{} below", first + 1, (first + usize::from(list)).min(all)));
    }
    let Some(inside) = canvas::float(settings, within, width, list + SUMMARY, &title, buffer) else { return };
    let ids = progress.items.iter().map(|item| canvas::cells(&item.order.id.to_string())).max().unwrap_or(0).min(inside.width / 3);
    for (y, item) in (inside.y..inside.bottom()).zip(progress.items.iter().skip(first).take(usize::from(list))) {
        line(state, item, ids, Rect { y, height: 1, ..inside }, buffer);
    }
    let style = if counts.failed > 0 { theme.error } else { theme.title };
    let below = (inside.y + list).min(inside.bottom())..inside.bottom();
    let lines = below.len();
    for (index, (y, text)) in below.zip(&wrapped).enumerate() {
        let cut = index + 1 == lines && wrapped.len() > lines;
        let text = if cut { format!("{text}{}", settings.glyphs.ellipsis) } else { (*text).to_owned() };
        canvas::put_fit(settings, buffer, inside.x, y, inside.width, &text, style);
    }
}

/// `● carol   restarting 3 s  waiting for 127.0.0.1:8107`.
fn line(state: &State, item: &Item, ids: u16, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let ascii = settings.glyphs.ascii;
    let (sign, text, style) = match &item.step {
        Step::Waiting => (" ", "waits".to_owned(), theme.dim),
        Step::Left => ("-", "not begun".to_owned(), theme.dim),
        Step::Underway { begun, words, .. } => {
            let since = units::uptime(state.header.now.boot.saturating_sub(*begun));
            (wording::state_sign(Doing::Starting, ascii), format!("{since:<5} {words}"), theme.busy)
        }
        Step::Ended(outcome) => {
            let (doing, style) = if outcome.is_done() { (Doing::Running, theme.good) } else { (Doing::Crashed, theme.error) };
            (wording::state_sign(doing, ascii), outcome.sentence.as_str().to_owned(), style)
        }
    };
    canvas::put(buffer, area.x, area.y, 1, sign, style);
    canvas::put_fit(settings, buffer, area.x + 2, area.y, ids, &item.order.id.to_string(), Style::new());
    let x = area.x + ids + 4;
    canvas::put_fit(settings, buffer, x, area.y, area.right().saturating_sub(x), &text, style);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstanceId, Order, Outcome, Pace, Target};

    #[test]
    fn what_is_over_is_told_as_over() {
        let order = |name: &str| Order {
            verb: Verb::Stop,
            id: InstanceId::parse(name).unwrap(),
            target: Target::Nothing,
            reason: None,
            timeout: None,
        };
        let ended = |exit_code| Step::Ended(Outcome { exit_code, sentence: "told".into(), hints: vec![], log_lines: vec![] });
        let mut progress = Progress::new(Verb::Stop, vec![order("alice"), order("bob")], Pace::of(8));
        assert_eq!(title(&progress), "Stopping: 0 of 2");
        progress.cancel();
        assert_eq!(title(&progress), "Stopped: 0 of 2, 2 not begun");
        (progress.items[0].step, progress.items[1].step) = (ended(0), ended(1));
        assert_eq!(title(&progress), "Stopped: 1 of 2, 1 failed");
        progress.items[1].step = ended(0);
        assert_eq!(title(&progress), "Stopped: 2 of 2");
    }
}
