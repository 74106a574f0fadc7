//! The loop: events in, state, effects and frames out. The only part that waits.
//!
//! It must never decide anything: what an event means is `update`'s, what a state looks like is `view`'s.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::themes;
use crate::domain::{Moment, Shown, Standing};
use crate::error::{Context, Result};
use crate::link::Door;

use super::clipboard::{Clipboard, Plan};
use super::effect::Effect;
use super::event::{Copied, Event, Mouse};
use super::outlet::Outlet;
use super::pace::{self, Pace};
use super::paint::Painter;
use super::palette::Depth;
use super::perform::Performer;
use super::preferences::Store;
use super::signals::{Signal, Signals};
use super::state::{Settings, State};
use super::theme::Theme;
use super::themes::Themes;
use super::{Options, glyphs, input, swift, terminal, update, view, watchdog};

/// How many events are taken in before a frame is drawn.
const BURST: usize = 64;

/// Within this time, SIGCONT is the one that ended the stop which was just returned from.
const RESUMED: Duration = Duration::from_millis(300);

/// How long the last frame may take to leave when the console ends.
const PARTING: Duration = Duration::from_millis(200);

/// For how long after a snapshot the clock waits for the next one: they come every second.
const WITHOUT_SNAPSHOT: Duration = Duration::from_millis(1100);

/// Runs the console until it is left.
pub fn run(door: Arc<dyn Door>, options: Options) -> Result<()> {
    let hold = terminal::Hold::take()?;
    swift::be();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_stack_size(1024 * 1024)
        .build()
        .while_doing(|| "cannot start the console's loop".to_owned())?;
    let result = runtime.block_on(async { App::start(door, options)?.serve().await });
    drop(hold);
    // What still hangs in an effect does not keep anybody from leaving.
    runtime.shutdown_background();
    result
}

/// Everything that the loop holds.
struct App {
    state: State,
    painter: Painter,
    outlet: Outlet,
    pace: Pace,
    gate: input::Gate,
    performer: Performer,
    clipboard: Clipboard,
    /// What is to leave behind the next frame, for the clipboard.
    sequence: Option<Vec<u8>>,
    door: Arc<dyn Door>,
    events: Receiver<Event>,
    hung_up: Receiver<()>,
    signals: Signals,
    /// Something changed since the last frame.
    stale: bool,
    /// It was a key: the frame does not wait.
    urgent: bool,
    /// How many bytes went to the terminal.
    sent: u64,
    /// When a snapshot came last: it brings the clock along, and a frame of its own for the clock is one frame a second less.
    looked: Instant,
    /// When the terminal was taken again last: the signal that made the program go on comes after that.
    resumed: Instant,
    leaving: bool,
}

