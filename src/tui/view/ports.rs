//! The map of the range on the screen.
//!
//! It must never decide what is shown by colour alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::state::State;

use super::canvas;

/// Draws the tab.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    canvas::title(&state.settings, Rect { height: 1, ..area }, "ports", true, &[], buffer);
}
