//! Whether anybody listens on a port, for those who wait until somebody does. A look tells that too, and takes a hundred times as long:
//! dozens of servers that take their seconds to start would have a processor less to do so.
//!
//! It must never be taken for more than a reason to look: whose socket it is, a look tells.

use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How old what was heard may be.
pub(super) const RECENT: Duration = Duration::from_millis(10);

/// Ears that many listen with.
pub(super) struct Ears {
    heard: Mutex<Option<(Instant, HashSet<u16>)>>,
    ask: fn() -> io::Result<HashSet<u16>>,
}

impl Ears {
    /// Ears that ask the kernel.
    pub fn new() -> Self {
        Self { heard: Mutex::new(None), ask: crate::sample::listening_ports }
    }

    /// Whether somebody listens on this port, on any address. True as well where the kernel does not tell.
    pub fn hear(&self, port: u16) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.as_ref().is_none_or(|(at, _)| at.elapsed() >= RECENT) {
            let asked = Instant::now();
            *heard = (self.ask)().ok().map(|ports| (asked, ports));
        }
        heard.as_ref().is_none_or(|(_, ports)| ports.contains(&port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_listens_is_heard_and_nobody_else() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ears = Ears::new();
        assert!(crate::patience::until_so(|| ears.hear(listener.local_addr().unwrap().port())));
        let refusing = Ears { heard: Mutex::new(None), ask: || Err(io::ErrorKind::PermissionDenied.into()) };
        assert!(refusing.hear(1), "who is told nothing has to look");
        let silent = Ears { heard: Mutex::new(None), ask: || Ok(HashSet::from([2])) };
        assert!(silent.hear(2) && !silent.hear(1));
    }
}
