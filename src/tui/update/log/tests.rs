//! The log's keys against a store that answers what was asked.

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{LogLevel, LogLine};
use crate::link::{Find, Goal, LogStore as Store, Sought};
use crate::tui::event::Event;
use crate::tui::testing::{keys, press, showing};
use crate::tui::update::update;

/// A console whose log is open, and the log.
struct Bench {
    state: State,
    store: Store,
    /// What it wanted done beside reading.
    rest: Vec<Effect>,
}

impl Bench {
    fn new(lines: u64) -> Self {
        let mut bench = Self { state: showing(&["alice", "bob"]), store: Store::default(), rest: Vec::new() };
        bench.write(lines);
        let serial = bench.state.log.serial;
        bench.event(Event::LogOpened(serial, Ok(())));
        bench.keys("l");
        bench
    }

    /// Adds lines, of which every hundredth names an error.
    fn write(&mut self, count: u64) {
        let before = self.store.page(&Ask::default()).kept;
        let now = self.state.header.now.wall;
        let line = |index: u64| {
            let level = if index.is_multiple_of(100) { LogLevel::Error } else { LogLevel::Info };
            let at = now - jiff::SignedDuration::from_secs(10 * (1000 - index.cast_signed()));
            LogLine { at: Some(at), ..LogLine::text(0, Some(level), Shown::new(&format!("line {index}"))) }
        };
        self.store.add((before + 1..=before + count).map(line));
        let serial = self.state.log.serial;
        self.event(Event::LogChanged(serial));
    }

    fn event(&mut self, event: Event) {
        let effects = update(&mut self.state, event);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ReadLog { serial, ask } => {
                    let page = self.store.page(&ask);
                    self.event(Event::LogRead(serial, ask, page));
                }
                Effect::SiftLog { want, .. } => {
                    self.store.sift(want);
                    self.store.settle();
                }
                Effect::FindLog { serial, sought } => {
                    let find = self.store.find(&sought);
                    self.event(Event::LogFound(serial, sought, find));
                }
                Effect::Ask(..) => {}
                other => self.rest.push(other),
            }
        }
    }

    fn keys(&mut self, text: &str) {
        text.chars().for_each(|character| self.press(KeyCode::Char(character)));
    }

    fn press(&mut self, code: KeyCode) {
        let effects = press(&mut self.state, code);
        self.carry_out(effects);
    }

    /// Types into what a key opens.
    fn type_into(&mut self, key: &str, text: &str) {
        self.keys(key);
        self.keys(text);
        self.press(KeyCode::Enter);
    }

    /// The number of a page's last line, as it was written.
    fn last(&self) -> u64 {
        self.state.log.view.lines.last().map_or(0, |line| line.text.as_str().trim_start_matches("line ").parse().unwrap())
    }

    fn first(&self) -> u64 {
        self.state.log.view.lines.first().map_or(0, |line| line.text.as_str().trim_start_matches("line ").parse().unwrap())
    }

    fn current(&self) -> Option<u64> {
        let current = self.state.log.current?;
        let line = self.state.log.view.lines.iter().find(|line| line.number == current)?;
        line.text.as_str().trim_start_matches("line ").parse().ok()
    }

    fn said(&self) -> &str {
        self.state.status.message.as_ref().map_or("", |message| message.text.as_str())
    }

    fn page(&self) -> u64 {
        Layout::of(&self.state).unwrap().log_page() as u64
    }
}

#[test]
fn the_log_follows_and_scrolling_up_pauses_it() {
    let mut bench = Bench::new(1000);
    assert_eq!((bench.last(), bench.state.log.is_following()), (1000, true));
    bench.keys("kk");
    assert_eq!((bench.last(), bench.state.log.is_following()), (998, false));
    bench.write(107);
    assert_eq!((bench.last(), bench.state.log.view.unseen, bench.state.log.view.unseen_errors), (998, 107, 1));
    bench.keys("f");
    assert_eq!((bench.last(), bench.state.log.view.unseen), (1107, 0));
    bench.keys("f");
    bench.write(3);
    assert_eq!((bench.last(), bench.state.log.view.unseen), (1107, 3));
}

