//! How many colours a terminal has, and the nearest one of those for a colour that it has not.
//!
//! It must never decide what a colour means: that is the theme's.

use ratatui::style::Color;

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None: attributes only.
    None,
    /// The sixteen of every colour terminal.
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

/// Whether colours are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// What the environment says: `NO_COLOR`, `TERM`, `COLORTERM`.
    #[default]
    Auto,
    /// Yes, as many as the terminal has, `NO_COLOR` or not.
    Always,
    /// No.
    Never,
}

impl Depth {
    /// What the environment promises.
    pub fn detect(choice: ColorChoice, variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).unwrap_or_default();
        // no-color.org: any value but the empty one.
        if choice == ColorChoice::Never || (choice == ColorChoice::Auto && !get("NO_COLOR").is_empty()) {
            return Self::None;
        }
        let (terminal, promise) = (get("TERM"), get("COLORTERM"));
        let dull = terminal.is_empty() || terminal == "dumb" || terminal.starts_with("vt1") || terminal.starts_with("vt2");
        if dull && choice == ColorChoice::Auto {
            Self::None
        } else if promise == "truecolor" || promise == "24bit" || terminal.ends_with("-direct") {
            Self::True
        } else if terminal.contains("256") || ["alacritty", "foot", "xterm-kitty", "xterm-ghostty", "wezterm"].contains(&&*terminal) {
            Self::Indexed
        } else {
            Self::Sixteen
        }
    }

    /// The nearest colour that there is.
    pub fn nearest(self, color: Color) -> Color {
        match (self, color) {
            (Self::None, _) => Color::Reset,
            (Self::Indexed, Color::Rgb(red, green, blue)) => Color::Indexed(cube(red, green, blue)),
            (Self::Sixteen, Color::Rgb(red, green, blue)) => sixteen(red, green, blue),
            (Self::Sixteen, Color::Indexed(index)) => {
                let (red, green, blue) = components(index);
                sixteen(red, green, blue)
            }
            _ => color,
        }
    }
}

/// The six steps of xterm's colour cube.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The 256 colours' nearest.
fn cube(red: u8, green: u8, blue: u8) -> u8 {
    let step = |value: u8| (0u8..).zip(STEPS).min_by_key(|(_, step)| step.abs_diff(value)).map_or(0, |(index, _)| index);
    if red.abs_diff(green) < 8 && green.abs_diff(blue) < 8 && (8..=238).contains(&red) {
        return 232 + ((red - 8) / 10).min(23);
    }
    16 + 36 * step(red) + 6 * step(green) + step(blue)
}

/// What one of the 256 looks like.
fn components(index: u8) -> (u8, u8, u8) {
    match index {
        0..=15 => {
            let bright = if index > 7 { 255 } else { 170 };
            let part = |bit: u8| if index & bit != 0 { bright } else { 0 };
            (part(1), part(2), part(4))
        }
        16..=231 => {
            let value = index - 16;
            let step = |part: u8| STEPS.get(usize::from(part % 6)).copied().unwrap_or(0);
            (step(value / 36), step(value / 6), step(value))
        }
        232..=255 => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
    }
}

/// The sixteen's nearest.
fn sixteen(red: u8, green: u8, blue: u8) -> Color {
    let brightest = red.max(green).max(blue);
    if brightest < 48 {
        return Color::Black;
    }
    let on = |part: u8| u8::from(u16::from(part) * 2 > u16::from(brightest));
    match (on(red) + 2 * on(green) + 4 * on(blue), brightest > 190) {
        (7, false) if brightest < 140 => Color::DarkGray,
        (7, false) => Color::Gray,
        (7, true) => Color::White,
        (1, false) => Color::Red,
        (1, true) => Color::LightRed,
        (2, false) => Color::Green,
        (2, true) => Color::LightGreen,
        (3, false) => Color::Yellow,
        (3, true) => Color::LightYellow,
        (4, false) => Color::Blue,
        (4, true) => Color::LightBlue,
        (5, false) => Color::Magenta,
        (5, true) => Color::LightMagenta,
        (_, false) => Color::Cyan,
        (_, true) => Color::LightCyan,
    }
}

/// How far two colours stand apart, from 1 to 21: the contrast ratio of WCAG 2.2, whose least for text is 4.5. `None` for colours
/// that the terminal chooses.
pub fn contrast(one: Color, other: Color) -> Option<f64> {
    let (one, other) = (luminance(one)?, luminance(other)?);
    Some((one.max(other) + 0.05) / (one.min(other) + 0.05))
}

/// WCAG's relative luminance of sRGB, from 0 to 1.
fn luminance(colour: Color) -> Option<f64> {
    let (red, green, blue) = match colour {
        Color::Rgb(red, green, blue) => (red, green, blue),
        // Below, the terminal's own palette decides.
        Color::Indexed(index @ 16..) => components(index),
        _ => return None,
    };
    let linear = |part: u8| {
        let share = f64::from(part) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    Some(0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(choice: ColorChoice, pairs: &[(&str, &str)]) -> Depth {
        Depth::detect(choice, |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_is_believed() {
        use ColorChoice::{Always, Auto, Never};
        assert_eq!(depth(Auto, &[("TERM", "xterm-256color")]), Depth::Indexed);
        assert_eq!(depth(Auto, &[("TERM", "xterm")]), Depth::Sixteen);
        assert_eq!(depth(Auto, &[("TERM", "xterm"), ("COLORTERM", "truecolor")]), Depth::True);
        assert_eq!(depth(Auto, &[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::None);
        assert_eq!(depth(Auto, &[("TERM", "xterm-256color"), ("NO_COLOR", "")]), Depth::Indexed);
        assert_eq!(depth(Always, &[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::Indexed);
        assert_eq!(depth(Never, &[("TERM", "xterm-256color")]), Depth::None);
        assert_eq!(depth(Auto, &[("TERM", "dumb")]), Depth::None);
        assert_eq!(depth(Auto, &[("TERM", "vt100")]), Depth::None);
        assert_eq!(depth(Auto, &[]), Depth::None);
    }

    #[test]
    fn contrast_is_as_wcag_computes_it() {
        let (black, white, grey) = (Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255), Color::Rgb(0x76, 0x76, 0x76));
        let ratio = |one, other| (contrast(one, other).unwrap() * 100.0).round() / 100.0;
        assert_eq!((ratio(black, white), ratio(white, black), ratio(white, white)), (21.0, 21.0, 1.0));
        assert_eq!(ratio(grey, white), 4.54);
        assert_eq!(ratio(Color::Indexed(16), Color::Indexed(231)), 21.0);
        assert_eq!(contrast(Color::Red, white), None);
    }

    #[test]
    fn colours_come_down_to_what_there_is() {
        let orange = Color::Rgb(255, 135, 0);
        assert_eq!(Depth::True.nearest(orange), orange);
        assert_eq!(Depth::Indexed.nearest(orange), Color::Indexed(208));
        assert_eq!(Depth::Sixteen.nearest(orange), Color::LightYellow);
        assert_eq!(Depth::Sixteen.nearest(Color::Indexed(237)), Color::DarkGray);
        assert_eq!(Depth::Sixteen.nearest(Color::Indexed(196)), Color::LightRed);
        assert_eq!(Depth::None.nearest(Color::Red), Color::Reset);
        assert_eq!(Depth::Indexed.nearest(Color::Rgb(58, 58, 58)), Color::Indexed(237));
    }
}
