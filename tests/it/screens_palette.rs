//! The palette, the themes, the help in columns and the first run, as text at the sizes that people have.

use berth::domain::{Shown, Snapshot, Totals};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::console::Console;
use super::fleet;

/// A host on which nothing was found.
pub fn nothing() -> Snapshot {
    let mut empty = fleet::fleet();
    (empty.rows, empty.findings, empty.totals) = (Vec::new(), Vec::new(), Totals::default());
    let looked_for = ["/opt/mcp-server/users/*/config/config.json", "/etc/mcp-server/*/config.json", "/opt/sdp-mcp/.env.*"];
    empty.notices = vec![Shown::from("no instance is configured")];
    empty.notices.extend(looked_for.iter().map(|pattern| Shown::new(&format!("looked for {pattern}"))));
    empty
}

#[test]
fn the_next_theme_says_its_name() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("T");
    insta::assert_snapshot!("next_theme_80x24", console.screen());
}

#[test]
fn the_end_of_the_help_is_its_end() {
    for (width, height) in [(200, 50), (60, 15)] {
        let mut console = Console::with_fleet(width, height);
        console.keys("l?");
        console.keys("G");
        let last = console.screen();
        console.keys("j");
        assert_eq!(console.screen(), last, "the end is the end");
    }
}

#[test]
fn with_a_configuration_none_is_offered() {
    let mut console = Console::new(80, 24);
    console.state.settings.configured = true;
    console.show(nothing());
    assert!(!console.screen().contains("config init"), "there is a configuration");
    assert!(console.screen().contains("berth config"));
}

#[test]
fn the_chosen_row_is_seen_in_every_theme() {
    let mut console = Console::with_fleet(80, 24);
    for name in ["light", "high-contrast", "colour-blind", "mono", "dark"] {
        console.keys("T");
        assert_eq!(console.state.theme_name(), name);
        let buffer = console.buffer();
        let row = (0..24).find(|y| buffer[(0, *y)].symbol() == ">").unwrap();
        let (chosen, other) = (&buffer[(30, row)], &buffer[(30, row + 1)]);
        assert!(chosen.bg != other.bg || chosen.modifier != other.modifier, "{name}");
        let has_colour = buffer.content.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        assert_eq!(has_colour, name != "mono", "{name}");
    }
}

#[test]
fn ctrl_p_opens_the_palette_too() {
    let mut console = Console::with_fleet(80, 24);
    console.event(berth::tui::event::Event::Key(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL)));
    assert!(console.screen().contains("Commands"));
    console.press(KeyCode::Esc);
    assert!(console.state.picker.is_none());
}
