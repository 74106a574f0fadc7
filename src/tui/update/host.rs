//! The host: new pictures, what went to the terminal, scrolling.
//!
//! It must never act.

use std::sync::Arc;

use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::view::host as view;

/// Takes over what a new snapshot says; the tab need not be shown.
pub fn learn(state: &mut State) {
    let Some(live) = state.live.clone() else { return };
    let part = state.own_part(&live);
    // Another host's course is another one.
    let of = part.map(|part| Arc::clone(&part.name));
    let live = part.map_or_else(|| Arc::clone(&live), |part| Arc::clone(&part.picture));
    if state.host.of != of {
        (state.host.cpu, state.host.memory, state.host.of) = (Default::default(), Default::default(), of);
    }
    let (at, reading) = (live.taken.boot, &live.host_reading);
    // Nothing was read where there is no memory at all.
    let known = reading.memory_total > 0;
    state.host.cpu.add(at, known.then_some(reading.cpu_percent));
    #[allow(clippy::cast_precision_loss)]
    state.host.memory.add(at, known.then_some(reading.memory_used as f32));
}

/// So many bytes went to the terminal.
pub fn sent(state: &mut State, total: u64) {
    let now = state.header.now.boot;
    state.host.note_sent(now, total);
}

/// A bound key while the tab is shown; `false` for what is not the tab's.
pub fn act(_state: &mut State, _action: Action, _effects: &mut Vec<Effect>) -> bool {
    false
}

/// Scrolls.
pub fn travel(state: &mut State, motion: Motion) {
    let (page, lines) = view::extent(state);
    let (top, last) = (state.host.top.min(lines.saturating_sub(page)), lines.saturating_sub(page));
    state.host.top = match motion {
        Motion::Up => top.saturating_sub(1),
        Motion::Down => top + 1,
        Motion::PageUp => top.saturating_sub(page.max(1)),
        Motion::PageDown => top + page,
        Motion::First => 0,
        Motion::Last => last,
        Motion::Left | Motion::Right => top,
    }
    .min(last);
}

#[cfg(test)]
mod tests {
    use crate::domain::{HostReading, Snapshot};
    use crate::tui::event::Event;
    use crate::tui::state::{State, Tab};
    use crate::tui::testing::{console, keys, moment, row, snapshot};
    use crate::tui::update::update;

    fn showing(width: u16, height: u16) -> State {
        let mut console = console(width, height);
        let mut picture: Snapshot = (*snapshot(10, vec![row("amy", |_| {})])).clone();
        picture.host_reading =
            HostReading { cpu_percent: 40.0, cores: 4, memory_used: 1 << 30, memory_total: 4 << 30, ..HostReading::default() };
        drop(update(&mut console, Event::Snapshot(picture.into())));
        keys(&mut console, "5");
        console
    }

    #[test]
    fn readings_become_a_course_and_nothing_read_becomes_none() {
        let console = showing(80, 24);
        assert_eq!(console.host.cpu.cells(1, 1, moment(10).boot), [Some(40.0)]);
        let mut unread = crate::tui::testing::console(80, 24);
        drop(update(&mut unread, Event::Snapshot(snapshot(10, vec![]))));
        assert_eq!(unread.host.cpu.cells(1, 1, moment(10).boot), [None]);
    }

    #[test]
    fn it_is_scrolled_as_far_as_there_is_something() {
        let mut console = showing(60, 15);
        let (page, lines) = crate::tui::view::host::extent(&console);
        assert!(lines > page && page > 5);
        for (key, expected) in [("k", 0), ("j", 1), ("G", lines - page), ("j", lines - page), ("k", lines - page - 1), ("g", 0)] {
            keys(&mut console, key);
            assert_eq!(console.host.top, expected, "{key}");
        }
        keys(&mut console, "G");
        drop(update(&mut console, Event::Resized(200, 60)));
        keys(&mut console, "k");
        assert_eq!(console.host.top, 0, "all of it is seen");
    }

    #[test]
    fn nothing_is_done_to_anybody_from_here() {
        let mut console = showing(80, 24);
        for key in ["s", "S", "r", "a"] {
            assert!(keys(&mut console, key).is_empty(), "{key}");
            assert_eq!(console.tab, Tab::Host);
            assert!(console.confirm.is_none() && console.menu.is_none() && console.status.message.is_some());
        }
    }

    #[test]
    fn what_goes_to_the_terminal_is_told_a_second() {
        let mut console = showing(80, 24);
        for second in 0..4 {
            drop(update(&mut console, Event::Tick(moment(second))));
            drop(update(&mut console, Event::Sent(second * 300)));
        }
        assert_eq!(console.host.sent_a_second(), Some(300.0));
        assert_eq!(console.host.sent.front().map(|(at, _)| *at), Some(moment(0).boot));
    }
}
