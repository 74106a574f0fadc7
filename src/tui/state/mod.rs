//! What the console knows and shows, as small states, each with an update and a view of the same name.
//!
//! It must never hold a handle, read a clock or touch the terminal: it is made of plain values.

pub mod bulk;
pub mod confirm;
pub mod course;
pub mod detail;
pub mod events;
pub mod filter;
pub mod findings;
pub mod fleet;
pub mod header;
pub mod help;
pub mod host;
pub mod log;
pub mod marks;
pub mod menu;
pub mod picker;
pub mod pointer;
pub mod ports;
pub mod progress;
pub mod prompt;
pub mod status;
pub mod tab;
pub mod task;
pub mod why;

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::{Caller, HostPart, InstanceId, Row, Snapshot};
use crate::present::Look;
use crate::present::arrange::with_host;
use crate::present::columns::Column;
use crate::present::command::Program;
use crate::present::mend::Giver;

use super::glyphs::Glyphs;
use super::keymap::{Action, Keymap, Place};
use super::preferences::Preferences;
use super::theme::Theme;
use super::themes::Themes;

pub use tab::Tab;

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
    /// The styles that are shown: the chosen theme's, or those of the one that is being looked at.
    pub theme: Theme,
    /// The theme without a choice: the configuration's, else berth's.
    pub default_theme: String,
    /// The themes that there are.
    pub themes: Arc<Themes>,
    /// What each key does.
    pub keymap: Arc<Keymap>,
    /// Whether any file configures this berth.
    pub configured: bool,
    /// The berth that the commands call which are shown and copied.
    pub program: Program,
    /// The time zone that times are shown in.
    pub zone: TimeZone,
    /// `--read-only` was given: changes cannot be unlocked.
    pub read_only: bool,
    /// Who looks.
    pub caller: Caller,
}

