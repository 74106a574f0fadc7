//! Every key of the contract, pressed in the real console on real instances: each has to change what is seen as the table says.
//!
//! It must never wait for a time: it waits for the screen.

use std::collections::BTreeSet;

use super::every_key_table::{ACTING, Do, FILTERS, FLEET, LOG, OUT, Row, See};
use super::keymap_table::CONTRACT;
use super::stage::{PATIENCE, Stage};
use super::terminal::Terminal;

/// What a terminal sends for a key.
fn bytes(key: &str) -> &str {
    match key {
        "esc" => "\u{1b}",
        "enter" => "\r",
        "space" => " ",
        "tab" => "\t",
        "shift-tab" => "\u{1b}[Z",
        "up" => "\u{1b}[A",
        "down" => "\u{1b}[B",
        "right" => "\u{1b}[C",
        "left" => "\u{1b}[D",
        "pgup" => "\u{1b}[5~",
        "pgdn" => "\u{1b}[6~",
        "ctrl-c" => "\u{3}",
        "ctrl-l" => "\u{c}",
        character => {
            assert_eq!(character.chars().count(), 1, "{character} has no bytes");
            character
        }
    }
}

fn is_seen(see: &See, text: &str) -> bool {
    match see {
        See::Has(part) => text.contains(part),
        See::Lacks(part) => !text.contains(part),
        See::Chosen(part) => {
            // While a frame is on its way there are two.
            let mut chosen = text.lines().filter(|line| line.starts_with('>'));
            chosen.next().is_some_and(|line| line.contains(part)) && chosen.next().is_none()
        }
        See::Line(one, other) => text.lines().any(|line| line.contains(one) && line.contains(other)),
        See::Begins(part) => text.lines().any(|line| line.starts_with(part)),
    }
}

fn are_seen(all: &[See], text: &str) -> bool {
    all.iter().all(|see| is_seen(see, text))
}

/// Does what the rows say, in their order.
fn go_through(rows: &[Row], stage: &Stage, console: &mut Terminal) {
    for (index, (what, before, after)) in rows.iter().enumerate() {
        let name = format!("row {index}, {what:?}");
        let is_press = matches!(what, Do::Press(..));
        let is_before = |text: &str| are_seen(before, text) && !(is_press && are_seen(after, text));
        console.until(&format!("{name}: before it {before:?}, and not all of {after:?}"), PATIENCE, is_before);
        match what {
            Do::Press(_, key) => console.keys(bytes(key)),
            // Esc begins the sequences of other keys: what follows it at once would be taken for one.
            Do::Type(text) => match text.strip_prefix('\u{1b}').filter(|rest| !rest.is_empty()) {
                Some(rest) => {
                    let shown = console.text();
                    console.keys("\u{1b}");
                    console.until(&format!("{name}: what Esc does"), PATIENCE, |text| text != shown);
                    console.keys(rest);
                }
                None => console.keys(text),
            },
            Do::Write(text) => stage.write("dan", text),
            Do::Smudge => console.smudge(),
        }
        console.until(&format!("{name}: after it {after:?}"), PATIENCE, |text| are_seen(after, text));
    }
}

/// The owners that stand in the table.
fn listed(text: &str) -> BTreeSet<&str> {
    let below = text.lines().skip_while(|line| !line.contains("OWNER")).skip(1).take_while(|line| !line.starts_with('─'));
    below.filter(|line| line.starts_with("> ") || line.starts_with("  ")).filter_map(|line| line[2..].split(' ').next()).collect()
}

#[test]
fn every_key_of_the_contract_does_what_the_table_says() {
    let stage = Stage::set();
    let mut console = stage.console(120, 40);
    go_through(FLEET, &stage, &mut console);
    go_through(ACTING, &stage, &mut console);
    go_through(LOG, &stage, &mut console);
    let saved = std::fs::read_to_string(stage.path().join("home/dan.txt")).unwrap();
    assert!(saved.contains("first line 0\n") && saved.ends_with("just now\n"), "{saved}");
    for (filter, left, gone) in FILTERS {
        let typed = filter.replace("{dan}", &(stage.first + 3).to_string());
        console.keys("/");
        console.until("the filter's line", PATIENCE, |text| text.contains("Enter keep it"));
        console.keys(&typed);
        let is_right = |text: &str| {
            let listed = listed(text);
            left.iter().all(|owner| listed.contains(owner)) && !gone.iter().any(|owner| listed.contains(owner))
        };
        console.until(&format!("who {typed} leaves"), PATIENCE, |text| text.contains(&format!("filter: {typed} ")) && is_right(text));
        console.keys("\u{1b}");
        console.until("all again", PATIENCE, |text| listed(text).len() >= 5 && !text.contains("filter:"));
    }
    for (_, key, way, see) in OUT {
        console.until("the table", PATIENCE, |text| text.contains("Enter detail"));
        console.keys("g");
        console.keys(way);
        console.until(&format!("{see:?}"), PATIENCE, |text| is_seen(see, text));
        console.keys(bytes(key));
        assert_eq!(console.end(PATIENCE), 0, "{key} after {way:?}");
        console.until("the first screen", PATIENCE, |_| !console.is_alternate());
        console = stage.console(120, 40);
    }
}

#[test]
fn the_table_has_every_key_of_the_contract() {
    let pressed: BTreeSet<(&str, &str)> = [FLEET, ACTING, LOG]
        .into_iter()
        .flatten()
        .filter_map(|(what, ..)| match what {
            Do::Press(place, key) => Some((place.name(), *key)),
            _ => None,
        })
        .chain(OUT.iter().map(|(place, key, ..)| (place.name(), *key)))
        .collect();
    let wanted: BTreeSet<(&str, &str)> = CONTRACT.iter().flat_map(|(place, keys)| keys.iter().map(|key| (place.name(), *key))).collect();
    let missing: Vec<_> = wanted.difference(&pressed).collect();
    let strange: Vec<_> = pressed.difference(&wanted).collect();
    assert!(missing.is_empty() && strange.is_empty(), "not pressed: {missing:?}; not in the contract: {strange:?}");
    let filters: Vec<&str> = FILTERS.iter().map(|(text, ..)| *text).collect();
    for word in ["/", "!", "user:", "port:", "state:", "supervisor:", "finding:"] {
        assert!(filters.iter().any(|text| text.starts_with(word)), "no filter begins with {word}");
    }
}
