//! Keys, pastes and the mouse, read on a thread of their own and sent to the loop.
//!
//! It must never decide what a key means. Resizing is not taken from here: SIGWINCH tells the loop.

use crossterm::event::{Event as Raw, KeyEventKind, MouseButton, MouseEvent, MouseEventKind, read};
use tokio::sync::mpsc::Sender;

use super::event::{Event, Mouse};
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
        Raw::Mouse(mouse) => pointer(mouse).map(Event::Mouse),
        Raw::FocusGained => Some(Event::Focus(true)),
        Raw::FocusLost => Some(Event::Focus(false)),
        _ => None,
    }
}

/// What the console knows of the mouse.
fn pointer(mouse: MouseEvent) -> Option<Mouse> {
    let (x, y) = (mouse.column, mouse.row);
    Some(match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => Mouse::Press(x, y),
        MouseEventKind::Drag(MouseButton::Left) => Mouse::Drag(x, y),
        MouseEventKind::Up(MouseButton::Left) => Mouse::Release,
        MouseEventKind::ScrollUp => Mouse::Wheel { x, y, down: false },
        MouseEventKind::ScrollDown => Mouse::Wheel { x, y, down: true },
        _ => return None,
    })
}
