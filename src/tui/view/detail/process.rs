//! The main process, the account, the addresses with who is connected; and the tree.
//!
//! It must never show an environment.

use ratatui::style::Style;

use super::{LABEL, Line, labelled};
use crate::domain::{Process, Reading, Row, words};
use crate::present::{HIDDEN, units, wording};
use crate::tui::state::State;
use crate::tui::view::canvas;

/// The main process, the account and the addresses.
pub fn lines(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    let (settings, now) = (&state.settings, state.header.now.wall);
    let main = row.main.known().and_then(|key| row.processes.iter().find(|process| process.key == key));
    let mut facts = vec![match row.main {
        Reading::Known(key) => format!("pid {}", key.pid),
        Reading::Denied => "its process may not be seen".to_owned(),
        Reading::Gone => "no process".to_owned(),
        Reading::Unasked => settings.glyphs.ellipsis.to_owned(),
    }];
    facts.extend(main.map(|process| process.name.to_string()));
    // Under a shared account the owner's name says nothing of the uid.
    let account = if row.user.as_str() == row.id.owner() { String::new() } else { format!("{} ", row.user) };
    facts.push(format!("{account}uid {}", row.uid));
    facts.extend(row.started_at.filter(|_| row.state.is_up()).map(|at| format!("since {}", words::clock(at, now, &settings.zone))));
    lines.extend(pack(&facts, width).into_iter().map(|text| vec![(text, Style::new())]));
    let at: Vec<String> = row.listening.iter().map(|(endpoint, _)| endpoint.to_string()).collect();
    let text = match (at.is_empty(), row.port) {
        (false, _) => at.join("  "),
        (true, _) if row.main == Reading::Denied => format!("{HIDDEN} (may not be seen)"),
        (true, Some(port)) => format!("nothing; {port} is its port"),
        (true, None) => format!("nothing; {}", wording::no_port(row)),
    };
    let clients = state.detail.clients.as_ref().filter(|clients| clients.of == row.id).and_then(|clients| clients.count.as_ref());
    let clients = match clients {
        Some(Ok(1)) => "  1 client".to_owned(),
        Some(Ok(count)) => format!("  {count} clients"),
        Some(Err(why)) => format!("  clients: {why}"),
        None => String::new(),
    };
    labelled(state, lines, width, "listens", &format!("{text}{clients}"), Style::new());
}

/// Facts side by side, as many in a line as fit.
fn pack(facts: &[String], width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        match lines.last_mut() {
            Some(line) if canvas::cells(line) + 2 + canvas::cells(fact) <= width => {
                line.push_str("  ");
                line.push_str(fact);
            }
            _ => lines.push(fact.clone()),
        }
    }
    lines
}

/// Its processes, each below the one that started it.
pub fn tree(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    let room = width.saturating_sub(u16::try_from(LABEL + 1).unwrap_or(0));
    for (index, (depth, process)) in ordered(row).into_iter().enumerate() {
        let label = if index == 0 { "tree" } else { "" };
        let indent = "  ".repeat(depth.min(8));
        let files = process.open_files.known().map(|count| format!("{count} files")).unwrap_or_default();
        let (pid, memory) = (process.key.pid, units::bytes(process.memory_bytes));
        let text = format!("{pid:>7} {} {memory:>8} {:>4} thr {files:>9}  {indent}{}", process.state, process.tasks, process.command);
        lines
            .push(vec![(format!("{label:<LABEL$} "), state.settings.theme.dim), (canvas::fit(&state.settings, &text, room), Style::new())]);
    }
}

/// The processes with how deep they stand, parents first. What has no parent among them is a root.
fn ordered(row: &Row) -> Vec<(usize, &Process)> {
    let is_root = |process: &Process| !row.processes.iter().any(|other| other.key.pid == process.parent && other.key != process.key);
    let mut waiting: Vec<(usize, &Process)> =
        row.processes.iter().rev().filter(|process| is_root(process)).map(|process| (0, &**process)).collect();
    let mut told: Vec<(usize, &Process)> = Vec::with_capacity(row.processes.len());
    while let Some((depth, process)) = waiting.pop() {
        if told.iter().any(|(_, known)| known.key == process.key) {
            continue;
        }
        told.push((depth, process));
        let children = row.processes.iter().rev().filter(|other| other.parent == process.key.pid && other.key != process.key);
        waiting.extend(children.map(|child| (depth + 1, &**child)));
    }
    told
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::ProcessKey;
    use crate::present::fleet;

    fn row(parents: &[(i32, i32)]) -> Row {
        let mut row = (**fleet::fleet().row(&fleet::id("alice")).unwrap()).clone();
        let model = row.processes[0].clone();
        let process = |(pid, parent): &(i32, i32)| {
            let mut process = (*model).clone();
            (process.key, process.parent) = (ProcessKey { pid: *pid, start_time: 1 }, *parent);
            Arc::new(process)
        };
        row.processes = parents.iter().map(process).collect();
        row
    }

    #[test]
    fn children_stand_below_their_parents_and_nobody_is_lost() {
        let told = |parents: &[(i32, i32)]| ordered(&row(parents)).iter().map(|(depth, p)| (*depth, p.key.pid)).collect::<Vec<_>>();
        assert_eq!(told(&[(10, 1), (30, 20), (20, 10), (21, 10)]), [(0, 10), (1, 20), (2, 30), (1, 21)]);
        assert_eq!(told(&[(10, 1), (40, 7)]), [(0, 10), (0, 40)]);
        // Read while pids were given anew: a circle ends.
        assert_eq!(told(&[(10, 11), (11, 10)]), []);
    }
}
