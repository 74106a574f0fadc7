//! A console that shows the fixture fleet at a fixed moment, on a screen of any size, as text.
//!
//! It must never read a clock: two runs show the same.

use std::sync::Arc;
use std::time::Duration;

use berth::domain::{Caller, InstanceId, LogLevel, LogLine, Moment, Outcome, Reading, Role, Shown, Snapshot, Uid, Verb};
use berth::logs::Store;
use berth::present::command::Program;
use berth::tui::effect::Effect;
use berth::tui::event::{Answer, Event};
use berth::tui::glyphs::{ASCII, UNICODE};
use berth::tui::palette::Depth;
use berth::tui::state::{Settings, State};
use berth::tui::themes::Themes;
use berth::tui::update::update;
use berth::tui::view;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::{fleet, foreseen};

/// A console for tests.
pub struct Console {
    /// What it knows.
    pub state: State,
    /// What it wanted done beside asking and reading.
    pub effects: Vec<Effect>,
    log: Store,
    several: Store,
}

impl Console {
    /// Of this size, for root, before the first snapshot.
    pub fn new(width: u16, height: u16) -> Self {
        let caller = Caller { uid: Uid::ROOT, name: Shown::from("root"), login: None, role: Role::Admin, read_only: false };
        let themes = Themes::built_in(Depth::True).unwrap();
        let settings = Settings {
            glyphs: &UNICODE,
            theme: themes.styles("dark").unwrap().clone(),
            default_theme: "dark".to_owned(),
            themes: Arc::new(themes),
            keymap: Arc::default(),
            configured: false,
            program: Program::default(),
            zone: TimeZone::UTC,
            read_only: false,
            caller,
        };
        let now = Moment { boot: fleet::fleet().taken.boot, wall: fleet::now() };
        Self { state: State::new(settings, (width, height), now), effects: Vec::new(), log: store(1), several: store(4) }
    }

    /// The same, with the fixture fleet and five minutes of history.
    pub fn with_fleet(width: u16, height: u16) -> Self {
        let mut console = Self::new(width, height);
        console.history(&fleet::fleet());
        console.show(fleet::fleet());
        console
    }

    /// The same in ASCII.
    #[must_use]
    pub fn ascii(mut self) -> Self {
        self.state.settings.glyphs = &ASCII;
        self
    }

    /// The screen as text, how it looks in the default theme's colours, and how it looks without colours.
    pub fn picture(&mut self) -> String {
        let coloured = self.looks();
        let theme = self.state.settings.themes.styles("mono").unwrap().clone();
        let coloured_theme = std::mem::replace(&mut self.state.settings.theme, theme);
        let (text, plain) = (self.screen(), self.looks());
        self.state.settings.theme = coloured_theme;
        assert_eq!(text, self.screen(), "no word may depend on the colours");
        format!("{text}\n== in colours\n{coloured}\n== without colours\n{plain}")
    }

    /// The style of every cell: for each line the columns of each style, a letter, and below what the letters mean. What looks like
    /// nothing is left out, and so are lines that look like the one above.
    fn looks(&self) -> String {
        let (buffer, (width, height)) = (self.buffer(), self.state.size);
        let mut known: Vec<Style> = Vec::new();
        let mut lines: Vec<(u16, u16, String)> = Vec::new();
        for y in 0..height {
            let mut runs: Vec<(char, u16, u16)> = Vec::new();
            for x in 0..width {
                let cell = &buffer[(x, y)];
                let style = Style::new().fg(cell.fg).bg(cell.bg).add_modifier(cell.modifier);
                let is_seen = cell.symbol() != " " || cell.bg != Color::Reset || cell.modifier.contains(Modifier::REVERSED);
                if !is_seen {
                    continue;
                }
                let plain = style == Style::new().fg(Color::Reset).bg(Color::Reset);
                let letter = if plain { '.' } else { letter(&mut known, style) };
                match runs.last_mut() {
                    // Blanks between words of one style belong to it.
                    Some((last, _, end)) if *last == letter => *end = x,
                    _ => runs.push((letter, x, x)),
                }
            }
            let runs: Vec<String> =
                runs.iter().filter(|run| run.0 != '.').map(|(letter, from, to)| format!("{letter}{from}-{to}")).collect();
            let runs = runs.join(" ");
            match lines.last_mut() {
                Some((_, last, same)) if *same == runs => *last = y,
                _ => lines.push((y, y, runs)),
            }
        }
        let told = lines.iter().filter(|line| !line.2.is_empty());
        let told = told.map(|(from, to, runs)| if from == to { format!("{from}: {runs}") } else { format!("{from}-{to}: {runs}") });
        let legend = known.iter().zip(LETTERS.chars()).map(|(style, letter)| format!("{letter} = {}", described(*style)));
        told.chain(legend).collect::<Vec<_>>().join("\n")
    }