#[test]
fn arriving_at_the_end_follows_again_and_the_head_stops_at_the_oldest() {
    let mut bench = Bench::new(1000);
    bench.keys("kj");
    assert!(bench.state.log.is_following());
    bench.keys("1");
    assert_eq!((bench.first(), bench.last()), (1, bench.page()));
    bench.keys("k");
    assert_eq!(bench.first(), 1);
    bench.press(KeyCode::PageDown);
    assert_eq!(bench.last(), 2 * bench.page() - 1);
    bench.press(KeyCode::PageUp);
    assert_eq!(bench.first(), 1);
    bench.keys("0");
    assert_eq!((bench.last(), bench.state.log.is_following()), (1000, true));
}

#[test]
fn a_search_goes_up_first_and_over_both_ends_with_a_word() {
    let mut bench = Bench::new(1000);
    bench.type_into("/", "line [37]00$");
    assert_eq!(bench.current(), Some(700));
    assert_eq!((bench.state.log.view.found, bench.state.log.view.rank), (2, 2));
    bench.keys("N");
    assert_eq!((bench.current(), bench.state.log.view.rank), (Some(300), 1));
    bench.keys("N");
    assert_eq!((bench.current(), bench.said()), (Some(700), "over the beginning: on from the newest"));
    bench.keys("n");
    assert_eq!((bench.current(), bench.said()), (Some(300), "over the end: on from the oldest"));
    // Scrolled away, it goes on from what is seen.
    bench.keys("0N");
    assert_eq!(bench.current(), Some(700));
    bench.type_into("/", "(");
    assert!(bench.state.prompt.as_ref().unwrap().wrong.is_some());
    bench.press(KeyCode::Esc);
    bench.press(KeyCode::Esc);
    assert_eq!((&bench.state.log.search, bench.state.large), (&None, Some(Pane::Log)));
    bench.keys("n");
    assert_eq!(bench.said(), "nothing was searched; / searches");
}

#[test]
fn what_cannot_be_told_yet_is_asked_again_until_it_is_left() {
    let mut bench = Bench::new(1000);
    let serial = bench.state.log.serial;
    bench.keys("E");
    bench.state.log.seeking = Some(Sought { goal: Goal::Error, from: None, forward: false, inclusive: true, wraps: false });
    let sought = bench.state.log.seeking.unwrap();
    update(&mut bench.state, Event::LogFound(serial, sought, Find::Later));
    let effects = update(&mut bench.state, Event::LogChanged(serial));
    assert!(effects.contains(&Effect::FindLog { serial, sought }), "{effects:?}");
    bench.press(KeyCode::Esc);
    assert_eq!((bench.state.log.seeking, bench.said()), (None, "no longer looked for"));
    let before = bench.state.log.at;
    update(&mut bench.state, Event::LogFound(serial, sought, Find::At { number: 1, wrapped: false }));
    assert_eq!(bench.state.log.at, before, "a late answer moves nothing");
}

#[test]
fn errors_are_gone_to_in_both_directions() {
    let mut bench = Bench::new(1000);
    bench.keys("0k");
    bench.keys("E");
    assert_eq!(bench.current(), Some(900));
    bench.keys("E");
    assert_eq!(bench.current(), Some(800));
    bench.keys("ee");
    assert_eq!(bench.current(), Some(1000));
    bench.keys("e");
    assert_eq!(bench.said(), "no error after this; E goes to the one before");
}

