//! How a command ends when it does not end well: an error in three parts, or a reader that has gone.
//!
//! It must never show a text from outside that was not made harmless.

use std::io::{self, Write};

use crate::domain::Shown;
use crate::error::Error;

/// Why a command stopped.
#[derive(Debug)]
pub enum Stop {
    /// Something did not happen.
    Error(Error),
    /// Nobody reads the output any more: `berth ls | head -1`. That is no failure.
    PipeClosed,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::PipeClosed,
            _ => Self::Error(Error::failed("cannot write the output").because(error)),
        }
    }
}

impl Stop {
    /// Tells it on standard error and gives the exit code.
    pub fn tell(&self) -> u8 {
        match self {
            Self::PipeClosed => 0,
            Self::Error(error) => {
                // Where standard error is closed, the exit code is all that can be said.
                let _ = io::stderr().lock().write_all(sentence(error).as_bytes());
                error.exit_code()
            }
        }
    }
}

/// "berth: what did not happen: why", and below it the way out.
pub fn sentence(error: &Error) -> String {
    let mut text = format!("berth: {}\n", harmless(&error.chain()).join("\n  "));
    for line in error.way_out().into_iter().flat_map(harmless) {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// Line by line: a line end in an error is berth's own, everything else that a terminal would obey is not.
fn harmless(text: &str) -> Vec<String> {
    text.lines().map(|line| Shown::new(line).as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn an_error_has_three_parts() {
        let error = Error::new(Kind::Busy, "carol: not started").because("8107 is held by pid 4711").hint("berth ports --free");
        assert_eq!(sentence(&error), "berth: carol: not started: 8107 is held by pid 4711\n  berth ports --free\n");
        assert_eq!(Stop::from(error).tell(), 5);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_out() {
        let text = sentence(&Error::failed("cannot read \u{1b}[2Jx").hint("one\ntwo\u{7}"));
        assert_eq!(text, "berth: cannot read ␛[2Jx\n  one\n  two␇\n");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        assert_eq!(Stop::from(io::Error::from(io::ErrorKind::BrokenPipe)).tell(), 0);
        assert_eq!(Stop::from(io::Error::from(io::ErrorKind::StorageFull)).tell(), 1);
    }
}
