//! The first line, which answers "is it fine?", and the banner with the worst thing.
//!
//! It must never leave out what is wrong to make room for what is not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{HostPart, Level, Role, Snapshot, Standing, State as Doing, words};
use crate::present::paint::Tone;
use crate::present::{units, wording};
use crate::tui::keymap::Action;
use crate::tui::state::{Pane, State, Tab};
use crate::tui::update::fix;

use super::canvas;

/// A piece of the line. The greatest `leaves` leaves first when there is no room.
struct Part {
    text: String,
    style: Style,
    leaves: u8,
}

/// Draws the first line: left who and where, in the middle how it stands, right the time.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, wide) = (&state.settings, area.width >= 100);
    let mut x = canvas::put(buffer, area.x, area.y, area.width, "berth", settings.theme.brand);
    let time = state.header.now.wall.to_zoned(settings.zone.clone()).strftime("%H:%M:%S").to_string();
    canvas::put_right(buffer, area.right(), area.y, area.width, &time, settings.theme.header);
    let Some(snapshot) = &state.snapshot else { return };
    // Of several hosts each decides for itself who may what: said is the chosen row's.
    let part = state.own_part(snapshot);
    let caller = part.map_or(&settings.caller, |part| &part.caller);
    let host = part.map_or(snapshot.host.as_str(), |part| &part.name);
    let mut left = format!("{host} {} {}", settings.glyphs.dot, caller.name);
    if wide {
        left.push_str(&format!(" ({})", caller.role.word()));
    }
    x += if wide { 2 } else { 1 };
    x = canvas::put_fit(settings, buffer, x, area.y, area.width / 3, &left, settings.theme.header);
    let end = area.right().saturating_sub(canvas::cells(&time) + 2);
    let gap = if wide { 3 } else { 2 };
    let room = end.saturating_sub(x + gap);
    // First how full the range is leaves, then one word after the other, that of what is wrong last.
    let mut all = parts(state, snapshot, u8::MAX);
    if width(&all) > room {
        all.retain(|part| part.leaves < 9);
    }
    for words in (0..=LAST_WORD).rev() {
        if width(&all) > room {
            all = parts(state, snapshot, words);
            all.retain(|part| part.leaves < 9);
        }
    }
    while width(&all) > room && !all.is_empty() {
        let last = all.iter().enumerate().max_by_key(|(index, part)| (part.leaves, *index)).map_or(0, |(index, _)| index);
        all.remove(last);
    }
    x = if wide { (x + gap).max(end.saturating_sub(width(&all) + 1)) } else { x + gap };
    for part in all {
        x = canvas::put(buffer, x, area.y, end.saturating_sub(x), &part.text, part.style) + 2;
    }
}

/// `2 hosts`, or `admin on 1 of 2 hosts` where the caller is not the same to all of those that said so.
fn on_hosts(hosts: &[HostPart]) -> String {
    let all = plural(hosts.len(), "host");
    let said = || hosts.iter().filter(|host| host.picture.sequence > 0).map(|host| host.caller.role);
    let admin = said().filter(|role| *role == Role::Admin).count();
    if admin == 0 || admin == said().count() { all } else { format!("admin on {admin} of {all}") }
}

/// How many cells the pieces take.
fn width(parts: &[Part]) -> u16 {
    parts.iter().map(|part| canvas::cells(&part.text) + 2).sum::<u16>().saturating_sub(2)
}

