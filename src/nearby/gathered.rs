//! What came of one hearing so far: services, each once, no more than so many and none longer than so much.
//!
//! Pure. It must never keep a text that is not `Shown`, nor grow with what a stranger sends.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::{Announced, Announcements, MOST_SERVICES, Shown};

/// The most addresses of one service.
const MOST_ADDRESSES: usize = 16;

/// The most keys of one service.
const MOST_TEXTS: usize = 32;

/// The longest name, key or value that is kept, characters.
const LONGEST: usize = 255;

/// Everything that one service may say of itself, characters.
const MOST_SAID: usize = 2048;

/// A service as the wire has it.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// Its type.
    pub kind: &'a str,
    /// Its name with the type.
    pub full_name: &'a str,
    /// Its host.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
}

/// By type, name, host and port: two that announce one name are two.
type Key = (String, String, String, u16);

/// What was gathered.
#[derive(Debug, Default)]
pub struct Gathered {
    services: BTreeMap<Key, Announced>,
    /// More came than is kept.
    pub is_full: bool,
}

impl Gathered {
    /// Takes a service in, or what is new of it, and gives what is kept of it.
    pub fn add<'a>(
        &mut self,
        resolved: Resolved<'_>,
        addresses: impl Iterator<Item = IpAddr>,
        texts: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
    ) -> Option<&mut Announced> {
        let key = key(resolved);
        if !self.services.contains_key(&key) && self.services.len() >= MOST_SERVICES {
            self.is_full = true;
            return None;
        }
        let (texts, says_more) = said(texts);
        let kept = |text: &str| Shown::within(text, LONGEST);
        let name = kept(bare(resolved.full_name, resolved.kind));
        let mut addresses: Vec<IpAddr> = addresses.take(MOST_ADDRESSES).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let (kind, host) = (kept(resolved.kind), kept(resolved.host));
        let announced = Announced { name, kind, host, addresses, port: resolved.port, texts, says_more };
        self.services.insert(key.clone(), announced);
        self.services.get_mut(&key)
    }

    /// Its announcement was taken back.
    pub fn remove(&mut self, full_name: &str) {
        let full_name = cut(full_name);
        self.services.retain(|(_, known, ..), _| *known != full_name);
    }

    /// All of it, with this host's addresses and what is to be known of it.
    pub fn told(self, own: Vec<IpAddr>, notices: Vec<Shown>) -> Announcements {
        Announcements { services: Some(self.services.into_values().map(Arc::new).collect()), own, notices }
    }

    /// Whether nothing came.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }
}

fn key(resolved: Resolved<'_>) -> Key {
    (cut(resolved.kind), cut(resolved.full_name), cut(resolved.host), resolved.port)
}

/// A name of the wire, without capitals and no longer than one may be there.
fn cut(name: &str) -> String {
    name.chars().take(LONGEST).flat_map(char::to_lowercase).collect()
}

/// The name before its type.
fn bare<'a>(full_name: &'a str, kind: &str) -> &'a str {
    let cut = full_name.len().checked_sub(kind.len()).filter(|at| full_name.is_char_boundary(*at));
    match cut.map(|at| full_name.split_at(at)) {
        Some((name, end)) if end.eq_ignore_ascii_case(kind) => name.strip_suffix('.').unwrap_or(name),
        _ => full_name,
    }
}

/// What a service says of itself, and whether it says more than is kept.
fn said<'a>(texts: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) -> (Vec<(Shown, Option<Shown>)>, bool) {
    let (mut kept, mut room) = (Vec::new(), MOST_SAID);
    for (key, value) in texts {
        let length = key.len() + value.map_or(0, <[u8]>::len);
        if kept.len() >= MOST_TEXTS || length > room {
            return (kept, true);
        }
        room -= length;
        let value = value.map(|value| Shown::within(&String::from_utf8_lossy(value), LONGEST));
        kept.push((Shown::within(key, LONGEST), value));
    }
    (kept, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "_mcp._tcp.local.";

    fn resolved<'a>(full_name: &'a str, host: &'a str, port: u16) -> Resolved<'a> {
        Resolved { kind: KIND, full_name, host, port }
    }

    fn told(gathered: Gathered) -> Vec<Arc<Announced>> {
        gathered.told(Vec::new(), Vec::new()).services.unwrap()
    }

    #[test]
    fn two_that_announce_one_name_are_two() {
        let mut gathered = Gathered::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for (name, port) in [("One._mcp._tcp.local.", 1), ("ONE._mcp._tcp.local.", 1), ("One._mcp._tcp.local.", 2)] {
            gathered.add(resolved(name, "a.local.", port), [address, address].into_iter(), [("k", Some(&b"v"[..]))].into_iter());
        }
        gathered.add(resolved("Two._mcp._tcp.local.", "a.local.", 3), std::iter::empty(), std::iter::empty());
        gathered.remove("two._mcp._tcp.LOCAL.");
        let all = told(gathered);
        let names: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.port, one.addresses.len(), one.texts.len())).collect();
        assert_eq!(names, [("ONE", 1, 1, 1), ("One", 2, 1, 1)]);
    }

    #[test]
    fn a_flood_is_cut_off() {
        let mut gathered = Gathered::default();
        for number in 0..2 * MOST_SERVICES {
            gathered.add(resolved(&format!("n{number}.{KIND}"), "a.local.", 1), std::iter::empty(), std::iter::empty());
        }
        assert!(gathered.is_full);
        assert_eq!(told(gathered).len(), MOST_SERVICES);
        let mut gathered = Gathered::default();
        let (long, keys) = (vec![b'x'; 60_000], ["k"; 500]);
        gathered.add(resolved("a", "h", 1), (0..100).map(|n| IpAddr::from([10, 0, 0, n])), keys.map(|key| (key, None)).into_iter());
        gathered.add(resolved(&"y".repeat(9000), "h", 1), std::iter::empty(), [("k", Some(&long[..]))].into_iter());
        let all = told(gathered);
        assert_eq!((all[0].addresses.len(), all[0].texts.len(), all[0].says_more), (MOST_ADDRESSES, MOST_TEXTS, true));
        assert_eq!((all[1].name.as_str().chars().count(), all[1].texts.len(), all[1].says_more), (LONGEST + 1, 0, true));
    }

    #[test]
    fn hostile_text_is_harmless() {
        let mut gathered = Gathered::default();
        let texts = [("\u{1b}[2J", Some(&b"\x1b]0;x\x07\xff"[..])), ("", None)];
        gathered.add(resolved("\u{202e}evil\n._mcp._tcp.local.", "\u{9b}h", 1), std::iter::empty(), texts.into_iter());
        let all = told(gathered);
        let text = format!("{} {} {:?}", all[0].name, all[0].host, all[0].texts);
        assert!(!text.chars().any(|one| one.is_control() || one == '\u{202e}'), "{text:?}");
    }

    #[test]
    fn the_type_is_taken_off_the_name() {
        for (full, expected) in [("a.b._mcp._tcp.local.", "a.b"), ("ü._MCP._tcp.local.", "ü"), ("other", "other"), (KIND, ""), ("üü", "üü")]
        {
            assert_eq!(bare(full, KIND), expected);
        }
    }
}
