//! Fuzzing door: stat and status of a process, by which it is decided whether it may be signalled.
//!
//! It must never look at a process: the bytes are given.

use std::path::Path;

use super::job::Answer;
use super::mounts::mounts;
use super::signal::{facts_in, uid_in};

/// Where the kernel's own fields stand, whatever the process calls itself. Tells start time, parent and state, to be compared.
pub fn process_files(data: &[u8]) -> Option<(u64, i32, char)> {
    if let Some(uid) = uid_in(data) {
        let text = String::from_utf8_lossy(data);
        assert!(text.contains("Uid:") && text.contains(&uid.to_string()));
    }
    // However it is called, what comes after the last parenthesis is the kernel's.
    let line = [b"7 (".as_slice(), data, b") S 12 4711 4711 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n"].concat();
    let facts = facts_in(&line);
    assert!(facts.is_some_and(|facts| (facts.key.pid, facts.key.start_time, facts.parent, facts.state) == (7, 99, 12, 'S')));
    facts_in(data).map(|facts| (facts.key.start_time, facts.parent, facts.state))
}

/// The kernel's list of mounts: users choose names in it. Every line brings one place at most, which is spelt in it but for what is escaped,
/// and no name makes two of one.
pub fn mountinfo(data: &[u8]) {
    let found = mounts(data);
    assert!(found.len() <= data.split(|byte| *byte == b'\n').count());
    for (place, _) in &found {
        assert!(place.as_os_str().len() <= data.len());
    }
    // Whatever stands around it, a mount whose name was escaped as the kernel does it is found under its name.
    let escaped: String = data.iter().take(64).filter(|byte| **byte != 0).map(|byte| format!("\\{byte:03o}")).collect();
    let line = format!("1 2 0:3 / /m/{escaped} rw shared:1 - fuse.x y rw\n");
    let name = data.iter().take(64).copied().filter(|byte| *byte != 0).collect::<Vec<u8>>();
    let place = Path::new("/m/").join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&name));
    let expected =
        if name.first() == Some(&b'/') { [b"/m/".as_slice(), &name].concat() } else { place.as_os_str().as_encoded_bytes().to_vec() };
    assert_eq!(mounts(line.as_bytes()).first().map(|(place, _)| place.as_os_str().as_encoded_bytes().to_vec()), Some(expected));
}

/// What a hand answers. It is the user's process: whatever it says is an answer or none.
pub fn answer(data: &[u8]) {
    if let Ok(answer) = serde_json::from_slice::<Answer>(data) {
        let text = serde_json::to_vec(&answer).unwrap_or_default();
        assert!(serde_json::from_slice::<Answer>(&text).is_ok_and(|again| format!("{again:?}") == format!("{answer:?}")));
    }
}
