//! Who asks. Taken from the kernel (the process's own uid, a socket's peer), never from what the asker says.
//!
//! It must never decide what the caller may do: that is `control::authorise`.

use serde::{Deserialize, Serialize};

use super::{Shown, Uid};

/// The person at the console or the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The uid that the kernel vouches for.
    pub uid: Uid,
    /// The account's name, or the uid in digits.
    pub name: Shown,
    /// The login uid before `sudo` or `su`, from /proc/self/loginuid, for the audit only; `None` where the kernel does not keep it.
    pub login: Option<Uid>,
    /// What the configuration's `[access]` makes of this account.
    pub role: Role,
    /// `--read-only` was given, or the console is locked with `V`.
    pub read_only: bool,
}

impl Caller {
    /// The person behind it, as far as the kernel tells: who logged in, else the account. An admin's order is the same person's whether the
    /// daemon carries it out with its own rights or not.
    pub fn person(&self) -> Uid {
        self.login.unwrap_or(self.uid)
    }

    /// Whether it is the same account in the same role, whoever has logged in to be it.
    pub fn is_as(&self, other: &Self) -> bool {
        (self.uid, &self.name, self.role, self.read_only) == (other.uid, &other.name, other.role, other.read_only)
    }
}

/// What an account is to berth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// May act on every instance.
    Admin,
    /// May look at everything that may be shown, and act on its own instances as `owners_may` says.
    Viewer,
    /// May look at nothing but its own instances.
    Stranger,
}

impl Role {
    /// The word for the header.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
            Self::Stranger => "stranger",
        }
    }
}
