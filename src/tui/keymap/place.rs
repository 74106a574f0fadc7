//! What has the focus when a key is pressed, and where a key is looked for from there.
//!
//! It must never let a dialogue pass a key on to the pane below it.

/// What has the focus when a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Anything at all, dialogues and inputs included.
    Always,
    /// Any pane.
    Everywhere,
    /// Any pane and tab where digits are not something else.
    Tabs,
    /// The table.
    Fleet,
    /// The detail.
    Detail,
    /// The log.
    Log,
    /// The map of ports.
    Ports,
    /// The findings.
    Findings,
    /// What happened.
    Events,
    /// The host.
    Host,
    /// A list to choose from.
    Picker,
    /// A line that is typed.
    Prompt,
    /// The page that says why.
    Why,
    /// The filter's input.
    Filter,
    /// A confirmation, outside its reason.
    Confirm,
    /// A confirmation's reason.
    Reason,
    /// A question about many.
    Bulk,
    /// How far a bulk action is.
    Progress,
    /// The menu.
    Menu,
    /// The help page.
    Help,
}

impl Place {
    /// All, in the order of the help page.
    pub const ALL: [Self; 20] = [
        Self::Everywhere,
        Self::Tabs,
        Self::Fleet,
        Self::Detail,
        Self::Log,
        Self::Ports,
        Self::Findings,
        Self::Events,
        Self::Host,
        Self::Filter,
        Self::Picker,
        Self::Prompt,
        Self::Why,
        Self::Confirm,
        Self::Reason,
        Self::Bulk,
        Self::Progress,
        Self::Menu,
        Self::Help,
        Self::Always,
    ];

    /// The places that are searched for a key, nearest first.
    pub fn chain(self) -> &'static [Place] {
        match self {
            Self::Always => &[Self::Always],
            Self::Everywhere => &[Self::Everywhere, Self::Always],
            Self::Tabs => &[Self::Tabs],
            Self::Fleet => &[Self::Fleet, Self::Tabs, Self::Everywhere, Self::Always],
            Self::Detail => &[Self::Detail, Self::Tabs, Self::Everywhere, Self::Always],
            Self::Ports => &[Self::Ports, Self::Tabs, Self::Everywhere, Self::Always],
            Self::Findings => &[Self::Findings, Self::Tabs, Self::Everywhere, Self::Always],
            Self::Events => &[Self::Events, Self::Tabs, Self::Everywhere, Self::Always],
            Self::Host => &[Self::Host, Self::Tabs, Self::Everywhere, Self::Always],
            Self::Picker => &[Self::Picker, Self::Always],
            Self::Prompt => &[Self::Prompt, Self::Always],
            Self::Why => &[Self::Why, Self::Always],
            Self::Log => &[Self::Log, Self::Everywhere, Self::Always],
            Self::Filter => &[Self::Filter, Self::Always],
            Self::Confirm => &[Self::Confirm, Self::Always],
            Self::Reason => &[Self::Reason, Self::Always],
            Self::Bulk => &[Self::Bulk, Self::Always],
            Self::Progress => &[Self::Progress, Self::Always],
            Self::Menu => &[Self::Menu, Self::Always],
            Self::Help => &[Self::Help, Self::Always],
        }
    }

    /// Its name in the configuration: `[keys.NAME]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everywhere => "everywhere",
            Self::Tabs => "tabs",
            Self::Fleet => "instances",
            Self::Detail => "detail",
            Self::Log => "log",
            Self::Ports => "ports",
            Self::Findings => "findings",
            Self::Events => "events",
            Self::Host => "host",
            Self::Picker => "list",
            Self::Prompt => "line",
            Self::Filter => "filter",
            Self::Confirm => "question",
            Self::Reason => "reason",
            Self::Bulk => "question-of-many",
            Self::Progress => "progress",
            Self::Why => "why",
            Self::Menu => "menu",
            Self::Help => "help",
        }
    }

    /// Whether what is bound to nothing is text here.
    pub fn takes_text(self) -> bool {
        matches!(self, Self::Picker | Self::Prompt | Self::Filter | Self::Reason)
    }

    /// Its heading on the help page.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everywhere => "everywhere",
            Self::Fleet => "instances",
            Self::Detail => "detail",
            Self::Log => "log",
            Self::Tabs => "tabs",
            Self::Ports => "ports",
            Self::Findings => "findings",
            Self::Events => "events",
            Self::Host => "host",
            Self::Picker => "a list",
            Self::Prompt => "a line",
            Self::Why => "why",
            Self::Filter => "filter",
            Self::Confirm | Self::Reason => "confirmation",
            Self::Bulk => "confirmation of many",
            Self::Progress => "bulk action",
            Self::Menu => "menu",
            Self::Help => "help",
        }
    }
}