#[test]
fn filters_stack_and_escape_takes_the_last_off() {
    let mut bench = Bench::new(1000);
    bench.type_into("&", "5$");
    bench.type_into("!", "line 99");
    assert_eq!((bench.last(), bench.state.log.view.shown), (985, 99));
    bench.keys("k");
    assert_eq!(bench.last(), 975);
    bench.press(KeyCode::Esc);
    bench.keys("0");
    assert_eq!(bench.last(), 995);
    bench.keys("i");
    assert_eq!((bench.last(), bench.state.log.sieves.len()), (0, 2));
    bench.keys("iii");
    assert_eq!((bench.last(), bench.state.log.sieves.len()), (995, 1));
    bench.press(KeyCode::Esc);
    assert_eq!((bench.last(), bench.state.log.sieves.len()), (1000, 0));
    bench.press(KeyCode::Esc);
    assert_eq!(bench.state.large, None, "nothing is left to be taken off");
}

#[test]
fn a_stretch_of_time_is_one_and_digits_change_it() {
    let mut bench = Bench::new(1000);
    bench.keys("2");
    assert_eq!((bench.state.log.view.shown, bench.state.log.range().unwrap().words.as_str()), (7, "1 min, since 03:11:04"));
    bench.keys("36");
    assert_eq!((bench.state.log.view.shown, bench.state.log.sieves.len()), (361, 1));
    bench.type_into("7", "03:00-03:01");
    assert_eq!((bench.state.log.view.shown, bench.first()), (6, 928));
    bench.type_into("7", "soon");
    assert!(bench.state.prompt.as_ref().unwrap().wrong.is_some());
    bench.press(KeyCode::Esc);
    bench.keys("1");
    assert_eq!((bench.first(), bench.state.log.sieves.len()), (1, 0));
    // alice was started 7900 s ago.
    bench.keys("p");
    assert_eq!((bench.last(), bench.state.log.range().unwrap().previous), (209, true));
    bench.keys("p");
    assert_eq!((bench.last(), bench.state.log.range()), (1000, None));
}

#[test]
fn lines_are_chosen_and_copied() {
    let mut bench = Bench::new(1000);
    bench.keys("kvkk");
    let (serial, log) = (bench.state.log.serial, &bench.state.log);
    let chosen = log.view.lines.iter().filter(|line| log.is_selected(line.number)).count();
    assert_eq!((chosen, bench.last()), (3, 999));
    bench.keys("y");
    let Some(Effect::TakeLog { from, to, .. }) = bench.rest.pop() else { panic!("{:?}", bench.rest) };
    assert_eq!(to - from, 2);
    bench.event(Event::LogTaken(serial, Ok((3, "abc".to_owned()))));
    assert_eq!(bench.rest.pop(), Some(Effect::Copy { what: "3 lines of alice".to_owned(), text: "abc".to_owned() }));
    assert_eq!(bench.state.log.select, None);
    // Beyond the page, it goes along.
    bench.keys("0v");
    bench.press(KeyCode::PageUp);
    bench.press(KeyCode::PageUp);
    let select = bench.state.log.select.unwrap();
    assert_eq!((select.anchor - select.cursor, bench.first()), (2 * (bench.page() - 1), 1000 - 2 * (bench.page() - 1)));
    bench.keys("gG");
    assert_eq!(bench.state.log.select.map(|select| (select.anchor, select.cursor)), Some((select.anchor, select.anchor)));
    bench.press(KeyCode::Esc);
    assert!(bench.state.log.select.is_none());
    bench.keys("Y");
    assert!(matches!(bench.rest.pop(), Some(Effect::TakeLog { from, to, .. }) if to - from == bench.page() - 1));
}

#[test]
fn a_file_is_named_and_the_pager_begun() {
    let mut bench = Bench::new(10);
    bench.keys("W");
    let offered = bench.state.prompt.as_ref().unwrap().input.value().to_owned();
    assert_eq!(offered, "~/alice-20261121-031204.log");
    bench.press(KeyCode::Enter);
    let serial = bench.state.log.serial;
    assert_eq!(bench.rest.pop(), Some(Effect::SaveLog { serial, path: offered, names: Vec::new() }));
    bench.keys("|");
    assert_eq!(bench.rest.pop(), Some(Effect::PageLog { serial, names: Vec::new() }));
}

