//! Paths with `*`: which part of them is the administrator's, and what the `*` captured.
//!
//! It must never touch a file system: `discover` walks.

use std::path::{Path, PathBuf};

/// A path in which one or two components hold a `*`: the first captures the owner, the second the instance's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    root: PathBuf,
    parts: Vec<Part>,
}

/// One component below the literal prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Exactly this name.
    Literal(String),
    /// Any name with this beginning and this end, and at least one character between them.
    Star {
        /// What stands before the `*`.
        prefix: String,
        /// What stands after it.
        suffix: String,
    },
}

impl Part {
    /// What the `*` stands for in `name`; `None` when the name does not fit or there is no `*`.
    pub fn capture<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self {
            Self::Literal(_) => None,
            Self::Star { prefix, suffix } => {
                name.strip_prefix(prefix.as_str())?.strip_suffix(suffix.as_str()).filter(|captured| !captured.is_empty())
            }
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The reason, to be read after the pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(below) = text.strip_prefix('/') else {
            return Err("must be an absolute path, such as \"/opt/mcp-server/users/*/config/config.json\"".to_owned());
        };
        if let Some(wrong) = text.chars().find(|character| matches!(character, '?' | '[' | ']' | '{' | '}') || character.is_control()) {
            return Err(format!("has a {wrong:?}; patterns know only *"));
        }
        let mut root = PathBuf::from("/");
        let mut parts = Vec::new();
        let mut stars = 0;
        for component in below.split('/').filter(|component| !component.is_empty()) {
            if matches!(component, "." | "..") {
                return Err(format!("must not have a {component} in it"));
            }
            match component.split_once('*') {
                Some((_, suffix)) if suffix.contains('*') => return Err("may have one * between two slashes, no more".to_owned()),
                Some((prefix, suffix)) => {
                    stars += 1;
                    parts.push(Part::Star { prefix: prefix.to_owned(), suffix: suffix.to_owned() });
                }
                None if parts.is_empty() => root.push(component),
                None => parts.push(Part::Literal(component.to_owned())),
            }
        }
        match stars {
            0 => Err("has no * that stands for the owner".to_owned()),
            1 | 2 if text.ends_with('/') => Err("must end in a file's name".to_owned()),
            1 | 2 => Ok(Self { text: text.to_owned(), root, parts }),
            _ => Err("may have two *, for the owner and for the instance's name, no more".to_owned()),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the first `*`: the administrator's, opened as it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The components below the root; the first has a `*`.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Where, below the root, it finds what it takes for the first and the second `*`; `None` when it has one `*` less than that.
    pub fn place(&self, first: &str, second: Option<&str>) -> Option<PathBuf> {
        let mut captured = std::iter::once(first).chain(second);
        let mut path = PathBuf::new();
        for part in &self.parts {
            match part {
                Part::Literal(name) => path.push(name),
                Part::Star { prefix, suffix } => path.push(format!("{prefix}{}{suffix}", captured.next()?)),
            }
        }
        captured.next().is_none().then_some(path)
    }

    /// Whether a second `*` captures the instance's name.
    pub fn captures_names(&self) -> bool {
        self.parts.iter().filter(|part| matches!(part, Part::Star { .. })).count() == 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_before_the_first_star_is_the_root() {
        let pattern = Pattern::parse("/opt/mcp-server/users/*/config/config.json").unwrap();
        assert_eq!(pattern.root(), Path::new("/opt/mcp-server/users"));
        assert_eq!(pattern.parts().len(), 3);
        let pattern = Pattern::parse("/opt/sdp-mcp/.env.*").unwrap();
        assert_eq!(pattern.root(), Path::new("/opt/sdp-mcp"));
        assert_eq!(pattern.parts()[0].capture(".env.alice"), Some("alice"));
        assert_eq!(Pattern::parse("/*/config.json").unwrap().root(), Path::new("/"));
    }

    #[test]
    fn a_star_captures_at_least_one_character() {
        let part = Part::Star { prefix: "user-".to_owned(), suffix: ".json".to_owned() };
        assert_eq!(part.capture("user-bob.json"), Some("bob"));
        for name in ["user-.json", "bob.json", "user-bob", "user.json", ""] {
            assert_eq!(part.capture(name), None, "{name}");
        }
        // Beginning and end must not share characters.
        assert_eq!(Part::Star { prefix: "aa".to_owned(), suffix: "a".to_owned() }.capture("aa"), None);
    }

    #[test]
    fn what_is_put_for_a_star_is_captured_again() {
        let place = |text: &str, second| Pattern::parse(text).unwrap().place("amy", second);
        assert_eq!(place("/opt/users/*/config/config.json", None), Some("amy/config/config.json".into()));
        assert_eq!(place("/opt/x/.env.*", None), Some(".env.amy".into()));
        assert_eq!(place("/srv/*/mcp/u-*.json", Some("tools")), Some("amy/mcp/u-tools.json".into()));
        assert_eq!((place("/srv/*/*/c.json", None), place("/srv/*/c.json", Some("tools"))), (None, None));
        assert!(Pattern::parse("/srv/*/*/c.json").unwrap().captures_names() && !Pattern::parse("/srv/*/c.json").unwrap().captures_names());
    }

    #[test]
    fn what_cannot_be_walked_is_refused() {
        for (text, reason) in [
            ("opt/*/config.json", "absolute"),
            ("", "absolute"),
            ("/opt/config.json", "no *"),
            ("/opt/**/config.json", "one *"),
            ("/opt/*/*/*.json", "two *"),
            ("/opt/../*/config.json", ".."),
            ("/opt/*/", "file's name"),
            ("/opt/user?/*", "'?'"),
            ("/opt/{user}/*", "'{'"),
        ] {
            let why = Pattern::parse(text).unwrap_err();
            assert!(why.contains(reason), "{text}: {why}");
        }
    }
}