    /// Five minutes of loads up to now.
    fn history(&mut self, snapshot: &Snapshot) {
        for second in (1..=300u64).rev() {
            let mut before = snapshot.clone();
            before.taken.boot -= Duration::from_secs(second);
            for row in &mut before.rows {
                let wave = [0.2, 0.4, 1.3, 0.9, 0.6, 1.0][usize::try_from(second / 12 % 6).unwrap()];
                Arc::make_mut(row).cpu_percent = row.cpu_percent.map(|percent| percent * wave);
                let share = 1000 - second;
                Arc::make_mut(row).memory_bytes = match row.memory_bytes {
                    Reading::Known(bytes) => Reading::Known(bytes * share / 1000),
                    other => other,
                };
            }
            self.state.detail.learn(&before);
        }
    }

    /// Shows a snapshot.
    pub fn show(&mut self, snapshot: Snapshot) {
        self.event(Event::Snapshot(Arc::new(snapshot)));
    }

    /// Takes an event in; the door allows everything and the log has the fixture's lines.
    pub fn event(&mut self, event: Event) {
        let mut waiting = vec![event];
        while let Some(event) = waiting.pop() {
            for effect in update(&mut self.state, event) {
                match effect {
                    Effect::Ask(id, purpose) => {
                        let verbs = Verb::ALL.map(|verb| (verb, why_not(verb, &id))).to_vec();
                        waiting.push(Event::Answered(Answer { id, purpose, verbs }));
                    }
                    Effect::AskMany(verb, ids) => {
                        let answers = ids.into_iter().map(|id| (id.clone(), why_not(verb, &id))).collect();
                        waiting.push(Event::AnsweredMany(verb, answers));
                    }
                    Effect::Foresee(order) => {
                        let sentence = format!("would have port {} instead of 8107; line 2 of its file would be changed", order.verb);
                        let sentence = Shown::new(&sentence.replace("port assign ", "port "));
                        let outcome = Outcome { exit_code: 0, sentence, hints: Vec::new(), log_lines: Vec::new() };
                        waiting.push(Event::Foreseen(order, outcome));
                    }
                    Effect::Propose(strategy) => {
                        let snapshot = self.state.snapshot.clone();
                        waiting.extend(snapshot.map(|snapshot| Event::Proposed(Ok(foreseen::proposal(&snapshot, strategy)))));
                    }
                    Effect::ForeseeTask(task) => {
                        let outcome = foreseen::of(&task);
                        waiting.push(Event::TaskForeseen(task, outcome));
                    }
                    Effect::OpenLog { serial, .. } => waiting.push(Event::LogOpened(serial, Ok(()))),
                    Effect::ReadLog { serial, ask } => waiting.push(Event::LogRead(serial, ask, self.store().page(&ask))),
                    Effect::SiftLog { want, .. } => {
                        self.store().sift(want);
                        self.store().settle();
                    }
                    Effect::FindLog { serial, sought } => waiting.push(Event::LogFound(serial, sought, self.store().find(&sought))),
                    other => self.effects.push(other),
                }
            }
        }
    }