impl App {
    fn start(door: Arc<dyn Door>, options: Options) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let depth = Depth::detect(options.color, variable);
        let glyphs = if options.ascii { &glyphs::ASCII } else { glyphs::for_locale(variable) };
        let caller = door.caller();
        let settings = Settings {
            glyphs,
            theme: Theme::plain(),
            default_theme: super::themes::DEFAULT.to_owned(),
            themes: Arc::new(Themes::built_in(depth)?.with(themes::files(&themes::directories()))),
            keymap: options.keymap,
            configured: options.configured,
            program: options.program,
            zone: TimeZone::system(),
            read_only: options.read_only || caller.read_only,
            caller,
        };
        let (keys, events) = channel(BURST);
        let (hangup, hung_up) = channel(1);
        terminal::mouse(true);
        let store = Store::find();
        let (preferences, complaint) = store.read();
        watchdog::start(hangup)?;
        let gate = input::start(keys.clone())?;
        let mut state = State::new(settings, terminal::size(), now());
        update::theme::begin(&mut state, options.theme, preferences.theme.clone());
        (state.preferences, state.kept) = (preferences.clone(), preferences);
        if let Some(complaint) = complaint {
            update::status::refuse(&mut state, complaint.as_str());
        }
        Ok(Self {
            state,
            painter: Painter::new(depth, glyphs.ascii),
            outlet: Outlet::start(std::io::stdout())?,
            gate,
            pace: Pace::new(options.fps.unwrap_or(pace::USUAL), Instant::now()),
            performer: Performer::new(Arc::clone(&door), keys, store),
            clipboard: Clipboard::detect(variable),
            sequence: None,
            door,
            events,
            hung_up,
            signals: Signals::listen()?,
            stale: true,
            urgent: true,
            sent: 0,
            looked: Instant::now(),
            resumed: Instant::now(),
            leaving: false,
        })
    }

    async fn serve(mut self) -> Result<()> {
        let mut snapshots = self.door.watch();
        snapshots.mark_changed();
        let mut standing = self.door.standing();
        if let Some(standing) = &mut standing {
            standing.mark_changed();
        }
        let mut engine_is_there = true;
        while !self.leaving {
            self.draw();
            if !self.outlet.is_busy() {
                self.pace.drained(Instant::now());
            }
            let frame_due = self.pace.due(self.state.pointer.away);
            tokio::select! {
                biased;
                signal = self.signals.next() => self.signal(signal)?,
                _ = self.hung_up.recv() => self.leaving = true,
                event = self.events.recv() => {
                    let Some(event) = event else { break };
                    self.take(event)?;
                    // Keys that are there already are answered by one frame.
                    for _ in 0..BURST {
                        let Ok(event) = self.events.try_recv() else { break };
                        self.take(event)?;
                    }
                }
                changed = snapshots.changed(), if engine_is_there => {
                    engine_is_there = changed.is_ok();
                    let snapshot = Arc::clone(&snapshots.borrow_and_update());
                    self.looked = Instant::now();
                    self.tick()?;
                    self.take(Event::Snapshot(snapshot))?;
                }
                new = news(&mut standing) => self.take(Event::Standing(new))?,
                () = self.outlet.drained(), if self.outlet.is_busy() => {}
                () = tokio::time::sleep_until(frame_due), if self.stale && !self.outlet.is_busy() => {}
                () = tokio::time::sleep_until(next_second().max(self.looked + WITHOUT_SNAPSHOT)) => self.tick()?,
            }
        }
        // The farewell must not cut the last frame in two.
        let _ = tokio::time::timeout(PARTING, self.outlet.drained()).await;
        // What was copied last is not lost with the screen.
        if let Some(bytes) = self.sequence.take().filter(|_| !self.outlet.is_busy()) {
            self.outlet.send(bytes);
            let _ = tokio::time::timeout(PARTING, self.outlet.drained()).await;
        }
        Ok(())
    }

    /// What only time changes.
    fn tick(&mut self) -> Result<()> {
        self.take(Event::Tick(now()))?;
        self.take(Event::Sent(self.sent))
    }

    /// One event, and what follows from it at once.
    fn take(&mut self, event: Event) -> Result<()> {
        if matches!(event, Event::Mouse(Mouse::Press(..))) {
            // Pressing twice is told by the clock.
            update::update(&mut self.state, Event::Tick(now()));
        }
        let mut next = Some(event);
        let mut effects: std::collections::VecDeque<Effect> = std::collections::VecDeque::new();
        loop {
            if let Some(event) = next.take() {
                self.urgent |= matches!(
                    event,
                    Event::Key(_) | Event::Mouse(_) | Event::Focus(true) | Event::Paste(_) | Event::Resized(..) | Event::Resumed
                );
                self.stale = true;
                effects.extend(update::update(&mut self.state, event));
            }
            match effects.pop_front() {
                None => return Ok(()),
                Some(Effect::Quit) => self.leaving = true,
                Some(Effect::Mouse(taken)) => terminal::mouse(taken),
                Some(Effect::Copy { what, text }) => next = self.copy(what, text),
                Some(Effect::Redraw) => self.painter.forget(),
                Some(Effect::Suspend) => self.suspend(true)?,
                Some(Effect::PageLog { serial, names }) => self.page(serial, names)?,
                Some(effect) => next = self.performer.perform(effect),
            }
        }
    }

    /// Has a text sent between two frames, or left in a file.
    fn copy(&mut self, what: String, text: String) -> Option<Event> {
        match self.clipboard.plan(&text) {
            Plan::Send(bytes, way) => {
                // A clipboard holds one text: what still waits is overtaken.
                self.sequence = Some(bytes);
                Some(Event::Copied { what, how: Ok(Copied::Sent(way)) })
            }
            Plan::Leave(why) => {
                self.performer.leave(what, text, why);
                None
            }
        }
    }

    /// Draws when something changed and the terminal takes it.
    fn draw(&mut self) {
        if !self.stale || self.outlet.is_busy() || !(self.urgent || self.pace.due(self.state.pointer.away) <= Instant::now()) {
            return;
        }
        let (width, height) = self.state.size;
        let state = &self.state;
        let mut bytes = self.painter.frame(width, height, |buffer| view::draw(state, buffer));
        bytes.extend(self.sequence.take().unwrap_or_default());
        if !bytes.is_empty() {
            self.pace.sent(Instant::now());
            self.sent += u64::try_from(bytes.len()).unwrap_or(0);
            self.outlet.send(bytes);
        }
        self.pace.drawn(Instant::now(), self.state.pointer.away);
        (self.stale, self.urgent) = (false, false);
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        match signal {
            Signal::End => self.leaving = true,
            Signal::Resized => {
                let (width, height) = terminal::size();
                self.take(Event::Resized(width, height))?;
            }
            Signal::Stop => self.suspend(false)?,
            Signal::Continued if self.resumed.elapsed() < RESUMED => {}
            Signal::Continued => self.resume()?,
        }
        Ok(())
    }

    /// Gives the terminal back, stops, and takes it again when it goes on. `all`: as the terminal's driver would, with the whole job.
    fn suspend(&mut self, all: bool) -> Result<()> {
        terminal::give_back();
        super::signals::stop(all);
        self.resume()
    }

    /// Gives the terminal to the pager, and takes it again when that has ended. Nothing else goes on meanwhile but what has its own thread.
    fn page(&mut self, serial: u64, names: Vec<String>) -> Result<()> {
        if !self.gate.close() {
            self.gate.open();
            return self.take(Event::Told { text: Shown::from("the terminal is busy; try again"), refused: true });
        }
        terminal::give_back();
        let ended = self.performer.begin_pager(serial, names).and_then(|child| super::signals::wait_for(&child));
        // Ctrl-C is the pager's own while it has the terminal.
        self.signals.forget_interrupts();
        let resumed = self.resume();
        self.gate.open();
        resumed?;
        match ended {
            Ok(()) => Ok(()),
            Err(error) => self.take(Event::Told { text: Shown::new(&error.chain()), refused: true }),
        }
    }

    fn resume(&mut self) -> Result<()> {
        terminal::take()?;
        terminal::mouse(self.state.pointer.taken);
        self.resumed = Instant::now();
        let (width, height) = terminal::size();
        self.take(Event::Resized(width, height))?;
        self.take(Event::Tick(now()))?;
        self.take(Event::Resumed)
    }
}

/// Waits until whose engine is shown changes; without end where nobody says so.
async fn news(standing: &mut Option<watch::Receiver<Standing>>) -> Standing {
    if let Some(standing) = standing
        && standing.changed().await.is_ok()
    {
        return standing.borrow_and_update().clone();
    }
    std::future::pending().await
}

/// The time on both clocks.
fn now() -> Moment {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanoseconds) = (u64::try_from(boot.tv_sec).unwrap_or(0), u32::try_from(boot.tv_nsec).unwrap_or(0));
    Moment { boot: Duration::new(seconds, nanoseconds), wall: Timestamp::now() }
}

/// Until the clock in the header shows the next second.
fn next_second() -> Instant {
    let within = u64::try_from(Timestamp::now().subsec_nanosecond()).unwrap_or(0);
    Instant::now() + Duration::from_nanos(1_000_000_000u64.saturating_sub(within) + 1_000_000)
}
