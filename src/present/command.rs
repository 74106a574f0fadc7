//! The `berth` command line that does the same as something in the console.
//!
//! It must never name a command that there is not.

use super::quote;
use crate::domain::{InstanceId, Verb};

/// The command for orders like these; `None` when berth's command line has none.
pub fn of(verb: Verb, ids: &[&InstanceId], reason: &str) -> Option<String> {
    let ids: Vec<String> = ids.iter().filter(|id| !id.is_unmanaged()).map(ToString::to_string).collect();
    if matches!(verb, Verb::Signal(_)) || ids.is_empty() {
        return None;
    }
    let mut line = quote::line(["berth", verb.word()].into_iter().chain(ids.iter().map(String::as_str)));
    if !reason.is_empty() && verb.changes() {
        // Joined by `=`, since a reason that begins with a hyphen would be taken for an option.
        let joined = if reason.starts_with('-') { "=" } else { " " };
        line.push_str(&format!(" --reason{joined}{}", quote::shell(reason)));
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Signal;

    #[test]
    fn the_table_of_commands() {
        let (alice, tools) = (InstanceId::parse("alice").unwrap(), InstanceId::parse("bob/tools").unwrap());
        let stranger = InstanceId::unmanaged("eve", 8120);
        let cases = [
            (Verb::Restart, vec![&alice], "bob's wish", Some(r"berth restart alice --reason 'bob'\''s wish'")),
            (Verb::Stop, vec![&alice, &tools], "", Some("berth stop alice bob/tools")),
            (Verb::Stop, vec![&alice], "-f", Some("berth stop alice --reason=-f")),
            (Verb::Logs, vec![&alice], "why", Some("berth logs alice")),
            (Verb::Stop, vec![&stranger], "", None),
            (Verb::Signal(Signal::Hangup), vec![&alice], "", None),
        ];
        for (verb, ids, reason, line) in cases {
            assert_eq!(of(verb, &ids, reason).as_deref(), line);
        }
    }
}
