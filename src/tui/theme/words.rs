//! A style in words: `"yellow on 237 bold"`.
//!
//! It must never guess: a word that is none is told with its place.

use ratatui::style::{Color, Modifier, Style};

use crate::config::themes::ThemeLine;
use crate::config::{Place, advice};
use crate::domain::Shown;

/// The sixteen colours, by the names that terminals give them.
const COLOURS: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// The attributes.
const ATTRIBUTES: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

/// Reads a line's style.
///
/// # Errors
/// The place, the word that is none, and what it may have been meant for.
pub fn style(line: &ThemeLine) -> Result<Style, Shown> {
    let mut style = Style::new();
    let mut background = false;
    for word in line.value.split_whitespace() {
        if word == "on" {
            background = true;
        } else if let Some((_, modifier)) = ATTRIBUTES.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*modifier);
        } else {
            let colour = colour(word).ok_or_else(|| no_style(line, word))?;
            style = if background { style.bg(colour) } else { style.fg(colour) };
        }
    }
    Ok(style)
}

/// `themes/x.toml:5:9: warning = "yelow bold": "yelow" is no colour; did you mean "yellow"?`
fn no_style(line: &ThemeLine, word: &str) -> Shown {
    let names = COLOURS.iter().map(|(name, _)| *name).chain(ATTRIBUTES.iter().map(|(name, _)| *name)).chain(["on"]);
    let near = advice(word, names.collect::<Vec<_>>());
    let near = if near.starts_with("; did") { near } else { "; a colour is one of the sixteen by name, 0 to 255, or #rrggbb".to_owned() };
    let message = format!("{} = {:?}: \"{}\" is no colour and no attribute{near}", line.key, line.value, Shown::new(word));
    told(&line.place, &message)
}

/// A place and what is wrong there.
pub fn told(place: &Place, message: &str) -> Shown {
    Shown::new(&format!("{place}: {message}"))
}

/// Reads one colour.
pub fn colour(word: &str) -> Option<Color> {
    if let Some((_, colour)) = COLOURS.iter().find(|(name, _)| *name == word) {
        return Some(*colour);
    }
    match word.strip_prefix('#') {
        Some(hex) if hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            let [_, red, green, blue] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
            Some(Color::Rgb(red, green, blue))
        }
        Some(_) => None,
        None => Some(Color::Indexed(word.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &str) -> ThemeLine {
        crate::config::themes::lines(&format!("[style]\nwarning = {value:?}\n"), None).unwrap().remove(0)
    }

    #[test]
    fn styles_are_read() {
        let read = |value| style(&line(value));
        assert_eq!(read("yellow on 237 bold"), Ok(Style::new().fg(Color::Yellow).bg(Color::Indexed(237)).bold()));
        assert_eq!(read("#ff8000"), Ok(Style::new().fg(Color::Rgb(255, 128, 0))));
        assert_eq!(read(""), Ok(Style::new()));
    }

    #[test]
    fn what_is_no_style_is_told_with_its_place_and_what_was_meant() {
        for (value, expected) in [
            ("yelow bold", r#"default:2:11: warning = "yelow bold": "yelow" is no colour and no attribute; did you mean "yellow"?"#),
            ("on blod", r#"default:2:11: warning = "on blod": "blod" is no colour and no attribute; did you mean "bold"?"#),
            (
                "999",
                r#"default:2:11: warning = "999": "999" is no colour and no attribute; a colour is one of the sixteen by name, 0 to 255, or #rrggbb"#,
            ),
            ("#+12345", "default:2:11: warning = \"#+12345\": \"#+12345\" is no colour and no attribute; a colour is"),
        ] {
            let told = style(&line(value)).unwrap_err();
            assert!(told.as_str().starts_with(expected), "{told}");
        }
    }
}
