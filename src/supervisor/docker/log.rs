//! What a container has written, as its engine tells it, written as lines into a file in memory that is read like any other.
//!
//! It must never hold more than so many bytes, nor go on when nobody reads any more.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::api::{Client, Fault, Logs};
use super::state::Shared;
use super::watch::Ask;
use crate::domain::Activity;
use crate::hand;

/// How many of the last lines are told.
const LAST: usize = 20_000;

/// How long they may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Nothing more comes at once after so long: the rest is what is written from now on.
const QUIET: Duration = Duration::from_millis(150);

/// How long the first of it may take where it has written nothing yet.
const SILENT: Duration = Duration::from_secs(1);

/// How long between two looks whether it runs again, or whether anybody reads it.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The file that it is written to.
type Spool = Mutex<hand::Spool>;

/// Who waits for the first of it.
type Begun = std::sync::mpsc::Sender<Result<(), Fault>>;

/// A container's log. Nothing is asked for before somebody opens it.
pub struct ContainerLog {
    id: String,
    asks: mpsc::Sender<Ask>,
    spool: Mutex<Option<Arc<Spool>>>,
}

/// What is asked of the thread.
pub(super) struct Wanted {
    id: String,
    spool: Weak<Spool>,
    /// Told when what there is has been written, or why not.
    begun: Begun,
}

impl ContainerLog {
    /// The log of this one.
    pub(super) fn of(id: &str, asks: mpsc::Sender<Ask>) -> Self {
        Self { id: id.to_owned(), asks, spool: Mutex::new(None) }
    }

