//! What each state looks like. Views take `&State` and draw into a buffer; nothing is decided or remembered here.
//!
//! It must never change a state, and never draw a text from outside that is not `Shown`.

pub mod bulk;
pub mod canvas;
pub mod chart;
pub mod confirm;
pub mod detail;
pub mod events;
pub mod filter;
pub mod findings;
pub mod first_run;
pub mod fleet;
pub mod header;
pub mod help;
pub mod host;
pub mod log;
pub mod menu;
pub mod picker;
pub mod pictures;
pub mod ports;
pub mod progress;
pub mod prose;
pub mod status;
pub mod tabs;
pub mod task;
pub mod why;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::layout::{LEAST, Layout};
use super::state::{Pane, State, Tab};

/// Draws everything; says where the cursor is, when something is typed.
pub fn draw(state: &State, buffer: &mut Buffer) -> Option<Position> {
    let Some(layout) = Layout::of(state) else {
        too_small(state, buffer);
        return None;
    };
    header::draw(state, layout.header, buffer);
    if let Some(area) = layout.banner {
        header::draw_banner(state, area, buffer);
    }
    if let Some(area) = layout.tabs {
        tabs::draw(state, area, buffer);
    }
    if let Some(area) = layout.tab {
        match state.tab {
            Tab::Instances => {}
            Tab::Ports => ports::draw(state, area, buffer),
            Tab::Findings => findings::draw(state, area, buffer),
            Tab::Events => events::draw(state, area, buffer),
            Tab::Host => host::draw(state, area, buffer),
        }
    }
    if let Some(area) = layout.fleet {
        fleet::draw(state, area, buffer);
    }
    if let Some(area) = layout.detail {
        detail::draw(state, area, buffer);
    }
    if let Some(area) = layout.log {
        log::draw(state, area, layout.detail.is_none() || state.large == Some(Pane::Log), buffer);
    }
    if let (Some(detail), Some(log)) = (layout.detail, layout.log) {
        canvas::divide(&state.settings, detail.right(), log, layout.rule, buffer);
    }
    if let Some(area) = layout.rule {
        canvas::rule_below(&state.settings, area, layout.detail.filter(|_| layout.log.is_some()).map(Rect::right), buffer);
    }
    let mut cursor = status::draw(state, layout.status, buffer);
    let body = Rect::new(0, 1, buffer.area.width, layout.status.y.saturating_sub(1));
    if state.why.is_some() {
        why::draw(state, body, buffer);
    }
    if let Some(progress) = state.progress.as_ref().filter(|progress| progress.open) {
        progress::draw(state, progress, body, buffer);
    }
    if let Some(menu) = &state.menu {
        menu::draw(state, menu, body, buffer);
    }
    if let Some(picker) = &state.picker {
        cursor = picker::draw(state, picker, body, buffer);
    }
    if let Some(confirm) = &state.confirm {
        cursor = confirm::draw(state, confirm, body, buffer);
    }
    if let Some(task) = &state.task {
        cursor = task::draw(state, task, body, buffer);
    }
    if let Some(bulk) = &state.bulk {
        cursor = bulk::draw(state, bulk, body, buffer);
    }
    if let Some(help) = &state.help {
        cursor = None;
        help::draw(state, help, body, buffer);
    }
    cursor
}

/// Says that nothing useful fits, as far as that fits.
fn too_small(state: &State, buffer: &mut Buffer) {
    let (width, height) = state.size;
    let lines = [format!("{width}x{height} is too small"), format!("berth needs {}x{}", LEAST.0, LEAST.1), "q quits".to_owned()];
    for (y, line) in (0..height.min(buffer.area.height)).zip(lines) {
        canvas::put(buffer, 0, y, width, &line, ratatui::style::Style::new());
    }
}