/// `42 instances  ● 38 up  ▲ 2 degraded  ✖ 1 crashed  conflicts 1  ports 42/1001`; `words`: what leaves by then at the latest has its word.
fn parts(state: &State, snapshot: &Snapshot, words: u8) -> Vec<Part> {
    let (theme, ascii, totals) = (&state.settings.theme, state.settings.glyphs.ascii, &snapshot.totals);
    let part = |text: String, style, leaves| Part { text, style, leaves };
    let mut parts = Vec::new();
    if state.header.held {
        let at = words::clock(snapshot.taken.wall, state.header.now.wall, &state.settings.zone);
        // On a small screen that it is held counts more than since when: what is locked or wrong needs the room.
        parts.push(part(if state.size.0 >= 72 { format!("held {at}") } else { "held".to_owned() }, theme.focus, 0));
    } else if let Some(lag) = state.header.lag(snapshot) {
        parts.push(part(format!("{} old", units::uptime(lag)), theme.error, 0));
    }
    match &state.header.standing {
        None => {}
        Some(Standing::Own) => parts.push(part("own engine".to_owned(), theme.dim, 7)),
        Some(Standing::Looking(_)) => parts.push(part("looks only".to_owned(), theme.warning, 2)),
        Some(Standing::Attached) => parts.push(part("attached".to_owned(), theme.dim, 7)),
        Some(Standing::Lost { .. }) => parts.push(part("daemon gone".to_owned(), theme.error, 0)),
    }
    let hosts = &snapshot.hosts;
    if !hosts.is_empty() {
        parts.push(part(if words >= 3 { on_hosts(hosts) } else { plural(hosts.len(), "host") }, theme.dim, 5));
        let silent = hosts.iter().filter(|host| !host.is_reached()).count();
        if silent > 0 {
            parts.push(part(format!("{silent} unreachable"), theme.error, 0));
        }
    }
    if state.header.locked {
        parts.push(part((if state.settings.read_only { "read-only" } else { "locked" }).to_owned(), theme.warning, 2));
    }
    if let Some(progress) = state.progress.as_ref().filter(|progress| !progress.open && !progress.is_over()) {
        let (counts, all) = (progress.counts(), progress.items.len());
        let ended = all - counts.waiting - counts.underway;
        parts.push(part(format!("{} {ended}/{all}", progress.verb), theme.busy, 1));
    }
    parts.push(part(
        if words >= 3 {
            plural(totals.instances, "instance")
        } else {
            match totals.instances {
                0 => "no instances".to_owned(),
                count => format!("{count}:"),
            }
        },
        theme.header,
        3,
    ));
    for (states, word, leaves) in GROUPS {
        let count: usize = states.iter().map(|state| totals.in_state(*state)).sum();
        if let Some(first) = states.first().filter(|_| count > 0) {
            let sign = wording::state_sign(*first, ascii);
            let text = if words >= *leaves { format!("{sign} {count} {word}") } else { format!("{sign} {count}") };
            parts.push(part(text, theme.tone(Tone::of_state(*first)), *leaves));
        }
    }
    if totals.conflicts > 0 {
        parts.push(part(format!("conflicts {}", totals.conflicts), theme.error, 1));
    }
    // Ranges of several hosts are not one.
    if hosts.len() < 2 {
        parts.push(part(format!("ports {}/{}", totals.ports_in_use, snapshot.range.count()), theme.dim, 9));
    }
    parts
}

/// The last of the words to go on a screen that is too narrow for all.
const LAST_WORD: u8 = 6;

/// States that are counted together, their word, and when they leave.
const GROUPS: &[(&[Doing], &str, u8)] = &[
    (&[Doing::Running], "up", 3),
    (&[Doing::Degraded], "degraded", 2),
    (&[Doing::Crashed, Doing::CrashLoop], "crashed", 1),
    (&[Doing::Stopped], "down", 4),
    (&[Doing::Starting], "starting", 6),
    (&[Doing::Stopping], "stopping", 6),
    (&[Doing::Unknown], "unknown", 5),
];

/// `1 instance`, `2 instances`.
fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// How many other findings there are, and the keys that help, as far as they do something here.
fn hint(state: &State, others: usize, wide: bool) -> String {
    let mut parts = Vec::new();
    match others {
        0 => {}
        _ if state.tab == Tab::Findings => {}
        _ if wide => parts.push(format!("{others} more")),
        _ => parts.push(format!("+{others}")),
    }
    let mends = fix::mends_banner(state);
    if mends {
        parts.push(format!("{} fix", state.key(Action::Fix)));
    }
    // A dialogue above the table changes nothing here: a hint that comes and goes would be one more thing that moves.
    if (state.tab, state.focus) == (Tab::Instances, Pane::Fleet) && (wide || !mends) {
        parts.push(format!("{} problems", state.key(Action::Problems)));
    }
    parts.join("  ")
}

/// Draws the worst thing in one sentence, and on the right how to see more.
pub fn draw_banner(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let (Some(snapshot), Some(banner)) = (&state.snapshot, &state.header.banner) else { return };
    let sign = wording::level_sign(banner.level, settings.glyphs.ascii);
    let style = theme.tone(Tone::of_level(banner.level));
    let others = snapshot.findings.len().saturating_sub(usize::from(banner.finding.is_some()));
    let hint = if banner.level == Level::Note { String::new() } else { hint(state, others, area.width >= 100) };
    let room = area.width.saturating_sub(canvas::cells(&hint) + 2);
    let sentence = wording::shorten(banner.sentence.as_str(), usize::from(room.saturating_sub(2)));
    canvas::put(buffer, area.x, area.y, room, &canvas::fit_words(settings, &format!("{sign} {sentence}"), room), style);
    canvas::put_right(buffer, area.right(), area.y, area.width, &hint, theme.dim);
}
