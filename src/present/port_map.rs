//! The map of a range: the sign of each port, what the signs mean, and what is told of the port under a cursor.
//!
//! It must never have a meaning in its colours that is not in its signs too.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::paint::Tone;
use super::ports::{PortMap, PortState, given_in_words, kept_in_words, reserved_in_words};
use super::{advice, wording};
use crate::domain::{Finding, Listener, Reading, Remedy, Row, Snapshot, SupervisorKind, Uid, words};

/// The sign of a port: the first letter of its owner's name, upper case when it listens; else what it is.
pub fn sign(map: &PortMap, port: u16, ascii: bool) -> char {
    let state = map.state(port);
    match (state, map.taken(port).and_then(|facts| facts.instance.as_ref())) {
        (PortState::Listening, Some(id)) => letter(id.owner()).to_ascii_uppercase(),
        (PortState::Assigned, Some(id)) => letter(id.owner()).to_ascii_lowercase(),
        _ => state_sign(state, ascii),
    }
}

/// A name of digits only has no letter: its first digit stands for it, silent or not.
pub(super) fn letter(owner: &str) -> char {
    owner.chars().find(char::is_ascii_alphabetic).or_else(|| owner.chars().next()).unwrap_or('a')
}

/// The sign of a state; for those that have letters, the one that the legend shows.
fn state_sign(state: PortState, ascii: bool) -> char {
    match (state, ascii) {
        (PortState::Free, false) => '·',
        (PortState::Free, true) => '.',
        (PortState::Conflict, false) => '✖',
        // An x would be somebody's letter.
        (PortState::Conflict, true) => '!',
        (PortState::Assigned, _) => 'a',
        (PortState::Listening, _) => 'A',
        (PortState::Stranger, _) => '?',
        (PortState::Reserved, _) => '=',
        (PortState::Quarantine, _) => '%',
        (PortState::Unknown, _) => '~',
    }
}

/// The colour of a state.
pub fn tone(state: PortState) -> Tone {
    match state {
        PortState::Listening => Tone::Good,
        PortState::Assigned => Tone::Plain,
        PortState::Conflict => Tone::Bad,
        PortState::Stranger => Tone::Warn,
        PortState::Quarantine => Tone::Busy,
        PortState::Free | PortState::Reserved | PortState::Unknown => Tone::Dim,
    }
}

/// The signs with what they mean; of ports that are reserved, kept or not known only where there are some.
pub fn legend(map: &PortMap, ascii: bool) -> Vec<(PortState, char, &'static str)> {
    let counts = map.counts();
    let all = [
        (PortState::Listening, "listens"),
        (PortState::Assigned, "assigned, silent"),
        (PortState::Conflict, "conflict"),
        (PortState::Stranger, "stranger"),
        (PortState::Reserved, "reserved"),
        (PortState::Quarantine, "quarantine"),
        (PortState::Unknown, "not known"),
        (PortState::Free, "free"),
    ];
    let seldom = [PortState::Reserved, PortState::Quarantine, PortState::Unknown];
    let is_shown = |state: &PortState| !seldom.contains(state) || counts.contains_key(state);
    all.into_iter().filter(|(state, _)| is_shown(state)).map(|(state, words)| (state, state_sign(state, ascii), words)).collect()
}

/// How full the range is: "9 in use", "992 free", "1 stranger", "1 conflict". What matters most comes last.
pub fn summary(map: &PortMap) -> Vec<String> {
    let counts = map.counts();
    let of = |state| counts.get(&state).copied().unwrap_or(0);
    let used = [PortState::Listening, PortState::Assigned, PortState::Conflict, PortState::Stranger].map(of).iter().sum::<usize>();
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut parts = vec![format!("{used} in use")];
    for (state, text) in [
        (PortState::Reserved, format!("{} reserved", of(PortState::Reserved))),
        (PortState::Quarantine, format!("{} in quarantine", of(PortState::Quarantine))),
        (PortState::Unknown, format!("{} not known", of(PortState::Unknown))),
        (PortState::Free, format!("{} free", of(PortState::Free))),
        (PortState::Stranger, plural(of(PortState::Stranger), "stranger")),
    ] {
        if of(state) > 0 {
            parts.push(text);
        }
    }
    // All of them, as the header counts them: an instance outside the range has its conflicts too.
    let conflicts = of(PortState::Conflict) + map.outside().filter(|facts| facts.state == PortState::Conflict).count();
    if conflicts > 0 {
        parts.push(plural(conflicts, "conflict"));
    }
    parts
}