    /// Opens it, for reading from its beginning.
    ///
    /// # Errors
    /// When its engine does not answer, or keeps no log.
    pub fn open(&self) -> io::Result<File> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        let spool = match &mut *spool {
            Some(spool) => spool,
            none => none.insert(self.begin()?),
        };
        spool.lock().unwrap_or_else(PoisonError::into_inner).reopen()
    }

    fn begin(&self) -> io::Result<Arc<Spool>> {
        let spool = Arc::new(Mutex::new(hand::Spool::new("berth-docker")?));
        let (begun, told) = std::sync::mpsc::channel();
        let wanted = Wanted { id: self.id.clone(), spool: Arc::downgrade(&spool), begun };
        self.asks.try_send(Ask::Log(wanted)).map_err(|_| io::Error::other("its engine is not listened to any more"))?;
        match told.recv_timeout(DEADLINE) {
            Ok(Ok(())) => Ok(spool),
            Ok(Err(fault)) => Err(io::Error::other(fault.words().to_owned())),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Writes down what there is and what follows, for as long as somebody has the file: over runs of the container, and of its engine.
pub(super) async fn write_down(wanted: Wanted, mut clients: watch::Receiver<Option<Arc<Client>>>, shared: Arc<Shared>) {
    let client = match tokio::time::timeout(DEADLINE, clients.wait_for(Option::is_some)).await {
        Ok(Ok(client)) => client.clone(),
        _ => None,
    };
    let Some(client) = client else {
        return drop(wanted.begun.send(Err(Fault::Lost("its engine does not answer".to_owned()))));
    };
    let (mut begun, mut lines) = (Some(wanted.begun), Lines::default());
    let mut run = run_of(&shared, &wanted.id);
    let mut told = client.logs(&wanted.id, Some(LAST), None);
    drop(client);
    loop {
        let end = match told {
            Ok(logs) => follow(logs, &wanted.spool, &mut begun, &mut lines).await,
            Err(fault) => End::Fault(fault),
        };
        match (end, begun.take()) {
            (End::Unread, _) => return,
            (End::Fault(fault), Some(begun)) => return drop(begun.send(Err(fault))),
            (End::Ended, Some(begun)) => drop(begun.send(Ok(()))),
            (_, None) => {}
        }
        // The next run tells on.
        let client = loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if wanted.spool.strong_count() == 0 {
                return;
            }
            let (now, client) = (run_of(&shared, &wanted.id), clients.borrow().clone());
            if let (true, Some(client)) = (now.is_some() && now != run, client) {
                run = now;
                break client;
            }
        };
        lines.since = run;
        told = client.logs(&wanted.id, None, run);
    }
}

/// The beginning of its present run.
fn run_of(shared: &Shared, id: &str) -> Option<Timestamp> {
    let state = shared.state();
    let facts = state.containers.values().find(|facts| facts.id == id && facts.activity() == Activity::Active);
    facts.and_then(|facts| facts.started_at)
}

/// How following came to an end.
enum End {
    /// It writes no more.
    Ended,
    /// Nobody reads it any more.
    Unread,
    Fault(Fault),
}

async fn follow(mut logs: Logs, spool: &Weak<Spool>, begun: &mut Option<Begun>, lines: &mut Lines) -> End {
    loop {
        // Before the first piece it has as long as an answer may take.
        let patience = match (&begun, lines.any) {
            (Some(_), true) => QUIET,
            (Some(_), false) => SILENT,
            (None, _) => LOOK_AGAIN,
        };
        let told = match tokio::time::timeout(patience, logs.next()).await {
            Ok(Some(Ok((is_error, piece)))) => lines.take(is_error, &piece),
            Ok(Some(Err(fault))) => return End::Fault(fault),
            Ok(None) => return End::Ended,
            Err(_) => {
                if let Some(begun) = begun.take() {
                    // Whoever waited may have given up.
                    let _ = begun.send(Ok(()));
                }
                String::new()
            }
        };
        let Some(spool) = spool.upgrade() else { return End::Unread };
        if !told.is_empty()
            && let Err(error) = write(&spool, told.as_bytes())
        {
            return End::Fault(Fault::Lost(error.to_string()));
        }
    }
}

fn write(spool: &Spool, bytes: &[u8]) -> io::Result<()> {
    let mut file = spool.lock().unwrap_or_else(PoisonError::into_inner);
    file.turn_over();
    file.write_all(bytes)
}

/// Pieces made lines: `TIME text`, and what was written to the standard error with a word for it.
#[derive(Default)]
struct Lines {
    any: bool,
    /// What is older was told already.
    since: Option<Timestamp>,
    /// What was last written and has no end yet, of both streams.
    open: [bool; 2],
}

impl Lines {
    fn take(&mut self, is_error: bool, piece: &[u8]) -> String {
        self.any = true;
        let text = String::from_utf8_lossy(piece);
        let mut told = String::with_capacity(text.len() + 16);
        let open = &mut self.open[usize::from(is_error)];
        for line in text.split_inclusive('\n') {
            let timed = line.split_once(' ').and_then(|(time, rest)| Some((time.parse::<Timestamp>().ok()?, time, rest)));
            match timed.filter(|_| !*open) {
                // Engines tell seconds alone, some of them.
                Some((at, ..)) if self.since.is_some_and(|since| at.as_second() < since.as_second()) => continue,
                Some((_, time, rest)) => {
                    told.push_str(time);
                    told.push_str(if is_error { " [stderr] " } else { " " });
                    told.push_str(rest);
                }
                _ => told.push_str(line),
            }
            *open = !line.ends_with('\n');
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_time_and_say_where_they_were_written_to() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(false, b"2026-11-22T03:20:11Z out\n"), "2026-11-22T03:20:11Z out\n");
        assert_eq!(lines.take(true, b"2026-11-22T03:20:11Z err\n"), "2026-11-22T03:20:11Z [stderr] err\n");
        assert_eq!(lines.take(true, b"2026-11-22T03:20:12Z half"), "2026-11-22T03:20:12Z [stderr] half");
        assert_eq!(lines.take(true, b" and half\n"), " and half\n");
        lines.since = "2026-11-22T03:20:12.5Z".parse().ok();
        assert_eq!(lines.take(false, b"2026-11-22T03:20:11Z old\n2026-11-22T03:20:12Z new\n"), "2026-11-22T03:20:12Z new\n");
        assert_eq!(lines.take(false, b"no time at all\n\xff\n"), "no time at all\n\u{fffd}\n");
    }

    #[test]
    fn where_nobody_listens_there_is_no_log() {
        let (asks, receiver) = mpsc::channel(1);
        drop(receiver);
        assert!(ContainerLog::of("a", asks).open().is_err());
    }
}
