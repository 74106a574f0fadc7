//! Fuzzing doors: the names of keys, what is typed into the filter, and a whole console under everything that can happen to it.
//!
//! It must never touch a terminal: it is drawn into memory.

use std::sync::{Arc, OnceLock};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::effect::Effect;
use super::event::{Event, Mouse};
use super::keymap::{Key, Keymap, Place};
use super::preferences::Preferences;
use super::query::{Query, complete, without_users};
use super::state::State;
use super::update::log::range;
use super::update::update;
use super::{fuzzy, testing, view};
use crate::config::Config;
use crate::domain::fuzz::is_fit_to_be_seen;
use crate::domain::{LogLine, Shown, Snapshot};
use crate::link::LogStore;
use crate::present::fleet::fleet;

/// The fixture fleet, made once.
static WHOLE: OnceLock<Snapshot> = OnceLock::new();

/// Key names, one a line: what is understood is written as it is understood again, and can be shown.
pub fn keys(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        match Key::parse(line) {
            Ok(key) => {
                assert_eq!(Key::parse(&key.written()), Ok(key), "{line:?}");
                is_fit_to_be_seen(&key.label());
                is_fit_to_be_seen(&key.written());
            }
            Err(why) => is_fit_to_be_seen(&why),
        }
    }
}

/// The `[keys]` of a configuration: refused in words, or a table in which no place has a key twice or is without a way out.
pub fn keymap(config: &Config) {
    let keymap = match Keymap::of(&config.keys) {
        Ok(keymap) => keymap,
        Err(error) => return is_fit_to_be_seen(&error.chain()),
    };
    for place in Place::ALL {
        let bound: Vec<_> = keymap.at(place).flat_map(|bound| bound.keys.iter().map(move |key| (*key, bound.action))).collect();
        let has_a_way_out = |keymap: &Keymap| keymap.at(place).any(|bound| bound.action.is_way_out() && !bound.keys.is_empty());
        assert!(has_a_way_out(&keymap) || !has_a_way_out(&Keymap::default()), "no way out of {}", place.name());
        for (index, (key, action)) in bound.iter().enumerate() {
            assert!(bound.iter().skip(index + 1).all(|(other, also)| other != key || action == also), "{} twice", key.label());
        }
    }
}

/// The file of preferences: refused in words, or read again as it is written.
pub fn preferences(data: &[u8]) {
    match Preferences::parse(&String::from_utf8_lossy(data)) {
        Ok(preferences) => assert_eq!(Preferences::parse(&preferences.text()), Ok(preferences)),
        Err(wrong) => is_fit_to_be_seen(Shown::new(&wrong).as_str()),
    }
}

/// A filter as it is typed: any row can be held against it, the completion lies in the text, and taking users out twice changes nothing.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let snapshot = WHOLE.get_or_init(fleet);
    match Query::parse(&text) {
        Ok(query) => {
            let kept = snapshot.rows.iter().filter(|row| query.keeps(row)).count();
            assert!(!query.is_empty() || kept == snapshot.rows.len());
        }
        Err(why) => is_fit_to_be_seen(why.as_str()),
    }
    let cursor = data.first().map_or(0, |first| usize::from(*first)).min(text.len());
    for cursor in [cursor, text.len()] {
        let found = complete(&text, cursor, Some(snapshot));
        assert!(found.start <= found.end && found.end <= text.len());
        assert!(text.is_char_boundary(found.start) && text.is_char_boundary(found.end));
    }
    let without = without_users(&text);
    assert_eq!(without_users(&without), without);
    for row in &snapshot.rows {
        fuzzy::is_close(&text, row.id.owner());
    }
    fuzzy::Fuzzy::new(&text).score("restart-pending größe");
    match range::parse(&text, snapshot.taken.wall, &TimeZone::UTC) {
        Ok(range) => {
            assert!(range.since.zip(range.until).is_none_or(|(since, until)| since < until));
            is_fit_to_be_seen(&range.words);
        }
        Err(why) => is_fit_to_be_seen(why.as_str()),
    }
}

