//! Every size of a terminal, with everything open that can be: nothing panics, and what is too small says so.

use std::time::Duration;

use berth::domain::Shown;
use berth::tui::effect::Effect;
use berth::tui::event::Event;
use crossterm::event::KeyCode;

use super::console::Console;
use super::race;

/// Consoles with something open.
fn consoles() -> Vec<Console> {
    [
        "", "l", "?", "S", "a", "/abc", "Z", "jj", "jjjl", "eP", "*", "*S", "*S\t", "*a", "K", "y", "c", "Khup", "l&a", "lL", "ltvkk",
        "l/ECON", "lwtttL",
    ]
    .iter()
    .map(|keys| {
        let mut console = Console::with_fleet(80, 24);
        console.keys(keys);
        console
    })
    .chain([{
        let mut console = Console::with_fleet(80, 24);
        console.press(KeyCode::Enter);
        console
    }])
    .collect()
}

#[test]
fn f05_no_size_makes_it_panic() {
    for mut console in consoles() {
        for (width, height) in (0..=60u16).flat_map(|width| (0..=40u16).map(move |height| (width, height))) {
            console.event(Event::Resized(width, height));
            let _ = console.buffer();
        }
        for (width, height) in [(300, 200), (1, 200), (300, 1), (40, 200), (300, 10), (65_535, 1), (1, 65_535), (100, 30), (99, 16)] {
            console.event(Event::Resized(width, height));
            if u32::from(width) * u32::from(height) < 100_000 {
                let _ = console.screen();
            }
        }
    }
}

/// Heights and widths at which the screen is divided in another way, and those beside them, and people's own.
const HEIGHTS: [u16; 12] = [9, 10, 11, 15, 16, 17, 23, 24, 25, 40, 50, 200];
const WIDTHS: [u16; 14] = [39, 40, 41, 59, 60, 61, 79, 80, 81, 99, 100, 120, 200, 300];

/// Every width and every height up to 300x200: each with every one of [`HEIGHTS`] and [`WIDTHS`], and all pairs of a grid; each size with
/// something else open.
#[test]
fn f05_every_size_is_drawn() {
    let mut consoles = consoles();
    let wide = (0..=300u16).flat_map(|width| HEIGHTS.map(|height| (width, height)));
    let high = (0..=200u16).flat_map(|height| WIDTHS.map(|width| (width, height)));
    let (step_x, step_y) = if race::length() >= Duration::from_secs(30) { (7, 5) } else { (23, 19) };
    let grid = (0..=300u16).step_by(step_x).flat_map(|width| (0..=200u16).step_by(step_y).map(move |height| (width, height)));
    let count = consoles.len();
    for (index, (width, height)) in wide.chain(high).chain(grid).enumerate() {
        // One further with each round: no console meets the same heights and widths only.
        let console = &mut consoles[(index + index / count) % count];
        console.event(Event::Resized(width, height));
        let _ = console.buffer();
    }
}

#[test]
fn keys_work_at_every_size() {
    let mut console = Console::with_fleet(80, 24);
    for (width, height) in [(0, 0), (1, 1), (39, 10), (40, 9), (40, 10), (41, 16), (80, 24), (300, 200)] {
        console.event(Event::Resized(width, height));
        console.keys("jkGg?jkGgqS");
        console.press(KeyCode::Tab);
        console.keys("reason");
        console.press(KeyCode::Esc);
        console.keys("l10jkfw[]lajkq/x");
        console.press(KeyCode::Esc);
        for key in [KeyCode::Enter, KeyCode::PageDown, KeyCode::PageUp, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Esc] {
            console.press(key);
            let _ = console.screen();
        }
    }
    console.effects.retain(|effect| !matches!(effect, Effect::CloseLog | Effect::CountClients(_)));
    assert_eq!(console.effects, [], "nothing was done, and nobody left");
}

#[test]
fn hostile_text_stays_in_its_place() {
    let mut console = Console::with_fleet(80, 24);
    let mut snapshot = super::fleet::fleet();
    let evil = Shown::new(
        "\u{1b}[2J\u{202e}日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語 e\u{301}\u{301}\u{301}",
    );
    snapshot.host = evil.clone();
    for finding in &mut snapshot.findings {
        finding.evidence = evil.clone();
    }
    snapshot.notices = vec![evil.clone()];
    for row in &mut snapshot.rows {
        let row = std::sync::Arc::make_mut(row);
        (row.user, row.why) = (evil.clone(), Some(evil.clone()));
    }
    console.show(snapshot);
    for (width, height) in [(40, 10), (41, 11), (80, 24), (99, 20), (120, 40), (200, 50)] {
        console.event(Event::Resized(width, height));
        for keys in ["j", "S", "n", "a", "q", "l", "l"] {
            console.keys(keys);
            let screen = console.screen();
            assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'));
            assert_eq!(screen.lines().count().max(usize::from(height)), usize::from(height));
        }
    }
}
