//! The loop: events in, state, effects and frames out. The only part that waits.
//!
//! It must never decide anything: what an event means is `update`'s, what a state looks like is `view`'s.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;

use crate::domain::Moment;
use crate::error::{Context, Result};
use crate::link::Door;

use super::effect::Effect;
use super::event::Event;
use super::outlet::Outlet;
use super::paint::Painter;
use super::palette::Depth;
use super::perform::Performer;
use super::signals::{Signal, Signals};
use super::state::{Settings, State};
use super::theme::Theme;
use super::{Options, glyphs, input, terminal, update, view, watchdog};

/// Data changes the screen at most this often in the long run; keys change it at once.
const FRAME: Duration = Duration::from_millis(100);

/// How many frames may come before their time: what happens alone, a death or a foreign listener, is seen at once.
const EARLY: u32 = 3;

/// How many events are taken in before a frame is drawn.
const BURST: usize = 64;

/// Within this time, SIGCONT is the one that ended the stop which was just returned from.
const RESUMED: Duration = Duration::from_millis(300);

/// How long the last frame may take to leave when the console ends.
const PARTING: Duration = Duration::from_millis(200);

/// Runs the console until it is left.
pub fn run(door: Arc<dyn Door>, options: Options) -> Result<()> {
    let hold = terminal::Hold::take()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_stack_size(256 * 1024)
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
    performer: Performer,
    door: Arc<dyn Door>,
    events: Receiver<Event>,
    hung_up: Receiver<()>,
    signals: Signals,
    /// Something changed since the last frame.
    stale: bool,
    /// It was a key: the frame does not wait.
    urgent: bool,
    frames: Frames,
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
            theme: Theme::for_depth(depth)?,
            zone: TimeZone::system(),
            read_only: options.read_only || caller.read_only,
            caller,
        };
        let (keys, events) = channel(BURST);
        let (hangup, hung_up) = channel(1);
        watchdog::start(hangup)?;
        input::start(keys.clone())?;
        Ok(Self {
            state: State::new(settings, terminal::size(), now()),
            painter: Painter::new(depth, glyphs.ascii),
            outlet: Outlet::start(std::io::stdout())?,
            performer: Performer::new(Arc::clone(&door), keys),
            door,
            events,
            hung_up,
            signals: Signals::listen()?,
            stale: true,
            urgent: true,
            frames: Frames::new(Instant::now()),
            resumed: Instant::now(),
            leaving: false,
        })
    }

    async fn serve(mut self) -> Result<()> {
        let mut snapshots = self.door.watch();
        snapshots.mark_changed();
        let mut engine_is_there = true;
        while !self.leaving {
            self.draw();
            let frame_due = self.frames.due();
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
                    self.take(Event::Snapshot(snapshot))?;
                }
                () = self.outlet.drained(), if self.stale && self.outlet.is_busy() => {}
                () = tokio::time::sleep_until(frame_due), if self.stale && !self.outlet.is_busy() => {}
                () = tokio::time::sleep(until_next_second()) => self.take(Event::Tick(now()))?,
            }
        }
        // The farewell must not cut the last frame in two.
        let _ = tokio::time::timeout(PARTING, self.outlet.drained()).await;
        Ok(())
    }

    /// One event, and what follows from it at once.
    fn take(&mut self, event: Event) -> Result<()> {
        let mut next = Some(event);
        let mut effects: std::collections::VecDeque<Effect> = std::collections::VecDeque::new();
        loop {
            if let Some(event) = next.take() {
                self.urgent |= matches!(event, Event::Key(_) | Event::Paste(_) | Event::Resized(..) | Event::Resumed);
                self.stale = true;
                effects.extend(update::update(&mut self.state, event));
            }
            match effects.pop_front() {
                None => return Ok(()),
                Some(Effect::Quit) => self.leaving = true,
                Some(Effect::Redraw) => self.painter.forget(),
                Some(Effect::Suspend) => self.suspend(true)?,
                Some(effect) => next = self.performer.perform(effect),
            }
        }
    }

    /// Draws when something changed and the terminal takes it.
    fn draw(&mut self) {
        if !self.stale || self.outlet.is_busy() || !(self.urgent || self.frames.due() <= Instant::now()) {
            return;
        }
        let (width, height) = self.state.size;
        let state = &self.state;
        let bytes = self.painter.frame(width, height, |buffer| view::draw(state, buffer));
        if !bytes.is_empty() {
            self.outlet.send(bytes);
        }
        self.frames.drawn(Instant::now());
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

    fn resume(&mut self) -> Result<()> {
        terminal::take()?;
        self.resumed = Instant::now();
        let (width, height) = terminal::size();
        self.take(Event::Resized(width, height))?;
        self.take(Event::Tick(now()))?;
        self.take(Event::Resumed)
    }
}

/// When data may change the screen: [`EARLY`] frames at once, and one each [`FRAME`] in the long run.
struct Frames {
    /// When the next one would be due if none came early.
    even: Instant,
}

impl Frames {
    fn new(now: Instant) -> Self {
        Self { even: now }
    }

    /// When the next frame may be drawn.
    fn due(&self) -> Instant {
        self.even.checked_sub(FRAME * EARLY).unwrap_or(self.even)
    }

    /// One was drawn.
    fn drawn(&mut self, now: Instant) {
        // However many are drawn because of keys: data waits no longer than it would have.
        self.even = (self.even.max(now) + FRAME).min(now + FRAME * (EARLY + 1));
    }
}

/// The time on both clocks.
fn now() -> Moment {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanoseconds) = (u64::try_from(boot.tv_sec).unwrap_or(0), u32::try_from(boot.tv_nsec).unwrap_or(0));
    Moment { boot: Duration::new(seconds, nanoseconds), wall: Timestamp::now() }
}

/// Until the clock in the header shows the next second.
fn until_next_second() -> Duration {
    let within = u64::try_from(Timestamp::now().subsec_nanosecond()).unwrap_or(0);
    Duration::from_nanos(1_000_000_000u64.saturating_sub(within) + 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_frames_come_at_once_and_many_one_each_tenth_of_a_second() {
        let begun = Instant::now();
        let mut frames = Frames::new(begun);
        let mut now = begun;
        let mut at = Vec::new();
        for _ in 0..8 {
            now = now.max(frames.due());
            frames.drawn(now);
            at.push((now - begun).as_millis());
        }
        assert_eq!(at, [0, 0, 0, 0, 100, 200, 300, 400]);
        // After a rest there are early ones again.
        now += Duration::from_secs(1);
        assert!(frames.due() <= now);
    }

    #[test]
    fn keys_do_not_put_data_off() {
        let begun = Instant::now();
        let mut frames = Frames::new(begun);
        (0..1000).for_each(|_| frames.drawn(begun));
        assert!(frames.due() <= begun + FRAME);
    }
}
