//! Where text goes and how it looks there: colours, ASCII, the size of the terminal, one JSON document.
//!
//! It must never write an escape sequence to what is not a terminal, unless `--color always` said so.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use serde::Serialize;

use super::args::{ColorWhen, Global};
use super::door::ConsoleOptions;
use crate::domain::NamedHost;
use crate::present::command::Program;
use crate::present::table::Style;

/// Standard output, or a test's buffer.
pub struct Out {
    writer: Box<dyn Write + Send>,
    style: Style,
    terminal: bool,
    program: Program,
}

impl Out {
    /// Standard output.
    pub fn standard(color: ColorWhen) -> Self {
        let terminal = io::stdout().is_terminal();
        let style = Style { ascii: !is_utf8(variable), color: wants_color(color, terminal, variable) };
        // Written in large pieces: a table of a thousand rows is not a thousand system calls.
        Self { writer: Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout())), style, terminal, program: Program::default() }
    }

    /// A buffer, without colours.
    #[cfg(test)]
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Box::new(writer), style: Style { ascii: false, color: false }, terminal: false, program: Program::default() }
    }

    /// The same, of a berth that was called with this `--config`.
    pub fn about(self, config: Option<&Path>) -> Self {
        Self { program: Program::with(config), ..self }
    }

    /// The same, about this host.
    pub fn reach(&mut self, host: &str) {
        self.program = std::mem::take(&mut self.program).reaching([(host.to_owned(), host.to_owned())]);
    }

    /// The same, about these hosts.
    pub fn reach_all(&mut self, hosts: &[NamedHost]) {
        self.program = std::mem::take(&mut self.program).reaching(hosts.iter().map(|host| (host.name.clone(), host.at.to_string())));
    }

    /// How berth is called in the commands that it names.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// How plain output is written.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Whether somebody looks at it.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How the console is to look.
    pub fn console_options(&self, global: &Global) -> ConsoleOptions {
        let color = match global.color {
            ColorWhen::Auto => None,
            ColorWhen::Always => Some(true),
            ColorWhen::Never => Some(false),
        };
        ConsoleOptions { color, ascii: self.style.ascii, read_only: global.read_only, fps: global.fps, config: global.config.clone() }
    }

    /// Writes text.
    ///
    /// # Errors
    /// What the kernel says; EPIPE when the reader has gone.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes())
    }

    /// Writes the document.
    ///
    /// # Errors
    /// As [`Out::text`].
    pub fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.writer, document)?;
        self.writer.write_all(b"\n")
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// As [`Out::text`].
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Says something beside the output, on standard error. The text is berth's own or `Shown`.
pub fn aside(text: &str) {
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

/// Whether the locale's characters are UTF-8: the first of the three variables that is set decides, locale(7).
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// `NO_COLOR` counts when it is set to anything, no-color.org.
fn wants_color(when: ColorWhen, terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => terminal && variable("NO_COLOR").is_none() && variable("TERM").is_some_and(|term| term != "dumb"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn colours_are_for_eyes_that_want_them() {
        let xterm = [("TERM", "xterm")];
        assert!(wants_color(ColorWhen::Auto, true, from(&xterm)));
        assert!(!wants_color(ColorWhen::Auto, false, from(&xterm)));
        assert!(!wants_color(ColorWhen::Auto, true, from(&[("TERM", "xterm"), ("NO_COLOR", "1")])));
        assert!(!wants_color(ColorWhen::Auto, true, from(&[("TERM", "dumb")])));
        assert!(!wants_color(ColorWhen::Auto, true, from(&[])));
        assert!(wants_color(ColorWhen::Always, false, from(&[("NO_COLOR", "1")])));
        assert!(!wants_color(ColorWhen::Never, true, from(&xterm)));
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        assert!(is_utf8(from(&[("LANG", "de_DE.UTF-8")])));
        assert!(is_utf8(from(&[("LANG", "C"), ("LC_ALL", "C.utf8")])));
        assert!(!is_utf8(from(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "POSIX")])));
        assert!(!is_utf8(from(&[])));
    }
}
