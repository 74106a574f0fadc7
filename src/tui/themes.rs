//! The themes that there are: berth's own and people's, each as it is on this terminal.
//!
//! It must never fail for a theme: what is wrong with one is kept beside its name, and the default stays.

use ratatui::style::Color;

use crate::config::themes::{ThemeFile, ThemeLine, lines};
use crate::domain::Shown;
use crate::error::{Error, Kind, Result};

use super::palette::Depth;
use super::theme::{Heading, Theme};

/// berth's own, the default first, in the order in which `T` goes through them.
const BUILT_IN: [(&str, &str); 5] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../themes/colour-blind.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The one without a choice.
pub const DEFAULT: &str = "dark";

/// One theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: Shown,
    /// The background that it was made for.
    pub background: Option<Color>,
    /// Its styles on this terminal, or what is wrong with it.
    pub theme: std::result::Result<Theme, Shown>,
    /// The file's lines, for those that are laid over it.
    lines: Vec<ThemeLine>,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Themes {
    /// In the order of `T`.
    pub list: Vec<Named>,
    /// How many colours there are.
    pub depth: Depth,
}

impl Themes {
    /// berth's own.
    ///
    /// # Errors
    /// When one of them is wrong, which a test excludes.
    pub fn built_in(depth: Depth) -> Result<Self> {
        let mut themes = Self { list: Vec::new(), depth };
        for (name, text) in BUILT_IN {
            let named = themes.read(name.to_owned(), lines(text, None));
            if let Err(fault) = &named.theme {
                return Err(Error::new(Kind::Failed, format!("berth's own theme {name} is wrong")).because(fault.to_string()));
            }
            themes.list.push(named);
        }
        Ok(themes)
    }

    /// With people's own behind them; one of the same name replaces berth's.
    #[must_use]
    pub fn with(mut self, files: Vec<ThemeFile>) -> Self {
        for file in files {
            let named = self.read(file.name, file.lines);
            match self.list.iter_mut().find(|known| known.name == named.name) {
                Some(known) => *known = named,
                None => self.list.push(named),
            }
        }
        self
    }

    /// A theme by its name.
    pub fn get(&self, name: &str) -> Option<&Named> {
        self.list.iter().find(|named| named.name == name)
    }

    /// The next one that can be shown.
    pub fn after(&self, name: &str) -> Option<&Named> {
        let at = self.list.iter().position(|named| named.name == name).map_or(0, |at| at + 1);
        let (before, behind) = self.list.split_at_checked(at)?;
        behind.iter().chain(before).find(|named| named.theme.is_ok())
    }

    /// The styles of a theme, or why it cannot be shown.
    ///
    /// # Errors
    /// What is wrong with its file, or that there is none.
    pub fn styles(&self, name: &str) -> std::result::Result<&Theme, Shown> {
        match self.get(name) {
            Some(named) => named.theme.as_ref().map_err(Clone::clone),
            None => {
                let names = self.list.iter().map(|named| named.name.as_str()).collect::<Vec<_>>();
                Err(Shown::new(&format!("there is no theme {name}{}", crate::config::advice(name, names))))
            }
        }
    }

    fn read(&self, name: String, read: std::result::Result<Vec<ThemeLine>, Shown>) -> Named {
        let mut named = Named { name, about: Shown::from(""), background: None, theme: Ok(Theme::plain()), lines: Vec::new() };
        let lines = match read {
            Ok(lines) => lines,
            Err(fault) => return Named { theme: Err(fault), ..named },
        };
        let heading = match Heading::of(&lines) {
            Ok(heading) => heading,
            Err(fault) => return Named { theme: Err(fault), ..named },
        };
        let mut all = Vec::new();
        if let Some(over) = &heading.over {
            // Only over those that are there already: nothing can be laid over itself.
            match self.get(over) {
                Some(below) => all.extend(below.lines.iter().filter(|line| !line.table.is_empty()).cloned()),
                None => {
                    let place = lines.iter().find(|line| line.table.is_empty() && line.key == "over").map(|line| line.place.to_string());
                    let message = format!("{}: over = {over:?}: there is no theme of that name before this one", place.unwrap_or_default());
                    return Named { theme: Err(Shown::new(&message)), ..named };
                }
            }
            named.background = self.get(over).and_then(|below| below.background);
        }
        all.extend(lines);
        named.about = Shown::new(&heading.about);
        named.background = heading.background.or(named.background);
        // Read at full depth in any case: what is wrong is wrong on every terminal.
        named.theme = Theme::plain().patched(&all, self.depth);
        if self.depth == Depth::None && named.theme.is_ok() {
            named.theme = Ok(Theme::plain());
        }
        named.lines = all;
        named
    }
}

#[cfg(test)]
impl Theme {
    /// The default theme, for tests of what is drawn with it.
    pub fn for_depth(depth: Depth) -> Result<Self> {
        let themes = Themes::built_in(depth)?;
        themes.styles(DEFAULT).cloned().map_err(|why| Error::failed(why.to_string()))
    }
}

#[cfg(test)]
mod tests;
