//! Several hosts' pictures as one. Pure.
//!
//! It must never mix what is one host's own: ports, memory and file systems are not added up, they stay in that host's picture.

use std::sync::Arc;

use crate::domain::{Finding, HostPart, Shown, Snapshot, Totals, Trail};
use crate::error::Result;

/// How many hosts' entries of a trail are told apart by their numbers.
const APART: i64 = 64;

/// One picture of all: rows in the order of their ids, strangers last; the hosts' own pictures beside them.
pub fn joined(parts: Vec<HostPart>, sequence: u64) -> Snapshot {
    let newest = parts.iter().filter(|part| part.picture.sequence > 0).max_by_key(|part| (part.is_reached(), part.picture.taken.boot));
    let newest = newest.or(parts.first()).map(|part| (part.picture.range, part.picture.taken));
    let (range, taken) = newest.unwrap_or_else(|| (crate::domain::PortRange { first: 1, last: 1 }, crate::sample::now()));
    let mut picture = Snapshot { sequence, ..Snapshot::nothing_yet(range, taken) };
    let rows = parts.iter().map(|part| part.picture.rows.len()).sum();
    picture.rows.reserve(rows);
    for part in &parts {
        let own = &part.picture;
        picture.rows.extend(own.rows.iter().cloned());
        picture.findings.extend(own.findings.iter().map(|finding| placed(finding, &part.name)));
        picture.underway.extend(own.underway.iter().cloned());
        picture.notices.extend(own.notices.iter().map(|notice| Shown::new(&format!("{}: {notice}", part.name))));
        add(&mut picture.totals, &own.totals);
    }
    picture.rows.sort_by(|one, other| (one.id.is_unmanaged(), &one.id).cmp(&(other.id.is_unmanaged(), &other.id)));
    // Stable: of the same level and time each host's keep their order.
    picture.findings.sort_by_key(|finding| (finding.level(), finding.since));
    picture.host = Shown::new(&match parts.as_slice() {
        [only] => only.name.to_string(),
        all => format!("{} hosts", all.len()),
    });
    // What there is of one host only is that host's also here.
    if let [only] = parts.as_slice() {
        let own = &only.picture;
        picture.reserved.clone_from(&own.reserved);
        picture.allotments.clone_from(&own.allotments);
        picture.ephemeral = own.ephemeral;
        picture.host_reading.clone_from(&own.host_reading);
        picture.file_systems.clone_from(&own.file_systems);
        picture.listeners.clone_from(&own.listeners);
        picture.announced.clone_from(&own.announced);
    }
    picture.hosts = parts.into();
    picture
}

/// A finding that names no instance names its host.
fn placed(finding: &Finding, host: &Arc<str>) -> Finding {
    let mut finding = finding.clone();
    if finding.instances.is_empty() {
        finding.evidence = Shown::new(&format!("{host}: {}", finding.evidence));
    }
    finding
}

fn add(all: &mut Totals, own: &Totals) {
    // What hosts say is no number to be trusted.
    let sum = |all: &mut usize, own: usize| *all = all.saturating_add(own);
    sum(&mut all.instances, own.instances);
    sum(&mut all.conflicts, own.conflicts);
    sum(&mut all.ports_in_use, own.ports_in_use);
    for (state, count) in &own.states {
        sum(all.states.entry(*state).or_default(), *count);
    }
    for (level, count) in &own.findings {
        sum(all.findings.entry(*level).or_default(), *count);
    }
}

