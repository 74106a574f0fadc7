//! What happens, kept: pictures are compared beside the engine, and what came of that is written down, told to the host's journal and to
//! whoever the configuration names.
//!
//! It must never hold the engine up, act, or lose anything without saying how much. One process of a host keeps the chronicle at a time.

mod begin;
mod draft;
mod flood;
mod notify;
mod watcher;
mod writer;

pub use notify::Accounts;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{TrySendError, sync_channel};

use tokio::sync::watch;

use crate::config::{Config, JournalPlace};
use crate::control::{Control, Journal};
use crate::domain::{Event, Shown, Snapshot, Stands};
use crate::error::{Context, Result};

/// How many events may wait to be written.
const WAITING: usize = 2048;

/// A chronicle that is kept. It ends with the process.
#[derive(Debug)]
pub struct Chronicle {
    /// Rises when there is something new among the events or the actions, whoever wrote it.
    pub version: watch::Receiver<u64>,
}

/// What is on its way to the file.
#[derive(Debug)]
enum Message {
    /// Something happened.
    Event(Event),
    /// What stands from now on, and what does not any more.
    Standing(Vec<(Stands, bool)>),
}

/// The way to the file.
#[derive(Clone, Debug)]
struct Line {
    sender: std::sync::mpsc::SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl Line {
    /// Hands one on; one for which there is no room is counted.
    fn put(&self, event: Event) {
        if self.sender.try_send(Message::Event(event)).is_err() {
            self.lost.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Hands on what stands; what is left where there was no room.
    fn note(&self, standing: Vec<(Stands, bool)>) -> Vec<(Stands, bool)> {
        match self.sender.try_send(Message::Standing(standing)) {
            Err(TrySendError::Full(Message::Standing(standing))) => standing,
            _ => Vec::new(),
        }
    }
}

/// Where the host's journal is, by the configuration.
pub fn journal_of(config: &Config, state: &std::path::Path) -> Journal {
    match &config.events.journal {
        JournalPlace::Off => Journal::default(),
        JournalPlace::On => Journal::of_host(),
        JournalPlace::At(socket) => Journal::at(socket),
        // A trial beside the real one is not the host's business.
        JournalPlace::Auto if state == Config::usual_state() => Journal::of_host(),
        JournalPlace::Auto => Journal::default(),
    }
}

/// Begins to keep it, of a host of this name: the first picture may not be there yet. How it goes with those who are to be told is hung up
/// among `accounts`.
///
/// # Errors
/// When no thread can be had.
pub fn start(
    control: &Arc<Control>,
    config: &Config,
    state: PathBuf,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    (host, accounts): (&Shown, &Arc<Accounts>),
) -> Result<Chronicle> {
    let doing = || "cannot keep the events".to_owned();
    let (sender, receiver) = sync_channel(WAITING);
    let line = Line { sender, lost: Arc::default() };
    let (version, changes) = watch::channel(0);
    let targets = notify::start(&config.notify, host, &line, accounts).while_doing(doing)?;
    let settings: Vec<(String, String)> = config.describe().into_iter().map(|(key, value, _)| (key, value.as_str().to_owned())).collect();
    let keeping = writer::Writer::new(Arc::clone(control), config.events.clone(), targets, Arc::clone(&line.lost), version);
    std::thread::Builder::new()
        .name("berth-events".to_owned())
        .stack_size(512 * 1024)
        .spawn(move || {
            crate::failpoint::pass("berth-events");
            keeping.run(&receiver);
        })
        .while_doing(doing)?;
    let watching = watcher::Watcher::new(Arc::clone(control), line, state, settings);
    std::thread::Builder::new()
        .name("berth-chronicle".to_owned())
        .stack_size(512 * 1024)
        .spawn(move || {
            crate::failpoint::pass("berth-chronicle");
            watching.run(snapshots);
        })
        .while_doing(doing)?;
    Ok(Chronicle { version: changes })
}
