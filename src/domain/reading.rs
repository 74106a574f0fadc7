//! A value that was read, or the reason why it is not there. Denied, gone and zero are three things.
//!
//! It must never offer a default value: whoever shows a reading decides what its absence looks like.

use serde::{Deserialize, Serialize};

/// What came of reading one fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reading<T> {
    /// The fact.
    Known(T),
    /// The kernel refused: EACCES, EPERM, or hidden by `hidepid`.
    Denied,
    /// The thing it was asked of is not there (any more).
    Gone,
    /// It was not asked, or there is no answer yet.
    Unasked,
}

impl<T> Reading<T> {
    /// The fact, where there is one.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Denied | Self::Gone | Self::Unasked => None,
        }
    }

    /// The same reading of a reference.
    pub fn as_ref(&self) -> Reading<&T> {
        match self {
            Self::Known(value) => Reading::Known(value),
            Self::Denied => Reading::Denied,
            Self::Gone => Reading::Gone,
            Self::Unasked => Reading::Unasked,
        }
    }

    /// The reading of something made from the fact.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Known(value) => Reading::Known(make(value)),
            Self::Denied => Reading::Denied,
            Self::Gone => Reading::Gone,
            Self::Unasked => Reading::Unasked,
        }
    }

    /// The word for `"unknown"` in JSON: why the value is null. `None` where it is known.
    pub fn why_unknown(&self) -> Option<&'static str> {
        match self {
            Self::Known(_) => None,
            Self::Denied => Some("denied"),
            Self::Gone => Some("gone"),
            Self::Unasked => Some("not asked"),
        }
    }

    /// What an I/O error says of the thing that was read; `None` when it says neither denied nor gone.
    pub fn from_error(error: &std::io::Error) -> Option<Self> {
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => Some(Self::Denied),
            Some(libc::ENOENT | libc::ESRCH | libc::ENOTDIR) => Some(Self::Gone),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_gone_and_zero_are_three_things() {
        assert_eq!(Reading::Known(0).known(), Some(0));
        assert_eq!(Reading::<u8>::Denied.known(), None);
        assert_eq!(Reading::Known(0).why_unknown(), None);
        assert_eq!(Reading::<u8>::Denied.why_unknown(), Some("denied"));
        assert_eq!(Reading::<u8>::Gone.why_unknown(), Some("gone"));
    }

    #[test]
    fn errors_are_told_apart() {
        let of = |code| Reading::<()>::from_error(&std::io::Error::from_raw_os_error(code));
        assert_eq!(of(libc::EACCES), Some(Reading::Denied));
        assert_eq!(of(libc::ESRCH), Some(Reading::Gone));
        assert_eq!(of(libc::EIO), None);
    }
}