/// One thing that is told of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it is about: "assigned", "held by".
    pub label: &'static str,
    /// In words.
    pub text: String,
    /// How bad.
    pub tone: Tone,
}

/// Everything that is told of a port: whose it is, what listens, what is wrong. The map is that of the picture.
pub fn told(map: &PortMap, port: u16, snapshot: &Snapshot, now: Timestamp, zone: &TimeZone) -> Vec<Told> {
    let plain = |label, text| Told { label, text, tone: Tone::Plain };
    let rows = || map.rows(port).iter().filter_map(|place| snapshot.rows.get(*place)).map(AsRef::as_ref);
    let mut all: Vec<Told> = rows()
        .filter(|row: &&Row| row.supervisor != SupervisorKind::None)
        .map(|row| {
            let given = map.allotment(port).filter(|allotment| allotment.id == row.id);
            let given = given.map(|allotment| format!("; {}", given_in_words(allotment.at, &allotment.by, now, zone))).unwrap_or_default();
            plain(role(row, port), owner(row, port, now, zone) + &given)
        })
        .collect();
    // Assigned to somebody who is not there any more, or never came: the registry alone knows it.
    if let Some(allotment) = map.allotment(port).filter(|allotment| snapshot.row(&allotment.id).is_none()) {
        let text =
            format!("to {}, which has no configuration here; {}", allotment.id, given_in_words(allotment.at, &allotment.by, now, zone));
        all.insert(0, plain("assigned", text));
    }
    if let Some(kept) = map.quarantine(port) {
        all.push(plain("kept", kept_in_words(kept, now, zone)));
    }
    if let Some(reservation) = map.reservation(port) {
        all.push(plain("kept", format!("{}: given to nobody until it is given back", reserved_in_words(reservation, now, zone))));
    }
    if let Reading::Known(listeners) = &snapshot.listeners {
        for listener in listeners.iter().filter(|listener| listener.endpoint.port == port) {
            let own = rows().any(|row| row.supervisor != SupervisorKind::None && is_of(listener, row));
            all.push(plain(if own { "listens" } else { "held by" }, holder(listener, snapshot, now, zone)));
        }
    }
    // What is wrong comes first: there may be room for little.
    let mut first: Vec<Told> = Vec::new();
    for finding in snapshot.findings.iter().filter(|finding| finding.port == Some(port)) {
        let text = format!("{}: {}", finding.code.word(), finding.evidence);
        first.push(Told { label: "finding", text, tone: Tone::of_level(finding.level()) });
    }
    first.extend(moves(port, snapshot).map(|text| plain("mend it", text)));
    first.append(&mut all);
    all = first;
    if all.is_empty() {
        let (label, text) = match map.state(port) {
            PortState::Reserved => ("reserved", "berth assigns it to nobody: [ports] reserved names it"),
            PortState::Unknown if snapshot.allotments == Reading::Denied => {
                ("not known", "whose it is may not be seen: the registry cannot be read")
            }
            PortState::Unknown => ("not known", "no instance has it; what listens may not be seen by this account"),
            _ if map.hides_ports() => ("free", "nothing listens on it; an instance whose port may not be seen may have it"),
            _ => ("free", "no instance has it and nothing listens on it"),
        };
        all.push(Told { tone: Tone::Dim, ..plain(label, text.to_owned()) });
    }
    all
}

/// "give dave port 8110, the next free one": who should leave a port that more than one claim.
fn moves(port: u16, snapshot: &Snapshot) -> Option<String> {
    let wants_another = |finding: &&Finding| finding.port == Some(port) && finding.remedies.contains(&Remedy::Reassign);
    let finding = snapshot.findings.iter().find(wants_another)?;
    let id = advice::subject(finding, snapshot)?;
    let to = advice::free_for(finding, snapshot)?;
    Some(format!("give {id} port {to}, the next free one"))
}

/// What the port is to a row.
fn role(row: &Row, port: u16) -> &'static str {
    if row.port == Some(port) { "assigned" } else { "used" }
}

