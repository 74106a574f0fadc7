//! Which style each meaning has. A plain theme of attributes only, and patches over it from `themes/`.
//!
//! It must never give a meaning by colour alone: whatever has a colour has a sign or a word beside it.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::present::paint::Tone;

use super::palette::Depth;

/// The styles by meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// The program's name.
    pub brand: Style,
    /// The header line.
    pub header: Style,
    /// A pane's title.
    pub title: Style,
    /// Rules and boxes.
    pub rule: Style,
    /// What is secondary.
    pub dim: Style,
    /// Column headings.
    pub heading: Style,
    /// All is well.
    pub good: Style,
    /// Something is on its way.
    pub busy: Style,
    /// Somebody should look.
    pub warning: Style,
    /// Something does not do what it should.
    pub error: Style,
    /// Good to know.
    pub note: Style,
    /// The chosen row.
    pub chosen: Style,
    /// What has the focus in a dialogue.
    pub focus: Style,
    /// A key in the last line.
    pub key: Style,
    /// The drawn part of a picture.
    pub graph: Style,
    /// The rest of a picture.
    pub graph_empty: Style,
    /// A log line that names an error.
    pub log_error: Style,
    /// A log line that names a warning.
    pub log_warn: Style,
    /// A log line for developers.
    pub log_debug: Style,
    /// berth's own marks in a log.
    pub mark: Style,
}

/// A theme's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    #[serde(default)]
    style: BTreeMap<String, String>,
    #[serde(default)]
    sixteen: BTreeMap<String, String>,
}

/// The default theme's file.
const DARK: &str = include_str!("../../themes/dark.toml");

impl Theme {
    /// Attributes only: what `NO_COLOR` leaves.
    pub fn plain() -> Self {
        let (none, bold, dim) = (Style::new(), Style::new().bold(), Style::new().dim());
        Self {
            brand: bold,
            header: none,
            title: bold,
            rule: dim,
            dim,
            heading: dim,
            good: none,
            busy: none,
            warning: none,
            error: bold,
            note: none,
            chosen: Style::new().reversed(),
            focus: Style::new().reversed(),
            key: bold,
            graph: none,
            graph_empty: dim,
            log_error: bold,
            log_warn: none,
            log_debug: dim,
            mark: dim,
        }
    }

    /// The theme for a terminal of this depth of colours.
    ///
    /// # Errors
    /// When the built-in theme's file is wrong, which a test excludes.
    pub fn for_depth(depth: Depth) -> Result<Self> {
        let plain = Self::plain();
        if depth == Depth::None {
            return Ok(plain);
        }
        plain.patched(DARK, depth)
    }

    /// The style of a meaning that every presenter knows.
    pub fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Good => self.good,
            Tone::Warn => self.warning,
            Tone::Bad => self.error,
            Tone::Busy => self.busy,
            Tone::Dim => self.dim,
            Tone::Strong => self.title,
        }
    }

    /// This theme with a file's styles over it.
    ///
    /// # Errors
    /// When the file is not TOML, names no style or holds words that are no style.
    pub fn patched(mut self, file: &str, depth: Depth) -> Result<Self> {
        let patch: Patch = toml::from_str(file).map_err(|source| Error::new(Kind::Usage, "the theme cannot be read").because(source))?;
        let sixteen = if depth == Depth::Sixteen { patch.sixteen } else { BTreeMap::new() };
        for (name, words) in patch.style.iter().chain(&sixteen) {
            let style = parse(words).ok_or_else(|| Error::new(Kind::Usage, format!("the theme's {name} = {words:?} is no style")))?;
            let slot = self.slot(name).ok_or_else(|| Error::new(Kind::Usage, format!("the theme names {name}, which is no style")))?;
            *slot = style;
        }
        Ok(self)
    }

    /// The style that a file names.
    fn slot(&mut self, name: &str) -> Option<&mut Style> {
        Some(match name {
            "brand" => &mut self.brand,
            "header" => &mut self.header,
            "title" => &mut self.title,
            "rule" => &mut self.rule,
            "dim" => &mut self.dim,
            "heading" => &mut self.heading,
            "good" => &mut self.good,
            "busy" => &mut self.busy,
            "warning" => &mut self.warning,
            "error" => &mut self.error,
            "note" => &mut self.note,
            "chosen" => &mut self.chosen,
            "focus" => &mut self.focus,
            "key" => &mut self.key,
            "graph" => &mut self.graph,
            "graph_empty" => &mut self.graph_empty,
            "log_error" => &mut self.log_error,
            "log_warn" => &mut self.log_warn,
            "log_debug" => &mut self.log_debug,
            "mark" => &mut self.mark,
            _ => return None,
        })
    }
}

/// Reads `"yellow on 237 bold"`.
fn parse(words: &str) -> Option<Style> {
    let mut style = Style::new();
    let mut background = false;
    for word in words.split_whitespace() {
        let modifier = match word {
            "on" => {
                background = true;
                continue;
            }
            "bold" => Some(Modifier::BOLD),
            "dim" => Some(Modifier::DIM),
            "italic" => Some(Modifier::ITALIC),
            "underlined" => Some(Modifier::UNDERLINED),
            "reversed" => Some(Modifier::REVERSED),
            _ => None,
        };
        style = match modifier {
            Some(modifier) => style.add_modifier(modifier),
            None if background => style.bg(colour(word)?),
            None => style.fg(colour(word)?),
        };
    }
    Some(style)
}

/// Reads one colour.
fn colour(word: &str) -> Option<Color> {
    let named = match word {
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        other => match other.strip_prefix('#') {
            Some(hex) if hex.len() == 6 => {
                let number = u32::from_str_radix(hex, 16).ok()?;
                let [_, red, green, blue] = number.to_be_bytes();
                Color::Rgb(red, green, blue)
            }
            Some(_) => return None,
            None => Color::Indexed(other.parse().ok()?),
        },
    };
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_theme_is_read_at_every_depth() {
        for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True] {
            assert!(Theme::for_depth(depth).is_ok(), "{depth:?}");
        }
    }

    #[test]
    fn without_colours_there_are_attributes_only_and_the_chosen_row_is_still_seen() {
        let theme = Theme::for_depth(Depth::None).unwrap();
        assert_eq!(theme, Theme::plain());
        assert!(theme.chosen.add_modifier.contains(Modifier::REVERSED));
        assert_eq!(theme.error.fg, None);
    }

    #[test]
    fn styles_are_read() {
        assert_eq!(parse("yellow on 237 bold"), Some(Style::new().fg(Color::Yellow).bg(Color::Indexed(237)).bold()));
        assert_eq!(parse("#ff8000"), Some(Style::new().fg(Color::Rgb(255, 128, 0))));
        assert_eq!(parse(""), Some(Style::new()));
        for wrong in ["yelow", "#ff", "999", "on blod"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_wrong_theme_says_what_is_wrong() {
        let message = |file: &str| Theme::plain().patched(file, Depth::True).map_err(|error| error.to_string());
        assert_eq!(message("[style]\nwarnnig = \"red\"").unwrap_err(), "the theme names warnnig, which is no style");
        assert_eq!(message("[style]\nrule = \"rde\"").unwrap_err(), "the theme's rule = \"rde\" is no style");
        assert!(message("[stile]").is_err());
    }
}
