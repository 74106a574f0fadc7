//! port-taken: a process that is not the instance's listens on the instance's port.
//!
//! It must never take the instance's own process for a stranger because it may not be seen: then the socket's uid decides.

use super::join::{Joined, Subject, Whose};
use super::rule::{Facts, Rule, distinct};
use crate::domain::{Bound, Code, Finding, Listener, Meeting, Reading, Remedy, Shown, words};

/// The foreign listeners on the instances' ports: those in the way, and those that are mistaken for the instance.
#[derive(Debug)]
pub(super) struct Taken {
    /// (instance, listener), ordered.
    taken: Vec<(usize, usize)>,
    /// (instance, listener), ordered.
    shadowed: Vec<(usize, usize)>,
    /// By listener: the worse of the two that it does to anybody.
    does: Vec<Option<Code>>,
}

impl Taken {
    /// Looks at every listener on a port that an instance is configured to.
    pub(super) fn new(joined: &Joined<'_>) -> Self {
        let (mut taken, mut shadowed) = (Vec::new(), Vec::new());
        let mut does = vec![None; joined.listeners.len()];
        for (heard, listener) in joined.listeners.iter().enumerate() {
            let configured = joined.configured_on.get(&listener.endpoint.port).map_or(&[][..], Vec::as_slice);
            // What only stands in a file of his is not his port.
            // What is published is a port of the host's, wherever its processes live.
            let meant = |subject: &Subject<'_>| {
                let port = listener.endpoint.port;
                subject.publishes(port) || (!subject.elsewhere && subject.port == Some(port))
            };
            let concerned = |index: &&usize| meant(&joined.subjects[**index]) && !is_own(joined, **index, heard);
            for &index in configured.iter().filter(concerned) {
                match meeting(joined, index, listener) {
                    Meeting::Exclusive | Meeting::Shared => {
                        taken.push((index, heard));
                        does[heard] = Some(Code::PortTaken);
                    }
                    Meeting::Mistakable(_) if is_anothers(joined, index, heard) => {
                        shadowed.push((index, heard));
                        does[heard].get_or_insert(Code::PortShadowed);
                    }
                    Meeting::Mistakable(_) | Meeting::Apart => {}
                }
            }
        }
        taken.sort_unstable();
        shadowed.sort_unstable();
        Self { taken, shadowed, does }
    }

    /// The foreign listeners on this instance's port.
    pub(super) fn of(&self, subject: usize) -> impl Iterator<Item = usize> + Clone + use<'_> {
        of(&self.taken, subject)
    }

    /// The foreign listeners that get what is meant for this instance.
    pub(super) fn shadows_of(&self, subject: usize) -> impl Iterator<Item = usize> + Clone + use<'_> {
        of(&self.shadowed, subject)
    }

    /// Whether this instance's port is another's, or another gets what is meant for it.
    pub(super) fn troubles(&self, subject: usize) -> bool {
        self.of(subject).next().is_some() || self.shadows_of(subject).next().is_some()
    }

    /// What this listener does to somebody: `port-taken` or `port-shadowed`.
    pub(super) fn done_by(&self, listener: usize) -> Option<Code> {
        self.does[listener]
    }
}

fn of(pairs: &[(usize, usize)], subject: usize) -> impl Iterator<Item = usize> + Clone + use<'_> {
    let from = pairs.partition_point(|(index, _)| *index < subject);
    pairs[from..].iter().take_while(move |(index, _)| *index == subject).map(|(_, heard)| *heard)
}

fn is_own(joined: &Joined<'_>, index: usize, heard: usize) -> bool {
    match joined.whose[heard] {
        Whose::Instance(owner) => owner == index,
        Whose::OneOfSeveral => joined.subjects[index].declared.uid == joined.listeners[heard].uid,
        Whose::Nobody => false,
    }
}

/// Whether a listener is another owner's. The account's own processes at another address are its own business.
fn is_anothers(joined: &Joined<'_>, index: usize, heard: usize) -> bool {
    let declared = joined.subjects[index].declared;
    match joined.whose[heard] {
        Whose::Instance(owner) => joined.subjects[owner].declared.id.owner() != declared.id.owner(),
        Whose::OneOfSeveral | Whose::Nobody => joined.listeners[heard].uid != declared.uid,
    }
}

