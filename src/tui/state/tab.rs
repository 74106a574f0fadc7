//! The tabs.
//!
//! It must never hold what a tab shows.

/// A view of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The table with the detail and the log.
    #[default]
    Instances,
    /// The map of the range.
    Ports,
    /// What is wrong, with what mends it.
    Findings,
    /// What happened.
    Events,
    /// The host.
    Host,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Self; 5] = [Self::Instances, Self::Ports, Self::Findings, Self::Events, Self::Host];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Instances => "Instances",
            Self::Ports => "Ports",
            Self::Findings => "Findings",
            Self::Events => "Events",
            Self::Host => "Host",
        }
    }

    /// Its key.
    pub fn key(self) -> &'static str {
        match self {
            Self::Instances => "1",
            Self::Ports => "2",
            Self::Findings => "3",
            Self::Events => "4",
            Self::Host => "5",
        }
    }
}
