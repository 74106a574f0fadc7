//! The terminal's own state: raw mode, the second screen, and giving everything back on every way out.
//!
//! It must never take a lock or allocate on the way out: that runs in a panic hook and in the watchdog too.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::error::{Context, Error, Kind, Result};

/// What the terminal was before berth: it is given back as this, however often berth was stopped meanwhile.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// Whether berth has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The second screen, bracketed paste, reports of the focus, no cursor.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?25l";

/// Ends a synchronised frame, attributes, reports of the mouse and the focus, paste marks and the second screen; shows the cursor.
const GIVE_BACK: &[u8] = b"\x1b[?2026l\x1b[m\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// Buttons, movements with one of them down, coordinates as numbers. Movements without a button would cost a slow link a lot.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";

/// The mouse is the terminal's again.
const NO_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// berth's hold on the terminal; dropping it gives the terminal back.
pub struct Hold(());

impl Hold {
    /// Takes the terminal and sees to it that a panic in any thread gives it back.
    ///
    /// # Errors
    /// `Usage` when standard input and output are not a terminal.
    pub fn take() -> Result<Self> {
        if !rustix::termios::isatty(output()) || !rustix::termios::isatty(input()) {
            return Err(Error::new(Kind::Usage, "the console needs a terminal for its input and output").hint("berth ls"));
        }
        let before = tcgetattr(output()).while_doing(|| "cannot read the terminal's settings".to_owned())?;
        BEFORE.get_or_init(|| before);
        hook_panics();
        take()?;
        Ok(Self(()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        give_back();
    }
}

/// Standard output, which is the terminal.
pub fn output() -> BorrowedFd<'static> {
    rustix::stdio::stdout()
}

/// Standard input, which is the terminal.
pub fn input() -> BorrowedFd<'static> {
    rustix::stdio::stdin()
}

/// Raw mode and the second screen; again after the program was stopped.
///
/// # Errors
/// When the terminal does not take the settings.
pub fn take() -> Result<()> {
    let Some(before) = BEFORE.get() else { return Ok(()) };
    let mut raw = before.clone();
    raw.make_raw();
    tcsetattr(output(), OptionalActions::Now, &raw).while_doing(|| "cannot set the terminal to raw mode".to_owned())?;
    TAKEN.store(true, Ordering::SeqCst);
    write(TAKE);
    Ok(())
}

/// Has the terminal tell about the mouse, or lets it select text with it.
pub fn mouse(taken: bool) {
    write(if taken { MOUSE } else { NO_MOUSE });
}

/// Gives the terminal back as it was. Does nothing when berth does not have it.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    write(GIVE_BACK);
    if let Some(before) = BEFORE.get() {
        // TCSANOW: draining would wait for a terminal that takes nothing any more.
        let _ = tcsetattr(output(), OptionalActions::Now, before);
    }
}

/// Columns and rows; a terminal that does not say (0x0) is reported as it is.
pub fn size() -> (u16, u16) {
    tcgetwinsize(output()).map_or((0, 0), |size| (size.ws_col, size.ws_row))
}

/// Writes what little there is to write, unless the terminal takes nothing within a moment.
fn write(mut bytes: &[u8]) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    while !bytes.is_empty() {
        let mut waiting = [PollFd::from_borrowed_fd(output(), PollFlags::OUT)];
        let moment = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        match poll(&mut waiting, Some(&moment)) {
            Ok(ready) if ready > 0 => {}
            _ => return,
        }
        match rustix::io::write(output().as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// A panic, in whichever thread, first gives the terminal back, then says what it has to say where it can be read, and ends the program:
/// a console of which a part is dead would show a picture that stands still.
fn hook_panics() {
    static HOOKED: AtomicBool = AtomicBool::new(false);
    if HOOKED.swap(true, Ordering::SeqCst) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let had_it = TAKEN.load(Ordering::SeqCst);
        give_back();
        before(panic);
        if had_it {
            std::process::exit(101);
        }
    }));
}