/// What a listener is to an instance. An address that is not known could be any, until the instance listens: then it is that.
fn meeting(joined: &Joined<'_>, index: usize, listener: &Listener) -> Meeting {
    let subject = &joined.subjects[index];
    let rank = |meeting: &Meeting| match meeting {
        Meeting::Apart => 0,
        Meeting::Mistakable(_) => 1,
        Meeting::Shared | Meeting::Exclusive => 2,
    };
    let other = Bound { endpoint: listener.endpoint, uid: listener.uid, reuse_port: false };
    let against = |endpoint| Bound { endpoint, uid: subject.declared.uid, reuse_port: false }.meets(&other);
    if subject.publishes(listener.endpoint.port) {
        return subject.published.iter().copied().map(against).max_by_key(rank).unwrap_or(Meeting::Apart);
    }
    let Some(configured) = subject.endpoint else { return Meeting::Apart };
    let on_port = |heard: &&usize| joined.listeners[**heard].endpoint.port == configured.port;
    let mut own = subject.listening.iter().filter(on_port).map(|heard| against(joined.listeners[*heard].endpoint)).peekable();
    if subject.declared.host.is_some() || own.peek().is_none() {
        return against(configured);
    }
    own.max_by_key(rank).unwrap_or(Meeting::Apart)
}

/// The rule.
pub(super) struct PortTaken;

impl Rule for PortTaken {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for (index, subject) in facts.subjects().iter().enumerate() {
            let foreign = facts.taken.of(index);
            let Some(since) = foreign.clone().map(|heard| facts.listener(heard).0.since).min() else { continue };
            let Some(port) = foreign.clone().next().map(|heard| facts.listener(heard).0.endpoint.port) else { continue };
            let holders = words::list(&distinct(foreign.clone().map(|heard| facts.holder(heard))));
            let owner = words::instance(&subject.declared.id);
            let evidence = format!("{port} is held by {holders}, since {}; {owner} is assigned it", facts.clock(since));
            let by_instance = foreign.clone().any(|heard| facts.is_in_the_way(port, facts.listener(heard).1));
            found.push(Finding {
                code: Code::PortTaken,
                instances: vec![subject.declared.id.clone()],
                port: Some(port),
                processes: distinct(foreign.flat_map(|heard| facts.holders(heard))),
                since,
                evidence: Shown::new(&evidence),
                // berth can end its own instances; what else holds a port is not its to end.
                remedies: if by_instance { vec![Remedy::Reassign, Remedy::StopHolder] } else { vec![Remedy::Reassign] },
            });
        }
    }
}

