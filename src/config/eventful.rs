//! `[events]` and `[[notify]]`: how long what happened is kept, and whom it is told to.
//!
//! It must never let an address by that berth could not speak to, nor a command that is looked for.

use std::path::PathBuf;
use std::time::Duration;

use super::apply::{Section, unknown_key, wrong_value};
use super::item::{Fault, Item};
use super::read::{Reading, Wrong};
use super::units;
use crate::domain::{Code, EventKind};

/// How many `[[notify]]` there may be: each has a thread of its own.
const MOST: usize = 8;

/// `[events]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// How long an event is kept; `None` is for ever.
    pub keep: Option<Duration>,
    /// How many events are kept, and how many actions.
    pub most: u64,
    /// Whether the host's journal is told.
    pub journal: JournalPlace,
}

/// Where events are told beside their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JournalPlace {
    /// In the host's journal, if the state lies in its usual place.
    #[default]
    Auto,
    /// In the host's journal.
    On,
    /// Nowhere.
    Off,
    /// At this socket.
    At(PathBuf),
}

/// `[[notify]]`: whom to tell of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Kinds, codes, `errors`, `all`.
    pub events: Vec<String>,
    /// The program and its arguments; empty for none.
    pub command: Vec<String>,
    /// Where it is posted.
    pub url: Option<Address>,
    /// Whose certificates are trusted there, a PEM file; `None` for those whom the host trusts.
    pub ca: Option<PathBuf>,
}

/// Where something is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://HOST:PORT/PATH`, `https://HOST:PORT/PATH`.
    Http {
        /// By TLS.
        secure: bool,
        /// The host, as it was written.
        host: String,
        /// The port.
        port: u16,
        /// The path, with its slash.
        path: String,
    },
    /// `unix:SOCKET:/PATH`.
    Unix {
        /// The socket.
        socket: PathBuf,
        /// The path, with its slash.
        path: String,
    },
}

impl Section for Events {
    const KEYS: &'static [&'static str] = &["keep", "most", "journal"];

    fn set(&mut self, key: &str, item: &Item) -> Reading<()> {
        match key {
            "keep" => self.keep = item.read_unless_off(days)?,
            "most" => self.most = item.number(1, 100_000_000)?,
            _ => {
                self.journal = match item.text()? {
                    "auto" => JournalPlace::Auto,
                    "on" => JournalPlace::On,
                    "off" => JournalPlace::Off,
                    place if place.starts_with('/') => JournalPlace::At(item.path()?),
                    _ => return Err(item.wrong("must be \"auto\", \"on\", \"off\" or the path of a socket")),
                }
            }
        }
        Ok(())
    }
}

/// `30d`, or as every other duration.
fn days(text: &str) -> Result<Duration, String> {
    let Some(number) = text.strip_suffix('d') else {
        return units::duration(text).map_err(|_| "must be a number and a unit, such as \"30d\" or \"12h\", or \"off\"".to_owned());
    };
    match number.parse::<u64>() {
        Ok(days) if (1..=3660).contains(&days) => Ok(Duration::from_secs(days * 86_400)),
        _ => Err("must be from \"1d\" to \"3660d\"".to_owned()),
    }
}

/// Reads every `[[notify]]`.
pub(super) fn notices(item: &Item, entries: &[Item]) -> Result<Vec<Notice>, Fault> {
    if entries.len() > MOST {
        return Err(Fault { place: item.key_place.clone(), message: format!("there are more than {MOST} [[notify]]") });
    }
    entries.iter().map(notice).collect()
}

fn notice(item: &Item) -> Result<Notice, Fault> {
    const TITLE: &str = "[[notify]]";
    const KEYS: [&str; 4] = ["events", "command", "url", "ca"];
    let told = |key: &str, wrong: Wrong| wrong_value(&wrong, key, TITLE);
    let table = item.table().map_err(|wrong| told("notify", wrong))?;
    let mut notice = Notice { events: vec!["errors".to_owned()], command: Vec::new(), url: None, ca: None };
    for (key, value) in &table.entries {
        let read = match key.as_str() {
            "events" => wanted(value).map(|events| notice.events = events),
            "command" => command(value).map(|command| notice.command = command),
            "url" => value.read(address).map(|address| notice.url = Some(address)),
            "ca" => value.path().map(|file| notice.ca = Some(file)),
            _ => return Err(unknown_key(key, value, TITLE, &KEYS)),
        };
        read.map_err(|wrong| told(key, wrong))?;
    }
    if notice.command.is_empty() && notice.url.is_none() {
        return Err(Fault { place: item.place.clone(), message: format!("{TITLE} tells nobody; command or url is needed") });
    }
    if notice.ca.is_some() && !matches!(notice.url, Some(Address::Http { secure: true, .. })) {
        return Err(Fault { place: item.place.clone(), message: format!("{TITLE} has a ca, but no url of https:// that it is for") });
    }
    Ok(notice)
}

