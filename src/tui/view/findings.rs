//! The list of findings on the screen, and below it the chosen one's evidence and what helps.
//!
//! It must never decide what is shown by colour alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Finding, Level, Shown, Snapshot, words};
use crate::present::mend::{self, How};
use crate::present::paint::Tone;
use crate::present::{advice, wording};
use crate::tui::layout::Layout;
use crate::tui::state::State;

use super::prose::Prose;
use super::{canvas, tabs};

/// The column of the labels below the list.
const LABEL: u16 = 9;

/// The longest code.
const CODE: u16 = 20;

/// A time of day, or a day with its time.
const SINCE: u16 = 12;

/// How many lines below the list are wanted for the chosen one, its title included.
const BELOW: u16 = 8;

/// How many findings are seen.
pub fn page(state: &State) -> usize {
    let count = state.snapshot.as_ref().map_or(0, |snapshot| state.findings.shown(snapshot).len());
    Layout::of(state).and_then(|layout| layout.tab).map_or(0, |area| usize::from(list_height(area, count)))
}

/// The list gets what it needs, as long as half of the room, or what the chosen one wants, is left below it.
fn list_height(area: Rect, count: usize) -> u16 {
    let room = area.height.saturating_sub(2);
    let most = room.saturating_sub(BELOW.min(room / 2)).max(1);
    u16::try_from(count).unwrap_or(u16::MAX).clamp(1, most)
}

/// The finding in a line of the screen, by its place in the list.
pub fn index_at(state: &State, area: Rect, y: u16) -> Option<usize> {
    let count = state.findings.shown(state.snapshot.as_ref()?).len();
    let line = y.checked_sub(area.y + 2).filter(|line| *line < list_height(area, count))?;
    Some(state.findings.top + usize::from(line)).filter(|index| *index < count)
}

/// Draws the tab.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let Some(snapshot) = &state.snapshot else {
        canvas::title(settings, Rect { height: 1, ..area }, "findings", true, &[], buffer);
        tabs::draw_places(state, tabs::in_title(state, area), buffer);
        return;
    };
    let shown = state.findings.shown(snapshot);
    canvas::title(settings, Rect { height: 1, ..area }, "findings", true, &counts(state, &shown), buffer);
    tabs::draw_places(state, tabs::in_title(state, area), buffer);
    if shown.is_empty() {
        let (text, style) = match snapshot.findings.len() {
            0 => ("nothing is wrong that berth knows of".to_owned(), theme.good),
            count => (format!("none of {count} findings holds these words; Esc shows all again"), theme.dim),
        };
        canvas::put_fit(settings, buffer, area.x + 2, area.y + 1, area.width.saturating_sub(3), &text, style);
        return;
    }
    let widest = snapshot.findings.iter().map(|finding| canvas::cells(&who(finding))).max().unwrap_or(0).clamp(8, 24);
    heading(state, widest, Rect { y: area.y + 1, height: 1, ..area }, buffer);
    let height = list_height(area, shown.len());
    let first = area.y + 2;
    for (y, (index, finding)) in (first..first + height).zip(shown.iter().enumerate().skip(state.findings.top)) {
        let line_area = Rect { y, height: 1, ..area };
        line(state, finding, widest, line_area, buffer);
        if index == state.findings.index {
            canvas::choose(settings, line_area, buffer);
        }
    }
    let below = first + height;
    if let Some(finding) = state.findings.finding(snapshot).filter(|_| below + 1 < area.bottom()) {
        let rest = Rect { y: below, height: area.bottom() - below, ..area };
        chosen(state, snapshot, finding, rest, buffer);
    }
}

/// What the title says on its right.
pub fn right_of_title(state: &State) -> Vec<String> {
    state.snapshot.as_ref().map_or_else(Vec::new, |snapshot| counts(state, &state.findings.shown(snapshot)))
}

/// "2 errors, 1 warning", "filter: carol"; what matters most comes last, because the first ones leave first.
fn counts(state: &State, shown: &[&Finding]) -> Vec<String> {
    let mut counts = Vec::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        let count = shown.iter().filter(|finding| finding.level() == level).count();
        if count > 0 {
            counts.push(wording::count(count, level.word()));
        }
    }
    let mut all = Vec::new();
    if !counts.is_empty() {
        all.push(counts.join(", "));
    }
    if !state.findings.filter.is_empty() {
        // The filter is typed text: made harmless before it is shown.
        all.push(format!("filter: {}", Shown::new(&state.findings.filter)));
    }
    all
}