/// "to carol, crashed: exited with code 1, 6 s ago".
fn owner(row: &Row, port: u16, now: Timestamp, zone: &TimeZone) -> String {
    let state = match (row.exit.filter(|_| !row.state.is_up()), row.started_at.filter(|_| row.state.is_up())) {
        (Some(last), _) => format!("{}: {}", row.state.word(), wording::last_exit(&last, now)),
        (None, Some(at)) => format!("{} since {}", row.state.word(), words::clock(at, now, zone)),
        (None, None) => row.state.word().to_owned(),
    };
    match row.port {
        Some(own) if own == port => format!("to {}, {state}", row.id),
        Some(own) => format!("by {}, {state}; its port is {own}", row.id),
        None => format!("by {}, {state}", row.id),
    }
}

/// Whether a listener is one of a row's.
fn is_of(listener: &Listener, row: &Row) -> bool {
    let holders = listener.holders.as_ref().known();
    let holds = |pid: i32| holders.is_none_or(|holders| holders.iter().any(|holder| holder.key.pid == pid));
    row.listening.iter().any(|(endpoint, pid)| *endpoint == listener.endpoint && pid.is_none_or(holds))
}

/// "pid 4711 (python3, bob), 127.0.0.1 since 03:09:41: python3 -m http.server 8107".
fn holder(listener: &Listener, snapshot: &Snapshot, now: Timestamp, zone: &TimeZone) -> String {
    let place = format!("{} since {}", listener.endpoint, words::clock(listener.since, now, zone));
    let account = account(listener.uid, snapshot);
    match &listener.holders {
        Reading::Known(holders) => match holders.iter().min_by_key(|holder| (holder.key.start_time, holder.key.pid)) {
            Some(first) => format!("{}, {place}: {}", words::process(first.key.pid, &first.name, &account), first.command),
            None => format!("a process of {account}, {place}"),
        },
        Reading::Denied | Reading::Unasked => format!("a process of {account} that may not be seen, {place}"),
        Reading::Gone => format!("a process of {account} that is not among this host's, {place}"),
    }
}

