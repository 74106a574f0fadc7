//! What went wrong: a kind, a sentence, the cause beneath, and the way out. The one place that knows exit codes.
//!
//! It must never print: presenters do. Texts that come from outside are made `Shown` before they get in here.

use std::error::Error as StdError;
use std::fmt;

/// What sort of failure it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An action failed, or there are findings.
    Failed,
    /// The words on the command line, or a configuration, are wrong.
    Usage,
    /// The caller may not.
    NotPermitted,
    /// No such instance.
    NoSuchInstance,
    /// Somebody else is acting on it, or the port is taken.
    Busy,
    /// A supervisor, the daemon or a host did not answer in time.
    Timeout,
}

impl Kind {
    /// The exit code, DESIGN section 5.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotPermitted => 3,
            Self::NoSuchInstance => 4,
            Self::Busy => 5,
            Self::Timeout => 6,
        }
    }

    /// The kind that an exit code stands for; `None` for 0, which is no failure.
    pub fn of_exit_code(code: u8) -> Option<Self> {
        (code != 0).then(|| Self::ALL.into_iter().find(|kind| kind.exit_code() == code).unwrap_or(Self::Failed))
    }

    /// Its word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotPermitted => "not-permitted",
            Self::NoSuchInstance => "no-such-instance",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
        }
    }

    /// All of them, in the order of their exit codes.
    pub const ALL: [Self; 6] = [Self::Failed, Self::Usage, Self::NotPermitted, Self::NoSuchInstance, Self::Busy, Self::Timeout];
}

/// berth's error.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of anything that may fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure of a kind, in one sentence without a full stop: what did not happen, to what.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// An action that failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the way out: a command, a thing to check.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// The way out.
    pub fn way_out(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The sentence and its causes, joined by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause: Option<&dyn StdError> = self.source();
        while let Some(error) = cause {
            let sentence = error.to_string();
            if !text.ends_with(&sentence) {
                text.push_str(": ");
                text.push_str(&sentence);
            }
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

/// Gives a library's error its place: what was being done when it came.
pub trait Context<T> {
    /// Makes it a failed action.
    ///
    /// # Errors
    /// The error that it was called on, with the sentence before it.
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::failed(what()).because(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_keeps_every_cause() {
        let cause = std::io::Error::from_raw_os_error(libc::ENOENT);
        let error = Error::failed("cannot read /x").because(cause).hint("create it");
        assert_eq!(error.chain(), "cannot read /x: No such file or directory (os error 2)");
        assert_eq!(error.way_out(), Some("create it"));
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn exit_codes_are_the_contract() {
        assert_eq!(Kind::ALL.map(Kind::exit_code), [1, 2, 3, 4, 5, 6]);
        assert_eq!(Kind::ALL.map(|kind| Kind::of_exit_code(kind.exit_code())), Kind::ALL.map(Some));
        assert_eq!((Kind::of_exit_code(0), Kind::of_exit_code(77)), (None, Some(Kind::Failed)));
    }
}
