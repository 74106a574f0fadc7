//! What is said when there is nothing to show: what was looked for, and the next step. The console and the command line say the same.
//!
//! It must never claim that there is nothing where nothing could be seen.

use super::command::Program;
use crate::domain::{Reading, Snapshot};

/// A command and what it does.
pub type Step = (&'static str, &'static str);

/// What was looked at in vain, the first sentence the whole of it.
pub fn sentences(snapshot: &Snapshot) -> Vec<String> {
    let nothing = match &snapshot.listeners {
        Reading::Denied => "no instance was found, and which ports are listened on may not be seen".to_owned(),
        _ => format!("no instance was found, and nothing listens in {}", snapshot.range),
    };
    let notices = snapshot.notices.iter().filter(|notice| notice.as_str() != "no instance is configured");
    std::iter::once(nothing).chain(notices.map(ToString::to_string)).collect()
}

/// What can be done next; `configured`: there is a configuration, so that one to begin with is of no use.
pub fn steps(configured: bool) -> [Step; 3] {
    let second = if configured {
        ("berth config", "what is configured, and by which file")
    } else {
        ("berth config init", "write a configuration for this host")
    };
    [("berth demo", "a fleet of its own to try berth on"), second, ("berth man", "the manual")]
}

/// The steps as they are typed: what is about a configuration names the file that was named here.
pub fn calls(steps: [Step; 3], program: &Program) -> [(String, &'static str); 3] {
    steps.map(|(what, about)| (if what.starts_with("berth config") { program.hint(what) } else { what.to_owned() }, about))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Shown;

    #[test]
    fn nothing_is_said_of_what_could_not_be_seen() {
        let mut snapshot = crate::fixture::fleet();
        snapshot.rows.clear();
        snapshot.notices = vec![Shown::from("no instance is configured"), Shown::from("looked for /opt/x")];
        assert_eq!(sentences(&snapshot), ["no instance was found, and nothing listens in 8080-9080", "looked for /opt/x"]);
        snapshot.listeners = Reading::Denied;
        assert!(sentences(&snapshot)[0].ends_with("may not be seen"));
    }
}
