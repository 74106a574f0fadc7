//! `berth ls --watch`: the table again whenever it has changed.
//!
//! It must never clear the whole screen at a change, nor leave the terminal other than it was.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::args::Global;
use super::door::Desk;
use super::errors::Stop;
use super::ls::{is_configured, tell_notices};
use super::output::Out;
use crate::domain::Snapshot;
use crate::error::Context;
use crate::present::{json, table};

/// No more pictures than this: people read, lines are slow.
const PAUSE: Duration = Duration::from_millis(500);

/// Home, and no wrapping: a row that is too long must not push the others down. Undone by [`LEAVE`].
const ENTER: &str = "\u{1b}[?7l\u{1b}[H\u{1b}[J";
const LEAVE: &str = "\u{1b}[?7h";

/// Goes on until interrupted.
pub fn run(global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().while_doing(|| "cannot wait for changes".to_owned())?;
    let screen = out.is_terminal() && !global.json;
    if screen {
        out.text(ENTER)?;
    }
    let ended = runtime.block_on(watch(global, desk, out, screen));
    if screen {
        out.text(LEAVE)?;
    }
    ended
}

async fn watch(global: &Global, desk: &dyn Desk, out: &mut Out, screen: bool) -> Result<u8, Stop> {
    let what = || "cannot wait for changes".to_owned();
    let mut interrupted = signal(SignalKind::interrupt()).while_doing(what)?;
    let mut terminated = signal(SignalKind::terminate()).while_doing(what)?;
    let mut snapshots = desk.watch()?;
    tell_notices(&Arc::clone(&*snapshots.borrow()), is_configured(desk), global);
    let mut last = String::new();
    loop {
        let snapshot = Arc::clone(&*snapshots.borrow_and_update());
        let text = if global.json { format!("{}\n", json::ls(&snapshot)) } else { table::table(&snapshot, out.style(), out.program()) };
        if text != last {
            out.text(&if screen { picture(&text, &snapshot, rows_of_terminal()) } else { piece(&text, last.is_empty(), global.json) })?;
            out.flush()?;
            last = text;
        }
        let pause = Instant::now() + PAUSE;
        let changed = async {
            tokio::time::sleep_until(pause).await;
            snapshots.changed().await
        };
        tokio::select! {
            changed = changed => if changed.is_err() { return Ok(0) },
            _ = interrupted.recv() => return Ok(0),
            _ = terminated.recv() => return Ok(0),
        }
    }
}

/// In a pipe: the tables with an empty line between them, documents line by line.
fn piece(text: &str, first: bool, json: bool) -> String {
    if first || json { text.to_owned() } else { format!("\n{text}") }
}

/// The picture over the one before it: each line to its end, then the rest of the screen.
fn picture(text: &str, snapshot: &Snapshot, rows: usize) -> String {
    let mut picture = format!("\u{1b}[H{}\u{1b}[K\r\n", table::summary(snapshot));
    let room = rows.saturating_sub(3);
    let count = text.lines().count();
    for line in text.lines().take(room) {
        picture.push_str(line);
        picture.push_str("\u{1b}[K\r\n");
    }
    if count > room {
        picture.push_str(&format!("{} more lines do not fit\u{1b}[K\r\n", count - room));
    }
    picture.push_str("\u{1b}[J");
    picture
}

fn rows_of_terminal() -> usize {
    rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_row)).ok().filter(|rows| *rows > 3).unwrap_or(24)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    #[test]
    fn a_picture_fits_and_clears_only_what_it_leaves() {
        let picture = picture("a\nb\nc\nd\n", &fleet::fleet(), 5);
        assert_eq!(picture.matches("\r\n").count(), 4);
        assert!(picture.contains("2 more lines do not fit"));
        assert!(!picture.contains("\u{1b}[2J") && picture.ends_with("\u{1b}[J"));
    }

    #[test]
    fn it_goes_on_until_there_are_no_more_changes() {
        let desk = FakeDesk::new(fleet::fleet());
        let (mut out, text) = written();
        assert_eq!(run(&global("--json"), &desk, &mut out).unwrap(), 0);
        assert_eq!(text().lines().count(), 1);
        assert!(text().starts_with(r#"{"schema":1,"host":"mcp-3""#));
    }
}
