//! storage-shared: two instances hold the same database file open, or one holds it where locks or writes are not what they seem.
//!
//! It must never go by a file's name alone: the same device and inode is the same file. Names only tell that it is a database.

use std::collections::BTreeMap;

use super::rule::{Facts, Rule, distinct};
use crate::domain::{Code, Finding, InstanceId, OpenDatabase, Remedy, Shown, words};

/// Types of file systems on which SQLite's locks do not hold (its documentation, "How To Corrupt An SQLite Database File", 2.1).
const NETWORK: [&str; 17] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "fuse.ceph",
    "glusterfs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.gcsfuse",
    "fuse.davfs",
    "davfs",
];

/// How directories begin that a program keeps the same on several computers: it copies a database in the middle of a transaction.
const SYNCHRONISED: [&str; 9] =
    ["Dropbox", "OneDrive", "Google Drive", "GoogleDrive", "iCloud Drive", "Nextcloud", "ownCloud", "Syncthing", "pCloud"];

/// The rule.
pub(super) struct StorageShared;

impl Rule for StorageShared {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        // One finding for each set of instances, however many databases they share.
        let mut wrong: BTreeMap<Vec<InstanceId>, Vec<(&OpenDatabase, String)>> = BTreeMap::new();
        for database in &facts.input.storage.databases {
            let ids = distinct(database.holders.iter().map(|(id, _)| id.clone()));
            if let Some(why) = why(database, &ids) {
                wrong.entry(ids).or_default().push((database, why));
            }
        }
        for (instances, databases) in wrong {
            let Some((_, why)) = databases.first() else { continue };
            let more = match databases.len() {
                0 | 1 => String::new(),
                2 => "; so is 1 more".to_owned(),
                many => format!("; so are {} more", many - 1),
            };
            found.push(Finding {
                code: Code::StorageShared,
                processes: distinct(databases.iter().flat_map(|(database, _)| database.holders.iter().map(|(_, key)| *key))),
                instances,
                port: None,
                since: facts.now(),
                evidence: Shown::new(&format!("{why}{more}")),
                remedies: vec![Remedy::MoveDatabase],
            });
        }
    }
}

/// What is wrong with how a database is held, in a sentence; `None` when nothing is.
fn why(database: &OpenDatabase, ids: &[InstanceId]) -> Option<String> {
    let who: Vec<String> = ids
        .iter()
        .map(|id| {
            let pid = database.holders.iter().find(|(holder, _)| holder == id).map(|(_, key)| format!(" ({key})"));
            format!("{}{}", words::instance(id), pid.unwrap_or_default())
        })
        .collect();
    let held = format!("{} is held open by {}", database.path, words::list(&who));
    if NETWORK.contains(&database.kind.as_str()) {
        return Some(format!("{held} on a network file system ({}), where its locks do not hold", database.kind));
    }
    let path = database.path.as_str();
    let program = SYNCHRONISED.iter().find(|program| path.split('/').any(|part| part.starts_with(**program)));
    if let Some(program) = program {
        return Some(format!("{held} in a directory that {program} synchronises"));
    }
    (ids.len() > 1).then_some(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Host, findings, id, key};

    fn database(path: &str, kind: &str, holders: &[(&str, i32)]) -> OpenDatabase {
        OpenDatabase { path: path.into(), kind: kind.into(), holders: holders.iter().map(|(name, pid)| (id(name), key(*pid))).collect() }
    }

    fn found(databases: Vec<OpenDatabase>) -> Vec<(String, String)> {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082");
        host.storage.databases = databases;
        findings(&host.judge(), Code::StorageShared)
    }

    #[test]
    fn cases() {
        let cases = [
            ("one's own", database("/a/m.db", "ext4", &[("alice", 11)]), None),
            ("two processes of one", database("/a/m.db", "ext4", &[("alice", 11), ("alice", 12)]), None),
            (
                "two instances",
                database("/a/m.db", "ext4", &[("alice", 11), ("bob", 12)]),
                Some("/a/m.db is held open by alice's instance (pid 11) and bob's instance (pid 12)"),
            ),
            (
                "on the network",
                database("/n/m.db", "nfs4", &[("alice", 11)]),
                Some("/n/m.db is held open by alice's instance (pid 11) on a network file system (nfs4), where its locks do not hold"),
            ),
            (
                "synchronised",
                database("/home/alice/OneDrive - Company/m.db", "ext4", &[("alice", 11)]),
                Some(
                    "/home/alice/OneDrive - Company/m.db is held open by alice's instance (pid 11) in a directory that OneDrive synchronises",
                ),
            ),
            ("only named alike", database("/home/alice/NotDropbox/m.db", "fuse", &[("alice", 11)]), None),
        ];
        for (name, database, expected) in cases {
            let evidence: Vec<String> = found(vec![database]).into_iter().map(|(_, evidence)| evidence).collect();
            assert_eq!(evidence, expected.into_iter().map(str::to_owned).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn the_same_two_are_told_once() {
        let both = [("alice", 11), ("bob", 12)];
        let databases =
            vec![database("/a/m.db", "ext4", &both), database("/a/n.db", "ext4", &both), database("/a/o.db", "nfs", &[("bob", 12)])];
        let found = found(databases);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, "alice bob");
        assert!(found[0].1.ends_with("; so is 1 more"), "{}", found[0].1);
        assert_eq!(found[1].0, "bob");
    }
}
