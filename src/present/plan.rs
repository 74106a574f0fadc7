//! What a strategy would give to everybody, as a table and as a document.
//!
//! It must never let somebody who gets nothing, or whose port is meant for another one too, go unseen.

use serde_json::{Value, json};

use super::NOTHING;
use super::fit::width;
use super::json::{SCHEMA, timestamp};
use super::paint::{Tone, paint};
use crate::domain::{Level, Obstacle, Proposal, Proposed, words};

/// What becomes of an instance.
fn change(row: &Proposed) -> &'static str {
    match (row.port, row.now) {
        (None, _) => "none",
        (Some(_), None) => "new",
        (Some(port), Some(now)) if port == now => "keeps",
        (Some(_), Some(_)) => "moves",
    }
}

/// `berth ports --plan STRATEGY --json`.
pub fn json(proposal: &Proposal) -> Value {
    let count = |what: &str| proposal.rows.iter().filter(|row| change(row) == what).count();
    let ids = |ids: &[crate::domain::InstanceId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let collisions: Vec<Value> =
        proposal.collisions.iter().map(|(port, owners)| json!({ "port": port, "instances": ids(owners) })).collect();
    json!({
        "schema": SCHEMA,
        "strategy": proposal.strategy,
        "formula": proposal.formula,
        "range": { "first": proposal.range.first, "last": proposal.range.last },
        "instances": proposal.rows.iter().map(instance).collect::<Vec<_>>(),
        "collisions": collisions,
        "totals": {
            "instances": proposal.rows.len(),
            "keeps": count("keeps"),
            "moves": count("moves"),
            "new": count("new"),
            "none": count("none"),
        },
        "notice": proposal.notice.as_ref().map(|notice| notice.as_str()),
    })
}

fn instance(row: &Proposed) -> Value {
    let why = row.why.as_ref().map(|why| {
        let until = if let Obstacle::Quarantined { until, .. } = why { Some(timestamp(*until)) } else { None };
        json!({ "obstacle": why.word(), "instance": why.instance().map(ToString::to_string), "until": until, "words": sentence(row, why) })
    });
    json!({
        "id": row.id.to_string(),
        "uid": row.uid.0,
        "now": row.now,
        "wish": row.wish,
        "port": row.port,
        "change": change(row),
        "why": why,
    })
}

/// "8443 is reserved"
fn sentence(row: &Proposed, why: &Obstacle) -> String {
    format!("{} {why}", row.wish.unwrap_or_default())
}

const TITLES: [&str; 7] = ["INSTANCE", "UID", "NOW", "WISH", "GETS", "CHANGE", "WHY"];

/// The table, and what it comes to.
pub fn table(proposal: &Proposal, color: bool) -> String {
    let or_nothing = |number: Option<u32>| number.map_or_else(|| NOTHING.to_owned(), |number| number.to_string());
    let mut lines: Vec<(Tone, [String; 7])> = vec![(Tone::Dim, TITLES.map(str::to_owned))];
    for row in &proposal.rows {
        let tone = match (row.port, &row.why) {
            (None, _) => Tone::of_level(Level::Error),
            (Some(_), Some(_)) => Tone::of_level(Level::Warning),
            (Some(_), None) => Tone::Plain,
        };
        let why = match (&row.why, row.port, row.wish) {
            (Some(why), ..) => sentence(row, why),
            (None, None, None) if proposal.strategy == "static" => "its configuration names no port".to_owned(),
            (None, None, _) => "none is left".to_owned(),
            (None, Some(_), _) => String::new(),
        };
        let numbers = [row.now.map(u32::from), row.wish, row.port.map(u32::from)].map(or_nothing);
        let [now, wish, port] = numbers;
        lines.push((tone, [row.id.to_string(), row.uid.to_string(), now, wish, port, change(row).to_owned(), why]));
    }
    let widths: [usize; 7] = std::array::from_fn(|at| lines.iter().map(|(_, cells)| width(&cells[at])).max().unwrap_or(0));
    let mut text = format!("{}: {}, within {}\n", proposal.strategy, crate::domain::Shown::new(&proposal.formula), proposal.range);
    for (tone, cells) in &lines {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let blanks = " ".repeat(widths[at] - width(cell));
            // Numbers stand to the right.
            line.push_str(&if (1..=4).contains(&at) { format!("{blanks}{cell}  ") } else { format!("{cell}{blanks}  ") });
        }
        text.push_str(&paint(line.trim_end(), *tone, color));
        text.push('\n');
    }
    text.push_str(&summary(proposal));
    text
}

