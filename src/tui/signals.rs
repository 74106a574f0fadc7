//! The signals that concern a console: ends, stops, going on, a new size.
//!
//! It must never act on one: it says which came.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal as Number, kill, raise, sigaction};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::error::{Context, Result};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Leave: TERM, HUP, INT, QUIT.
    End,
    /// Stop, as a shell's job: TSTP.
    Stop,
    /// It goes on: CONT.
    Continued,
    /// The terminal has another size: WINCH.
    Resized,
}

/// Those that are listened for.
pub struct Signals {
    terminate: Stream,
    hang_up: Stream,
    interrupt: Stream,
    quit: Stream,
    stop: Stream,
    go_on: Stream,
    resized: Stream,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When a handler cannot be installed.
    pub fn listen() -> Result<Self> {
        let open = |kind: SignalKind| signal(kind).while_doing(|| "cannot listen for signals".to_owned());
        Ok(Self {
            terminate: open(SignalKind::terminate())?,
            hang_up: open(SignalKind::hangup())?,
            interrupt: open(SignalKind::interrupt())?,
            quit: open(SignalKind::quit())?,
            stop: open(SignalKind::from_raw(libc::SIGTSTP))?,
            go_on: open(SignalKind::from_raw(libc::SIGCONT))?,
            resized: open(SignalKind::window_change())?,
        })
    }

    /// Lets go of interrupts that came while another program had the terminal.
    pub fn forget_interrupts(&mut self) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for stream in [&mut self.interrupt, &mut self.quit] {
            while matches!(stream.poll_recv(&mut context), std::task::Poll::Ready(Some(()))) {}
        }
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End,
            _ = self.hang_up.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.quit.recv() => Signal::End,
            _ = self.stop.recv() => Signal::Stop,
            _ = self.go_on.recv() => Signal::Continued,
            _ = self.resized.recv() => Signal::Resized,
        }
    }
}

/// Waits for the end of a program that has the terminal. When it is stopped, so is this one: the shell is to have the terminal then.
///
/// # Errors
/// What waitpid(2) says.
pub fn wait_for(child: &std::process::Child) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    loop {
        match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Stopped(..)) => {
                stop(true);
                let _ = kill(pid, Number::SIGCONT);
            }
            Err(nix::errno::Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error).while_doing(|| "cannot wait for the pager".to_owned()),
        }
    }
}

/// Stops the process by SIGTSTP's own effect, so that the shell sees a stopped job; returns when it goes on.
/// `all` stops the whole job as Ctrl-Z in a terminal does: sudo(8) or a pipe's other end would otherwise wait in the foreground.
pub fn stop(all: bool) {
    let with = |handler| SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring runs no code of ours; what was installed before is put back below.
    let before = unsafe { sigaction(Number::SIGTSTP, &with(SigHandler::SigIgn)) };
    if all {
        // Group 0 is our own. It is ignored here, because one sent to the group may stop another thread first, and this one would go on.
        let _ = kill(Pid::from_raw(0), Number::SIGTSTP);
    }
    // SAFETY: as above.
    let _ = unsafe { sigaction(Number::SIGTSTP, &with(SigHandler::SigDfl)) };
    // To this very thread, so that it does not return before the stop is over. In an orphaned group the kernel drops it, and nothing stops.
    let _ = raise(Number::SIGTSTP);
    if let Ok(before) = before {
        // SAFETY: this is the handler that was installed before, unchanged.
        let _ = unsafe { sigaction(Number::SIGTSTP, &before) };
    }
}
