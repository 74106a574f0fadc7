//! Reading one value: is it of the right type, and within its bounds.
//!
//! It must never know a key's name: the caller puts it before the reason.

use std::time::Duration;

use super::item::{Item, Place, Table, Value};
use super::nearest::advice;
use super::placeholders;
use crate::domain::PortRange;

/// A value that a key does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub place: Place,
    /// The value in TOML; empty where it must not be shown.
    pub value: String,
    /// The reason, to be read after the value.
    pub reason: String,
}

pub(super) type Reading<T> = Result<T, Wrong>;

impl Item {
    pub fn wrong(&self, reason: impl Into<String>) -> Wrong {
        Wrong { place: self.place.clone(), value: self.value.shown().as_str().to_owned(), reason: reason.into() }
    }

    /// A text without NUL, which no path, argument or variable can hold.
    pub fn text(&self) -> Reading<&str> {
        match &self.value {
            Value::Text(text) if text.contains('\0') => Err(self.wrong("must not hold a NUL character")),
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong("must be a text in quotes")),
        }
    }

    /// A text that is not empty.
    pub fn word(&self) -> Reading<&str> {
        match self.text()? {
            "" => Err(self.wrong("must not be empty")),
            word => Ok(word),
        }
    }

    /// A text that some reader of `units` or `pattern` understands.
    pub fn read<T>(&self, reader: impl FnOnce(&str) -> Result<T, String>) -> Reading<T> {
        if let Value::Integer(Ok(number)) = &self.value {
            // 60 for "60s": the reader's example helps more than "in quotes".
            return Err(reader(&number.to_string()).map_or_else(|why| self.wrong(why), |_| self.wrong("must be a text in quotes")));
        }
        reader(self.text()?).map_err(|why| self.wrong(why))
    }

    /// As [`Item::read`]; `None` for "off".
    pub fn read_unless_off<T>(&self, reader: impl FnOnce(&str) -> Result<T, String>) -> Reading<Option<T>> {
        if self.is_off() { Ok(None) } else { self.read(reader).map(Some) }
    }

    pub fn is_off(&self) -> bool {
        self.value == Value::Text("off".to_owned())
    }

    pub fn list(&self) -> Reading<&[Item]> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.wrong("must be a list in square brackets")),
        }
    }

    /// A list of texts that are not empty.
    pub fn words(&self) -> Reading<Vec<String>> {
        self.list()?.iter().map(|item| item.word().map(str::to_owned)).collect()
    }

    pub fn table(&self) -> Reading<&Table> {
        match &self.value {
            Value::Table(table) => Ok(table),
            _ => Err(self.wrong("must be a table")),
        }
    }

    /// A whole number from `least` to `most`.
    pub fn number<T: TryFrom<i64>>(&self, least: i64, most: i64) -> Reading<T> {
        let Value::Integer(Ok(number)) = &self.value else { return Err(self.wrong("must be a whole number")) };
        let fits = (least..=most).contains(number).then(|| T::try_from(*number).ok()).flatten();
        fits.ok_or_else(|| self.wrong(format!("must be from {least} to {most}")))
    }

    /// One of some words.
    pub fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Reading<T> {
        let names = choices.iter().map(|(name, _)| *name);
        let Value::Text(word) = &self.value else {
            return Err(self.wrong(format!("must be one of {}", names.collect::<Vec<_>>().join(", "))));
        };
        match choices.iter().find(|(name, _)| name == word) {
            Some((_, choice)) => Ok(*choice),
            None => Err(self.wrong(advice(word, names))),
        }
    }

    /// A port, or a range of them in a text.
    pub fn port_range(&self) -> Reading<PortRange> {
        match &self.value {
            Value::Integer(Ok(number)) => super::units::port_range(&number.to_string()).map_err(|why| self.wrong(why)),
            Value::Text(text) => super::units::port_range(text).map_err(|why| self.wrong(why)),
            _ => Err(self.wrong("must be a port or a range of ports, such as 8443 or \"9000-9009\"")),
        }
    }

    /// A duration that is not shorter than `least`.
    pub fn duration(&self, least: Duration) -> Reading<Duration> {
        let duration = self.read(super::units::duration)?;
        if duration < least {
            return Err(self.wrong(format!("must be at least {}ms", least.as_millis())));
        }
        Ok(duration)
    }

    /// A text with the first `known` placeholders.
    pub fn filled(&self, known: usize) -> Reading<String> {
        let text = self.text()?;
        placeholders::check(text, known).map_err(|why| self.wrong(format!("has {why}")))?;
        Ok(text.to_owned())
    }

    /// A path with placeholders that is absolute once it is filled.
    pub fn filled_path(&self, known: usize) -> Reading<String> {
        let text = self.filled(known)?;
        if ["/", "{base}/", "{workspace}/"].iter().any(|start| text.starts_with(start)) || matches!(text.as_str(), "{base}" | "{workspace}")
        {
            return Ok(text);
        }
        Err(self.wrong("must be an absolute path"))
    }

    /// An absolute path without placeholders.
    pub fn path(&self) -> Reading<std::path::PathBuf> {
        let text = self.text()?;
        if !text.starts_with('/') {
            return Err(self.wrong("must be an absolute path"));
        }
        if text.contains(['{', '}']) {
            return Err(self.wrong("must not have placeholders"));
        }
        Ok(text.into())
    }
}
