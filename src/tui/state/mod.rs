//! What the console knows and shows, as small states, each with an update and a view of the same name.
//!
//! It must never hold a handle, read a clock or touch the terminal: it is made of plain values.

pub mod confirm;
pub mod detail;
pub mod filter;
pub mod fleet;
pub mod header;
pub mod help;
pub mod log;
pub mod menu;
pub mod status;

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::{Caller, Row, Snapshot};
use crate::present::Look;

use super::glyphs::Glyphs;
use super::keymap::Place;
use super::theme::Theme;

/// A part of the screen that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The table.
    Fleet,
    /// The detail of the chosen instance.
    Detail,
    /// Its log.
    Log,
}

/// What is fixed for as long as the console runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The signs.
    pub glyphs: &'static Glyphs,
    /// The styles.
    pub theme: Theme,
    /// The time zone that times are shown in.
    pub zone: TimeZone,
    /// `--read-only` was given: changes cannot be unlocked.
    pub read_only: bool,
    /// Who looks.
    pub caller: Caller,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// What is fixed.
    pub settings: Settings,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The newest picture.
    pub live: Option<Arc<Snapshot>>,
    /// The picture that is shown: the newest, or the one that is held.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Which pane has the focus.
    pub focus: Pane,
    /// Which pane has the whole screen.
    pub large: Option<Pane>,
    /// The first line.
    pub header: header::Header,
    /// The table.
    pub fleet: fleet::Fleet,
    /// What the table keeps.
    pub filter: filter::Filter,
    /// The chosen instance.
    pub detail: detail::Detail,
    /// Its log.
    pub log: log::Log,
    /// A question that waits for an answer.
    pub confirm: Option<confirm::Confirm>,
    /// The menu of what is possible.
    pub menu: Option<menu::Menu>,
    /// The help page.
    pub help: Option<help::Help>,
    /// The last line.
    pub status: status::Status,
}

impl State {
    /// Before the first snapshot.
    pub fn new(settings: Settings, size: (u16, u16), now: crate::domain::Moment) -> Self {
        let locked = settings.read_only;
        Self {
            settings,
            size,
            live: None,
            snapshot: None,
            focus: Pane::Fleet,
            large: None,
            header: header::Header { now, locked, held: false, banner: None },
            fleet: fleet::Fleet::default(),
            filter: filter::Filter::default(),
            detail: detail::Detail::default(),
            log: log::Log::default(),
            confirm: None,
            menu: None,
            help: None,
            status: status::Status::default(),
        }
    }

    /// What a key is looked up in.
    pub fn place(&self) -> Place {
        if self.help.is_some() {
            return Place::Help;
        }
        if let Some(confirm) = &self.confirm {
            return if confirm.focus == confirm::Field::Reason { Place::Reason } else { Place::Confirm };
        }
        if self.menu.is_some() {
            return Place::Menu;
        }
        if self.filter.editing {
            return Place::Filter;
        }
        match self.focus {
            Pane::Fleet => Place::Fleet,
            Pane::Detail => Place::Detail,
            Pane::Log => Place::Log,
        }
    }

    /// The chosen row as it is shown.
    pub fn chosen(&self) -> Option<&Arc<Row>> {
        self.fleet.chosen.as_ref().and_then(|id| self.fleet.rows.iter().find(|row| row.id == *id))
    }

    /// What texts depend on.
    pub fn look(&self) -> Look {
        let now = self.snapshot.as_ref().map_or(self.header.now.wall, |snapshot| snapshot.taken.wall);
        Look { ascii: self.settings.glyphs.ascii, now }
    }
}
