//! Which style each meaning has. A plain theme of attributes only, and patches over it: `themes/` and people's own files.
//!
//! It must never give a meaning by colour alone: whatever has a colour has a sign or a word beside it.

mod words;

use ratatui::style::{Color, Style};

use crate::config::advice;
use crate::config::themes::ThemeLine;
use crate::domain::Shown;
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

/// The names of the styles in a file, in the order of `Theme`.
pub const NAMES: [&str; 20] = [
    "brand",
    "header",
    "title",
    "rule",
    "dim",
    "heading",
    "good",
    "busy",
    "warning",
    "error",
    "note",
    "chosen",
    "focus",
    "key",
    "graph",
    "graph_empty",
    "log_error",
    "log_warn",
    "log_debug",
    "mark",
];

/// What a file says beside its styles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heading {
    /// What it is for, in a few words.
    pub about: String,
    /// The background that it was made for, told in 24 bits; berth never paints one.
    pub background: Option<Color>,
    /// The theme that it is laid over; the plain one without.
    pub over: Option<String>,
}

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

    /// Whether anything has a colour: where nothing has, a log's own colours are left out too.
    pub fn has_colours(&self) -> bool {
        self.styles().iter().any(|(_, style)| style.fg.is_some() || style.bg.is_some())
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

    /// This theme with a file's styles over it, as far as they are for a terminal of this depth.
    ///
    /// # Errors
    /// `FILE:LINE:COLUMN: what is wrong`, with the nearest valid name.
    pub fn patched(mut self, lines: &[ThemeLine], depth: Depth) -> Result<Self, Shown> {
        // Every line is read, so that a mistake is told on every terminal.
        let mut later = Vec::new();
        for line in lines {
            match line.table.as_str() {
                "" => {}
                "style" => *self.slot(line)? = words::style(line)?,
                "sixteen" => later.push(line),
                other => {
                    let message = format!("unknown table [{}]{}", Shown::new(other), advice(other, ["style", "sixteen"]));
                    return Err(words::told(&line.key_place, &message));
                }
            }
        }
        for line in later {
            let style = words::style(line)?;
            let slot = self.slot(line)?;
            if depth == Depth::Sixteen {
                *slot = style;
            }
        }
        Ok(self)
    }

    /// The style that a line names.
    fn slot(&mut self, line: &ThemeLine) -> Result<&mut Style, Shown> {
        Ok(match line.key.as_str() {
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
            other => {
                let message = format!("unknown style \"{}\" in [{}]{}", Shown::new(other), line.table, advice(other, NAMES));
                return Err(words::told(&line.key_place, &message));
            }
        })
    }

    /// Every style with its name.
    pub fn styles(&self) -> [(&'static str, Style); 20] {
        let Self { brand, header, title, rule, dim, heading, good, busy, warning, error, .. } = self;
        let Self { note, chosen, focus, key, graph, graph_empty, log_error, log_warn, log_debug, mark, .. } = self;
        let styles = [
            brand,
            header,
            title,
            rule,
            dim,
            heading,
            good,
            busy,
            warning,
            error,
            note,
            chosen,
            focus,
            key,
            graph,
            graph_empty,
            log_error,
            log_warn,
            log_debug,
            mark,
        ];
        std::array::from_fn(|index| {
            (NAMES.get(index).copied().unwrap_or_default(), styles.get(index).map_or_else(Style::new, |style| **style))
        })
    }
}

impl Heading {
    /// What stands before the first table.
    ///
    /// # Errors
    /// As [`Theme::patched`].
    pub fn of(lines: &[ThemeLine]) -> Result<Self, Shown> {
        let mut heading = Self::default();
        for line in lines.iter().filter(|line| line.table.is_empty()) {
            match line.key.as_str() {
                "about" => heading.about.clone_from(&line.value),
                "over" => heading.over = Some(line.value.clone()),
                "background" => match words::colour(&line.value) {
                    Some(colour @ Color::Rgb(..)) => heading.background = Some(colour),
                    _ => return Err(words::told(&line.place, &format!("background = {:?} is not \"#rrggbb\"", line.value))),
                },
                other => {
                    let message = format!("unknown key \"{}\"{}", Shown::new(other), advice(other, ["about", "background", "over"]));
                    return Err(words::told(&line.key_place, &message));
                }
            }
        }
        Ok(heading)
    }
}
