//! What the last lines of a log say of a failure, in the words of the runtimes that servers are written for.
//!
//! It must never take a word for more than it says: a log is the user's, and nothing is done because of it.

use crate::domain::{LogLine, LogLineKind, Shown};

/// A kind of failure that logs name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// The port was taken.
    PortTaken,
    /// There was no memory left for it.
    OutOfMemory,
    /// A module that it needs is not there.
    ModuleMissing,
    /// There was no room on a disk.
    DiskFull,
    /// It was not permitted something.
    NotPermitted,
    /// Its credentials were refused.
    KeyRefused,
}

/// What was said.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Of what kind.
    pub what: Saying,
    /// The line that says it best.
    pub line: &'a Shown,
    /// It had said before that it listens.
    pub listened: bool,
}

/// Each kind with the words that name it, in lower case. Node, Python, Go, Rust, Java; strerror(3).
const WORDS: &[(Saying, &[&str])] = &[
    (Saying::PortTaken, &["eaddrinuse", "address already in use", "address in use", "port is already in use"]),
    (Saying::OutOfMemory, &["heap out of memory", "outofmemoryerror", "memoryerror", "cannot allocate memory", "enomem", "out of memory"]),
    (
        Saying::ModuleMissing,
        &["cannot find module", "err_module_not_found", "cannot find package", "modulenotfounderror", "no module named"],
    ),
    (Saying::DiskFull, &["enospc", "no space left on device", "disk quota exceeded", "edquot", "database or disk is full"]),
    (
        Saying::NotPermitted,
        &["eacces", "eperm", "permission denied", "permissionerror", "operation not permitted", "read-only file system"],
    ),
    (Saying::KeyRefused, &["invalid api key", "invalid_api_key", "401 unauthorized", "authentication failed", "invalid credentials"]),
];

/// Words with which servers say that they listen.
const LISTENS: &[&str] = &["listening on", "running on", "listening at", "server started", "started server"];

/// The newest failure that the lines name.
pub fn of(lines: &[LogLine]) -> Option<Said<'_>> {
    let written = || lines.iter().filter(|line| line.kind == LogLineKind::Text);
    let (at, what) = written().enumerate().filter_map(|(at, line)| Some((at, kind(line.text.as_str())?))).last()?;
    // A runtime names a failure in a sentence, and again in what it dumps below it: `code: 'EADDRINUSE',`.
    let of_kind = || written().take(at + 1).filter(|line| kind(line.text.as_str()) == Some(what));
    let is_sentence = |line: &&LogLine| line.text.as_str().to_ascii_lowercase().contains("error");
    let line = of_kind().filter(is_sentence).last().or_else(|| of_kind().last())?;
    let listens = |line: &LogLine| {
        let text = line.text.as_str().to_ascii_lowercase();
        LISTENS.iter().any(|words| text.contains(words))
    };
    Some(Said { what, line: &line.text, listened: written().take(at).any(listens) })
}

fn kind(text: &str) -> Option<Saying> {
    let text = text.to_ascii_lowercase();
    WORDS.iter().find(|(_, words)| words.iter().any(|word| text.contains(word))).map(|(what, _)| *what)
}

/// The module that a line names: what stands in its first quotes.
pub fn module(line: &str) -> Option<&str> {
    let open = line.find(['\'', '"'])?;
    let quote = line.get(open..)?.chars().next()?;
    let rest = line.get(open + 1..)?;
    rest.find(quote).and_then(|end| rest.get(..end)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<LogLine> {
        text.lines().zip(1..).map(|(line, number)| LogLine::text(number, None, Shown::new(line))).collect()
    }

    #[test]
    fn runtimes_name_failures_in_their_own_words() {
        let cases = [
            ("Error: listen EADDRINUSE: address already in use :::3001\n  code: 'EADDRINUSE',", Some(Saying::PortTaken)),
            ("OSError: [Errno 98] Address already in use", Some(Saying::PortTaken)),
            (
                "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----",
                Some(Saying::OutOfMemory),
            ),
            ("MemoryError", Some(Saying::OutOfMemory)),
            ("Error: Cannot find module '/srv/dist/index.js'\n  at Module._load", Some(Saying::ModuleMissing)),
            ("ModuleNotFoundError: No module named 'mcp'", Some(Saying::ModuleMissing)),
            ("Error: ENOSPC: no space left on device, write", Some(Saying::DiskFull)),
            ("Error: EACCES: permission denied, open '/x'", Some(Saying::NotPermitted)),
            ("HTTP 401 Unauthorized", Some(Saying::KeyRefused)),
            ("listening on 8081", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(of(&lines(text)).map(|said| said.what), expected, "{text}");
        }
    }

    #[test]
    fn the_newest_counts_and_the_sentence_is_quoted() {
        let text = "Error: Cannot find module 'a'\nserver listening on port 3001\nError: listen EADDRINUSE: address already in use :::3001\n  \
                    code: 'EADDRINUSE',\n  port: 3001\n}";
        let read = lines(text);
        let said = of(&read).unwrap();
        assert_eq!((said.what, said.listened), (Saying::PortTaken, true));
        assert_eq!(said.line.as_str(), "Error: listen EADDRINUSE: address already in use :::3001");
        let read = lines("EADDRINUSE");
        assert!(!of(&read).unwrap().listened);
    }

    #[test]
    fn a_module_stands_in_quotes() {
        assert_eq!(module("Error: Cannot find module '@scope/x'"), Some("@scope/x"));
        assert_eq!(module("No module named \"mcp.server\""), Some("mcp.server"));
        assert_eq!(module("Cannot find module x"), None);
        assert_eq!(module("it's"), None);
    }
}
