//! Why the file of certificates tells nothing: denied, out of reach and damaged are different things.
//!
//! It must never call a file damaged that this account may not read: whoever moved it away would lose what is known.

use std::io;
use std::path::Path;

use crate::error::{Error, Kind};

/// Why a file tells nothing: three different things, of which only one is mended by moving it away.
#[derive(Debug)]
pub(super) enum Unread {
    /// This account may not read it. It may be as whole as can be.
    Denied,
    /// The kernel could not.
    Failed(io::Error),
    /// What stands there is not what berth writes.
    Damaged(String),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied,
            // It is read whole as text.
            io::ErrorKind::InvalidData => Self::Damaged("it is no text".to_owned()),
            _ => Self::Failed(error),
        }
    }
}

impl Unread {
    /// In a sentence, with what follows from it.
    pub fn words(&self, path: &Path) -> String {
        let (path, follows) = (path.display(), "no instance is known by its certificate, and no key is sent over TLS");
        match self {
            Self::Denied => format!("this account may not read {path}: {follows}, while it asks"),
            Self::Failed(error) => format!("{path} cannot be read ({error}): {follows}, until it can"),
            Self::Damaged(why) => format!("{path} is damaged ({why}): {follows}, until it is moved away"),
        }
    }

    /// That it keeps something from being written.
    pub fn in_the_way(self, path: &Path) -> Error {
        let path = path.display();
        match self {
            Self::Denied => {
                Error::new(Kind::NotPermitted, format!("cannot write {path}: this account may not read it")).hint("the same with sudo")
            }
            Self::Failed(error) => Error::failed(format!("cannot write {path}: it cannot be read")).because(error),
            Self::Damaged(why) => Error::failed(format!("cannot write {path}: it is damaged ({why})"))
                .hint(format!("mv {path} {path}.damaged    every certificate is then taken at first sight again")),
        }
    }
}
