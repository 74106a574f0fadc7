//! The open log: opening it, asking it, taking lines out of it.
//!
//! It must never let a late answer pass for one about another log: each has its serial. What writes or reads for long runs off the loop.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::JoinHandle;

use crate::domain::{InstanceId, LogLine, Shown};
use crate::error::{Context, Error, Result};
use crate::link::{Ask, Door, Reel};
use crate::tui::effect::Effect;
use crate::tui::event::Event;

use super::file;
use super::lane::{Lane, Manner};

/// How long opening a log may take.
const OPENING: Duration = Duration::from_secs(3);

/// How long writing one to a file may take.
const SAVING: Duration = Duration::from_secs(60);

/// How long gathering lines to be copied may take.
const TAKING: Duration = Duration::from_secs(5);

/// Changes of a log are told at most this often.
const PACE: Duration = Duration::from_millis(100);

/// The most text that is copied: no clipboard takes more, in bytes.
const MOST_COPIED: usize = 4 * 1024 * 1024;

/// A log that was opened.
type Opened = (u64, Arc<Reel>);

/// What holds the open log.
pub struct LogDesk {
    door: Arc<dyn Door>,
    events: Sender<Event>,
    /// Opens and follows a log, and the log itself once it is open.
    following: Lane,
    reel: Option<Opened>,
    opened: (Sender<Opened>, Receiver<Opened>),
    /// Reads pages of it that are not there at once.
    pages: Lane,
    /// What takes lines out of it.
    task: Option<JoinHandle<()>>,
}

impl LogDesk {
    /// Answers go to `events`.
    pub fn new(door: Arc<dyn Door>, events: Sender<Event>) -> Self {
        let (following, pages) = (Lane::new(Manner::Overtaking), Lane::new(Manner::Waiting));
        Self { door, events, following, reel: None, opened: tokio::sync::mpsc::channel(4), pages, task: None }
    }

    /// Carries out what is about a log; an answer that is there at once is returned.
    pub fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::OpenLog { ids, serial, after } => self.open(ids, serial, after),
            Effect::CloseLog => self.close(),
            Effect::ReadLog { serial, ask } => return self.read(serial, ask),
            Effect::SiftLog { serial, want } => self.reel(serial)?.sift(want),
            Effect::FindLog { serial, sought } => return Some(Event::LogFound(serial, sought, self.reel(serial)?.find(&sought))),
            Effect::TakeLog { serial, from, to, names } => {
                let reel = self.reel(serial)?;
                return self.later(TAKING, "copied", move |_| Event::LogTaken(serial, take(&reel, from, to, &names)));
            }
            Effect::SaveLog { serial, path, names } => {
                let reel = self.reel(serial)?;
                return self.later(SAVING, "saved", move |stop| save(&reel, &path, &names, stop));
            }
            _ => {}
        }
        None
    }

    /// A page, at once where that is possible; else it comes as soon as it can, and what the key changed beside it is drawn meanwhile.
    fn read(&mut self, serial: u64, ask: Ask) -> Option<Event> {
        let reel = self.reel(serial)?;
        if let Some(page) = reel.page_at_once(&ask) {
            return Some(Event::LogRead(serial, ask, page));
        }
        let events = self.events.clone();
        self.pages.run(async move {
            let reading = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("log-page");
                reel.page(&ask)
            });
            if let Ok(page) = reading.await {
                // When the loop has ended there is nobody to tell.
                let _ = events.send(Event::LogRead(serial, ask, page)).await;
            }
        });
        None
    }

    /// The log that is open under this serial.
    fn reel(&mut self, serial: u64) -> Option<Arc<Reel>> {
        while let Ok(opened) = self.opened.1.try_recv() {
            self.reel = Some(opened);
        }
        self.reel.as_ref().filter(|(open, _)| *open == serial).map(|(_, reel)| Arc::clone(reel))
    }

    /// Does something that takes time, and tells when it took too long. Nothing else is begun before.
    fn later(&mut self, patience: Duration, done: &'static str, task: impl FnOnce(&AtomicBool) -> Event + Send + 'static) -> Option<Event> {
        if self.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return Some(Event::Told { text: Shown::from("lines are still being taken out of the log; try again"), refused: true });
        }
        let (events, stop) = (self.events.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let task = move |stop: &AtomicBool| {
            crate::failpoint::pass("log-task");
            task(stop)
        };
        self.task = Some(tokio::spawn(async move {
            let event = match tokio::time::timeout(patience, tokio::task::spawn_blocking(move || task(&stopped))).await {
                Ok(Ok(event)) => event,
                Ok(Err(_)) | Err(_) => {
                    stop.store(true, Ordering::SeqCst);
                    Event::Told { text: Shown::new(&format!("not {done} in time")), refused: true }
                }
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(event).await;
        }));
        None
    }

    /// Opens logs once the choice stood still, then tells when they change.
    fn open(&mut self, ids: Vec<InstanceId>, serial: u64, after: Duration) {
        self.close();
        let (door, events, opened) = (Arc::clone(&self.door), self.events.clone(), self.opened.0.clone());
        self.following.run(async move {
            tokio::time::sleep(after).await;
            let opening = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("log-open");
                door.reel(&ids)
            });
            let reel = match tokio::time::timeout(OPENING, opening).await {
                Ok(Ok(Ok(reel))) => Arc::new(reel),
                Ok(Ok(Err(error))) => return tell(&events, serial, Err(Shown::new(&error.chain()))).await,
                Ok(Err(_)) => return tell(&events, serial, Err(Shown::from("the log could not be opened"))).await,
                Err(_) => return tell(&events, serial, Err(Shown::from("the log could not be opened in time"))).await,
            };
            let mut version = reel.version();
            version.mark_unchanged();
            if opened.send((serial, reel)).await.is_err() {
                return;
            }
            tell(&events, serial, Ok(())).await;
            while version.changed().await.is_ok() {
                if events.send(Event::LogChanged(serial)).await.is_err() {
                    return;
                }
                tokio::time::sleep(PACE).await;
            }
        });
    }

    /// Stops following. The log is dropped off the loop: what it holds is much.
    fn close(&mut self) {
        self.following.clear();
        // What reads for a log that is left may hang, and must not keep the next one waiting.
        self.pages = Lane::new(Manner::Waiting);
        let mut reels: Vec<Opened> = self.reel.take().into_iter().collect();
        while let Ok(opened) = self.opened.1.try_recv() {
            reels.push(opened);
        }
        if !reels.is_empty() {
            drop(tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("log-close");
                drop(reels);
            }));
        }
    }

    /// Begins the pager, and feeds it what is to be seen for as long as it reads. The terminal must be its own by now.
    ///
    /// # Errors
    /// When there is no log, or no such program.
    pub fn begin_pager(&mut self, serial: u64, names: Vec<String>) -> Result<std::process::Child> {
        let reel = self.reel(serial).ok_or_else(|| Error::failed("there is no log to page through"))?;
        let words = std::env::var("PAGER").ok().filter(|words| !words.trim().is_empty()).unwrap_or_else(|| "less".to_owned());
        // Words and no shell: what is more than a program and its options is not understood.
        let mut words = words.split_whitespace().map(str::to_owned);
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(&program);
        let mut child = command.args(words).stdin(Stdio::piped()).spawn().while_doing(|| format!("cannot start the pager {program}"))?;
        if let Some(mut pipe) = child.stdin.take() {
            // It ends with the pager: nobody reads then.
            std::thread::Builder::new()
                .name("pager".into())
                .stack_size(256 * 1024)
                .spawn(move || {
                    crate::failpoint::pass("pager");
                    drop(write_all(&reel, 0, u64::MAX - 1, &names, &mut pipe, &AtomicBool::new(false)));
                })
                .while_doing(|| "cannot feed the pager".to_owned())?;
        }
        Ok(child)
    }
}

