//! Finds the processes of instances that no keeper and no supervisor vouches for: started by a script, or seen by a caller
//! who may not read berth's records.
//!
//! A process is known by its command naming the instance's configuration, or by listening on the instance's port. Either way its
//! uid must be the instance's: argv can be forged, the uid cannot. It must never give one process to two instances: where two
//! fit equally, neither gets it.

use std::collections::{HashMap, HashSet};

use super::census::{Census, Person};
use super::join::{Subject, overlapping};
use crate::domain::{Listener, ProcessKey, Reading, named_configs};

/// Which instance each process belongs to.
pub(super) type Owners = HashMap<ProcessKey, usize>;

/// Adopts by command, where it names the configuration.
pub(super) fn by_command(census: &Census<'_>, subjects: &mut [Subject<'_>], owners: &mut Owners) {
    let mut by_config: HashMap<&str, usize> = HashMap::new();
    for (index, subject) in
        subjects.iter().enumerate().filter(|(_, subject)| !subject.is_claimed() && !subject.declared.supervisor.is_container())
    {
        if let Some(path) = subject.declared.config.to_str() {
            by_config.entry(path).or_insert(index);
        }
    }
    if by_config.is_empty() {
        return;
    }
    let mut matches: Vec<(ProcessKey, usize)> = Vec::new();
    for person in census.people().filter(|person| !owners.contains_key(&person.key)) {
        let index = named(person, &by_config).filter(|index| subjects[*index].declared.uid == person.uid);
        matches.extend(index.map(|index| (person.key, index)));
    }
    matches.sort_unstable_by_key(|(key, _)| (key.start_time, key.pid));
    let fences: HashMap<ProcessKey, usize> = matches.iter().copied().collect();
    for (key, index) in matches {
        if !owners.contains_key(&key) {
            let fenced = |key| fences.get(&key).is_some_and(|other| *other != index);
            subjects[index].take(census, key, index, owners, fenced);
        }
    }
}

/// The instance whose configuration the command names.
fn named(person: &Person<'_>, by_config: &HashMap<&str, usize>) -> Option<usize> {
    named_configs(person.command.as_str().split(' ')).find_map(|path| by_config.get(path).copied())
}

/// Adopts by listener: the only instance without a process that is configured to this port on an overlapping address under the
/// socket's uid gets the listener's holders and what descends from them.
pub(super) fn by_listener(
    census: &Census<'_>,
    subjects: &mut [Subject<'_>],
    by_port: &HashMap<u16, Vec<usize>>,
    listeners: &[Listener],
    owners: &mut Owners,
) {
    let mut found: HashMap<usize, ProcessKey> = HashMap::new();
    // What one process holds for several is nobody's tree.
    let publishers: HashSet<ProcessKey> = subjects.iter().filter_map(|subject| subject.publisher).collect();
    for listener in listeners {
        let Reading::Known(holders) = &listener.holders else { continue };
        if holders.iter().any(|holder| owners.contains_key(&holder.key) || publishers.contains(&holder.key)) {
            continue;
        }
        let mut fitting = overlapping(subjects, by_port, listener).filter(|index| {
            // What runs of a container its engine knows.
            !subjects[*index].declared.supervisor.is_container()
                && !subjects[*index].is_claimed()
                && subjects[*index].tree.is_empty()
                && subjects[*index].declared.uid == listener.uid
        });
        let (Some(index), None) = (fitting.next(), fitting.next()) else { continue };
        let own = holders.iter().filter(|holder| holder.uid == subjects[index].declared.uid).map(|holder| holder.key);
        if let Some(oldest) = own.min_by_key(|key| (key.start_time, key.pid)) {
            let kept = found.entry(index).or_insert(oldest);
            if (oldest.start_time, oldest.pid) < (kept.start_time, kept.pid) {
                *kept = oldest;
            }
        }
    }
    let mut found: Vec<(usize, ProcessKey)> = found.into_iter().collect();
    found.sort_unstable();
    // Under one service account a server may have been started by another owner's: the tree of one ends where the next begins.
    let fences: HashMap<ProcessKey, usize> = found.iter().map(|(index, key)| (*key, *index)).rev().collect();
    for (index, key) in found {
        subjects[index].take(census, key, index, owners, |other| fences.get(&other).is_some_and(|whose| *whose != index));
    }
}
