//! The one name of every action: the palette, the configuration, help and the documentation have it from here.
//!
//! It must never be guessed from a variant's spelling: a name stands in people's configurations and stays.

use super::{Action, LogKey, Motion};
use crate::present::columns::Column;
use crate::present::metrics;
use crate::tui::state::Tab;

impl Action {
    /// Its name, in lower case with dashes. A new action does not compile before it has one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Move(motion) => motion.name(),
            Self::Detail => "detail",
            Self::Log => "log",
            Self::Tab(tab) => match tab {
                Tab::Instances => "tab-instances",
                Tab::Ports => "tab-ports",
                Tab::Findings => "tab-findings",
                Tab::Events => "tab-events",
                Tab::Host => "tab-host",
            },
            Self::NextPane => "next-pane",
            Self::PreviousPane => "previous-pane",
            Self::SortNext => "sort-next",
            Self::SortReverse => "sort-reverse",
            Self::SortBy(column) => match column {
                Column::Owner => "sort-owner",
                Column::Host => "sort-host",
                Column::State => "sort-state",
                Column::Port => "sort-port",
                Column::Pid => "sort-pid",
                Column::Health => "sort-health",
                Column::Cpu => "sort-cpu",
                Column::Memory => "sort-memory",
                Column::Disk => "sort-disk",
                Column::Up => "sort-age",
                Column::Restarts => "sort-restarts",
                Column::By => "sort-supervisor",
                Column::Findings => "sort-findings",
                Column::Counted(measure) => metrics::order(measure),
            },
            Self::Problems => "problems",
            Self::Filter => "filter",
            // "start", "stop", "restart", and "logs" for the menu's way to the log.
            Self::Act(verb) => verb.word(),
            Self::Menu => "menu",
            Self::Hold => "hold",
            Self::Lock => "lock",
            Self::Help => "help",
            Self::Palette => "commands",
            Self::NextTheme => "next-theme",
            Self::Theme => "theme",
            Self::Back => "back",
            Self::Escape => "escape",
            Self::Quit => "quit",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
            Self::InLog(key) => key.name(),
            Self::PreviousInstance => "previous-instance",
            Self::NextInstance => "next-instance",
            Self::Confirm => "confirm",
            Self::Press => "press",
            Self::NextField => "next-field",
            Self::PreviousField => "previous-field",
            Self::Users => "users",
            Self::Group => "group",
            Self::Columns => "columns",
            Self::Complete => "complete",
            Self::CompleteBack => "complete-back",
            Self::GoTo => "go-to",
            Self::Only => "only",
            Self::Signal => "signal",
            Self::Mark => "mark",
            Self::MarkAll => "mark-all",
            Self::Unmark => "unmark",
            Self::Progress => "progress",
            Self::Copy => "copy",
            Self::Snippet => "client-snippet",
            Self::CopyCommand => "copy-command",
            Self::Pace => "pace",
            Self::Fix => "fix",
            Self::Why => "why",
            Self::ShowPort => "show-port",
            Self::GoToInstance => "go-to-instance",
            Self::FindPort => "find-port",
            Self::GivePort => "give-port",
            Self::Reserve => "reserve-port",
            Self::Plan => "plan-ports",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Adopt => "adopt",
            Self::CopyPage => "copy-port-page",
            Self::Mouse => "mouse",
        }
    }

    /// What may follow its name in the palette: `theme NAME`. Without it, it asks.
    pub fn takes(self) -> Option<&'static str> {
        match self {
            Self::Theme => Some("NAME"),
            Self::InLog(LogKey::Save) => Some("FILE"),
            Self::Add => Some("OWNER"),
            Self::Remove => Some("purge"),
            _ => None,
        }
    }

    /// Whether it can disturb somebody: it is never bound to Ctrl, which a terminal multiplexer may hold or double.
    pub fn disturbs(self) -> bool {
        match self {
            Self::Act(verb) => verb.changes(),
            Self::Confirm | Self::Press | Self::Signal | Self::Fix | Self::Add | Self::Remove | Self::Adopt => true,
            _ => false,
        }
    }

    /// Whether it is of use without its key, and so stands in the palette.
    pub fn is_command(self) -> bool {
        !matches!(
            self,
            Self::Move(_)
                | Self::Escape
                | Self::Back
                | Self::Palette
                | Self::Confirm
                | Self::Press
                | Self::NextField
                | Self::PreviousField
                | Self::Complete
                | Self::CompleteBack
                | Self::CopyPage
                | Self::CopyCommand
                | Self::Pace
        )
    }

    /// Whether a place without a key for it would hold somebody fast.
    pub fn is_way_out(self) -> bool {
        matches!(self, Self::Escape | Self::Quit | Self::Back | Self::Press | Self::Confirm)
    }
}

impl LogKey {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Wrap => "wrap",
            Self::Times => "log-times",
            Self::Tail => "log-tail",
            Self::Head => "log-head",
            Self::Minutes(1) => "log-1m",
            Self::Minutes(3) => "log-3m",
            Self::Minutes(5) => "log-5m",
            Self::Minutes(15) => "log-15m",
            Self::Minutes(30) => "log-30m",
            Self::Minutes(60) => "log-1h",
            Self::Minutes(_) => "log-minutes",
            Self::Range => "log-range",
            Self::Search => "log-search",
            Self::NextMatch => "log-next-match",
            Self::PreviousMatch => "log-previous-match",
            Self::Keep => "log-keep",
            Self::Drop => "log-drop",
            Self::Levels => "log-levels",
            Self::NextError => "log-next-error",
            Self::PreviousError => "log-previous-error",
            Self::PreviousRun => "log-previous-run",
            Self::Mark => "log-mark",
            Self::ToMark => "log-to-mark",
            Self::Select => "log-select",
            Self::Copy => "log-copy",
            Self::CopyPage => "log-copy-page",
            Self::Save => "save",
            Self::Pager => "log-pager",
            Self::LineStart => "log-line-start",
            Self::LineEnd => "log-line-end",
            Self::Together => "log-together",
        }
    }
}

impl Motion {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::PageUp => "page-up",
            Self::PageDown => "page-down",
            Self::First => "first",
            Self::Last => "last",
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}
