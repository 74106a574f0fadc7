//! The subcommands that berth calls itself: the demo's own processes. Nobody types them, and help does not list them.
//!
//! It must never be reached after the zygote was forked: these processes are not consoles and need none of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::demo::{reaper, server, stranger};

/// Runs a hidden subcommand of the demo, the first word being the program's name; `None` when it is none.
pub fn run_hidden(arguments: &[OsString]) -> Option<u8> {
    let (_, rest) = arguments.split_first()?;
    let (name, rest) = rest.split_first()?;
    let name = name.to_str().filter(|name| name.starts_with("demo-"))?;
    // What the console has blocked for itself is inherited through exec: a process that cannot be asked to end would have to be killed.
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
    match name {
        "demo-server" => Some(option(rest, "--config").map_or(2, |path| server::run(Path::new(path)))),
        "demo-stranger" => Some(option(rest, "--port").and_then(|port| port.to_str()?.parse().ok()).map_or(2, stranger::run)),
        "demo-reaper" => Some(reaper::run()),
        _ => None,
    }
}

/// The value of `--name VALUE` or `--name=VALUE`.
fn option<'a>(words: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    words.iter().enumerate().find_map(|(at, word)| {
        if word == name {
            return words.get(at + 1).map(OsString::as_os_str);
        }
        word.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(OsStr::from_bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_given_either_way() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(option(&words("--config=/x"), "--config"), Some(OsStr::new("/x")));
        assert_eq!(option(&words("-v --config /x"), "--config"), Some(OsStr::new("/x")));
        assert_eq!(option(&words("--configure=/x"), "--config"), None);
        assert_eq!(option(&words("--config"), "--config"), None);
    }

    #[test]
    fn what_is_not_hidden_is_left_alone() {
        let run = |line: &str| run_hidden(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(run("berth ls"), None);
        assert_eq!(run("berth demo"), None);
        assert_eq!(run("berth"), None);
        assert_eq!(run("berth demo-server"), Some(2));
        assert_eq!(run("berth demo-stranger --port x"), Some(2));
    }
}