/// The words that `events` understands.
fn wanted(item: &Item) -> Reading<Vec<String>> {
    // An action is known to who asked for it; and what nobody could be told of cannot be told.
    let kinds = EventKind::ALL.into_iter().filter(|kind| !matches!(kind, EventKind::Action | EventKind::Untold)).map(EventKind::word);
    let words: Vec<(&str, &str)> =
        ["errors", "all"].into_iter().chain(kinds).chain(Code::ALL.map(Code::word)).map(|word| (word, word)).collect();
    item.list()?.iter().map(|word| word.one_of(&words).map(str::to_owned)).collect()
}

fn command(item: &Item) -> Reading<Vec<String>> {
    let words = item.words()?;
    match words.first() {
        Some(program) if program.starts_with('/') => Ok(words),
        _ => Err(item.wrong("must begin with the absolute path of a program")),
    }
}

fn address(text: &str) -> Result<Address, String> {
    const EXAMPLE: &str = "must be \"https://HOST:PORT/PATH\", \"http://HOST:PORT/PATH\" or \"unix:/SOCKET:/PATH\"";
    if !text.chars().all(|character| character.is_ascii_graphic()) {
        return Err(EXAMPLE.to_owned());
    }
    if let Some(rest) = text.strip_prefix("unix:") {
        let (socket, path) = rest.split_once(":/").unwrap_or((rest, ""));
        if !socket.starts_with('/') {
            return Err(EXAMPLE.to_owned());
        }
        return Ok(Address::Unix { socket: socket.into(), path: format!("/{path}") });
    }
    let (secure, rest) = match text.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("http://").ok_or(EXAMPLE)?),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("must not have a password in it".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, port.parse().map_err(|_| EXAMPLE)?),
        None => (authority, if secure { 443 } else { 80 }),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || port == 0 {
        return Err(EXAMPLE.to_owned());
    }
    Ok(Address::Http { secure, host: host.to_owned(), port, path: format!("/{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::build::parts;
    use crate::config::item::parse;

    fn refused(text: &str) -> String {
        parts(&parse(text, None).unwrap()).err().map(|fault| fault.message).unwrap_or_default()
    }

    #[test]
    fn an_address_is_taken_apart() {
        let by = |secure, host: &str, port, path: &str| Address::Http { secure, host: host.to_owned(), port, path: path.to_owned() };
        let http = |host, port, path| by(false, host, port, path);
        assert_eq!(address("https://alerts.example/hook"), Ok(by(true, "alerts.example", 443, "/hook")));
        assert_eq!(address("https://[::1]:8443"), Ok(by(true, "::1", 8443, "/")));
        assert_eq!(address("http://127.0.0.1:9000/hook?x=1"), Ok(http("127.0.0.1", 9000, "/hook?x=1")));
        assert_eq!(address("http://alerts.example"), Ok(http("alerts.example", 80, "/")));
        assert_eq!(address("http://[::1]:81/a"), Ok(http("::1", 81, "/a")));
        assert_eq!(address("http://[::1]/a"), Ok(http("::1", 80, "/a")));
        let unix = |path: &str| Ok(Address::Unix { socket: "/run/a.sock".into(), path: path.to_owned() });
        assert_eq!((address("unix:/run/a.sock:/hook"), address("unix:/run/a.sock")), (unix("/hook"), unix("/")));
        for wrong in
            ["https://", "https://x:0/", "ftp://x", "http://", "http://a:b/", "http://u:p@x/", "unix:a", "http://x:0/", "http://x/a b"]
        {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_could_not_be_told_is_refused() {
        let cases = [
            ("[[notify]]\nurl = \"http://x/\"\nca = \"/a.pem\"", "no url of https://"),
            ("[[notify]]\nurl = \"https://x/\"\nca = \"a.pem\"", "absolute"),
            ("[[notify]]\nevents = [\"errors\"]", "tells nobody"),
            ("[[notify]]\ncommand = [\"mail\"]", "absolute path"),
            ("[[notify]]\nurl = \"http://x/\"\nevents = [\"crashd\"]", "did you mean \"crashed\""),
            ("[[notify]]\nurl = \"http://x/\"\nevents = [\"action\"]", "wrong value"),
            ("[[notify]]\nulr = \"http://x/\"", "did you mean \"url\""),
            ("[notify]\nurl = \"http://x/\"", "write [[notify]]"),
            ("[events]\nkeep = \"30\"", "30d"),
            ("[events]\nkeep = \"0d\"", "1d"),
            ("[events]\njournal = \"yes\"", "auto"),
        ];
        for (text, expected) in cases {
            assert!(refused(text).contains(expected), "{text}: {}", refused(text));
        }
        assert_eq!(refused(&"[[notify]]\nurl = \"http://x/\"\n".repeat(9)), "there are more than 8 [[notify]]");
        assert_eq!(refused("[events]\nkeep = \"12h\"\nmost = 7\njournal = \"/run/x\"\n[[notify]]\nurl = \"http://x\"\n"), "");
    }
}
