//! Ending a process and everything below it: SIGTERM, the grace, SIGKILL, and who is left.
//!
//! It must never count a process as ended that it did not see gone. Runs as the user: in a hand, or in the instance's keeper.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::get_child_subreaper;
use nix::sys::wait::{Id, WaitPidFlag, waitid};

use crate::domain::ProcessKey;

use super::signal::{ProcessFacts, is_alive, open_verified, process_facts, send, state_of};

/// How often the tree is looked at while it ends.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long SIGKILL is given before what is left is called a survivor (a process in state D dies only when its I/O ends).
const KILL_TAKES: Duration = Duration::from_secs(2);

/// What came of ending a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Whether SIGKILL was needed.
    pub killed: bool,
    /// What is still there: pid and state letter.
    pub survivors: Vec<(i32, char)>,
}

/// Every process below the roots, the roots not included, the deepest last.
pub fn descendants(roots: &[i32]) -> Vec<ProcessFacts> {
    let mut children: HashMap<i32, Vec<ProcessFacts>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    for entry in entries.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(facts) = pid.and_then(|pid: i32| process_facts(pid).ok()) {
            children.entry(facts.parent).or_default().push(facts);
        }
    }
    let mut found = Vec::new();
    let mut seen: HashSet<i32> = roots.iter().copied().collect();
    let mut waiting: Vec<i32> = roots.to_vec();
    while let Some(parent) = waiting.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            if seen.insert(child.key.pid) {
                waiting.push(child.key.pid);
                found.push(child);
            }
        }
    }
    found
}

/// Ends the processes below `above` (not themselves) and the processes `roots` with everything below them.
///
/// `reap` is called between two looks, so that a keeper can collect its children: a zombie counts as gone.
/// What appears while the tree ends is ended too. The roots' descendants are remembered by their keys, because a
/// child whose parent has died is no longer below it.
pub fn end_tree(above: Option<i32>, roots: &[ProcessKey], grace: Duration, mut reap: impl FnMut()) -> Ending {
    let begun = Instant::now();
    let mut known: HashSet<ProcessKey> = roots.iter().copied().collect();
    let mut asked: HashSet<ProcessKey> = HashSet::new();
    let mut ending = Ending::default();
    loop {
        reap();
        let mut tops: Vec<i32> = known.iter().filter(|key| is_alive(**key)).map(|key| key.pid).collect();
        tops.extend(above.filter(|pid| !has_nobody_below(*pid)));
        if !tops.is_empty() {
            known.extend(descendants(&tops).iter().map(|facts| facts.key));
        }
        let alive: Vec<ProcessKey> = known.iter().copied().filter(|key| is_alive(*key)).collect();
        if alive.is_empty() {
            return ending;
        }
        let spent = begun.elapsed();
        let kill = spent >= grace;
        ending.killed |= kill;
        for key in &alive {
            if kill {
                signal(*key, libc::SIGKILL);
            } else if asked.insert(*key) {
                signal(*key, libc::SIGTERM);
                // A stopped process does not act on SIGTERM before it goes on, signal(7).
                signal(*key, libc::SIGCONT);
            }
        }
        if spent >= grace + KILL_TAKES {
            reap();
            ending.survivors = alive.iter().filter_map(|key| Some((key.pid, state_of(*key)?))).collect();
            return ending;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether it is this process, and it has no child left. A subreaper is the parent of every orphan of its tree, prctl(2): then nobody is
/// below it, and the host need not be searched.
fn has_nobody_below(pid: i32) -> bool {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    pid == std::process::id().cast_signed() && get_child_subreaper() == Ok(true) && waitid(Id::All, look) == Err(Errno::ECHILD)
}

/// One signal to one verified process. Gone is as good as signalled; refused shows in the survivors.
fn signal(key: ProcessKey, number: i32) {
    if let Ok(descriptor) = open_verified(key, None) {
        drop(send(&descriptor, number, 0));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    use super::*;

    fn spawn(script: &str) -> (Child, ProcessKey) {
        let mut command = Command::new("bash");
        command.args(["-c", script]).process_group(0);
        let child = command.spawn().unwrap();
        let key = process_facts(i32::try_from(child.id()).unwrap()).unwrap().key;
        (child, key)
    }

    fn wait_for_children(key: ProcessKey, count: usize) -> Vec<ProcessFacts> {
        for _ in 0..500 {
            let found = descendants(&[key.pid]);
            if found.len() >= count {
                return found;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the children did not appear");
    }

    #[test]
    fn a_whole_tree_ends() {
        let (mut child, key) = spawn("sleep 60 & (sleep 61 & sleep 62; true) & wait");
        let below = wait_for_children(key, 4);
        let ending = end_tree(None, &[key], Duration::from_secs(5), || drop(child.try_wait()));
        assert_eq!(ending, Ending::default());
        assert!(below.iter().all(|facts| !is_alive(facts.key)));
        child.wait().unwrap();
    }

    #[test]
    fn f17_what_ignores_sigterm_is_killed() {
        let (mut child, key) = spawn("trap '' TERM; sleep 60 & while :; do sleep 1; done");
        wait_for_children(key, 2);
        let ending = end_tree(None, &[key], Duration::from_millis(300), || drop(child.try_wait()));
        assert!(ending.killed);
        assert_eq!(ending.survivors, []);
        child.wait().unwrap();
    }
}
