//! `berth ports`: the range, what holds each port and whose it is.
//!
//! It must never list a port as free whose listeners may not be seen.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::{Global, Ports};
use super::door::Desk;
use super::errors::Stop;
use super::ls::{is_configured, tell_notices};
use super::output::Out;
use crate::domain::{Endpoint, PortRange, Reading};
use crate::error::{Error, Kind};
use crate::present::fit::width;
use crate::present::json;
use crate::present::paint::{Tone, paint};
use crate::present::ports::{PortFacts, PortState, level, ports};
use crate::present::{HIDDEN, NOTHING};

/// Runs the command.
pub fn run(words: &Ports, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let snapshot = desk.glance()?;
    let range = words.range.unwrap_or(snapshot.range);
    let mut facts = ports(&snapshot, range, &snapshot.reserved);
    if words.free {
        if facts.iter().any(|facts| facts.state == PortState::Unknown && facts.listeners.is_empty()) {
            let what = if snapshot.allotments == Reading::Denied { "the registry cannot be read" } else { "what listens may not be seen" };
            return Err(Error::new(Kind::NotPermitted, format!("which ports are free is not known: {what} by this account")).into());
        }
        facts.retain(|facts| facts.state == PortState::Free);
    }
    if global.json {
        out.json(&json::ports(range, &facts))?;
    } else if words.free {
        out.text(&facts.iter().map(|facts| format!("{}\n", facts.port)).collect::<String>())?;
    } else {
        let color = out.style().color;
        out.text(&table(&facts, (snapshot.taken.wall, &TimeZone::system()), color))?;
    }
    tell_notices(&snapshot, is_configured(desk), global);
    Ok(0)
}

/// The last one only where there is something to say.
const TITLES: [&str; 8] = ["PORT", "STATE", "INSTANCE", "PID", "UID", "COMMAND", "LISTENS ON", "REGISTRY"];

/// A row for every port that somebody has, and one for each run of others.
fn table(facts: &[PortFacts], at: (Timestamp, &TimeZone), color: bool) -> String {
    let mut rows: Vec<(Tone, [String; 8])> = vec![(Tone::Dim, TITLES.map(str::to_owned))];
    let mut rest = facts;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|facts| is_plain(facts) && facts.state == first.state).count();
        if same > 1 {
            let range = PortRange { first: first.port, last: rest[same - 1].port };
            let cells = [range.to_string(), first.state.word().to_owned(), format!("{same} ports")];
            rows.push((Tone::Dim, std::array::from_fn(|at| cells.get(at).cloned().unwrap_or_default())));
            rest = &rest[same..];
        } else {
            rows.push((level(first.state).map_or(Tone::Plain, Tone::of_level), cells(first, at)));
            rest = &rest[1..];
        }
    }
    if rows.iter().skip(1).all(|(_, cells)| matches!(cells[7].as_str(), "" | NOTHING)) {
        rows.iter_mut().for_each(|(_, cells)| cells[7].clear());
    }
    let widths: [usize; 8] = std::array::from_fn(|at| rows.iter().map(|(_, cells)| width(&cells[at])).max().unwrap_or(0));
    let mut text = String::new();
    for (tone, cells) in &rows {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let blanks = " ".repeat(widths[at] - width(cell) + 2);
            // PID and UID are numbers and stand to the right.
            line.push_str(&if at == 3 || at == 4 { format!("{}{cell}  ", &blanks[2..]) } else { format!("{cell}{blanks}") });
        }
        text.push_str(&paint(line.trim_end(), *tone, color));
        text.push('\n');
    }
    text
}

/// Whether there is nothing to say of it but its state.
fn is_plain(facts: &PortFacts) -> bool {
    matches!(facts.state, PortState::Free | PortState::Reserved | PortState::Unknown)
        && facts.instance.is_none()
        && facts.listeners.is_empty()
        && facts.quarantine.is_none()
        && facts.reservation.is_none()
}

fn cells(facts: &PortFacts, (now, zone): (Timestamp, &TimeZone)) -> [String; 8] {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    // Somebody listens there who may not be seen.
    let unseen = if facts.listeners.is_empty() { NOTHING } else { HIDDEN };
    let or_hidden = |text: Option<String>| text.unwrap_or_else(|| unseen.to_owned());
    let mut places: Vec<String> = facts.listeners.iter().map(|(endpoint, _)| place(endpoint)).collect();
    places.dedup();
    [
        facts.port.to_string(),
        facts.state.word().to_owned(),
        or_nothing(facts.instance.as_ref().map(ToString::to_string)),
        or_hidden(facts.pid.map(|pid| pid.to_string())),
        or_nothing(facts.uid.map(|uid| uid.to_string())),
        or_hidden(facts.command.as_ref().map(ToString::to_string)),
        or_nothing((!places.is_empty()).then(|| places.join(" "))),
        or_nothing(facts.registry_in_words(now, zone)),
    ]
}

