//! Screens of moving and choosing: a filter that is typed, wrong or finds nothing, groups, columns, users, scrolled columns.

use crossterm::event::KeyCode;

use super::console::Console;

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 50), (60, 15)];

/// A console after some keys.
fn after(width: u16, height: u16, keys: &str) -> Console {
    let mut console = Console::with_fleet(width, height);
    console.keys(keys);
    console
}

#[test]
fn a_filter_with_what_can_be_typed_next() {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("offers_{width}x{height}"), after(width, height, "/").screen());
        let mut console = after(width, height, "/state:c");
        console.press(KeyCode::Tab);
        insta::assert_snapshot!(format!("completed_{width}x{height}"), console.screen());
    }
}

#[test]
fn a_filter_that_is_wrong() {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("wrong_filter_{width}x{height}"), after(width, height, "/state:cr /(a/").screen());
    }
}

#[test]
fn a_filter_that_leaves_nothing() {
    for (width, height) in SIZES {
        let mut console = after(width, height, "e/user:nobody");
        console.press(KeyCode::Enter);
        insta::assert_snapshot!(format!("nothing_left_{width}x{height}"), console.screen());
    }
}

#[test]
fn rows_under_their_users() {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("grouped_{width}x{height}"), after(width, height, "tjj").screen());
    }
}

#[test]
fn the_columns() {
    for (width, height) in SIZES {
        let mut console = after(width, height, "C");
        for key in [KeyCode::Down, KeyCode::Down, KeyCode::Enter, KeyCode::Right] {
            console.press(key);
        }
        insta::assert_snapshot!(format!("columns_{width}x{height}"), console.screen());
        console.press(KeyCode::Esc);
        insta::assert_snapshot!(format!("columns_chosen_{width}x{height}"), console.screen());
    }
}

#[test]
fn columns_scrolled() {
    for (width, height) in SIZES {
        let mut console = after(width, height, "");
        console.press(KeyCode::Right);
        insta::assert_snapshot!(format!("scrolled_{width}x{height}"), console.screen());
        (0..12).for_each(|_| console.press(KeyCode::Right));
        console.press(KeyCode::Down);
        insta::assert_snapshot!(format!("scrolled_far_{width}x{height}"), console.screen());
    }
}

#[test]
fn the_users() {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("users_{width}x{height}"), after(width, height, "u").screen());
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
