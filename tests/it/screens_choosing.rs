//! Columns in an order of one's own, and what is chosen from without Unicode.

use crossterm::event::KeyCode;

use super::console::Console;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

#[test]
fn the_columns_in_another_order() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("C");
        for key in [KeyCode::Down, KeyCode::Down, KeyCode::Enter, KeyCode::Right, KeyCode::Esc] {
            console.press(key);
        }
        insta::assert_snapshot!(format!("columns_chosen_{width}x{height}"), console.screen());
    }
}

#[test]
fn without_unicode() {
    let mut console = Console::with_fleet(120, 40).ascii();
    for keys in ["t/zzz", "/st", "u", "C"] {
        console.keys(keys);
        let screen = console.screen();
        assert!(screen.replace('…', "").is_ascii(), "{screen}");
        console.press(KeyCode::Esc);
    }
}