    /// The log that is open.
    fn store(&mut self) -> &mut Store {
        if self.state.log.together.is_empty() { &mut self.log } else { &mut self.several }
    }

    /// Writes a line to the log.
    pub fn write(&mut self, level: Option<LogLevel>, text: &str) {
        let at = Some(self.state.header.now.wall);
        self.log.add([LogLine { at, ..LogLine::text(0, level, Shown::within(text, 100_000)) }]);
        let serial = self.state.log.serial;
        self.event(Event::LogChanged(serial));
    }

    /// Types characters.
    pub fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|character| self.press(KeyCode::Char(character)));
    }

    /// Presses a key.
    pub fn press(&mut self, code: KeyCode) {
        self.event(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    /// The screen's cells, their styles included.
    pub fn buffer(&self) -> Buffer {
        let (width, height) = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let frame = terminal.draw(|frame| {
            let _ = view::draw(&self.state, frame.buffer_mut());
        });
        frame.unwrap().buffer.clone()
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        let (width, height) = self.state.size;
        let buffer = self.buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A letter for each style, in the order in which they are first seen.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(known: &mut Vec<Style>, style: Style) -> char {
    let index = known.iter().position(|other| *other == style).unwrap_or_else(|| {
        known.push(style);
        known.len() - 1
    });
    LETTERS.chars().nth(index).unwrap()
}

/// A style in words: `#8fbcbb on #3b4252 bold`.
fn described(style: Style) -> String {
    let mut words = Vec::new();
    words.extend(style.fg.filter(|fg| *fg != Color::Reset).map(|fg| fg.to_string()));
    words.extend(style.bg.filter(|bg| *bg != Color::Reset).map(|bg| format!("on {bg}")));
    words.extend(style.add_modifier.iter_names().map(|(name, _)| name.to_lowercase()));
    words.join(" ")
}

/// What the fixture's door refuses: strangers are nobody's to act on.
fn why_not(verb: Verb, id: &InstanceId) -> Option<Shown> {
    (verb.changes() && id.is_unmanaged()).then(|| Shown::from("it belongs to no instance, so berth does not touch it"))
}

/// The fixture's log, or one of as many instances.
fn store(sources: u16) -> Store {
    let mut store = Store::default();
    store.add(lines().into_iter().zip(0u16..).map(|(line, index)| LogLine { source: index * 7 / 3 % sources, ..line }));
    store
}

fn lines() -> Vec<LogLine> {
    let texts = [
        (None, "listening on 127.0.0.1:8101"),
        (Some(LogLevel::Info), "session 8f95 opened"),
        (Some(LogLevel::Info), "tools/call echo 12 ms"),
        (Some(LogLevel::Warn), "slow upstream 1.9 s"),
        (Some(LogLevel::Error), "ECONNRESET calling search"),
        (
            Some(LogLevel::Info),
            "retry 1 of 3, with a rather long explanation of why the call is worth another try and what was learnt from the first",
        ),
        (Some(LogLevel::Debug), "cache 412 hits, 3 misses"),
    ];
    (1..=200u64)
        .map(|number| {
            let (level, text) = texts[usize::try_from(number).unwrap() % texts.len()];
            let second = 3 * number % 60;
            let word = level.map_or("-", |level| match level {
                LogLevel::Error => "ERROR",
                LogLevel::Warn => "WARN",
                LogLevel::Info => "INFO",
                LogLevel::Debug => "DEBUG",
            });
            if number == 195 {
                return LogLine::mark(number, Shown::from("rotated"));
            }
            let text = Shown::new(&format!("03:{:02}:{second:02} {word:<5} {text}", 2 + 3 * number / 60));
            let ago = jiff::SignedDuration::from_secs(i64::try_from(3 * (200 - number)).unwrap());
            LogLine { at: Some(fleet::now() - ago), ..LogLine::text(number, level, text) }
        })
        .collect()
}
