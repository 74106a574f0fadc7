//! What the service manager is told: ready, reloading, stopping, alive. sd_notify(3) by hand: one datagram a time.
//!
//! It must never wait, nor fail anything: without a service manager nobody is told.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::domain::Shown;

/// The line to the service manager, where there is one.
#[derive(Debug, Default)]
pub struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// As the environment says: `NOTIFY_SOCKET`.
    pub fn of_process() -> Self {
        Self::to(std::env::var_os("NOTIFY_SOCKET").as_deref())
    }

    fn to(place: Option<&OsStr>) -> Self {
        let line = || {
            let place = place?.as_bytes();
            let address = match place.split_first()? {
                // A name that is no file, unix(7).
                (b'@', name) => SocketAddr::from_abstract_name(name).ok()?,
                _ => SocketAddr::from_pathname(OsStr::from_bytes(place)).ok()?,
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_nonblocking(true).ok()?;
            Some((socket, address))
        };
        Self(line())
    }

    fn tell(&self, text: &str) {
        if let Some((socket, address)) = &self.0 {
            // Nobody can do anything about a manager that does not listen.
            drop(socket.send_to_addr(text.as_bytes(), address));
        }
    }

    /// It answers now; what it says of itself stands in the unit's status.
    pub fn ready(&self, status: &str) {
        // One line each: a text from a configuration ends none.
        self.tell(&format!("READY=1\nSTATUS={}", Shown::new(status)));
    }

    /// It reads its configuration again.
    pub fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic().as_micros()));
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// It lives.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }
}

/// How often it has to be told that it lives: twice in the time that the service manager waits, sd_watchdog_enabled(3).
pub fn watchdog() -> Option<Duration> {
    let variable = |name| std::env::var(name).ok();
    interval(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref(), std::process::id())
}

fn interval(microseconds: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own)) {
        return None;
    }
    let microseconds: u64 = microseconds?.parse().ok().filter(|time| *time > 0)?;
    Some((Duration::from_micros(microseconds) / 2).max(Duration::from_millis(10)))
}

/// The clock that RELOADING is told by.
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_told_line_by_line() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("notify");
        let manager = UnixDatagram::bind(&place).unwrap();
        let heard = || {
            let mut bytes = [0; 4096];
            let length = manager.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        };
        let notify = Notify::to(Some(place.as_os_str()));
        notify.ready("all\nMAINPID=1");
        assert_eq!(heard(), "READY=1\nSTATUS=all␊MAINPID=1");
        notify.reloading();
        assert!(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        notify.stopping();
        notify.alive();
        assert_eq!((heard(), heard()), ("STOPPING=1".to_owned(), "WATCHDOG=1".to_owned()));
        Notify::to(None).ready("nobody listens");
        Notify::to(Some(OsStr::new("/no/such/place"))).alive();
        Notify::to(Some(OsStr::new(""))).alive();
    }

    #[test]
    fn the_watchdog_is_this_process_s_own() {
        let half = |text: &str, pid| interval(Some(text), pid, 7);
        assert_eq!(half("30000000", None), Some(Duration::from_secs(15)));
        assert_eq!(half("30000000", Some("7")), Some(Duration::from_secs(15)));
        assert_eq!((half("30000000", Some("8")), half("0", None), half("x", None), interval(None, None, 7)), (None, None, None, None));
    }
}
