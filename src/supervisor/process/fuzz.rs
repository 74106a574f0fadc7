//! Fuzzing door: an instance's record, to which a keeper appends that runs as the user and may be at the user's mercy.
//!
//! It must never touch a file: the text is given.

use super::record::Record;
use super::spec::Word;

/// A record: read twice it says the same, and what is of another boot names no process.
pub fn record(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let here = Record::parse(&text, "5c8a");
    assert_eq!(here, Record::parse(&text, "5c8a"));
    assert!(here.exits.len() <= 5);
    assert!(here.main.is_none() || here.keeper.is_some());
    let elsewhere = Record::parse(&text, "another boot");
    assert_eq!((elsewhere.restarts, elsewhere.exits), (here.restarts, here.exits.clone()));
    // Half a line more, as a full disk leaves it, takes nothing away.
    if text.ends_with('\n') {
        assert_eq!(Record::parse(&format!("{text}{{\"exit"), "5c8a"), here);
    }
}

/// What a keeper says. It is the user's process: whatever it says is a word or none.
pub fn word(data: &[u8]) {
    if let Ok(word) = serde_json::from_slice::<Word>(data) {
        let text = serde_json::to_vec(&word).unwrap_or_default();
        assert!(serde_json::from_slice::<Word>(&text).is_ok_and(|again| format!("{again:?}") == format!("{word:?}")));
    }
}
