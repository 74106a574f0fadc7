//! The signals that a person may send to an instance's process, each with what it does.
//!
//! It must never hold one that only the kernel sends, and never send any.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A signal, signal(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGQUIT.
    Quit,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
    /// SIGKILL.
    Kill,
}

impl Signal {
    /// Every one, the mildest use first.
    pub const ALL: [Signal; 9] = [
        Signal::Hangup,
        Signal::Interrupt,
        Signal::Terminate,
        Signal::User1,
        Signal::User2,
        Signal::Quit,
        Signal::Stop,
        Signal::Continue,
        Signal::Kill,
    ];

    /// The name without its SIG, as kill(1) has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Terminate => "TERM",
            Self::User1 => "USR1",
            Self::User2 => "USR2",
            Self::Quit => "QUIT",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Kill => "KILL",
        }
    }

    /// The number on this architecture: it is not everywhere the same.
    pub fn number(self) -> i32 {
        match self {
            Self::Hangup => libc::SIGHUP,
            Self::Interrupt => libc::SIGINT,
            Self::Terminate => libc::SIGTERM,
            Self::User1 => libc::SIGUSR1,
            Self::User2 => libc::SIGUSR2,
            Self::Quit => libc::SIGQUIT,
            Self::Stop => libc::SIGSTOP,
            Self::Continue => libc::SIGCONT,
            Self::Kill => libc::SIGKILL,
        }
    }

    /// What a process makes of it, signal(7).
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Hangup => "many servers read their settings anew; others end",
            Self::Interrupt => "asks it to end, as Ctrl-C would",
            Self::Terminate => "asks it to end; what it started may stay",
            Self::User1 => "the program's own; Node.js opens its debugger; others end",
            Self::User2 => "the program's own; others end",
            Self::Quit => "ends it with a core dump; Java only logs its threads",
            Self::Stop => "freezes it: it answers nobody until CONT",
            Self::Continue => "lets it go on after STOP",
            Self::Kill => "ends it at once: nothing is saved or cleaned up",
        }
    }

    /// Whether a process that does not handle it goes on running.
    pub fn leaves_running(self) -> bool {
        matches!(self, Self::Stop | Self::Continue)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_its_own_name_and_number() {
        for (index, signal) in Signal::ALL.into_iter().enumerate() {
            for other in &Signal::ALL[..index] {
                assert!(signal.word() != other.word() && signal.number() != other.number(), "{signal} {other}");
            }
        }
        assert_eq!((Signal::Hangup.number(), Signal::Kill.number()), (1, 9));
    }
}