/// "carol", "alice and dave", "the host".
fn who(finding: &Finding) -> String {
    let names: Vec<String> = finding.instances.iter().map(ToString::to_string).collect();
    if names.is_empty() { "the host".to_owned() } else { words::list(&names) }
}

/// Where the columns begin: code, who, since, evidence.
fn columns(widest: u16, area: Rect) -> [u16; 4] {
    let code = area.x + 4;
    let who = code + CODE + 2;
    let since = who + widest + 2;
    [code, who, since, since + SINCE + 2]
}

fn heading(state: &State, widest: u16, area: Rect, buffer: &mut Buffer) {
    let names = ["FINDING", "WHO", "SINCE", "EVIDENCE"];
    let places = columns(widest, area);
    for (index, (x, name)) in places.into_iter().zip(names).enumerate() {
        if index < 3 || has_evidence(places, area) {
            canvas::put(buffer, x, area.y, area.right().saturating_sub(x), name, state.settings.theme.heading);
        }
    }
}

/// Whether a useful piece of the evidence fits in its line.
fn has_evidence([.., x]: [u16; 4], area: Rect) -> bool {
    area.right().saturating_sub(x) > 24
}

/// One finding.
fn line(state: &State, finding: &Finding, widest: u16, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let places = columns(widest, area);
    let [code, who_at, since_at, evidence] = places;
    let style = theme.tone(Tone::of_level(finding.level()));
    let room = |x: u16| area.right().saturating_sub(x);
    canvas::put(buffer, area.x + 2, area.y, 1, wording::level_sign(finding.level(), settings.glyphs.ascii), style);
    canvas::put_fit(settings, buffer, code, area.y, CODE, finding.code.word(), style);
    canvas::put_fit(settings, buffer, who_at, area.y, widest.min(room(who_at)), &who(finding), Style::new());
    let since = words::clock(finding.since, state.look().now, &settings.zone);
    canvas::put(buffer, since_at, area.y, SINCE.min(room(since_at)), &since, theme.dim);
    if has_evidence(places, area) {
        let cells = room(evidence + 1);
        let sentence = wording::shorten(finding.evidence.as_str(), usize::from(cells));
        canvas::put_fit(settings, buffer, evidence, area.y, cells, &sentence, theme.dim);
    }
}

/// The chosen one: what it is, the evidence, what mends it.
fn chosen(state: &State, snapshot: &Snapshot, finding: &Finding, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let age = wording::age(finding.since, state.look().now);
    let title = format!("{} {} {}", finding.code.word(), settings.glyphs.dot, who(finding));
    canvas::title(settings, Rect { height: 1, ..area }, &title, false, &[format!("for {age}")], buffer);
    let inside = Rect { x: area.x + 2, y: area.y + 1, width: area.width.saturating_sub(3), height: area.height - 1 };
    let mut prose = Prose::new(inside.width);
    let tone = theme.tone(Tone::of_level(finding.level()));
    prose.say((finding.level().word(), tone), LABEL, finding.evidence.as_str(), Style::new());
    let (see, mend): (Vec<_>, Vec<_>) =
        advice::advice(finding, snapshot, &settings.program).into_iter().partition(|advice| advice.label == "see it");
    for advice in &mend {
        prose.say((advice.label, theme.dim), LABEL, &advice.text, Style::new());
    }
    let is_named = |command: &str| mend.iter().any(|advice| advice.text.contains(command));
    for mend in mend::of_finding(finding, snapshot, settings.giver()) {
        // A command that berth has is named by the sentence already.
        if let How::Command { command, .. } = &mend.how
            && !is_named(command)
        {
            prose.say(("command", theme.dim), LABEL, command, theme.key);
        }
    }
    for advice in see {
        prose.say((advice.label, theme.dim), LABEL, &advice.text, theme.dim);
    }
    prose.draw(settings, inside, 0, true, buffer);
}