/// Tells how opening went.
async fn tell(events: &Sender<Event>, serial: u64, result: std::result::Result<(), Shown>) {
    // When the loop has ended there is nobody to tell.
    let _ = events.send(Event::LogOpened(serial, result)).await;
}

/// A line as it is copied: what is read as one says whose it is.
fn text(line: &LogLine, names: &[String]) -> String {
    match names.get(usize::from(line.source)) {
        Some(name) => format!("{name} | {}\n", line.text),
        None => format!("{}\n", line.text),
    }
}

/// Writes the lines from one number to another; says how many.
fn write_all(reel: &Reel, from: u64, to: u64, names: &[String], out: &mut impl Write, stop: &AtomicBool) -> io::Result<u64> {
    let (mut next, mut count) = (Some(from), 0);
    while let Some(from) = next {
        if stop.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (lines, on) = reel.slice(from, to);
        for line in &lines {
            out.write_all(text(line, names).as_bytes())?;
        }
        count += lines.len() as u64;
        next = on;
    }
    out.flush()?;
    Ok(count)
}

/// The lines as a text, without a line end after the last one.
fn take(reel: &Reel, from: u64, to: u64, names: &[String]) -> std::result::Result<(usize, String), Shown> {
    let (mut next, mut count, mut taken) = (Some(from), 0, String::new());
    while let Some(from) = next {
        let (lines, on) = reel.slice(from, to);
        lines.iter().for_each(|line| taken.push_str(&text(line, names)));
        count += lines.len();
        if taken.len() > MOST_COPIED {
            return Err(Shown::from("that is too much to copy; W saves what is shown to a file"));
        }
        next = on;
    }
    taken.truncate(taken.trim_end_matches('\n').len());
    Ok((count, taken))
}

/// Writes what is to be seen to a new file.
fn save(reel: &Reel, path: &str, names: &[String], stop: &AtomicBool) -> Event {
    let told = file::write_new(path, |out| write_all(reel, 0, u64::MAX - 1, names, out, stop));
    match told {
        Ok((path, count)) => Event::Told { text: Shown::new(&format!("{count} lines saved to {}", path.display())), refused: false },
        Err(error) => Event::Told { text: Shown::new(&error.chain()), refused: true },
    }
}
