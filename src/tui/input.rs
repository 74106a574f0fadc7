//! Keys, pastes and the mouse, read on a thread of their own and sent to the loop.
//!
//! It must never decide what a key means. Resizing is not taken from here: SIGWINCH tells the loop.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crossterm::event::{Event as Raw, KeyEventKind, MouseButton, MouseEvent, MouseEventKind, poll as is_ready, read};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc::Sender;

use super::event::{Event, Mouse};
use super::{swift, terminal};
use crate::error::{Context, Result};

/// Keeps the thread from the terminal while another program has it.
#[derive(Debug)]
pub struct Gate {
    state: Arc<(Mutex<Passage>, Condvar)>,
    call: std::io::PipeWriter,
}

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// The thread.
    Open,
    /// The thread is to let go.
    Closing,
    /// It has let go.
    Closed,
}

/// How long the thread may take to let go: it is between two keys nearly always.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

impl Gate {
    /// Waits until the thread has let go of the terminal. Says whether it has.
    pub fn close(&mut self) -> bool {
        use std::io::Write;
        let (passage, changed) = &*self.state;
        let mut now = passage.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Passage::Closing;
        if self.call.write_all(&[1]).is_err() {
            return true;
        }
        let waited = changed.wait_timeout_while(now, PATIENCE, |now| *now != Passage::Closed);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == Passage::Closed
    }

    /// Gives it back.
    pub fn open(&self) {
        *self.state.0.lock().unwrap_or_else(PoisonError::into_inner) = Passage::Open;
        self.state.1.notify_all();
    }
}

/// Starts the thread. The channel is bounded: a paste of megabytes waits in the terminal, not in memory.
///
/// # Errors
/// When no thread can be started.
pub fn start(keys: Sender<Event>) -> Result<Gate> {
    let (called, call) = std::io::pipe().while_doing(|| "cannot start the thread that reads keys".to_owned())?;
    let state = Arc::new((Mutex::new(Passage::Open), Condvar::new()));
    let gate = Gate { state: Arc::clone(&state), call };
    std::thread::Builder::new()
        .name("keys".to_owned())
        .stack_size(256 * 1024)
        .spawn(move || {
            crate::failpoint::pass("keys");
            swift::be();
            loop {
                if !wait(&called, &state) {
                    return;
                }
                if !is_ready(std::time::Duration::ZERO).unwrap_or(true) {
                    tell_again();
                }
                // One look may bring several keys, which are then held where only this sees them.
                while is_ready(std::time::Duration::ZERO).unwrap_or(true) {
                    let Ok(raw) = read() else { return };
                    if let Some(event) = translate(raw)
                        && keys.blocking_send(event).is_err()
                    {
                        return;
                    }
                }
            }
        })
        .while_doing(|| "cannot start the thread that reads keys".to_owned())?;
    Ok(gate)
}

/// Has the kernel tell once more that there is something to be read.
///
/// crossterm 0.29 is told of each key once (EPOLLET) and returns at a change of size without having read the key that came with it: that
/// key would wait for the next one. To set the terminal as it is set wakes whoever waits for it (n_tty_set_termios in drivers/tty/n_tty.c).
fn tell_again() {
    if let Ok(settings) = rustix::termios::tcgetattr(terminal::input()) {
        let _ = rustix::termios::tcsetattr(terminal::input(), rustix::termios::OptionalActions::Now, &settings);
    }
}

/// Waits until there is something to be read, at the gate if need be. Says whether to go on.
fn wait(called: &std::io::PipeReader, state: &(Mutex<Passage>, Condvar)) -> bool {
    use std::io::Read;
    loop {
        let mut watched = [PollFd::from_borrowed_fd(terminal::input(), PollFlags::IN), PollFd::new(called, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return false,
        }
        let [input, call] = watched.map(|watched| !watched.revents().is_empty());
        if !call {
            return input;
        }
        if !matches!((&*called).read(&mut [0]), Ok(1..)) {
            return false;
        }
        let (passage, changed) = state;
        let mut now = passage.lock().unwrap_or_else(PoisonError::into_inner);
        if *now == Passage::Closing {
            *now = Passage::Closed;
            changed.notify_all();
            drop(changed.wait_while(now, |now| *now == Passage::Closed));
        }
    }
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
