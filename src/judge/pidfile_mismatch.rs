//! pidfile-mismatch: the PID file that the guide's scripts go by does not name the instance, so that their `status` is wrong and their `stop`
//! ends nothing, or another's process.
//!
//! It must never tell of a file that was read before the instance began, or just after: whoever starts it writes the file a moment later.

use std::time::Duration;

use super::join::Subject;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Named, PidFile, ProcessKey, Reading, Remedy, Shown, words};

/// How long after a start the file may still be written.
const SETTLES: Duration = Duration::from_secs(2);

/// The rule.
pub(super) struct PidfileMismatch;

impl Rule for PidfileMismatch {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        // Only files that did not name their instance are among the facts: mostly there are none.
        let subjects = facts.subjects().iter().filter(|_| !facts.input.pid_files.is_empty());
        for subject in subjects {
            let Some(file) = facts.input.pid_files.get(&subject.declared.id) else { continue };
            let Some(evidence) = evidence(facts, subject, file) else { continue };
            let in_the_way = if let Named::Other { key, .. } = file.names { vec![key] } else { Vec::new() };
            found.push(Finding {
                code: Code::PidfileMismatch,
                instances: vec![subject.declared.id.clone()],
                port: None,
                processes: in_the_way,
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::Restart],
            });
        }
    }
}

fn evidence(facts: &Facts<'_>, subject: &Subject<'_>, file: &PidFile) -> Option<String> {
    let path = &file.path;
    let owner = words::instance(&subject.declared.id);
    let other = |key: ProcessKey, name: &Shown, uid| words::process(key.pid, name, &facts.account(uid));
    let main = match subject.main {
        Reading::Known(main) => main,
        // A file that is left over harms nobody, but for one that names what the kernel gave the pid to since.
        Reading::Gone if !subject.runs() => {
            return match &file.names {
                Named::Other { key, name, uid } => {
                    // Who has only begun may be the instance that this picture has not seen yet, and who was its own is only ending.
                    let is_young = file.read_at < facts.census.started(*key) + SETTLES;
                    let is_its = subject.keeper == Some(*key) || was_its(facts, subject, *key);
                    let told =
                        || format!("{path} names {}, which is not {owner}: the stop of its script ends that", other(*key, name, *uid));
                    (!is_young && !is_its).then(told)
                }
                Named::Nothing | Named::NoPid | Named::Dead(_) => None,
            };
        }
        _ => return None,
    };
    if file.read_at < facts.census.started(main) + SETTLES {
        return None;
    }
    let is_own = |pid: i32| subject.tree.iter().copied().chain([main]).chain(subject.keeper).any(|key| key.pid == pid);
    let but = format!("but {owner} runs as pid {}", main.pid);
    match &file.names {
        Named::Nothing => Some(format!("{path} is empty, {but}: its script takes it for stopped")),
        Named::NoPid => Some(format!("{path} holds no pid, {but}")),
        Named::Dead(pid) if is_own(*pid) => None,
        Named::Dead(pid) => Some(format!("{path} names pid {pid}, which is gone, {but}: its script takes it for stopped")),
        Named::Other { key, .. } if is_own(key.pid) => None,
        Named::Other { key, name, uid } => {
            Some(format!("{path} names {}, {but}: the stop of its script ends the wrong one", other(*key, name, *uid)))
        }
    }
}

