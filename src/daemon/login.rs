//! Who has logged in to be whoever is connected: for the record, as on the command line.
//!
//! It must never decide anything: a pid may be another process's by now, so that what is found out by one is not what somebody may.

use std::fs;

use crate::domain::Uid;

/// What stands there where nobody has logged in, pam_loginuid(8).
const NOBODY: u32 = u32::MAX;

/// The account that logged in, of the process that has connected; `None` where that cannot be told.
pub fn of(pid: i32, uid: Uid) -> Option<Uid> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let login = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?.trim().parse().ok()?;
    // Another process that has its pid now is mostly another account's.
    (has_uid(&status, uid) && login != NOBODY).then_some(Uid(login))
}

/// Whether one of its uids, real, effective, saved, is this one.
fn has_uid(status: &str, uid: Uid) -> bool {
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uids.is_some_and(|uids| uids.split_ascii_whitespace().any(|one| one.parse() == Ok(uid.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_accounts_process_is_not_the_one_that_connected() {
        let status = "Name:\tberth\nUid:\t1001\t0\t0\t0\nGid:\t7\t7\t7\t7\n";
        assert!(has_uid(status, Uid(0)) && has_uid(status, Uid(1001)) && !has_uid(status, Uid(7)));
        assert!(!has_uid("", Uid(0)));
        assert_eq!(of(i32::MAX, Uid(0)), None);
    }
}