/// The address alone: the port stands at the beginning of the line.
fn place(endpoint: &Endpoint) -> String {
    endpoint.address.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};
    use std::sync::Arc;

    use crate::domain::{Allotment, Allotments, InstanceId, Quarantine, Uid};

    fn ran(words: &Ports, options: &str) -> String {
        let (mut out, text) = written();
        assert_eq!(run(words, &global(options), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 0);
        text()
    }

    #[test]
    fn the_range_with_runs_of_free_ports_in_one_line() {
        insta::assert_snapshot!(ran(&Ports { free: false, range: PortRange::parse("8098-8112"), ..Ports::default() }, ""), @r"
        PORT       STATE      INSTANCE    PID   UID  COMMAND  LISTENS ON
        8098-8100  free       3 ports
        8101       listening  alice      2211  1001  node     127.0.0.1
        8102       listening  bob/tools  3307  1002  node     127.0.0.1
        8103       free       -             -     -  -        -
        8104       listening  dave       5120  1004  node     127.0.0.1
        8105       assigned   erin          -     -  -        -
        8106       assigned   frank         -     -  -        -
        8107       conflict   carol      4711  1002  python3  127.0.0.1
        8108       listening  gina       7340  1007  node     127.0.0.1
        8109       assigned   hank          -     -  -        -
        8110-8112  free       3 ports
        ");
    }

    #[test]
    fn free_ports_are_numbers_for_scripts() {
        assert_eq!(
            ran(&Ports { free: true, range: PortRange::parse("8100-8112"), ..Ports::default() }, ""),
            "8100\n8103\n8110\n8111\n8112\n"
        );
        let document: serde_json::Value =
            serde_json::from_str(&ran(&Ports { free: true, range: None, ..Ports::default() }, "--json")).unwrap();
        assert_eq!(document["range"]["first"], 8080);
        assert!(document["ports"].as_array().unwrap().iter().all(|port| port["state"] == "free"));
    }

    /// The fixture fleet, whose registry gave hank's port, another one to somebody who is gone, and keeps two.
    fn registered() -> crate::domain::Snapshot {
        let mut snapshot = fleet::fleet();
        let at = "2026-11-20T12:00:00Z".parse().unwrap();
        let allotment = |name: &str| Allotment {
            id: InstanceId::parse(name).unwrap(),
            uid: Uid(1008),
            strategy: "registry".into(),
            by: "root".into(),
            at,
        };
        let mut all = Allotments::default();
        all.assign(8109, allotment("hank"));
        all.assign(8111, allotment("zoe"));
        let until = "2026-11-21T12:00:00Z".parse().unwrap();
        all.keep(8110, Quarantine { of: InstanceId::parse("bob").unwrap(), until });
        all.keep(8112, Quarantine { of: InstanceId::parse("bob").unwrap(), until: at });
        snapshot.allotments = Reading::Known(Arc::new(all));
        snapshot
    }

    #[test]
    fn what_the_registry_says_stands_beside() {
        let snapshot = registered();
        let facts = ports(&snapshot, PortRange::parse("8108-8112").unwrap(), &[]);
        insta::assert_snapshot!(table(&facts, (snapshot.taken.wall, &TimeZone::UTC), false), @r"
        PORT  STATE       INSTANCE   PID   UID  COMMAND  LISTENS ON  REGISTRY
        8108  listening   gina      7340  1007  node     127.0.0.1   -
        8109  assigned    hank         -     -  -        -           given 20 Nov 12:00 by root
        8110  quarantine  -            -     -  -        -           bob's until lately; given to nobody else until 12:00:00 (8 h left)
        8111  assigned    zoe          -     -  -        -           given 20 Nov 12:00 by root
        8112  free        -            -     -  -        -           -
        ");
        let (mut out, text) = written();
        let words = Ports { free: true, range: PortRange::parse("8108-8112"), ..Ports::default() };
        run(&words, &global(""), &FakeDesk::new(snapshot), &mut out).unwrap();
        assert_eq!(text(), "8112\n");
    }

    #[test]
    fn a_registry_that_may_not_be_read_leaves_nothing_free() {
        let mut snapshot = fleet::fleet();
        snapshot.allotments = Reading::Denied;
        let words = Ports { free: true, range: None, ..Ports::default() };
        let error = run(&words, &global(""), &FakeDesk::new(snapshot), &mut written().0).unwrap_err();
        assert_eq!(error.tell(), 3);
    }

    #[test]
    fn what_may_not_be_seen_is_not_free() {
        let mut snapshot = fleet::fleet();
        snapshot.listeners = Reading::Denied;
        let error = run(&Ports { free: true, range: None, ..Ports::default() }, &global(""), &FakeDesk::new(snapshot), &mut written().0)
            .unwrap_err();
        assert_eq!(error.tell(), 3);
    }
}
