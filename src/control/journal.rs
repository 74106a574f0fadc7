//! The host's own log: what happened goes to journald by its native protocol, elsewhere to syslog, one datagram each.
//!
//! It must never wait, nor fail anything: a log that takes nothing is passed over.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use crate::domain::{EventKind, Level, Shown};

/// Where journald listens, systemd-journald.service(8).
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Where syslog does, syslog(3).
const SYSLOG: &str = "/dev/log";

/// How many characters of one text are told.
const LONGEST: usize = 2000;

/// Where it goes; nowhere, unless somewhere was named.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    native: Option<PathBuf>,
    syslog: Option<PathBuf>,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    level: Level,
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Line {
    /// A sentence.
    pub fn new(level: Level, kind: EventKind, message: &str) -> Self {
        let fields = vec![("BERTH_KIND", kind.word().to_owned())];
        Self { level, message: harmless(message), fields }
    }

    /// With one more field; an empty one is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if !value.is_empty() {
            self.fields.push((name, harmless(value)));
        }
        self
    }

    /// Its number in syslog(3).
    fn priority(&self) -> u8 {
        match self.level {
            Level::Error => 3,
            Level::Warning => 4,
            Level::Note => 6,
        }
    }

    /// In the journal's native protocol: a line a field. No text here has a line's end in it.
    fn native(&self) -> String {
        let mut text = format!("MESSAGE={}\nPRIORITY={}\nSYSLOG_IDENTIFIER=berth\n", self.message, self.priority());
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}={value}\n"));
        }
        text
    }

    /// As syslog(3) writes it; 3 is the facility of daemons.
    fn syslog(&self, now: &Zoned) -> String {
        format!("<{}>{} berth[{}]: {}", 3 * 8 + self.priority(), now.strftime("%b %e %H:%M:%S"), std::process::id(), self.message)
    }
}

/// In one line, and not too long.
fn harmless(text: &str) -> String {
    Shown::new(text).as_str().chars().take(LONGEST).collect()
}

impl Journal {
    /// The host's.
    pub fn of_host() -> Self {
        Self { native: Some(JOURNAL.into()), syslog: Some(SYSLOG.into()) }
    }

    /// A socket that speaks the journal's protocol.
    pub fn at(socket: &Path) -> Self {
        Self { native: Some(socket.to_owned()), syslog: None }
    }

    /// Whether nobody is told.
    pub fn is_off(&self) -> bool {
        self.native.is_none() && self.syslog.is_none()
    }

    /// Tells it. Who does not take it at once does not get it.
    pub fn tell(&self, line: &Line) {
        if self.native.as_deref().is_some_and(|place| send(place, &line.native())) {
            return;
        }
        if let Some(place) = &self.syslog {
            send(place, &line.syslog(&Zoned::now()));
        }
    }
}

/// One datagram; whether it was taken.
fn send(place: &Path, text: &str) -> bool {
    let sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(text.as_bytes(), place)
    });
    sent.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 8192];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_journal_has_fields_and_no_text_can_add_one() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("journal");
        let socket = UnixDatagram::bind(&place).unwrap();
        let line = Line::new(Level::Error, EventKind::Crashed, "zoe: gone\nPRIORITY=0").with("BERTH_ID", "zoe").with("BERTH_VERB", "");
        Journal::at(&place).tell(&line);
        let expected = "MESSAGE=zoe: gone␊PRIORITY=0\nPRIORITY=3\nSYSLOG_IDENTIFIER=berth\nBERTH_KIND=crashed\nBERTH_ID=zoe\n";
        assert_eq!(heard(&socket), expected);
    }

    #[test]
    fn without_a_journal_syslog_is_told_and_without_any_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("log");
        let socket = UnixDatagram::bind(&place).unwrap();
        let journal = Journal { native: Some(directory.path().join("none")), syslog: Some(place) };
        journal.tell(&Line::new(Level::Warning, EventKind::Over, "x"));
        let text = heard(&socket);
        assert!(text.starts_with("<28>") && text.ends_with(&format!("berth[{}]: x", std::process::id())), "{text}");
        Journal::default().tell(&Line::new(Level::Note, EventKind::Over, "x"));
        assert!(Journal::default().is_off());
    }

    #[test]
    fn who_reads_nothing_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("journal");
        let _silent = UnixDatagram::bind(&place).unwrap();
        for _ in 0..2000 {
            Journal::at(&place).tell(&Line::new(Level::Note, EventKind::Over, "x"));
        }
    }
}