impl Settings {
    /// Whose commands those are that are shown.
    pub fn giver(&self) -> Giver<'_> {
        Giver { uid: self.caller.uid, program: &self.program }
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// What is fixed.
    pub settings: Settings,
    /// What the person likes. Whatever changes here is kept for the next time.
    pub preferences: Preferences,
    /// What was kept last.
    pub kept: Preferences,
    /// The theme that the person chose, by its name: what is kept among the preferences. `None`: the default.
    pub theme: Option<String>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The newest picture.
    pub live: Option<Arc<Snapshot>>,
    /// The picture that is shown: the newest, or the one that is held.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Which tab is shown.
    pub tab: Tab,
    /// Which pane of the first tab has the focus.
    pub focus: Pane,
    /// Which pane has the whole screen.
    pub large: Option<Pane>,
    /// The mouse.
    pub pointer: pointer::Pointer,
    /// How far borders were moved.
    pub split: pointer::Split,
    /// The first line.
    pub header: header::Header,
    /// The table.
    pub fleet: fleet::Fleet,
    /// What the table keeps.
    pub filter: filter::Filter,
    /// Which instances are marked.
    pub marks: marks::Marks,
    /// The chosen instance.
    pub detail: detail::Detail,
    /// Its log.
    pub log: log::Log,
    /// The map of the range.
    pub ports: ports::Ports,
    /// What is wrong.
    pub findings: findings::Findings,
    /// What happened.
    pub events: events::Events,
    /// The host.
    pub host: host::Host,
    /// A question that waits for an answer.
    pub confirm: Option<confirm::Confirm>,
    /// A question about many that waits for an answer.
    pub bulk: Option<bulk::Bulk>,
    /// The last bulk action.
    pub progress: Option<progress::Progress>,
    /// The command that would have done what was last asked and confirmed.
    pub asked: Option<String>,
    /// A question about the fleet that waits for an answer.
    pub task: Option<task::Asked>,
    /// The menu of what is possible.
    pub menu: Option<menu::Menu>,
    /// A list to choose from.
    pub picker: Option<picker::Picker>,
    /// A line that is typed.
    pub prompt: Option<prompt::Prompt>,
    /// Why an instance is as it is.
    pub why: Option<why::Why>,
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
            preferences: Preferences::default(),
            kept: Preferences::default(),
            theme: None,
            size,
            live: None,
            snapshot: None,
            tab: Tab::default(),
            focus: Pane::Fleet,
            large: None,
            pointer: pointer::Pointer::default(),
            split: pointer::Split::default(),
            header: header::Header { now, locked, held: false, banner: None, standing: None },
            fleet: fleet::Fleet::default(),
            filter: filter::Filter::default(),
            marks: marks::Marks::default(),
            detail: detail::Detail::default(),
            log: log::Log::default(),
            ports: ports::Ports::default(),
            findings: findings::Findings::default(),
            events: events::Events::default(),
            host: host::Host::default(),
            confirm: None,
            bulk: None,
            progress: None,
            asked: None,
            task: None,
            menu: None,
            picker: None,
            prompt: None,
            why: None,
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
        if let Some(task) = &self.task {
            return if task.focus == confirm::Field::Reason { Place::Reason } else { Place::Confirm };
        }
        if let Some(bulk) = &self.bulk {
            return if bulk.reasoning { Place::Reason } else { Place::Bulk };
        }
        if self.picker.is_some() {
            return Place::Picker;
        }
        if self.menu.is_some() {
            return Place::Menu;
        }
        if self.progress.as_ref().is_some_and(|progress| progress.open) {
            return Place::Progress;
        }
        if self.prompt.is_some() {
            return Place::Prompt;
        }
        if self.why.is_some() {
            return Place::Why;
        }
        if self.filter.editing {
            return Place::Filter;
        }
        match (self.tab, self.focus) {
            (Tab::Ports, _) => Place::Ports,
            (Tab::Findings, _) => Place::Findings,
            (Tab::Events, _) => Place::Events,
            (Tab::Host, _) => Place::Host,
            (Tab::Instances, Pane::Fleet) => Place::Fleet,
            (Tab::Instances, Pane::Detail) => Place::Detail,
            (Tab::Instances, Pane::Log) => Place::Log,
        }
    }

    /// Whether something floats over the panes and takes the keys.
    pub fn floats(&self) -> bool {
        self.help.is_some() || self.confirm.is_some() || self.task.is_some() || self.picker.is_some() || self.menu.is_some()
    }

    /// Whether a question waits for an answer.
    pub fn asks(&self) -> bool {
        self.confirm.is_some() || self.task.is_some() || self.bulk.is_some()
    }

    /// The instance that a key would act on: the chosen one, or on another tab the one under its cursor.
    pub fn target(&self) -> Option<&InstanceId> {
        match self.tab {
            Tab::Instances => self.fleet.chosen.as_ref(),
            Tab::Ports => self.ports.target(self),
            Tab::Findings => self.findings.target(self),
            Tab::Events => self.events.target(self),
            Tab::Host => None,
        }
    }

    /// The picture of one host alone: of several that of the chosen row's, so that a map of ports is never one of two hosts.
    pub fn own(&self) -> Option<&Arc<Snapshot>> {
        let shown = self.snapshot.as_ref()?;
        Some(self.own_part(shown).map_or(shown, |part| &part.picture))
    }

    /// That host, where several are shown as one.
    pub fn own_part<'picture>(&self, picture: &'picture Snapshot) -> Option<&'picture HostPart> {
        let chosen = self.fleet.chosen.as_ref().and_then(|id| picture.part(id));
        chosen.or_else(|| picture.hosts.first())
    }

    /// The table's columns as they are shown.
    pub fn columns(&self) -> Vec<Column> {
        let hosts = self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.hosts.is_empty());
        with_host(self.preferences.columns.shown(), hosts)
    }

    /// Its row in the picture that is shown.
    pub fn target_row(&self) -> Option<&Arc<Row>> {
        self.snapshot.as_ref()?.row(self.target()?)
    }

    /// The theme in force, by its name.
    pub fn theme_name(&self) -> &str {
        self.theme.as_deref().unwrap_or(&self.settings.default_theme)
    }

    /// The key for an action in the panes, for sentences that name it; its name in the palette when it has none.
    pub fn key(&self, action: Action) -> String {
        let label = self.settings.keymap.label(Place::Fleet, action);
        if label.is_empty() { format!(":{}", action.name()) } else { label }
    }

    /// The chosen row as it is shown.
    pub fn chosen(&self) -> Option<&Arc<Row>> {
        let id = self.fleet.chosen.as_ref()?;
        // Asked for many times a frame: where it was put it mostly is.
        let there = self.fleet.rows.get(self.fleet.index).filter(|row| row.id == *id);
        there.or_else(|| self.fleet.rows.iter().find(|row| row.id == *id))
    }

    /// What texts depend on.
    pub fn look(&self) -> Look {
        let now = self.snapshot.as_ref().map_or(self.header.now.wall, |snapshot| snapshot.taken.wall);
        Look { ascii: self.settings.glyphs.ascii, now }
    }
}
