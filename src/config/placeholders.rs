//! `{user}` and its like in paths, commands and environments: checked when a configuration is loaded, filled for each instance.
//!
//! It must never fill twice: what comes out of a placeholder is text, braces and all.

use std::borrow::Cow;
use std::net::IpAddr;

use super::nearest::nearest;
use crate::domain::{Shown, Uid};
use crate::error::{Error, Kind, Result};

/// Every placeholder. A layout's line may use the first five and those that stand before its own.
pub(super) const NAMES: [&str; 8] = ["user", "name", "uid", "port", "host", "base", "config", "workspace"];

/// What the placeholders stand for; `None` for what is not known.
#[derive(Clone, Debug, Default)]
pub struct Values<'a> {
    /// `{user}`: the owner.
    pub user: Option<&'a str>,
    /// `{name}`: the instance's name among its owner's.
    pub name: Option<&'a str>,
    /// `{uid}`: the account that it runs as.
    pub uid: Option<Uid>,
    /// `{port}`.
    pub port: Option<u16>,
    /// `{host}`.
    pub host: Option<IpAddr>,
    /// `{base}`.
    pub base: Option<Cow<'a, str>>,
    /// `{config}`: the configuration file.
    pub config: Option<Cow<'a, str>>,
    /// `{workspace}`.
    pub workspace: Option<Cow<'a, str>>,
}

impl Values<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "user" => self.user.map(Cow::Borrowed),
            "name" => self.name.map(Cow::Borrowed),
            "uid" => self.uid.map(|uid| Cow::Owned(uid.to_string())),
            "port" => self.port.map(|port| Cow::Owned(port.to_string())),
            "host" => self.host.map(|host| Cow::Owned(host.to_string())),
            "base" => self.base.as_deref().map(Cow::Borrowed),
            "config" => self.config.as_deref().map(Cow::Borrowed),
            "workspace" => self.workspace.as_deref().map(Cow::Borrowed),
            _ => None,
        }
    }
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Takes a text apart. `{{` and `}}` are braces; a `}` alone is itself.
fn pieces(text: &str) -> std::result::Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        if from.starts_with("{{") || from.starts_with("}}") {
            pieces.push(Piece::Text(&from[..1]));
            rest = &from[2..];
        } else if let Some(after) = from.strip_prefix('{') {
            let end = after.find('}').ok_or("a { that is never closed; write {{ for a brace")?;
            pieces.push(Piece::Name(&after[..end]));
            rest = &after[end + 1..];
        } else {
            pieces.push(Piece::Text("}"));
            rest = &from[1..];
        }
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// Checks that a text uses none but the first `known` placeholders of [`NAMES`].
pub(super) fn check(text: &str, known: usize) -> std::result::Result<(), String> {
    for piece in pieces(text)? {
        let Piece::Name(name) = piece else { continue };
        match NAMES.iter().position(|known| *known == name) {
            Some(position) if position < known => {}
            Some(_) => return Err(format!("{{{name}}}, which is not known yet where this is filled")),
            None => {
                let advice = match nearest(name, NAMES) {
                    Some(near) => format!("did you mean {{{near}}}?"),
                    None => format!(
                        "valid are {}; write {{{{ for a brace",
                        NAMES[..known].iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
                    ),
                };
                return Err(format!("an unknown placeholder {{{}}}; {advice}", Shown::new(name)));
            }
        }
    }
    Ok(())
}

/// Fills a text.
///
/// # Errors
/// When it uses a placeholder that is not known, or one whose value is not.
pub fn fill(text: &str, values: &Values<'_>) -> Result<String> {
    let pieces = pieces(text).map_err(|why| Error::new(Kind::Usage, why))?;
    let mut filled = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => match values.get(name) {
                Some(value) => filled.push_str(&value),
                None => return Err(Error::new(Kind::Usage, format!("nothing is known to stand for {{{}}}", Shown::new(name)))),
            },
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> Values<'static> {
        Values {
            user: Some("alice"),
            name: Some("default"),
            uid: Some(Uid(1001)),
            port: Some(8081),
            host: "127.0.0.1".parse().ok(),
            base: Some("/opt/{user}".into()),
            config: Some("/c.json".into()),
            workspace: None,
        }
    }

    #[test]
    fn everything_is_filled_once() {
        let cases = [
            ("{user}/{name}/{uid}", "alice/default/1001"),
            ("--port={port} --host={host}", "--port=8081 --host=127.0.0.1"),
            ("{base}/x", "/opt/{user}/x"),
            ("{{\"port\":{port}}}", "{\"port\":8081}"),
            ("a}b", "a}b"),
            ("plain", "plain"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(fill(text, &values()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in ["{workspace}", "{usr}", "{", "{}", "{ user }"] {
            assert!(fill(text, &values()).is_err(), "{text}");
        }
    }

    #[test]
    fn checking_says_what_was_meant() {
        assert_eq!(check("{usr}", 8).unwrap_err(), "an unknown placeholder {usr}; did you mean {user}?");
        assert_eq!(check("{workspace}", 7).unwrap_err(), "{workspace}, which is not known yet where this is filled");
        assert!(check("{\"a\":1}", 8).unwrap_err().contains("write {{ for a brace"));
        assert!(check("x{user", 8).unwrap_err().contains("never closed"));
        assert_eq!(check("{user}{{x}}", 1), Ok(()));
    }

    proptest! {
        #[test]
        fn doubled_braces_come_back_as_they_were(text in ".{0,40}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(fill(&doubled, &values()).unwrap(), text);
        }
    }
}