/// Whether it was the instance's own in the picture before.
fn was_its(facts: &Facts<'_>, subject: &Subject<'_>, key: ProcessKey) -> bool {
    let row = facts.input.previous.and_then(|previous| previous.row(&subject.declared.id));
    row.is_some_and(|row| row.main.known() == Some(key) || row.keeper == Some(key) || row.processes.iter().any(|one| one.key == key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Uid, Verb};
    use crate::judge::testing::{Host, NOW, findings, id, key};

    fn named(host: &mut Host, names: Named, read_at: u64) {
        let file = PidFile { path: "/u/server.pid".into(), names, read_at: Duration::from_secs(read_at) };
        host.pid_files.insert(id("alice"), file);
    }

    fn other(pid: i32) -> Named {
        Named::Other { key: key(pid), name: "python3".into(), uid: Uid(1002) }
    }

    fn told(host: &Host) -> Vec<String> {
        findings(&host.judge(), Code::PidfileMismatch).into_iter().map(|(_, evidence)| evidence).collect()
    }

    #[test]
    fn while_it_runs() {
        let cases = [
            (Named::Nothing, Some("/u/server.pid is empty, but alice's instance runs as pid 300: its script takes it for stopped")),
            (Named::NoPid, Some("/u/server.pid holds no pid, but alice's instance runs as pid 300")),
            (
                Named::Dead(299),
                Some("/u/server.pid names pid 299, which is gone, but alice's instance runs as pid 300: its script takes it for stopped"),
            ),
            (Named::Dead(300), None),
            (
                other(400),
                Some(
                    "/u/server.pid names pid 400 (python3, bob), but alice's instance runs as pid 300: the stop of its script ends the wrong one",
                ),
            ),
            (other(301), None),
        ];
        for (names, expected) in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081").process(300, 1, 1001, "node").process(301, 300, 1001, "helper");
            host.listen(300, "127.0.0.1:8081");
            named(&mut host, names.clone(), NOW);
            assert_eq!(told(&host), expected.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{names:?}");
        }
    }

    #[test]
    fn the_keeper_is_as_good_as_its_server() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        named(&mut host, other(100), NOW);
        assert!(told(&host).is_empty());
    }

    #[test]
    fn what_was_read_before_it_began_or_just_after_says_nothing() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").process(300, 1, 1001, "node").listen(300, "127.0.0.1:8081");
        for (read_at, count) in [(299, 0), (301, 0), (302, 1)] {
            named(&mut host, Named::Nothing, read_at);
            assert_eq!(told(&host).len(), count, "{read_at}");
        }
    }

    #[test]
    fn while_it_is_stopped_only_anothers_process_counts() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081");
        for names in [Named::Nothing, Named::NoPid, Named::Dead(300)] {
            named(&mut host, names, NOW);
            assert!(told(&host).is_empty());
        }
        named(&mut host, other(400), NOW);
        assert_eq!(
            told(&host),
            ["/u/server.pid names pid 400 (python3, bob), which is not alice's instance: the stop of its script ends that"]
        );
        let snapshot = host.order(Verb::Stop, "alice", true).judge();
        let finding = snapshot.findings.iter().find(|finding| finding.code == Code::PidfileMismatch).unwrap();
        assert_eq!((finding.processes.as_slice(), finding.remedies.as_slice()), (&[key(400)][..], &[Remedy::Restart][..]));
    }

    #[test]
    fn what_begins_or_ends_just_now_is_not_taken_for_anothers() {
        // It was started after this picture's processes were looked at, and its file was read after that.
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081");
        for (read_at, count) in [(400, 0), (401, 0), (402, 1)] {
            // What is called 400 began 400 s after the boot.
            named(&mut host, other(400), read_at);
            assert_eq!(told(&host).len(), count, "{read_at}");
        }
        // What was its own a picture ago is only ending; a picture later it would be another's.
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").process(300, 1, 1001, "node").listen(300, "127.0.0.1:8081");
        let running = host.judge();
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081");
        named(&mut host, other(300), NOW);
        let ended = host.judge_after(Some(&running));
        assert_eq!(findings(&ended, Code::PidfileMismatch).len(), 0);
        assert_eq!(findings(&host.judge_after(Some(&ended)), Code::PidfileMismatch).len(), 1);
    }

    #[test]
    fn what_may_not_be_seen_is_not_judged() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").hidden(1001, "127.0.0.1:8081");
        named(&mut host, other(400), NOW);
        assert!(told(&host).is_empty());
    }
}