#[test]
fn marks_are_put_and_gone_to() {
    let mut bench = Bench::new(500);
    bench.keys("'");
    assert_eq!(bench.said(), "there is no mark; m puts one");
    bench.keys("m");
    bench.write(300);
    bench.keys("m");
    bench.write(200);
    bench.keys("'");
    assert!(bench.first() < 800 && bench.last() > 800);
    bench.keys("'");
    assert!(bench.first() < 500 && bench.last() > 500);
    bench.keys("'");
    assert!(bench.first() < 800 && bench.last() > 800);
}

#[test]
fn several_logs_are_one_and_one_alone_again() {
    let mut bench = Bench::new(10);
    let serial = bench.state.log.serial;
    bench.keys("L");
    let names: Vec<String> = bench.state.log.together.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert!(matches!(bench.rest.pop(), Some(Effect::OpenLog { ids, serial: next, .. }) if ids.len() == 2 && next == serial + 1));
    bench.event(Event::LogOpened(serial + 1, Ok(())));
    bench.keys("p");
    assert_eq!(bench.said(), "several logs have no run before in common; L reads one alone");
    bench.keys("L");
    assert!(matches!(bench.rest.pop(), Some(Effect::OpenLog { ids, .. }) if ids.len() == 1));
}

#[test]
fn a_line_higher_than_the_screen_is_scrolled_through() {
    let mut bench = Bench::new(100);
    let long = "x".repeat(60_000);
    bench.store.add([LogLine::text(0, None, Shown::within(&long, 100_000))]);
    let serial = bench.state.log.serial;
    bench.event(Event::LogChanged(serial));
    bench.keys("w");
    bench.press(KeyCode::PageUp);
    assert_eq!(bench.state.log.below as u64, bench.page() - 1);
    for _ in 0..1000 {
        bench.press(KeyCode::Up);
        if bench.state.log.below == 0 {
            break;
        }
    }
    assert_eq!(bench.last(), 100, "past its beginning comes the line before");
    bench.keys("w0$");
    assert!(bench.state.log.left > 59_000);
    bench.keys("^");
    assert_eq!(bench.state.log.left, 0);
}

#[test]
fn what_could_not_be_opened_is_tried_again() {
    let mut state = showing(&["alice"]);
    let serial = state.log.serial;
    update(&mut state, Event::LogOpened(serial, Err(Shown::from("may not be read"))));
    keys(&mut state, "l");
    keys(&mut state, "e");
    assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), "there is no log to do that in");
    let effects = press(&mut state, KeyCode::Char('f'));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::OpenLog { serial: next, .. } if *next > serial)), "{effects:?}");
}

#[test]
fn another_choice_is_another_log_and_late_answers_are_dropped() {
    let mut bench = Bench::new(100);
    bench.type_into("&", "5");
    bench.keys("p");
    let serial = bench.state.log.serial;
    let effects = press(&mut bench.state, KeyCode::Char(']'));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::OpenLog { serial: next, .. } if *next == serial + 1)));
    // Who reads goes on looking for the same; the run before is each one's own.
    assert_eq!((bench.state.log.sieves.len(), bench.state.log.view.lines.len()), (1, 0));
    update(&mut bench.state, Event::LogOpened(serial, Ok(())));
    update(&mut bench.state, Event::LogRead(serial, Ask::default(), Page { newest: 5, ..Page::default() }));
    assert_eq!((bench.state.log.phase.clone(), bench.state.log.view.newest), (Phase::Opening, 0));
    let effects = update(&mut bench.state, Event::LogOpened(serial + 1, Ok(())));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SiftLog { .. })), "{effects:?}");
}
