//! Watches for a terminal that hangs up, and ends the program when nothing else does.
//!
//! crossterm 0.29's poll never returns once the terminal is gone, and SIGHUP may be blocked or ignored (nohup(1)): so a thread of its
//! own asks the kernel. It must never read from the terminal nor write to it.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc::Sender;

use super::terminal;
use crate::error::{Context, Result};

/// How long the loop has to come to an orderly end.
const GRACE: Duration = Duration::from_millis(500);

/// The exit status of a program that SIGHUP ended, as a shell tells it.
const HUNG_UP: i32 = 129;

/// Starts the thread. It tells the loop first, and ends the process when that was not enough.
///
/// # Errors
/// When no thread can be started.
pub fn start(hung_up: Sender<()>) -> Result<()> {
    std::thread::Builder::new()
        .name("watchdog".to_owned())
        .stack_size(64 * 1024)
        .spawn(move || {
            crate::failpoint::pass("watchdog");
            wait_for_hangup();
            let _ = hung_up.try_send(());
            std::thread::sleep(GRACE);
            std::process::exit(HUNG_UP);
        })
        .while_doing(|| "cannot start the thread that watches the terminal".to_owned())?;
    Ok(())
}

/// Returns once the terminal is gone. POLLHUP, POLLERR and POLLNVAL are reported without being asked for, poll(2).
fn wait_for_hangup() {
    loop {
        let mut watched = [
            PollFd::from_borrowed_fd(terminal::input(), PollFlags::empty()),
            PollFd::from_borrowed_fd(terminal::output(), PollFlags::empty()),
        ];
        match poll(&mut watched, None) {
            Ok(_) => {
                let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
                if watched.iter().any(|fd| fd.revents().intersects(gone)) {
                    return;
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            // Without poll there is nothing to watch with; signals remain.
            Err(_) => std::thread::sleep(Duration::from_secs(60)),
        }
    }
}
