//! The text of an environment file, read as its server's own libraries and shells read it.
//!
//! It must never expand, run or print anything: a `$` is a `$`, and neither a fault nor `Debug` holds a byte of a value.
//!
//! | written | read as |
//! |---|---|
//! | `NAME=value`, `export NAME=value`, `NAME = value`, `NAME: value` | blanks around the sign and the value are none of it |
//! | `NAME=` | empty |
//! | `NAME=value # remark`, `# remark` | a `#` begins a remark at a line's beginning or after a blank, so `#fff` is a value |
//! | `NAME='...'`, ``NAME=`...` `` | as it stands, over several lines too |
//! | `NAME="..."` | the same, with `\n \r \t \" \' \\ \$` and a backslash at a line's end; any other backslash stays |
//! | a name twice | the last one counts |
//! | CR LF, CR, a byte order mark | line ends, nothing |

use std::borrow::Cow;
use std::fmt;

/// One variable as a line sets it.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its name: letters, digits, `_`, `.`, `-`; begins with a letter or `_`.
    pub name: String,
    /// Its value; never holds a NUL.
    pub value: String,
    /// The line of its name, from 1.
    pub line: u32,
    /// The column of its name in characters, from 1.
    pub column: u32,
}

impl fmt::Debug for Assignment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}=… (line {})", self.name, self.line)
    }
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFault {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The reason and the way out.
    pub reason: String,
}

/// Reads a file: its assignments in order, and the first fault. What could be read is told beside the fault.
pub fn read_env(bytes: &[u8]) -> (Vec<Assignment>, Option<EnvFault>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => {
            let reason = "it is UTF-16 text; save it as UTF-8".to_owned();
            return (Vec::new(), Some(EnvFault { line: 1, column: 1, reason }));
        }
        Err(error) => {
            let (assignments, earlier) = read_env(&bytes[..error.valid_up_to()]);
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let (line, column) = place(&before, before.len());
            let here = EnvFault { line, column, reason: "it is not UTF-8 text here; save it as UTF-8".to_owned() };
            // A quote may be open only because the text was cut here.
            return (assignments, Some(earlier.filter(|fault| !fault.reason.starts_with(NEVER_CLOSED)).unwrap_or(here)));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) };
    let mut file = File { text: &text, at: 0, assignments: Vec::new(), counted: (0, 1) };
    let mut fault = None;
    while file.at < file.text.len() {
        let begin = file.at;
        if let Err((at, wrong)) = file.statement() {
            // Found out once only: counting lines for each of many broken ones would be quadratic.
            fault.get_or_insert_with(|| {
                let (line, column) = place(&text, at);
                EnvFault { line, column, reason: reason(&text, &wrong) }
            });
            // What follows the broken line may still be read: the row keeps its port.
            file.at = begin;
            file.skip(|character| character != '\n');
        }
        file.skip_one('\n');
    }
    (file.assignments, fault)
}

/// The value that a name has in the end.
pub fn value_of<'a>(assignments: &'a [Assignment], name: &str) -> Option<&'a Assignment> {
    assignments.iter().rev().find(|assignment| assignment.name == name)
}

const NEVER_CLOSED: &str = "this quote is never closed";

/// Line and column of an offset.
fn place(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
    (number(before.matches('\n').count()), number(before[line_start..].chars().count()))
}

/// What can be wrong.
enum Wrong {
    NoName,
    NoSign,
    NeverClosed(char),
    /// The quote, and where it was opened.
    EndsBefore(char, usize),
    HoldsNul(String),
}

fn reason(text: &str, wrong: &Wrong) -> String {
    match wrong {
        Wrong::NoName => "a variable's name is expected here: letters, digits and underscores; put a # before what is a remark".to_owned(),
        Wrong::NoSign => "an = is expected here, as in NAME=value; put a # before what is a remark".to_owned(),
        Wrong::NeverClosed(quote) => format!("{NEVER_CLOSED}; write a second {quote} where the value ends"),
        Wrong::EndsBefore(quote, open) => {
            let (line, _) = place(text, *open);
            format!("the value that begins with {quote} on line {line} ends before here; put quotes around the whole value")
        }
        Wrong::HoldsNul(name) => format!("{name} has a NUL character in it, which no variable can hold; take it out"),
    }
}

struct File<'a> {
    text: &'a str,
    at: usize,
    assignments: Vec<Assignment>,
    /// Up to where lines were counted, and the line there.
    counted: (usize, u32),
}

