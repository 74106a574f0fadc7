//! What a door says of what has not been done yet: a plan of ports, and things to do to the fleet.
//!
//! It must never say anything else the next time.

use berth::config::Strategy;
use berth::domain::{Newcomer, Obstacle, Outcome, Proposal, Proposed, Shown, Snapshot, Task};

use super::fleet;

/// By name-hash alice and bob are meant for one port, carol moves, and hank gets none; by any other everybody stays.
pub fn proposal(snapshot: &Snapshot, strategy: Strategy) -> Proposal {
    let collides = strategy == Strategy::NameHash;
    let declared = snapshot.rows.iter().filter_map(|row| Some((row, row.declared.as_ref()?)));
    let rows: Vec<Proposed> = declared
        .map(|(row, declared)| {
            let (wish, port, why) = match declared.id.owner() {
                _ if !collides => (None, row.port, None),
                "alice" => (Some(8101), Some(8101), None),
                "bob" => (Some(8101), Some(8110), Some(Obstacle::Assigned(fleet::id("alice")))),
                "carol" => (Some(8111), Some(8111), None),
                "hank" => (Some(9500), None, Some(Obstacle::Outside(snapshot.range))),
                _ => (row.port.map(u32::from), row.port, None),
            };
            Proposed { id: declared.id.clone(), uid: declared.uid, now: row.port, wish, port, why }
        })
        .collect();
    let collisions = collides.then(|| (8101, vec![fleet::id("alice"), fleet::id("bob/tools")])).into_iter().collect();
    let (strategy, formula) =
        if collides { ("name-hash", "the formula first + sum of the name % 1000") } else { ("registry", "the lowest free one") };
    Proposal { strategy, formula: formula.to_owned(), range: snapshot.range, rows, collisions, notice: None }
}

/// What would be done.
pub fn of(task: &Task) -> Outcome {
    let kept = "would be stopped; its port 8101 kept from others for a while";
    let sentence = match task {
        Task::Add(_) => "would have port 8110".to_owned(),
        Task::Remove { purge: false, .. } => format!("{kept}; its files would be kept, its configuration under another name"),
        Task::Remove { .. } => format!("{kept}; its workspace, logs and configuration would be deleted"),
        Task::Adopt(_) => "would have port 8101, on which it listens".to_owned(),
        Task::Reserve(_) => "would be reserved: it is given to nobody until it is given back".to_owned(),
        Task::Unreserve(_) => "would be given back: it can be anybody's".to_owned(),
    };
    let mut hints = Vec::new();
    if let Task::Add(Newcomer { id, .. }) = task {
        let (root, own) = (format!("/opt/mcp-server/users/{}", id.owner()), format!("{}'s own", id.owner()));
        hints.push(Shown::from("port 8110"));
        hints.extend(["config", "workspace", "logs"].map(|name| Shown::new(&format!("directory {root}/{name}, {own}, 0700"))));
        hints.push(Shown::new(&format!("file {root}/config/config.json, {own}, 0600, 214 bytes")));
        hints.push(Shown::from("a start"));
    }
    Outcome { exit_code: 0, sentence: Shown::new(&sentence), hints, log_lines: Vec::new() }
}