/// What it comes to, and who is meant to have one port with others.
fn summary(proposal: &Proposal) -> String {
    let count = |what: &str| proposal.rows.iter().filter(|row| change(row) == what).count();
    let words = [("keeps", "kept"), ("moves", "moved"), ("new", "newly given"), ("none", "without a port")];
    let parts: Vec<String> =
        words.into_iter().filter(|(what, _)| count(what) > 0).map(|(what, words)| format!("{} {words}", count(what))).collect();
    let mut text = if parts.is_empty() { "no instances are known\n".to_owned() } else { format!("{}\n", parts.join(", ")) };
    for (port, owners) in &proposal.collisions {
        let names: Vec<String> = owners.iter().map(ToString::to_string).collect();
        text.push_str(&format!("{port} is meant for {}\n", words::list(&names)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstanceId, PortRange, Shown, Uid};

    fn proposal() -> Proposal {
        let id = |text: &str| InstanceId::parse(text).unwrap();
        let row = |name: &str, now, wish, port, why| Proposed { id: id(name), uid: Uid(1001), now, wish, port, why };
        let until = "2026-11-22T12:00:00Z".parse().unwrap();
        Proposal {
            strategy: "name-hash",
            formula: "first + sum of the name % 1000".to_owned(),
            range: PortRange { first: 8080, last: 9080 },
            rows: vec![
                row("amy", Some(8407), Some(8407), Some(8407), None),
                row("bob/tools", None, Some(8387), Some(8387), None),
                row("gone", None, Some(8443), None, Some(Obstacle::Reserved)),
                row("may", Some(8081), Some(8407), Some(8408), Some(Obstacle::Assigned(id("amy")))),
                row("zoe", Some(8500), Some(8413), Some(8414), Some(Obstacle::Quarantined { of: id("old"), until })),
            ],
            collisions: vec![(8407, vec![id("amy"), id("may")])],
            notice: Some(Shown::from("a notice")),
        }
    }

    #[test]
    fn the_table() {
        let mut proposal = proposal();
        // A moment is told in the zone of who looks.
        proposal.rows.truncate(4);
        insta::assert_snapshot!(table(&proposal, false), @r"
        name-hash: first + sum of the name % 1000, within 8080-9080
        INSTANCE    UID   NOW  WISH  GETS  CHANGE  WHY
        amy        1001  8407  8407  8407  keeps
        bob/tools  1001     -  8387  8387  new
        gone       1001     -  8443     -  none    8443 is reserved
        may        1001  8081  8407  8408  moves   8407 is amy's
        1 kept, 1 moved, 1 newly given, 1 without a port
        8407 is meant for amy and may
        ");
        assert!(table(&proposal, true).contains("\u{1b}["));
        proposal.rows.clear();
        proposal.collisions.clear();
        assert!(table(&proposal, false).ends_with("no instances are known\n"));
    }

    #[test]
    fn the_document() {
        let document = json(&proposal());
        assert_eq!((document["schema"].as_u64(), document["strategy"].as_str()), (Some(1), Some("name-hash")));
        assert_eq!(document["collisions"].to_string(), r#"[{"port":8407,"instances":["amy","may"]}]"#);
        assert_eq!(document["totals"].to_string(), r#"{"instances":5,"keeps":1,"moves":2,"new":1,"none":1}"#);
        let expected = r#"{"id":"may","uid":1001,"now":8081,"wish":8407,"port":8408,"change":"moves","why":{"obstacle":"assigned","instance":"amy","until":null,"words":"8407 is amy's"}}"#;
        assert_eq!(document["instances"][3].to_string(), expected);
        assert_eq!(document["instances"][4]["why"]["until"], "2026-11-22T12:00:00.000Z");
        assert_eq!((document["instances"][0]["why"].is_null(), document["notice"].as_str()), (true, Some("a notice")));
    }
}