/// The bytes of one run of the console.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> u16 {
        self.next().map_or(0, u16::from)
    }

    /// A text, its length first.
    fn text(&mut self) -> String {
        let length = usize::from(self.number()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}

/// A console, and a log that answers it.
struct Bench {
    state: State,
    store: LogStore,
    sequence: u64,
}

/// What happens beside keys, by the byte that says so; all others are what a terminal sends.
const HAPPENS: u8 = 0xe0;

/// Everything that can happen to a console, in any order, at any size: it lives, and nothing harmful is drawn.
pub fn console(data: &[u8]) {
    let mut script = Script(data);
    let size = (script.number().min(200), script.number().min(80));
    let mut bench = Bench { state: testing::console(size.0, size.1), store: LogStore::default(), sequence: 0 };
    bench.snapshot(0, 0);
    for _ in 0..120 {
        let Some(byte) = script.next() else { break };
        match event_of(byte, &mut script) {
            Some(event) => bench.happen(event, 0),
            None if byte == HAPPENS => bench.snapshot(script.number(), script.number()),
            None if byte == HAPPENS + 1 => bench.log(&script.text()),
            None if byte == HAPPENS + 2 => bench.draw(),
            None => {}
        }
    }
    bench.draw();
}

/// The event of a byte, where it has one.
fn event_of(byte: u8, script: &mut Script<'_>) -> Option<Event> {
    let key = |code, modifiers| Some(Event::Key(KeyEvent::new(code, modifiers)));
    let plain = |code| key(code, KeyModifiers::NONE);
    match byte {
        b'\r' => plain(KeyCode::Enter),
        b'\t' => plain(KeyCode::Tab),
        0x1b => plain(KeyCode::Esc),
        0x7f => plain(KeyCode::Backspace),
        0x01..=0x1a => key(KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL),
        0x20..=0x7e => plain(KeyCode::Char(char::from(byte))),
        0x80 => plain(KeyCode::Up),
        0x81 => plain(KeyCode::Down),
        0x82 => plain(KeyCode::Left),
        0x83 => plain(KeyCode::Right),
        0x84 => plain(KeyCode::Home),
        0x85 => plain(KeyCode::End),
        0x86 => plain(KeyCode::PageUp),
        0x87 => plain(KeyCode::PageDown),
        0x88 => plain(KeyCode::BackTab),
        0x89 => plain(KeyCode::Delete),
        0x8a => plain(KeyCode::Insert),
        0x8b => key(KeyCode::Char(script.text().chars().next()?), KeyModifiers::from_bits_truncate(script.next()?)),
        0x90 => Some(Event::Mouse(Mouse::Press(script.number(), script.number()))),
        0x91 => Some(Event::Mouse(Mouse::Drag(script.number(), script.number()))),
        0x92 => Some(Event::Mouse(Mouse::Release)),
        0x93 => Some(Event::Mouse(Mouse::Wheel { x: script.number(), y: script.number(), down: script.number() & 1 == 1 })),
        0x94 => Some(Event::Focus(script.number() & 1 == 1)),
        0x95 => Some(Event::Resized(script.number().min(200), script.number().min(80))),
        0x96 => Some(Event::Paste(script.text())),
        0x97 => Some(Event::Tick(testing::moment(u64::from(script.number())))),
        0x98 => Some(Event::Told { text: Shown::new(&script.text()), refused: script.number() & 1 == 1 }),
        0x99 => Some(Event::Sent(u64::from(script.number()) << script.number().min(48))),
        0x9a => Some(Event::Resumed),
        0x9b => Some(Event::TrailRead(Err(Shown::new(&script.text())))),
        _ => None,
    }
}

impl Bench {
    /// The picture with these of the rows, the first ones in another state.
    fn snapshot(&mut self, without: u16, changed: u16) {
        self.sequence += 1;
        let mut snapshot = WHOLE.get_or_init(fleet).clone();
        snapshot.sequence = self.sequence;
        let mut index = 0;
        snapshot.rows.retain(|_| {
            index += 1;
            without >> (index - 1) & 1 == 0
        });
        let states = super::query::STATES;
        for row in snapshot.rows.iter_mut().take(usize::from(changed & 7)) {
            let row = Arc::make_mut(row);
            row.state = states.get(usize::from(changed >> 3) % states.len()).copied().unwrap_or(row.state);
            row.user = Shown::from("日本\u{202e}語 größe");
        }
        self.happen(Event::Snapshot(Arc::new(snapshot)), 0);
    }

    /// The log that is open gets lines.
    fn log(&mut self, text: &str) {
        self.store.add(text.lines().map(|line| LogLine::text(0, None, Shown::new(line))));
        let serial = self.state.log.serial;
        self.happen(Event::LogChanged(serial), 0);
    }

    /// Takes an event in, and what it wants done, as far as an answer may lead to the next question.
    fn happen(&mut self, event: Event, depth: u8) {
        let effects = update(&mut self.state, event);
        for effect in testing::answer(&mut self.state, effects) {
            let answer = match effect {
                Effect::OpenLog { serial, .. } => {
                    self.store = LogStore::default();
                    Event::LogOpened(serial, Ok(()))
                }
                Effect::ReadLog { serial, ask } => {
                    let page = self.store.page(&ask);
                    Event::LogRead(serial, ask, page)
                }
                Effect::SiftLog { serial, want } => {
                    self.store.sift(want);
                    self.store.settle();
                    Event::LogChanged(serial)
                }
                Effect::FindLog { serial, sought } => {
                    let find = self.store.find(&sought);
                    Event::LogFound(serial, sought, find)
                }
                Effect::CountClients(id) => Event::ClientsCounted(id, Ok(7)),
                _ => continue,
            };
            if depth < 8 {
                self.happen(answer, depth + 1);
            }
        }
    }

    /// Draws it, and holds every cell against what must not be there.
    fn draw(&self) {
        let (width, height) = self.state.size;
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let cursor = view::draw(&self.state, &mut buffer);
        assert!(cursor.is_none_or(|place| area.contains(place)), "{cursor:?} outside of {area:?}");
        buffer.content.iter().for_each(|cell| is_fit_to_be_seen(cell.symbol()));
    }
}
