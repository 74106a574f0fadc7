//! The log screen: following, searching, leaving out, choosing, several logs as one, and the sentences where there is nothing.

use berth::domain::LogLevel;
use crossterm::event::KeyCode;

use super::console::Console;

/// The sizes that are kept.
const SIZES: [(u16, u16); 2] = [(60, 15), (120, 40)];

/// Types into what a key opens.
fn type_into(console: &mut Console, key: &str, text: &str) {
    console.keys(key);
    console.keys(text);
    console.press(KeyCode::Enter);
}

#[test]
fn a_mark_after_chosen_lines_and_what_came_meanwhile() {
    for (width, height) in SIZES {
        let mut console = Console::with_fleet(width, height);
        console.keys("lmkkkvkkk");
        console.write(Some(LogLevel::Error), "03:12:04 ERROR out of memory");
        console.write(None, "03:12:04 -     bye");
        console.press(KeyCode::Esc);
        console.keys("ft");
        insta::assert_snapshot!(format!("log_mark_{width}x{height}"), console.screen());
    }
}

#[test]
fn a_time_is_told_once() {
    let mut console = Console::with_fleet(80, 24);
    console.keys("l");
    console.write(Some(LogLevel::Info), "2026-11-21T03:12:04.120Z INFO  session 9 opened");
    assert!(console.screen().contains("2026-11-21T03:12:04.120Z INFO  session 9 opened"));
    // Local, wrapped and not, UTC, age.
    for keys in ["t", "w", "t", "t"] {
        console.keys(keys);
        let screen = console.screen();
        assert!(screen.contains(" INFO  session 9 opened") && !screen.contains("2026-11-21T"), "{screen}");
    }
    console.keys("t");
    assert!(console.screen().contains("2026-11-21T03:12:04.120Z INFO  session 9 opened"));
}

#[test]
fn a_long_line_wrapped_and_its_end() {
    let mut console = Console::with_fleet(80, 24);
    let words: String = (0..12_000).map(|number| format!("word{number} ")).collect();
    console.keys("l");
    console.write(None, &words);
    console.keys("$");
    insta::assert_snapshot!("log_long_end_80x24", console.screen());
    console.keys("w");
    console.press(KeyCode::PageUp);
    insta::assert_snapshot!("log_long_wrapped_80x24", console.screen());
    console.keys("1");
    insta::assert_snapshot!("log_head_wrapped_80x24", console.screen());
}

#[test]
fn keys_work_in_the_small_pane_too() {
    let mut console = Console::with_fleet(120, 40);
    console.press(KeyCode::Tab);
    console.press(KeyCode::Tab);
    console.keys("2");
    type_into(&mut console, "/", "slow");
    insta::assert_snapshot!("log_small_120x40", console.screen());
}
