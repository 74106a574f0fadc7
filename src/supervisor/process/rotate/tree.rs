//! The processes below one, by the kernel's own lists of children: a tree is small, the host's list of processes is not.
//!
//! It must never be taken for complete while the tree runs: proc_pid_task(5) promises that only for what is stopped.

use std::collections::HashSet;
use std::fs;

use crate::domain::ProcessKey;
use crate::hand::{descendants, process_facts};

/// Every living process below `top`, with its state letter.
pub(super) fn below(top: i32) -> Vec<(ProcessKey, char)> {
    let mut found = Vec::new();
    let mut seen: HashSet<i32> = HashSet::from([top]);
    let mut waiting = vec![top];
    while let Some(parent) = waiting.pop() {
        let Some(children) = children(parent) else {
            // A kernel without these lists (CONFIG_PROC_CHILDREN), unless the process has just ended.
            if parent == top {
                return descendants(&[top]).iter().map(|facts| (facts.key, facts.state)).filter(|(_, state)| is_living(*state)).collect();
            }
            continue;
        };
        for pid in children {
            if !seen.insert(pid) {
                continue;
            }
            waiting.push(pid);
            found.extend(process_facts(pid).ok().filter(|facts| is_living(facts.state)).map(|facts| (facts.key, facts.state)));
        }
    }
    found
}

fn is_living(state: char) -> bool {
    !matches!(state, 'Z' | 'X')
}

/// The children of all threads of a process; `None` where the kernel keeps no such list.
fn children(pid: i32) -> Option<Vec<i32>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let text = fs::read_to_string(thread.path().join("children")).ok()?;
        found.extend(text.split_whitespace().filter_map(|word| word.parse::<i32>().ok()));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn it_is_what_the_list_of_all_processes_says() {
        let mut top = Command::new("sh").args(["-c", "(sleep 60; true) & sleep 60 & wait"]).spawn().unwrap();
        let pid = top.id().cast_signed();
        let sorted = |mut keys: Vec<ProcessKey>| {
            keys.sort();
            keys
        };
        let all = || sorted(descendants(&[pid]).iter().map(|facts| facts.key).collect());
        while all().len() < 3 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(sorted(below(pid).into_iter().map(|(key, _)| key).collect()), all());
        for key in all() {
            // SAFETY: a child of this test's own shell.
            unsafe { libc::kill(key.pid, libc::SIGKILL) };
        }
        top.wait().unwrap();
        assert!(below(pid).is_empty());
    }
}
