//! The map of ports as a tool: a plan over it, a port reserved, and the questions about the fleet, at the sizes that people have.

use std::sync::Arc;

use berth::domain::{Allotments, Reading, Reservation};
use crossterm::event::KeyCode;

use super::console::Console;
use super::fleet;

/// The sizes that are kept.
const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 50)];

fn each(name: &str, lead: impl Fn(&mut Console)) {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        lead(&mut console);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), console.screen());
    }
}

/// A name in the palette, and Enter.
fn named(console: &mut Console, text: &str) {
    console.keys(":");
    console.keys(text);
    console.press(KeyCode::Enter);
}

#[test]
fn which_strategy() {
    each("plan_choose", |console| console.keys("2P"));
}

#[test]
fn a_plan_over_the_map() {
    each("plan", |console| {
        console.keys("2Pname");
        console.press(KeyCode::Enter);
    });
    let mut console = Console::with_fleet(80, 24).ascii();
    console.keys("2Pname");
    console.press(KeyCode::Enter);
    assert!(console.screen().is_ascii(), "{}", console.screen());
    // It is left by one step back, and the map is what it was.
    console.press(KeyCode::Esc);
    let mut plain = Console::with_fleet(80, 24).ascii();
    plain.keys("2");
    assert_eq!(console.screen(), plain.screen());
}

#[test]
fn a_reserved_port() {
    each("reserved", |console| {
        let mut snapshot = fleet::fleet();
        let mut all = Allotments::default();
        all.reserve(8103, Reservation { by: "root".into(), at: fleet::now() - std::time::Duration::from_secs(3600) });
        snapshot.allotments = Reading::Known(Arc::new(all));
        console.show(snapshot);
        console.keys("2/8103");
        console.press(KeyCode::Enter);
    });
}

#[test]
fn what_is_asked_about_the_fleet() {
    each("ask_add", |console| named(console, "add zoe"));
    each("ask_purge", |console| named(console, "remove purge"));
    each("ask_reserve", |console| {
        console.keys("2/8103");
        console.press(KeyCode::Enter);
        console.keys("X");
    });
    let mut console = Console::with_fleet(80, 24);
    named(&mut console, "remove");
    insta::assert_snapshot!("ask_remove_80x24", console.screen());
    named(&mut Console::with_fleet(80, 24), "adopt");
}

#[test]
fn no_size_makes_them_panic() {
    for lead in ["2P", "2Pname\r", "2/8103\rX", ":add zoe\r", ":remove purge\r", ":adopt\r", ":add\r"] {
        let mut console = Console::with_fleet(80, 24);
        for key in lead.chars() {
            if key == '\r' { console.press(KeyCode::Enter) } else { console.keys(&key.to_string()) }
        }
        for (width, height) in (0..=80u16).step_by(4).flat_map(|width| (0..=30u16).map(move |height| (width, height))) {
            console.event(berth::tui::event::Event::Resized(width, height));
            console.buffer();
        }
    }
}
