//! What helps against what is written: full disks, endless logs, shared databases.
//!
//! It must never advise to remove something: only the reader knows what is needed.

use crate::domain::{Finding, Remedy, Row, Snapshot, words};

use super::{Program, shown_path};

/// The remedy in a sentence; `None` where there is nothing to say that helps here.
pub(super) fn remedy(remedy: Remedy, finding: &Finding, row: &Row, snapshot: &Snapshot, program: &Program) -> Option<String> {
    let restart = program.about("restart", &row.id);
    let declared = row.declared.as_ref()?;
    match remedy {
        Remedy::FreeSpace => {
            let devices = &row.disk.as_ref()?.devices;
            let fullest = snapshot
                .file_systems
                .iter()
                .filter(|one| devices.contains(&one.device))
                .max_by(|one, two| one.used().total_cmp(&two.used()));
            let mounted_on = fullest.map(|one| one.mounted_on.as_str()).filter(|place| !place.is_empty()).unwrap_or("/");
            Some(format!("make room; the largest directories are told by: du -xh -d 3 {mounted_on} | sort -h | tail"))
        }
        Remedy::LimitLog => {
            let Some(most) = declared.log_max else {
                return Some(format!("set log_max and log_keep in its template, then {restart}: its keeper rotates it then"));
            };
            let appends = row.disk.as_ref().is_none_or(|told| told.uncuttable.is_none());
            if appends {
                return Some(format!("{restart}    has its log {} kept within {}", shown_path(&declared.log), words::size(most)));
            }
            Some(format!("have the server open {} for appending (in a shell >> instead of >), then {restart}", shown_path(&declared.log)))
        }
        Remedy::MoveDatabase if finding.instances.len() > 1 => {
            Some("give each instance a database of its own; one server with one database may serve them all instead".to_owned())
        }
        Remedy::MoveDatabase => Some(format!("keep the database on a disk of this host, then {restart}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Code, Declared, InstanceId, Shown};
    use crate::present::{advice, fleet};

    fn advice_for(code: Code, remedy: Remedy, instances: &[&str], log_max: Option<u64>) -> String {
        let mut snapshot = fleet::fleet();
        for row in &mut snapshot.rows {
            let mut changed = (**row).clone();
            changed.declared = changed.declared.map(|declared| Arc::new(Declared { log_max, ..(*declared).clone() }));
            *row = Arc::new(changed);
        }
        let instances: Vec<InstanceId> = instances.iter().map(|name| fleet::id(name)).collect();
        let finding = Finding {
            code,
            instances,
            port: None,
            processes: Vec::new(),
            since: fleet::now(),
            evidence: Shown::new(""),
            remedies: vec![remedy],
        };
        advice::advice(&finding, &snapshot, &Program::default())[0].text.clone()
    }

    #[test]
    fn each_has_a_way_out() {
        let cases = [
            (
                advice_for(Code::LogUnbounded, Remedy::LimitLog, &["alice"], None),
                "set log_max and log_keep in its template, then berth restart alice: its keeper rotates it then",
            ),
            (
                advice_for(Code::LogUnbounded, Remedy::LimitLog, &["alice"], Some(10 << 20)),
                "berth restart alice    has its log /opt/mcp-server/users/alice/logs/server.log kept within 10.0 MiB",
            ),
            (
                advice_for(Code::StorageShared, Remedy::MoveDatabase, &["alice", "dave"], None),
                "give each instance a database of its own; one server with one database may serve them all instead",
            ),
            (
                advice_for(Code::StorageShared, Remedy::MoveDatabase, &["alice"], None),
                "keep the database on a disk of this host, then berth restart alice",
            ),
            (
                advice_for(Code::DiskFilling, Remedy::FreeSpace, &["alice"], None),
                "make room; the largest directories are told by: du -xh -d 3 /srv | sort -h | tail",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text, expected);
        }
    }
}
