//! How facts travel between a daemon and its consoles, where a field's own form is not all of it.
//!
//! It must never let a secret's value leave, nor take in a text that was not made harmless.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{InstanceId, Shown, Variables};

/// Longer texts are cut when they come in.
const LONGEST: usize = 256 * 1024;

/// How many fixed words are kept that came from elsewhere, how many of them one of several hosts may bring and how many who is alone, and
/// how long each may be: they are never let go.
const WORDS: usize = 4096;
const WORDS_OF_ONE: usize = 100;
const WORDS_OF_ALL: usize = 512;
const LONGEST_WORD: usize = 400;

/// A word of the program's own, which lasts as long as it does.
pub type Fixed = &'static str;

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::within(&String::deserialize(deserializer)?, LONGEST))
    }
}

thread_local! {
    /// The host that what is read on this thread right now comes from.
    static HOST: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Reads what a host of this name told: every id in it is that host's, wherever it stands, so that none can be forgotten.
pub fn told_by<T>(host: Option<&Arc<str>>, read: impl FnOnce() -> T) -> T {
    let before = HOST.replace(host.cloned());
    let read = read();
    HOST.set(before);
    read
}

impl Serialize for InstanceId {
    /// As its own host calls it: no other name goes there.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.on_its_host())
    }
}

impl<'de> Deserialize<'de> for InstanceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // An account's name before `/:PORT` is whatever the host calls its accounts.
        if let Some((account, port)) = text.split_once("/:")
            && let Ok(port) = port.parse()
        {
            return Ok(here(Self::unmanaged(Shown::within(account, 256).as_str(), port)));
        }
        Self::parse(&text).map(here).map_err(de::Error::custom)
    }
}

fn here(id: InstanceId) -> InstanceId {
    HOST.with_borrow(|host| if host.is_some() { id.at(host.as_ref()) } else { id })
}

impl Serialize for Variables {
    /// Their names; of the values only those by which it is told how a server is spoken to.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name, if name.contains("TRANSPORT") { value } else { "" })))
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all: std::collections::BTreeMap<String, String> = Deserialize::deserialize(deserializer)?;
        Ok(all.into_iter().collect())
    }
}

/// Takes in a word of the program's own.
pub(super) fn fixed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fixed, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(kept(Shown::within(&text, LONGEST_WORD).as_str()))
}

/// The word itself where it was kept or may be; none where its host has brought too many, so that it takes no other host's place.
fn kept(text: &str) -> Fixed {
    /// The words, and how many of them each host brought.
    type Kept = (HashSet<Fixed>, HashMap<Option<Arc<str>>, usize>);
    static KEPT: Mutex<Option<Kept>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let (words, brought) = kept.get_or_insert_default();
    if let Some(known) = words.get(text) {
        return known;
    }
    let host = HOST.with_borrow(Clone::clone);
    let most = if host.is_some() { WORDS_OF_ONE } else { WORDS_OF_ALL };
    let by_it = brought.entry(host).or_default();
    if words.len() >= WORDS || *by_it >= most {
        return "";
    }
    *by_it += 1;
    let word: Fixed = Box::leak(text.into());
    words.insert(word);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_texts_come_back_and_nothing_that_a_terminal_obeys() {
        for id in [InstanceId::parse("amy").unwrap(), InstanceId::parse("amy/x").unwrap(), InstanceId::unmanaged("a\\b", 8081)] {
            let text = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<InstanceId>(&text).unwrap(), id);
        }
        assert!(serde_json::from_str::<InstanceId>("\"../x\"").is_err());
        let told: Shown = serde_json::from_str("\"a\\u001b[2Jb\"").unwrap();
        assert_eq!(told.as_str(), "a␛[2Jb");
    }

    #[test]
    fn what_a_host_tells_is_that_hosts_and_goes_there_without_its_name() {
        let web1: Arc<str> = "web1".into();
        let read = || serde_json::from_str::<Vec<InstanceId>>(r#"["amy", "bob/:8081"]"#).unwrap();
        let ids = told_by(Some(&web1), read);
        assert!(ids.iter().all(|id| id.host() == Some(&web1)));
        assert_eq!(serde_json::to_string(&ids).unwrap(), r#"["amy","bob/:8081"]"#);
        assert!(read().iter().all(|id| id.host().is_none()), "only while it is read");
    }

    #[test]
    fn a_host_that_brings_ever_new_words_takes_no_others_place() {
        let (web1, web2): (Arc<str>, Arc<str>) = ("words1".into(), "words2".into());
        let taken = (0..WORDS_OF_ONE * 2).filter(|number| !told_by(Some(&web1), || kept(&format!("word {number}"))).is_empty());
        assert_eq!(taken.count(), WORDS_OF_ONE);
        assert_eq!(told_by(Some(&web1), || kept("word 0")), "word 0");
        assert_eq!(told_by(Some(&web2), || kept("another")), "another");
    }

    #[test]
    fn no_value_of_an_environment_leaves_but_how_it_is_spoken_to() {
        let all: Variables =
            [("KEY", "hunter2"), ("MCP_TRANSPORT", "sse")].map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(text, r#"{"KEY":"","MCP_TRANSPORT":"sse"}"#);
        assert_eq!(serde_json::from_str::<Variables>(&text).unwrap().names().count(), 2);
    }
}
