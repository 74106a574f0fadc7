//! Bringing a text to the person's clipboard: by the terminal (OSC 52), wrapped for what stands between, else by a file.
//!
//! It must never write to the terminal itself: the loop does, between two frames.

mod file;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::event::Way;

pub use file::{directory, leave};

/// Longer sequences are dropped by terminals without a word: k9s' limit, 100,000 bytes with all its wrapping, less some.
const LONGEST: usize = 74_994;

/// GNU screen passes on strings of at most 256 bytes (its MAXSTR), so a sequence goes in pieces.
const PIECE: usize = 200;

/// What is known of the way to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clipboard {
    /// It is expected to understand.
    Terminal(Way),
    /// It is not, and why.
    Unable(&'static str),
}

/// What is to be done with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Send these bytes.
    Send(Vec<u8>, Way),
    /// Leave it in a file, since the terminal cannot be expected to take it.
    Leave(&'static str),
}

impl Clipboard {
    /// Tells it from the environment. `sudo` takes TMUX and STY away and leaves TERM.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let term = variable("TERM").unwrap_or_default();
        let begins = |names: &[&str]| names.iter().any(|name| term == *name || term.starts_with(&format!("{name}-")));
        if begins(&["tmux"]) || set("TMUX") && !begins(&["linux", "dumb"]) {
            return Self::Terminal(Way::Tmux);
        }
        if set("STY") {
            return Self::Terminal(Way::Screen);
        }
        if begins(&["screen"]) {
            return Self::Unable("what stands between, tmux or screen, is not known");
        }
        if term.is_empty() || begins(&["linux", "dumb", "unknown", "vt52", "vt100", "vt102", "vt220", "ansi", "sun", "cons25"]) {
            return Self::Unable("this terminal has no clipboard");
        }
        Self::Terminal(Way::Terminal)
    }

    /// What is to be done with a text.
    pub fn plan(self, text: &str) -> Plan {
        let way = match self {
            Self::Terminal(way) => way,
            Self::Unable(why) => return Plan::Leave(why),
        };
        let encoded = STANDARD.encode(text);
        if encoded.len() > LONGEST {
            return Plan::Leave("it is too long for a terminal's clipboard");
        }
        Plan::Send(sequence(&encoded, way), way)
    }
}

/// OSC 52 for the clipboard, as what stands between has to be given it.
fn sequence(encoded: &str, way: Way) -> Vec<u8> {
    let plain = format!("\x1b]52;c;{encoded}\x07");
    match way {
        Way::Terminal => plain.into_bytes(),
        // tmux takes the plain one with `set-clipboard on`, and hands on the wrapped one, every ESC inside doubled, with
        // `allow-passthrough on`, tmux(1); what it does not take it drops. Nothing tells which is set, and twice the same does no harm.
        Way::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes(),
        Way::Screen => plain.as_bytes().chunks(PIECE).flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables = &'static [(&'static str, &'static str)];

    fn detect(pairs: Variables) -> Clipboard {
        Clipboard::detect(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_tells_what_stands_between() {
        let cases: [(Variables, Option<Way>); 12] = [
            (&[("TERM", "xterm-256color")], Some(Way::Terminal)),
            (&[("TERM", "alacritty"), ("TMUX", ""), ("STY", "")], Some(Way::Terminal)),
            (&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")], Some(Way::Tmux)),
            (&[("TERM", "xterm"), ("TMUX", "x")], Some(Way::Tmux)),
            (&[("TERM", "tmux-256color")], Some(Way::Tmux)),
            (&[("TERM", "screen"), ("STY", "123.pts-0.host")], Some(Way::Screen)),
            (&[("TERM", "screen.xterm-256color"), ("STY", "1.x")], Some(Way::Screen)),
            (&[("TERM", "screen")], None),
            (&[("TERM", "linux")], None),
            (&[("TERM", "linux-16color")], None),
            (&[("TERM", "dumb"), ("TMUX", "x")], None),
            (&[], None),
        ];
        for (environment, expected) in cases {
            let found = match detect(environment) {
                Clipboard::Terminal(way) => Some(way),
                Clipboard::Unable(_) => None,
            };
            assert_eq!(found, expected, "{environment:?}");
        }
    }

    #[test]
    fn each_way_has_its_wrapping() {
        let sent = |way, text: &str| match Clipboard::Terminal(way).plan(text) {
            Plan::Send(bytes, sent) if sent == way => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(sent(Way::Terminal, "alice"), "\x1b]52;c;YWxpY2U=\x07");
        assert_eq!(sent(Way::Tmux, "alice"), "\x1b]52;c;YWxpY2U=\x07\x1bPtmux;\x1b\x1b]52;c;YWxpY2U=\x07\x1b\\");
        assert_eq!(sent(Way::Screen, "alice"), "\x1bP\x1b]52;c;YWxpY2U=\x07\x1b\\");
        let long = "x".repeat(1000);
        let pieces = sent(Way::Screen, &long);
        assert!(pieces.split("\x1b\\").all(|piece| piece.len() <= PIECE + 2));
        assert_eq!(pieces.replace("\x1b\\", "").replace("\x1bP", ""), sent(Way::Terminal, &long));
    }

    #[test]
    fn what_is_too_long_goes_into_a_file() {
        let clipboard = Clipboard::Terminal(Way::Terminal);
        let fits = LONGEST / 4 * 3;
        assert!(matches!(clipboard.plan(&"x".repeat(fits - 2)), Plan::Send(bytes, _) if bytes.len() <= LONGEST + 8));
        assert!(matches!(clipboard.plan(&"x".repeat(fits + 3)), Plan::Leave(_)));
        assert!(matches!(Clipboard::Unable("why").plan("x"), Plan::Leave("why")));
    }
}
