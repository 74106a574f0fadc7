//! Where each part of the screen is, for a size. Update (how long is a page?) and view (where to draw?) ask the same function.
//!
//! It must never depend on what is filtered or scrolled: lines stand still while one types.

use ratatui::layout::Rect;

use super::state::pointer::Split;
use super::state::{Pane, State, Tab};

/// Below this, nothing useful fits.
pub const LEAST: (u16, u16) = (40, 10);

/// From this width on, the detail has its place beside the log.
const BOTH: u16 = 100;

/// Where the parts are. A part that does not fit is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The first line.
    pub header: Rect,
    /// The line of tabs.
    pub tabs: Option<Rect>,
    /// The worst thing.
    pub banner: Option<Rect>,
    /// The table with its title and headings.
    pub fleet: Option<Rect>,
    /// The detail with its title.
    pub detail: Option<Rect>,
    /// The log with its title.
    pub log: Option<Rect>,
    /// A tab other than the first.
    pub tab: Option<Rect>,
    /// The rule above the last line.
    pub rule: Option<Rect>,
    /// The last line.
    pub status: Rect,
}

impl Layout {
    /// The places for a state; `None` when the terminal is too small.
    pub fn of(state: &State) -> Option<Self> {
        let (width, height) = state.size;
        (width >= LEAST.0 && height >= LEAST.1)
            .then(|| place(width, height, state.header.banner.is_some(), state.tab, state.large, state.split, state.fleet.total))
    }

    /// How many rows of the table are seen.
    pub fn fleet_page(&self) -> usize {
        self.fleet.map_or(0, |area| usize::from(area.height.saturating_sub(2)))
    }

    /// How many lines of the detail are seen.
    pub fn detail_page(&self) -> usize {
        self.detail.map_or(0, |area| usize::from(area.height.saturating_sub(1)))
    }

    /// How many lines of the log are seen.
    pub fn log_page(&self) -> usize {
        self.log.map_or(0, |area| usize::from(area.height.saturating_sub(1)))
    }

    /// The panes that are seen, in the order of Tab.
    pub fn panes(&self) -> impl Iterator<Item = Pane> + use<> {
        let panes = [(self.fleet, Pane::Fleet), (self.detail, Pane::Detail), (self.log, Pane::Log)];
        panes.into_iter().filter_map(|(area, pane)| area.map(|_| pane))
    }
}

/// Divides the screen.
fn place(width: u16, height: u16, banner: bool, tab: Tab, large: Option<Pane>, split: Split, rows: usize) -> Layout {
    let line = |y: u16| Rect::new(0, y, width, 1);
    // On a small screen the tab's title tells where one is.
    let ruled = height >= 30;
    let top = 1 + u16::from(ruled) + u16::from(banner);
    let bottom = height - 1 - u16::from(ruled);
    let body = Rect::new(0, top, width, bottom - top);
    let mut layout = Layout {
        header: line(0),
        tabs: ruled.then(|| line(1)),
        banner: banner.then(|| line(1 + u16::from(ruled))),
        rule: ruled.then(|| line(height - 2)),
        status: line(height - 1),
        ..Layout::default()
    };
    if tab != Tab::Instances {
        layout.tab = Some(body);
        return layout;
    }
    match large {
        Some(Pane::Detail) => layout.detail = Some(body),
        Some(Pane::Log) => layout.log = Some(body),
        Some(Pane::Fleet) => layout.fleet = Some(body),
        None => {
            let usual = lower_height(height, body.height, rows);
            let lower = split.lower.filter(|_| usual > 0).map_or(usual, |lower| lower.clamp(3, body.height.saturating_sub(4).max(3)));
            let (upper, lower) = (Rect { height: body.height - lower, ..body }, Rect { y: bottom - lower, height: lower, ..body });
            layout.fleet = Some(upper);
            if lower.height > 0 && width >= BOTH {
                // The divider's column belongs to neither.
                let left = split.left.unwrap_or((width * 2 / 5 + 2).clamp(44, 84)).clamp(20, width - 21);
                layout.detail = Some(Rect { width: left, ..lower });
                layout.log = Some(Rect { x: left + 1, width: width - left - 1, ..lower });
            } else if lower.height > 0 {
                layout.log = Some(lower);
            }
        }
    }
    layout
}

/// How many lines the panes below the table get: a third, or what a short table leaves.
fn lower_height(height: u16, body: u16, rows: usize) -> u16 {
    // Without an instance there is neither detail nor log, and what is said instead needs the room.
    if height < 16 || rows == 0 {
        return 0;
    }
    let table = u16::try_from(rows.max(3)).unwrap_or(u16::MAX).saturating_add(2);
    (body / 3).clamp(4, 14).max(body.saturating_sub(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_overlap_and_never_leave_the_screen() {
        for (width, height) in (40..=130).step_by(7).flat_map(|width| (10..=60).map(move |height| (width, height))) {
            let views = [None, Some(Pane::Detail), Some(Pane::Log), Some(Pane::Fleet)].map(|large| (Tab::Instances, large));
            for (tab, large) in views.into_iter().chain([(Tab::Ports, None)]) {
                for (banner, rows) in [(false, 0), (true, 6), (true, 1000)] {
                    let layout = place(width, height, banner, tab, large, Split::default(), rows);
                    let parts = [
                        Some(layout.header),
                        layout.tabs,
                        layout.banner,
                        layout.tab,
                        layout.fleet,
                        layout.detail,
                        layout.log,
                        layout.rule,
                        Some(layout.status),
                    ];
                    let parts: Vec<Rect> = parts.into_iter().flatten().collect();
                    for (index, part) in parts.iter().enumerate() {
                        assert_eq!(part.intersection(Rect::new(0, 0, width, height)), *part);
                        assert!(parts[..index].iter().all(|other| part.intersection(*other).is_empty()), "{width}x{height} {layout:?}");
                    }
                    let lines: u16 = parts.iter().filter(|part| part.x == 0).map(|part| part.height).sum();
                    assert_eq!(lines, height, "every line has its part");
                }
            }
        }
    }

    #[test]
    fn a_small_fleet_leaves_the_rest_to_the_log() {
        let layout = place(120, 50, true, Tab::Instances, None, Split::default(), 6);
        assert_eq!(layout.fleet_page(), 6);
        assert!(layout.log_page() > 35);
        assert!(place(120, 50, true, Tab::Instances, None, Split::default(), 1000).fleet_page() > 28);
    }

    #[test]
    fn a_narrow_screen_has_the_log_only() {
        let layout = place(80, 24, true, Tab::Instances, None, Split::default(), 42);
        assert_eq!(layout.panes().collect::<Vec<_>>(), [Pane::Fleet, Pane::Log]);
        assert_eq!(place(80, 12, true, Tab::Instances, None, Split::default(), 42).panes().collect::<Vec<_>>(), [Pane::Fleet]);
    }
}
