//! Which commands have something done: a daemon does it, where there is one.
//!
//! It must never call one harmless that changes anything.

use super::Command;

impl Command {
    /// Whether it has something done, or says what would be done.
    pub fn acts(&self) -> bool {
        match self {
            Self::Start(_) | Self::Stop(_) | Self::Restart(_) | Self::Add(_) | Self::Assign(_) | Self::Adopt(_) | Self::Remove(_) => true,
            Self::Trust(_) => true,
            Self::Ports(ports) => ports.reserving().is_some(),
            Self::Ls(_) | Self::Show(_) | Self::Why(_) | Self::Logs(_) | Self::Port(_) | Self::Client(_) | Self::Discover(_) => false,
            Self::Check(_) | Self::Events(_) | Self::Config(_) | Self::Completions(_) | Self::Man(_) => false,
            // Of their own: files, a daemon, a fleet that nobody else knows.
            Self::Deploy(_) | Self::Serve(_) | Self::DialStdio | Self::Demo(_) => false,
        }
    }
}
