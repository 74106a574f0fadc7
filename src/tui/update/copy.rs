//! What can be copied of an instance: facts, entries for clients, commands; and saying where a copy went.
//!
//! It must never offer a secret.

use crate::domain::{InstanceId, Reading, Row, Shown, Verb};
use crate::present::client::{self, Access, Client};
use crate::present::command::{self, Program};
use crate::present::{json, wording};
use crate::tui::event::{Copied, Way};
use crate::tui::keymap::Action;
use crate::tui::state::State;
use crate::tui::state::picker::{Choice, Entry, Picker};

use super::{picker, status};

/// A bound key.
pub fn act(state: &mut State, action: Action) {
    let Some(row) = state.target_row().cloned() else {
        status::refuse(state, "there is no instance to copy from");
        return;
    };
    let list = if action == Action::Snippet { snippets(&row) } else { facts(&row, &state.settings.program, state.asked.as_deref()) };
    picker::open(state, list);
}

/// The facts of a row and the commands about it.
fn facts(row: &Row, program: &Program, asked: Option<&str>) -> Picker {
    let id = &row.id;
    let url = client::url(row);
    let port = row.port.map(|port| port.to_string());
    let pid = row.main.known().map(|key| key.pid.to_string());
    let no_port = wording::no_port(row);
    let place = row.port.map(|port| format!("{}:{port}", row.user));
    let mut entries = vec![
        entry(id, "client URL", url.as_deref(), no_port),
        entry(id, "port", port.as_deref(), no_port),
        entry(id, "PID", pid.as_deref(), if row.main == Reading::Denied { "its process may not be seen" } else { "it does not run" }),
        entry(id, "user:port", place.as_deref(), no_port),
    ];
    let document = client::pretty(&json::instance(row));
    entries.push(noted(entry(id, "row as JSON", Some(&document), ""), "as berth ls --json has it"));
    if let Some(asked) = asked {
        let text = asked.to_owned();
        let copy = Choice::Copy { what: "the last action as a command".to_owned(), text: text.clone() };
        entries.push(noted(Entry::new("the last action", copy), &text));
    }
    if !id.is_unmanaged() {
        let show = program.about("show", id);
        entries.push(noted(entry(id, "command: show", Some(&show), ""), &show));
        for (label, verb) in [("command: log", Verb::Logs), ("command: restart", Verb::Restart)] {
            let text = command::of(program, verb, &[id], "");
            entries.push(noted(entry(id, label, text.as_deref(), "there is none"), text.as_deref().unwrap_or_default()));
        }
    }
    Picker::new(Shown::new(&format!("Copy from {id}")), entries)
}

/// The entries for clients' configuration files.
fn snippets(row: &Row) -> Picker {
    let id = &row.id;
    let access = Access::of(row);
    let of = |client: Client| {
        let text = access.as_ref().map(|access| client::snippet(client, access));
        let why_not = text.is_none().then(|| Shown::from(wording::no_port(row)));
        let what = format!("{id}'s entry for {}", client.name());
        Entry {
            why_not,
            note: Shown::from(client.place()),
            ..Entry::new(client.name(), Choice::Copy { what, text: text.unwrap_or_default() })
        }
    };
    let key = access.as_ref().and_then(|access| access.key.as_deref());
    let title = match key {
        Some(key) => format!("Let a client reach {id}; the key stays in ${key}"),
        None => format!("Let a client reach {id}"),
    };
    Picker::new(Shown::new(&title), Client::ALL.into_iter().map(of).collect())
}

/// An entry that shows what it copies, or says why there is nothing.
fn entry(id: &InstanceId, label: &'static str, text: Option<&str>, why_not: &'static str) -> Entry {
    let what = format!("{id}'s {}", label.trim_start_matches("command: "));
    let what = if label.starts_with("command") { format!("{what} as a command") } else { what };
    let choice = Choice::Copy { what, text: text.unwrap_or_default().to_owned() };
    let entry = noted(Entry::new(label, choice), text.unwrap_or_default());
    Entry { why_not: text.is_none().then(|| Shown::from(why_not)), ..entry }
}

fn noted(entry: Entry, note: &str) -> Entry {
    Entry { note: Shown::new(note), ..entry }
}

/// Says where it went.
pub fn copied(state: &mut State, what: &str, how: Result<Copied, Shown>) {
    match how {
        Ok(Copied::Sent(way)) => {
            let how = match way {
                Way::Terminal => "sent to the terminal's clipboard (OSC 52)",
                // Without it tmux throws the sequence away and says nothing, tmux(1): it takes one of its own programs only.
                Way::Tmux => "sent to tmux; nothing arrived? tmux set -s set-clipboard on",
                Way::Screen => "sent to the clipboard through screen (OSC 52)",
            };
            let whole = format!("{what}: {how}");
            // What was copied is known to who copied it; what it needs is not.
            let fits = crate::present::fit::width(&whole) < usize::from(state.size.0);
            status::say(state, if fits { &whole } else { how });
        }
        Ok(Copied::Left(path, why)) => status::say(state, &format!("{what} is in {path}: {why}")),
        Err(why) => status::refuse(state, &format!("{what} was not copied: {why}")),
    }
}