/// An account's name as far as a row tells it, with its uid.
fn account(uid: Uid, snapshot: &Snapshot) -> String {
    let name = snapshot.rows.iter().find(|row| row.uid == uid).map(|row| row.user.as_str()).filter(|name| *name != uid.to_string());
    name.map_or_else(|| format!("uid {uid}"), |name| format!("{name}, uid {uid}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Allotment, Allotments, PortRange, Quarantine, Reservation};
    use crate::present::fleet;

    const RANGE: PortRange = PortRange { first: 8100, last: 8110 };

    fn line(snapshot: &Snapshot, reserved: &[PortRange], ascii: bool) -> String {
        let map = PortMap::of(snapshot, RANGE, reserved);
        (RANGE.first..=RANGE.last).map(|port| sign(&map, port, ascii)).collect()
    }

    fn all_told(port: u16) -> Vec<String> {
        let snapshot = fleet::fleet();
        let map = PortMap::of(&snapshot, snapshot.range, &[PortRange { first: 9000, last: 9000 }]);
        told(&map, port, &snapshot, fleet::now(), &TimeZone::UTC).iter().map(|told| format!("{} {}", told.label, told.text)).collect()
    }

    #[test]
    fn a_port_has_its_owners_letter_or_a_sign() {
        let reserved = [PortRange { first: 8103, last: 8103 }];
        assert_eq!(line(&fleet::fleet(), &reserved, false), "·AB=Def✖Gh·");
        assert_eq!(line(&fleet::fleet(), &reserved, true), ".AB=Def!Gh.");
        let mut hidden = fleet::fleet();
        hidden.listeners = Reading::Denied;
        assert_eq!(line(&hidden, &[], false), "~AB~Def✖Gh~");
        assert_eq!(["0day", "1001", "_svc"].map(letter), ['d', '1', 's']);
    }

    #[test]
    fn the_legend_has_no_sign_that_does_not_occur_here() {
        let map = PortMap::of(&fleet::fleet(), RANGE, &[]);
        let signs: String = legend(&map, false).into_iter().map(|(_, sign, _)| sign).collect();
        assert_eq!(signs, "Aa✖?·");
        let map = PortMap::of(&fleet::fleet(), RANGE, &[RANGE]);
        assert!(legend(&map, true).iter().any(|(_, sign, words)| *sign == '=' && *words == "reserved"));
    }

    #[test]
    fn the_summary_agrees_with_the_header() {
        let snapshot = fleet::fleet();
        let map = PortMap::of(&snapshot, snapshot.range, &[]);
        assert_eq!(summary(&map), ["9 in use", "992 free", "1 stranger", "1 conflict"]);
    }

    #[test]
    fn what_is_told_of_a_port() {
        assert_eq!(
            all_told(8107),
            [
                "finding port-taken: 8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it",
                "mend it give carol port 8110, the next free one",
                "assigned to carol, crashed: exited with code 1, 6 s ago",
                "held by pid 4711 (python3, bob, uid 1002), 127.0.0.1:8107 since 03:09:41: python3 -m http.server 8107",
            ]
        );
        assert_eq!(
            all_told(8101),
            [
                "assigned to alice, running since 17 Nov 01:12",
                "listens pid 2211 (node, alice, uid 1001), 127.0.0.1:8101 since 17 Nov 01:12: node src/main.js",
            ]
        );
        assert_eq!(all_told(8109)[1], "assigned to hank, stopped");
        assert!(all_told(8190)[1].starts_with("held by pid 4800 (nc, bob, uid 1002), 127.0.0.1:8190 since 03:02:04"));
        assert_eq!(all_told(8103), ["free no instance has it and nothing listens on it"]);
        assert_eq!(all_told(9000), ["reserved berth assigns it to nobody: [ports] reserved names it"]);
    }

    #[test]
    fn what_the_registry_says_is_told() {
        let mut snapshot = fleet::fleet();
        let allotment = |name: &str| Allotment {
            id: fleet::id(name),
            uid: Uid(1),
            strategy: "registry".into(),
            by: "root".into(),
            at: "2026-11-20T12:00:00Z".parse().unwrap(),
        };
        let mut all = Allotments::default();
        all.assign(8109, allotment("hank"));
        all.assign(8103, allotment("zoe"));
        all.reserve(8111, Reservation { by: "root".into(), at: "2026-11-21T02:00:00Z".parse().unwrap() });
        all.keep(8110, Quarantine { of: fleet::id("bob"), until: "2026-11-21T12:00:00Z".parse().unwrap() });
        snapshot.allotments = Reading::Known(Arc::new(all));
        assert_eq!((line(&snapshot, &[], false).as_str(), line(&snapshot, &[], true).as_str()), ("·ABzDef✖Gh%", ".ABzDef!Gh%"));
        let map = PortMap::of(&snapshot, snapshot.range, &[]);
        assert_eq!(summary(&map), ["10 in use", "1 reserved", "1 in quarantine", "989 free", "1 stranger", "1 conflict"]);
        assert!(legend(&map, false).contains(&(PortState::Quarantine, '%', "quarantine")));
        let words = |port: u16| -> Vec<String> {
            let all = told(&map, port, &snapshot, fleet::now(), &TimeZone::UTC);
            all.iter().map(|told| format!("{} {}", told.label, told.text)).collect()
        };
        assert_eq!(words(8109)[1], "assigned to hank, stopped; given 20 Nov 12:00 by root");
        assert_eq!(words(8103), ["assigned to zoe, which has no configuration here; given 20 Nov 12:00 by root"]);
        assert_eq!(words(8111), ["kept reserved 02:00:00 by root: given to nobody until it is given back"]);
        assert_eq!(map.state(8111), PortState::Reserved);
        assert_eq!(words(8110), ["kept bob's until lately; given to nobody else until 12:00:00 (8 h left)"]);
        snapshot.allotments = Reading::Denied;
        let map = PortMap::of(&snapshot, snapshot.range, &[]);
        assert_eq!(
            told(&map, 8110, &snapshot, fleet::now(), &TimeZone::UTC)[0].text,
            "whose it is may not be seen: the registry cannot be read"
        );
    }

    #[test]
    fn who_may_not_be_seen_is_not_nobody() {
        let mut snapshot = fleet::fleet();
        let Reading::Known(listeners) = &snapshot.listeners else { panic!() };
        let mut listeners = listeners.to_vec();
        for listener in &mut listeners {
            (listener.holders, listener.uid) = (Reading::Denied, Uid(77));
        }
        snapshot.listeners = Reading::Known(listeners.into());
        let map = PortMap::of(&snapshot, snapshot.range, &[]);
        let text = &told(&map, 8190, &snapshot, fleet::now(), &TimeZone::UTC)[1].text;
        assert_eq!(text, "a process of uid 77 that may not be seen, 127.0.0.1:8190 since 03:02:04");
    }
}