fn is_blank(character: char) -> bool {
    character != '\n' && character.is_whitespace()
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
}

impl<'a> File<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn is_at_end_of_line(&self) -> bool {
        matches!(self.next(), None | Some('\n'))
    }

    /// Skips what fits; true when there was any.
    fn skip(&mut self, fits: impl Fn(char) -> bool) -> bool {
        let rest = self.rest();
        let length = rest.find(|character| !fits(character)).unwrap_or(rest.len());
        self.at += length;
        length > 0
    }

    fn skip_one(&mut self, character: char) -> bool {
        let is_there = self.next() == Some(character);
        if is_there {
            self.at += character.len_utf8();
        }
        is_there
    }

    /// Line and column of an offset on a later line than the last one that was asked for.
    fn count_to(&mut self, at: usize) -> (u32, u32) {
        let (from, line) = self.counted;
        let (lines, column) = place(&self.text[from..], at - from);
        self.counted = (at, line + lines - 1);
        (self.counted.1, column)
    }

    /// One line, or several where a quoted value goes on. Ends before the line's end.
    fn statement(&mut self) -> Result<(), (usize, Wrong)> {
        self.skip(is_blank);
        if self.is_at_end_of_line() {
            return Ok(());
        }
        if self.next() == Some('#') {
            self.skip(|character| character != '\n');
            return Ok(());
        }
        let mut start = self.at;
        let mut name = self.name()?;
        let exported = name == "export" && self.skip(is_blank) && !matches!(self.next(), Some('=' | ':'));
        if exported {
            start = self.at;
            name = self.name()?;
        }
        let blank = self.skip(is_blank);
        let colon = self.rest().strip_prefix(':').is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace));
        let signed = self.skip_one('=') || colon && self.skip_one(':');
        if !signed {
            // `export NAME` alone passes on what is set already, sh(1).
            if exported
                && (self.is_at_end_of_line() || blank && self.rest().starts_with(|character| character == '#' || is_of_a_name(character)))
            {
                self.skip(|character| character != '\n');
                return Ok(());
            }
            return Err((self.at, Wrong::NoSign));
        }
        let value = self.value()?;
        if value.contains('\0') {
            return Err((start, Wrong::HoldsNul(name.to_owned())));
        }
        let (line, column) = self.count_to(start);
        self.assignments.push(Assignment { name: name.to_owned(), value, line, column });
        Ok(())
    }

    fn name(&mut self) -> Result<&'a str, (usize, Wrong)> {
        let (start, text) = (self.at, self.text);
        if !self.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_') {
            return Err((start, Wrong::NoName));
        }
        self.skip(is_of_a_name);
        Ok(&text[start..self.at])
    }

    fn value(&mut self) -> Result<String, (usize, Wrong)> {
        let blank = self.skip(is_blank);
        match self.next() {
            Some('#') if blank => {
                self.skip(|character| character != '\n');
                Ok(String::new())
            }
            Some(quote @ ('\'' | '"' | '`')) => self.quoted(quote),
            _ => {
                let start = self.at;
                self.skip(|character| character != '\n');
                let line = &self.text[start..self.at];
                let is_remark = |index: usize| index > 0 && line[..index].ends_with(is_blank);
                let end = line.match_indices('#').map(|(index, _)| index).find(|index| is_remark(*index)).unwrap_or(line.len());
                Ok(line[..end].trim_end().to_owned())
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, (usize, Wrong)> {
        let open = self.at;
        self.at += quote.len_utf8();
        let mut value = String::new();
        let mut characters = self.rest().char_indices();
        let length = loop {
            match characters.next() {
                None => return Err((open, Wrong::NeverClosed(quote))),
                Some((index, character)) if character == quote => break index + quote.len_utf8(),
                Some((_, '\\')) if quote == '"' => match characters.next() {
                    None => {}
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, character @ ('"' | '\'' | '\\' | '$' | '`'))) => value.push(character),
                    Some((_, '\n')) => {}
                    Some((_, other)) => value.extend(['\\', other]),
                },
                Some((_, character)) => value.push(character),
            }
        };
        self.at += length;
        self.skip(is_blank);
        if self.next() == Some('#') {
            self.skip(|character| character != '\n');
        }
        if self.is_at_end_of_line() {
            return Ok(value);
        }
        Err((self.at, Wrong::EndsBefore(quote, open)))
    }
}

#[cfg(test)]
#[path = "env_file_tests.rs"]
mod tests;
