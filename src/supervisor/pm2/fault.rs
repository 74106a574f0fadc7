//! Why a question to a PM2 daemon came to nothing.
//!
//! It must never say that nothing was heard where that is not known.

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It said no, in these words.
    Refused(String),
    /// It answered, and what that means is not known.
    Strange,
    /// Nobody answered: whether it was heard is not known.
    Lost(String),
}

impl Fault {
    /// Nobody answered.
    pub fn lost(why: &str) -> Self {
        Self::Lost(why.to_owned())
    }

    /// In words.
    pub fn words(&self) -> &str {
        match self {
            Self::Refused(words) | Self::Lost(words) => words,
            Self::Strange => "its answer is not understood",
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{ConnectionRefused, NotFound, TimedOut, UnexpectedEof, WouldBlock};
        Self::Lost(match error.kind() {
            // A read with a deadline ends so.
            TimedOut | WouldBlock => "it does not answer".to_owned(),
            UnexpectedEof => "it has closed the connection".to_owned(),
            ConnectionRefused | NotFound => "nobody listens on its socket".to_owned(),
            _ => error.to_string(),
        })
    }
}
