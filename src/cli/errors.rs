//! How a command ends when it does not end well: an error in three parts, or a reader that has gone.
//!
//! It must never show a text from outside that was not made harmless.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::domain::Shown;
use crate::error::{Error, Kind};
use crate::present::command::Program;
use crate::present::json::SCHEMA;

/// Why a command stopped.
#[derive(Debug)]
pub enum Stop {
    /// Something did not happen.
    Error(Error),
    /// Nobody reads the output any more: `berth ls | head -1`. That is no failure.
    PipeClosed,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::PipeClosed,
            _ => Self::Error(Error::failed("cannot write the output").because(error)),
        }
    }
}

impl Stop {
    /// The exit code, told as by a berth that no file was named to.
    #[cfg(test)]
    pub fn tell(&self) -> u8 {
        self.tell_to(&Program::default())
    }

    /// Tells it on standard error, its commands being this berth's, and gives the exit code.
    pub fn tell_to(&self, program: &Program) -> u8 {
        match self {
            Self::PipeClosed => 0,
            Self::Error(error) => {
                // Where standard error is closed, the exit code is all that can be said.
                let _ = io::stderr().lock().write_all(sentence(error, program).as_bytes());
                error.exit_code()
            }
        }
    }
}

/// "berth: what did not happen: why", and below it the way out.
pub fn sentence(error: &Error, program: &Program) -> String {
    let mut text = format!("berth: {}\n", harmless(&error.chain()).join("\n  "));
    for line in error.way_out().into_iter().flat_map(harmless) {
        text.push_str(&format!("  {}\n", program.hint(&line)));
    }
    text
}

/// The same for programs: the document that `--json` prints where there is no other.
pub fn document(error: &Error, program: &Program) -> Value {
    let hint = |text: &str| harmless(text).iter().map(|line| program.hint(line)).collect::<Vec<_>>().join("\n");
    json!({
        "schema": SCHEMA,
        "error": {
            "message": harmless(&error.chain()).join("\n"),
            "hint": error.way_out().map(hint),
            "exit_code": error.exit_code(),
        },
    })
}

/// Words that make no sense, as an error: the first paragraph says what is wrong, the others are the usage.
pub fn of_words(rendered: &str) -> Error {
    let mut paragraphs = rendered.split("\n\n").map(str::trim);
    let wrong = paragraphs.next().unwrap_or_default();
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: ")).unwrap_or("berth --help");
    Error::new(Kind::Usage, wrong.strip_prefix("error: ").unwrap_or(wrong)).hint(tip)
}

/// What the parser says of wrong words. It repeats them, and whoever wrote a script did not choose all of them.
pub fn tell_words(rendered: &str) {
    let text: String = harmless(rendered).iter().map(|line| format!("{line}\n")).collect();
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Has a panic tell its words as harmless as everything else: they may quote a text from outside. For the program's own `main`.
pub fn tame_panics() {
    std::panic::set_hook(Box::new(|panic| tell_words(&format!("berth: {panic}"))));
}

/// A write after which the exit code still counts: that nobody reads it makes nothing of what was done succeed.
pub fn unless_closed(written: io::Result<()>) -> Result<(), Stop> {
    match written.map_err(Stop::from) {
        Err(Stop::PipeClosed) => Ok(()),
        other => other,
    }
}

/// Line by line: a line end in an error is berth's own, everything else that a terminal would obey is not.
fn harmless(text: &str) -> Vec<String> {
    text.lines().map(|line| Shown::new(line).as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn an_error_has_three_parts() {
        let error = Error::new(Kind::Busy, "carol: not started").because("8107 is held by pid 4711").hint("berth ports --free");
        assert_eq!(sentence(&error, &Program::default()), "berth: carol: not started: 8107 is held by pid 4711\n  berth ports --free\n");
        let program = Program::with(Some(std::path::Path::new("/srv/berth.toml")));
        assert!(sentence(&error, &program).ends_with("\n  berth --config /srv/berth.toml ports --free\n"));
        assert_eq!(Stop::from(error).tell(), 5);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_out() {
        let text = sentence(&Error::failed("cannot read \u{1b}[2Jx").hint("one\ntwo\u{7}"), &Program::default());
        assert_eq!(text, "berth: cannot read ␛[2Jx\n  one\n  two␇\n");
    }

    #[test]
    fn the_document_of_an_error() {
        let error = Error::new(Kind::NoSuchInstance, "there is no instance \u{1b}x").hint("is alice meant?");
        assert_eq!(
            document(&error, &Program::default()).to_string(),
            r#"{"schema":1,"error":{"message":"there is no instance ␛x","hint":"is alice meant?","exit_code":4}}"#
        );
        assert!(document(&Error::failed("x"), &Program::default())["error"]["hint"].is_null());
        let program = Program::with(Some(std::path::Path::new("/srv/berth.toml")));
        let told = document(&Error::failed("x").hint("berth config"), &program);
        assert_eq!(told["error"]["hint"], "berth --config /srv/berth.toml config");
    }

    #[test]
    fn wrong_words_are_an_error_without_the_usage() {
        let error = of_words("error: unexpected argument '--frob' found\n\nUsage: berth ls\n");
        assert_eq!((error.chain().as_str(), error.exit_code()), ("unexpected argument '--frob' found", 2));
        assert_eq!(error.way_out(), Some("berth --help"));
        let near = of_words("error: unrecognized subcommand 'stpo'\n\n  tip: a similar subcommand exists: 'stop'\n\nUsage: berth\n");
        assert_eq!(near.way_out(), Some("a similar subcommand exists: 'stop'"));
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        assert_eq!(Stop::from(io::Error::from(io::ErrorKind::BrokenPipe)).tell(), 0);
        assert_eq!(Stop::from(io::Error::from(io::ErrorKind::StorageFull)).tell(), 1);
    }
}
