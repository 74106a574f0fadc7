//! berth's own themes on every terminal: the chosen row is seen, what matters is told by more than colour, texts can be read.

use ratatui::style::{Modifier, Style};

use super::*;
use crate::domain::{Level, State};
use crate::present::wording;
use crate::tui::palette::contrast;

const DEPTHS: [Depth; 4] = [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True];

/// Styles that text is written in.
const TEXTS: [&str; 15] = [
    "brand",
    "header",
    "title",
    "dim",
    "heading",
    "good",
    "busy",
    "warning",
    "error",
    "note",
    "key",
    "log_error",
    "log_warn",
    "log_debug",
    "mark",
];

fn styles(name: &str, depth: Depth) -> Theme {
    Themes::built_in(depth).unwrap().styles(name).unwrap().clone()
}

fn own(name: &str, text: &str) -> ThemeFile {
    ThemeFile { name: name.to_owned(), lines: lines(text, None) }
}

#[test]
fn the_chosen_row_and_the_focus_are_seen_in_every_theme_on_every_terminal() {
    for depth in DEPTHS {
        for (name, _) in BUILT_IN {
            let theme = styles(name, depth);
            for style in [theme.chosen, theme.focus] {
                let seen =
                    style.add_modifier.contains(Modifier::REVERSED) || style.bg.is_some_and(|colour| depth.nearest(colour) != Color::Reset);
                assert!(seen, "{name} {depth:?} {style:?}");
            }
        }
    }
}

#[test]
fn what_matters_is_told_by_a_sign_whatever_the_colours() {
    for ascii in [false, true] {
        let states = [State::Running, State::Degraded, State::Crashed, State::Stopped, State::Unknown]
            .map(|state| wording::state_sign(state, ascii));
        let levels = [Level::Error, Level::Warning, Level::Note].map(|level| wording::level_sign(level, ascii));
        for signs in [&states[..], &levels[..]] {
            assert!(signs.iter().enumerate().all(|(index, sign)| !signs[..index].contains(sign)), "{signs:?}");
        }
    }
}

#[test]
fn where_there_are_colours_well_and_wrong_are_told_apart() {
    for depth in [Depth::Sixteen, Depth::Indexed, Depth::True] {
        for (name, _) in BUILT_IN {
            let theme = styles(name, depth);
            let look = |style: Style| (style.fg.map(|colour| depth.nearest(colour)), style.add_modifier);
            assert_ne!(look(theme.good), look(theme.warning), "{name} {depth:?}");
            assert_ne!(look(theme.warning), look(theme.error), "{name} {depth:?}");
            assert_ne!(look(theme.good), look(theme.error), "{name} {depth:?}");
        }
    }
}

#[test]
fn without_colours_every_theme_is_attributes() {
    for (name, _) in BUILT_IN {
        assert_eq!(styles(name, Depth::None), Theme::plain());
    }
    let mono = styles("mono", Depth::True);
    assert!(!mono.has_colours() && styles("dark", Depth::Sixteen).has_colours());
}

#[test]
fn texts_can_be_read_on_the_background_that_a_theme_is_made_for() {
    let mut wrong = Vec::new();
    for depth in [Depth::Indexed, Depth::True] {
        let themes = Themes::built_in(depth).unwrap();
        for (name, least) in [("light", 4.5), ("high-contrast", 7.0), ("colour-blind", 4.5)] {
            let named = themes.get(name).unwrap();
            let (background, theme) = (named.background.unwrap(), named.theme.as_ref().unwrap());
            let quiet = theme.chosen.bg.filter(|_| !theme.chosen.add_modifier.contains(Modifier::REVERSED));
            for (style, colours) in theme.styles().iter().filter(|(style, _)| TEXTS.contains(style)) {
                for behind in [Some(background), quiet].into_iter().flatten() {
                    let Some(ratio) = colours.fg.and_then(|colour| contrast(depth.nearest(colour), depth.nearest(behind))) else {
                        continue;
                    };
                    if ratio < least {
                        wrong.push(format!("{name} {depth:?} {style} on {behind}: {ratio:.2}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_theme_of_ones_own_is_a_patch_over_another() {
    let text = "about = \"dusk\"\nover = \"light\"\n[style]\ngood = \"blue bold\"\n";
    let themes = Themes::built_in(Depth::True).unwrap().with(vec![own("dusk", text)]);
    let (dusk, light) = (themes.get("dusk").unwrap(), themes.get("light").unwrap());
    let (theme, below) = (dusk.theme.as_ref().unwrap(), light.theme.as_ref().unwrap());
    assert_eq!((theme.good, theme.error), (Style::new().fg(Color::Blue).bold(), below.error));
    assert_eq!((dusk.about.as_str(), dusk.background), ("dusk", light.background));
    assert_eq!(themes.after("mono").unwrap().name, "dusk");
    assert_eq!(themes.after("dusk").unwrap().name, "dark");
    assert_eq!(themes.after("gone").unwrap().name, "dark");
}

#[test]
fn what_is_wrong_with_a_theme_is_kept_and_passed_over() {
    let cases = [
        ("[style]\nwarnnig = \"red\"\n", "default:2:1: unknown style \"warnnig\" in [style]; did you mean \"warning\"?"),
        ("[style]\nrule = \"rde\"\n", "default:2:8: rule = \"rde\": \"rde\" is no colour and no attribute; did you mean \"red\"?"),
        ("[sixteen]\nrule = \"rde\"\n", "default:2:8: rule = \"rde\": \"rde\" is no colour"),
        ("[stile]\nrule = \"red\"\n", "default:2:1: unknown table [stile]; did you mean \"style\"?"),
        ("abuot = \"x\"\n", "default:1:1: unknown key \"abuot\"; did you mean \"about\"?"),
        ("background = \"red\"\n", "default:1:14: background = \"red\" is not \"#rrggbb\""),
        ("over = \"drak\"\n", "default:1:8: over = \"drak\": there is no theme of that name"),
        ("[style\n", "default:1:7: "),
    ];
    for depth in DEPTHS {
        for (text, expected) in cases {
            let themes = Themes::built_in(depth).unwrap().with(vec![own("mine", text)]);
            let told = themes.styles("mine").unwrap_err();
            assert!(told.as_str().starts_with(expected), "{told}");
            assert_eq!(themes.after("mono").unwrap().name, "dark", "what cannot be shown is passed over");
        }
    }
    let told = Themes::built_in(Depth::True).unwrap().styles("lihgt").unwrap_err().to_string();
    assert_eq!(told, "there is no theme lihgt; did you mean \"light\"?");
}