/// The last so many entries of all, oldest first; their numbers are made different by each host's place, also while others do not answer.
pub(super) fn trails(told: Vec<(usize, HostPart, Result<Trail>)>, hosts: usize, count: usize) -> Trail {
    let mut all = Trail::default();
    let mut missing: Vec<String> = Vec::new();
    if told.len() < hosts {
        missing.push(format!("{} of {hosts} hosts do not answer", hosts - told.len()));
    }
    for (place, part, trail) in told {
        let number = |own: i64| own.saturating_mul(APART).saturating_add(i64::try_from(place).unwrap_or(APART) % APART);
        match trail {
            Ok(trail) => {
                missing.extend(trail.missing.map(|sentence| format!("{}: {sentence}", part.name)));
                all.deeds.extend(trail.deeds.into_iter().map(|mut deed| {
                    deed.number = number(deed.number);
                    deed
                }));
                all.events.extend(trail.events.into_iter().map(|mut event| {
                    event.number = number(event.number);
                    if event.id.is_none() {
                        event.sentence = Shown::new(&format!("{}: {}", part.name, event.sentence));
                    }
                    event
                }));
            }
            Err(error) => missing.push(format!("{}: {}", part.name, error.chain())),
        }
    }
    all.deeds.sort_by_key(|deed| deed.asked_at);
    all.events.sort_by_key(|event| event.at);
    all.deeds.drain(..all.deeds.len().saturating_sub(count));
    all.events.drain(..all.events.len().saturating_sub(count));
    all.missing = Some(missing.join("; ")).filter(|text| !text.is_empty()).map(|text| Shown::new(&text));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Caller, InstanceId, Moment, Role, Standing, Uid};
    use crate::fixture;

    fn part(name: &str, standing: Standing, seconds: u64) -> HostPart {
        let mut picture = fixture::fleet();
        let host: Arc<str> = name.into();
        for row in &mut picture.rows {
            let row = Arc::make_mut(row);
            row.id = row.id.at(Some(&host));
        }
        for id in picture.findings.iter_mut().flat_map(|finding| &mut finding.instances) {
            *id = id.at(Some(&host));
        }
        picture.taken.boot = std::time::Duration::from_secs(seconds);
        let caller = Caller { uid: Uid(0), name: Shown::from("root"), login: None, role: Role::Admin, read_only: false };
        HostPart { name: host, standing, caller, picture: Arc::new(picture) }
    }

    fn lost() -> Standing {
        let since = Moment { boot: std::time::Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
        Standing::Lost { since, why: Shown::from("gone") }
    }

    #[test]
    fn one_name_on_two_hosts_is_two_rows_that_are_found() {
        let one = fixture::fleet();
        let picture = joined(vec![part("web1", Standing::Attached, 7), part("web2", lost(), 9)], 3);
        assert_eq!((picture.rows.len(), picture.totals.instances), (one.rows.len() * 2, one.totals.instances * 2));
        assert_eq!(picture.findings.len(), one.findings.len() * 2);
        let ids: Vec<&InstanceId> = picture.rows.iter().map(|row| &row.id).collect();
        let mut once = ids.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), ids.len());
        for id in ids {
            assert_eq!(picture.row(id).map(|row| &row.id), Some(id));
            assert_eq!(picture.part(id).map(|part| &part.name), id.host());
        }
        assert!(picture.findings.is_sorted_by_key(|finding| finding.level()));
        // An old picture does not make the whole one new.
        assert_eq!((picture.taken.boot.as_secs(), picture.sequence, picture.host.as_str()), (7, 3, "2 hosts"));
        assert!(
            picture
                .findings_of(&picture.rows[0].id)
                .all(|finding| finding.instances.iter().all(|id| id.host() == picture.rows[0].id.host()))
        );
    }

    #[test]
    fn ports_and_memory_of_hosts_are_not_mixed() {
        let one = fixture::fleet();
        let two = joined(vec![part("web1", Standing::Attached, 7), part("web2", Standing::Attached, 9)], 1);
        assert!(two.listeners.as_ref().known().is_none() && two.host_reading.memory_total == 0 && two.file_systems.is_empty());
        let alone = joined(vec![part("web1", Standing::Attached, 7)], 1);
        assert_eq!((alone.host_reading.clone(), alone.host.as_str()), (one.host_reading, "web1"));
    }
}
