//! Keys and pastes, read on a thread of their own and sent to the loop.
//!
//! It must never decide what a key means. Resizing is not taken from here: SIGWINCH tells the loop.

use crossterm::event::{Event as Raw, KeyEventKind, read};
use tokio::sync::mpsc::Sender;

use super::event::Event;
use crate::error::{Context, Result};

/// Starts the thread. The channel is bounded: a paste of megabytes waits in the terminal, not in memory.
///
/// # Errors
/// When no thread can be started.
pub fn start(keys: Sender<Event>) -> Result<()> {
    std::thread::Builder::new()
        .name("keys".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || {
            while let Ok(raw) = read() {
                if let Some(event) = translate(raw)
                    && keys.blocking_send(event).is_err()
                {
                    return;
                }
            }
        })
        .while_doing(|| "cannot start the thread that reads keys".to_owned())?;
    Ok(())
}

/// The event that the console knows.
fn translate(raw: Raw) -> Option<Event> {
    match raw {
        Raw::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        Raw::Paste(text) => Some(Event::Paste(text)),
        _ => None,
    }
}
