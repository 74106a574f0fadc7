//! The mouse: whether berth has it, what is being dragged, and where it was pressed last. And how far borders were moved.
//!
//! It must never know what lies where: that is the layout.

use std::time::Duration;

use crate::domain::InstanceId;

use super::findings;

/// Two presses on the same within this time are one double one.
pub const DOUBLE: Duration = Duration::from_millis(400);

/// Its state.
#[derive(Clone, Debug)]
pub struct Pointer {
    /// Whether the terminal tells about the mouse; if not, it selects text with it.
    pub taken: bool,
    /// The border that is being moved.
    pub dragged: Option<Border>,
    /// What was pressed last, and when, on the boot clock.
    pub pressed: Option<(Hit, Duration)>,
    /// The window has lost the focus.
    pub away: bool,
}

impl Default for Pointer {
    fn default() -> Self {
        Self { taken: true, dragged: None, pressed: None, away: false }
    }
}

/// What can be pressed to have the cursor, and twice to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A row of the table.
    Row(InstanceId),
    /// A cell of the map.
    Port(u16),
    /// A finding of the list.
    Finding(findings::Key),
    /// An event, by its serial number.
    Event(u64),
}

/// A border between panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Between the table and what is below it.
    Across,
    /// Between the detail and the log.
    Upright,
}

/// What was asked of the panes' sizes; `None` is as the screen's size would have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// How many lines the panes below the table have, title included.
    pub lower: Option<u16>,
    /// How many columns the detail has.
    pub left: Option<u16>,
}