/// Whether the holders of a listener are hidden.
pub(super) fn is_hidden<T>(holders: &Reading<T>) -> bool {
    matches!(holders, Reading::Denied | Reading::Unasked)
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, Reading, State, Uid};
    use crate::judge::testing::{Host, Make, findings, key, row, state};

    #[test]
    fn cases() {
        struct Case {
            name: &'static str,
            host: Make,
            evidence: &'static [(&'static str, &'static str)],
        }
        let cases = [
            Case { name: "its own", host: |host| host.keep("alice", 100, Some("127.0.0.1:8081")), evidence: &[] },
            Case {
                name: "its own, of a worker",
                host: |host| host.keep("alice", 100, None).process(102, 101, 1001, "worker").listen(102, "127.0.0.1:8081"),
                evidence: &[],
            },
            Case {
                name: "a stranger on a stopped one's",
                host: |host| host.process(4711, 1, 1002, "python3 -m http.server").listen(4711, "127.0.0.1:8081"),
                evidence: &[("alice", "8081 is held by pid 4711 (python3, bob), since 03:11:54; alice's instance is assigned it")],
            },
            Case {
                name: "a stranger on the wildcard, in both families, is one finding",
                host: |host| host.process(4711, 1, 1002, "python3").listen(4711, "0.0.0.0:8081").listen(4711, ":::8081"),
                evidence: &[("alice", "8081 is held by pid 4711 (python3, bob), since 03:11:54; alice's instance is assigned it")],
            },
            Case {
                name: "at another address is no bar to it",
                host: |host| host.process(4711, 1, 1002, "python3").listen(4711, "127.0.0.2:8081"),
                evidence: &[],
            },
            Case {
                name: "its own account's other process, while its keeper lives",
                host: |host| host.keep("alice", 100, None).process(4711, 1, 1001, "nc").listen(4711, "127.0.0.1:8081"),
                evidence: &[("alice", "8081 is held by pid 4711 (nc, alice), since 03:11:54; alice's instance is assigned it")],
            },
            Case {
                name: "a child of its tree under another uid",
                host: |host| host.keep("alice", 100, None).process(102, 101, 1002, "node").listen(102, "127.0.0.1:8081"),
                evidence: &[("alice", "8081 is held by pid 102 (node, bob), since 03:11:54; alice's instance is assigned it")],
            },
            Case {
                name: "another instance",
                host: |host| host.declare("bob", 1002, "127.0.0.1:8082").keep("bob", 200, Some("127.0.0.1:8081")),
                evidence: &[(
                    "alice",
                    "8081 is held by bob's instance, pid 201 (node, bob), since 03:11:54; alice's instance is assigned it",
                )],
            },
            Case {
                name: "hidden, another uid",
                host: |host| host.hidden(1002, "127.0.0.1:8081"),
                evidence: &[(
                    "alice",
                    "8081 is held by a process of bob that may not be seen, since 03:11:54; alice's instance is assigned it",
                )],
            },
            Case { name: "hidden, its own uid", host: |host| host.hidden(1001, "127.0.0.1:8081"), evidence: &[] },
            Case {
                name: "of an account without a name",
                host: |host| host.process(4711, 1, 77, "x").listen(4711, "127.0.0.1:8081"),
                evidence: &[("alice", "8081 is held by pid 4711 (x, uid 77), since 03:11:54; alice's instance is assigned it")],
            },
        ];
        for case in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081");
            (case.host)(&mut host);
            let expected: Vec<(String, String)> = case.evidence.iter().map(|(id, text)| ((*id).into(), (*text).into())).collect();
            assert_eq!(findings(&host.judge(), Code::PortTaken), expected, "{}", case.name);
        }
    }

    #[test]
    fn a_stopped_one_stays_stopped_and_a_running_one_is_degraded() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("carol", 1003, "127.0.0.1:8083");
        host.process(4711, 1, 1002, "python3").listen(4711, "127.0.0.1:8081").listen(4711, "127.0.0.1:8083");
        host.keep("carol", 100, None);
        let snapshot = host.judge();
        assert_eq!((state(&snapshot, "alice"), state(&snapshot, "carol")), (State::Stopped, State::Degraded));
        assert_eq!(row(&snapshot, "alice").findings, [Code::PortTaken]);
        let finding = &snapshot.findings[0];
        assert_eq!(finding.processes, [key(4711)]);
    }

    #[test]
    fn it_stands_since_the_listener_was_first_seen_and_keeps_that() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").process(4711, 1, 1002, "python3").listen(4711, "127.0.0.1:8081");
        let first = host.judge();
        host.end(&[4711]).process(4712, 1, 1002, "python3").listen(4712, "127.0.0.1:8081");
        host.listeners[0].since = host.sample.taken.wall;
        host.sample.listeners = Reading::Known(host.listeners.clone().into());
        let second = host.judge_after(Some(&first));
        assert_eq!(second.findings[0].since, first.findings[0].since);
        assert_eq!(second.findings[0].processes, [key(4712)]);
    }

    #[test]
    fn an_unknown_address_could_be_any() {
        let mut host = Host::new();
        host.declare("alice", 1001, "?:8081").process(4711, 1, 1002, "python3").listen(4711, "127.0.0.7:8081");
        host.viewer = Uid(1001);
        assert_eq!(findings(&host.judge(), Code::PortTaken).len(), 1);
    }
}
