//! A key as it is bound and written.
//!
//! It must never tell keys apart that terminals do not.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::Shown;

/// A key as it is bound: shift is part of a character, Ctrl is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// With Ctrl.
    pub control: bool,
}

/// The keys that have names, each first by the one that is written.
const NAMES: [(&str, KeyCode); 19] = [
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("page-up", KeyCode::PageUp),
    ("page-down", KeyCode::PageDown),
];

impl Key {
    /// The key of an event; `None` for combinations that nothing can be bound to.
    pub fn of(event: &KeyEvent) -> Option<Self> {
        if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META) {
            return None;
        }
        Some(Self { code: event.code, control: event.modifiers.contains(KeyModifiers::CONTROL) })
    }

    /// Reads a key as a configuration writes it: `r`, `R`, `ctrl-r`, `space`, `enter`, `shift-tab`, `pgup`, `f5`.
    ///
    /// # Errors
    /// What is wrong with the text, to be read after it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut characters = text.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            return match character {
                ' ' => Err("is written \"space\"".to_owned()),
                hidden if Shown::new(text).as_str() != text || hidden.is_control() => Err("is no key's name".to_owned()),
                plain => Ok(Self { code: KeyCode::Char(plain), control: false }),
            };
        }
        let lower = text.to_ascii_lowercase();
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == lower) {
            return Ok(Self { code: *code, control: false });
        }
        if let Some(number) = lower.strip_prefix('f').and_then(|digits| digits.parse().ok()).filter(|number| (1..=12).contains(number)) {
            return Ok(Self { code: KeyCode::F(number), control: false });
        }
        let Some(name) = lower.strip_prefix("ctrl-") else {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            return Err(format!("is no key's name; valid are one character, ctrl- and a letter, f1 to f12, {}", names.join(", ")));
        };
        let mut characters = name.chars();
        match (characters.next(), characters.next()) {
            // What a terminal sends for these is another key, ascii(7).
            (Some('i'), None) => Err("is tab on a terminal".to_owned()),
            (Some('m'), None) => Err("is enter on a terminal".to_owned()),
            (Some('j'), None) => Err("is enter on some terminals".to_owned()),
            (Some('h'), None) => Err("is backspace on a terminal".to_owned()),
            (Some(letter @ 'a'..='z'), None) => Ok(Self { code: KeyCode::Char(letter), control: true }),
            _ => Err("is no key that terminals tell apart: ctrl- goes with one letter".to_owned()),
        }
    }

    /// As a configuration writes it; what [`Key::parse`] reads.
    pub fn written(self) -> String {
        let named = NAMES.iter().find(|(_, code)| *code == self.code).map(|(name, _)| (*name).to_owned());
        let name = named.unwrap_or_else(|| match self.code {
            KeyCode::Char(character) => character.to_string(),
            _ => self.label().to_ascii_lowercase(),
        });
        if self.control { format!("ctrl-{name}") } else { name }
    }

    /// How it is shown.
    pub fn label(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(character) if self.control => character.to_ascii_uppercase().to_string(),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::Up => "Up".to_owned(),
            KeyCode::Down => "Down".to_owned(),
            KeyCode::Left => "Left".to_owned(),
            KeyCode::Right => "Right".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::F(number) => format!("F{number}"),
            other => format!("{other:?}"),
        };
        if self.control { format!("Ctrl-{name}") } else { name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_as_it_is_written() {
        for text in ["r", "R", "?", "ctrl-r", "space", "enter", "esc", "shift-tab", "pgup", "pgdn", "f1", "f12", "ü", "-"] {
            assert_eq!(Key::parse(text).map(Key::written).as_deref(), Ok(text), "{text}");
        }
        assert_eq!(Key::parse("Ctrl-R").map(Key::label).as_deref(), Ok("Ctrl-R"));
        assert_eq!(Key::parse("PgUp"), Key::parse("page-up"));
    }

    #[test]
    fn what_is_no_key_says_why() {
        let cases = [
            ("", "is no key's name"),
            (" ", "is written"),
            ("rr", "is no key's name"),
            ("f13", "is no key's name"),
            ("ctrl-i", "is tab"),
            ("ctrl-M", "is enter"),
            ("ctrl-up", "one letter"),
            ("alt-r", "is no key's name"),
            ("\u{1b}", "is no key's name"),
            // The help and the palette would show it.
            ("\u{202e}", "is no key's name"),
        ];
        for (text, part) in cases {
            let why = Key::parse(text).unwrap_err();
            assert!(why.contains(part), "{text:?}: {why}");
        }
    }
}
