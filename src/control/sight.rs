//! What somebody may see of the picture. Pure: a table of cases stands beside it.
//!
//! It must never let others' logs, environment, command lines or paths by, nor look anything up.

use std::sync::Arc;

use crate::domain::{
    Announced, Announcement, Caller, Code, Finding, HostReading, Level, Probed, Reading, Role, Row, Shown, Snapshot, Totals, Uid,
};

/// How much of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sees {
    /// Everything.
    All,
    /// What stands in the table.
    Table,
    /// Not even that it is there.
    Nothing,
}

fn sees(caller: &Caller, uid: Uid) -> Sees {
    match caller.role {
        Role::Admin => Sees::All,
        _ if caller.uid == uid => Sees::All,
        Role::Viewer => Sees::Table,
        Role::Stranger => Sees::Nothing,
    }
}

/// Whether somebody may see all of what runs under an account. Its log is another matter: `owners_may` decides.
pub fn sees_all_of(caller: &Caller, uid: Uid) -> bool {
    sees(caller, uid) == Sees::All
}

/// What of a picture somebody may see: the picture itself for an admin.
pub fn seen_by(caller: &Caller, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
    if caller.role == Role::Admin {
        return Arc::clone(snapshot);
    }
    let rows: Vec<Arc<Row>> = snapshot.rows.iter().filter_map(|row| row_for(caller, row)).collect();
    Arc::new(Snapshot { rows, ..head_seen_by(caller, snapshot) })
}

/// The same without the rows.
pub fn head_seen_by(caller: &Caller, snapshot: &Snapshot) -> Snapshot {
    let (is_admin, is_viewer) = (caller.role == Role::Admin, caller.role == Role::Viewer);
    let findings = findings_for(caller, snapshot);
    let is_whole = |id| is_admin || snapshot.row(id).is_some_and(|row| sees_all_of(caller, row.uid));
    let own = || snapshot.rows.iter().filter(|row| sees(caller, row.uid) != Sees::Nothing);
    let totals = if is_admin || is_viewer { snapshot.totals.clone() } else { totals(own(), &findings) };
    Snapshot {
        host: snapshot.host.clone(),
        taken: snapshot.taken,
        range: snapshot.range,
        reserved: snapshot.reserved.clone(),
        allotments: if is_admin || is_viewer { snapshot.allotments.clone() } else { Reading::Denied },
        ephemeral: snapshot.ephemeral,
        rows: Vec::new(),
        findings,
        totals,
        host_reading: if is_admin || is_viewer { snapshot.host_reading.clone() } else { HostReading::default() },
        // Sockets with their processes, mounts and sentences with paths.
        announced: announced_for(caller, snapshot),
        file_systems: if is_admin { snapshot.file_systems.clone() } else { Vec::new() },
        listeners: if is_admin { snapshot.listeners.clone() } else { Reading::Denied },
        underway: snapshot.underway.iter().filter(|one| is_whole(&one.id)).cloned().collect(),
        notified: if is_admin { snapshot.notified.clone() } else { None },
        notices: if is_admin { snapshot.notices.clone() } else { Vec::new() },
        sequence: snapshot.sequence,
        cpu_baseline: Default::default(),
        hosts: Default::default(),
    }
}

/// What is announced: the whole link hears it, but what others' servers say of themselves may name their files.
fn announced_for(caller: &Caller, snapshot: &Snapshot) -> Option<Arc<[Announcement]>> {
    let one = |one: &Announcement| {
        let is_own = one.of.as_ref().and_then(|id| snapshot.row(id)).is_some_and(|row| sees_all_of(caller, row.uid));
        if is_own {
            return Some(one.clone());
        }
        let service = Announced { texts: Vec::new(), says_more: false, ..(*one.service).clone() };
        (caller.role == Role::Viewer).then(|| Announcement { service: Arc::new(service), is_here: one.is_here, of: one.of.clone() })
    };
    Some(snapshot.announced.as_ref()?.iter().filter_map(one).collect())
}

/// The findings of a picture, as somebody may see them.
pub fn findings_for(caller: &Caller, snapshot: &Snapshot) -> Vec<Finding> {
    if caller.role == Role::Admin {
        return snapshot.findings.clone();
    }
    snapshot.findings.iter().filter_map(|finding| finding_for(caller, finding, snapshot)).collect()
}

fn row_for(caller: &Caller, row: &Arc<Row>) -> Option<Arc<Row>> {
    match sees(caller, row.uid) {
        Sees::All => Some(Arc::clone(row)),
        Sees::Nothing => None,
        // Field by field, so that a new one is decided on here.
        Sees::Table => Some(Arc::new(Row {
            id: row.id.clone(),
            user: row.user.clone(),
            uid: row.uid,
            supervisor: row.supervisor,
            state: row.state,
            why: None,
            wish: row.wish,
            port: row.port,
            host: row.host,
            listening: row.listening.clone(),
            main: row.main,
            keeper: None,
            publisher: None,
            processes: Vec::new(),
            started_at: row.started_at,
            cpu_percent: row.cpu_percent,
            memory_bytes: row.memory_bytes,
            tasks: row.tasks,
            open_files: row.open_files,
            restarts: row.restarts,
            health: row.health,
            // Why it does not answer may quote what it answered.
            probed: row.probed.as_ref().map(|probed| Arc::new(Probed { why: None, ..(**probed).clone() })),
            exit: row.exit,
            exits: Arc::default(),
            limits: None,
            disk: None,
            findings: row.findings.iter().copied().filter(|code| !is_opening(*code)).collect(),
            service: None,
            declared: None,
        })),
    }
}

/// A finding as somebody may see it; `None` when it is about nobody whom that one may see.
fn finding_for(caller: &Caller, finding: &Finding, snapshot: &Snapshot) -> Option<Finding> {
    let of = |id| snapshot.row(id).map_or(Sees::Nothing, |row| sees(caller, row.uid));
    let is_own = !finding.instances.is_empty() && finding.instances.iter().all(|id| of(id) == Sees::All);
    if is_own {
        return Some(finding.clone());
    }
    let is_partly = finding.instances.iter().any(|id| of(id) == Sees::All);
    if !is_partly && (caller.role != Role::Viewer || is_opening(finding.code)) {
        return None;
    }
    let evidence = match withheld(finding.code) {
        None => finding.evidence.clone(),
        Some(sentence) => Shown::from(sentence),
    };
    Some(Finding { evidence, ..finding.clone() })
}

/// What those are told of such a finding whom it is not about: its evidence, another sentence, or that it is not theirs to know.
pub fn told_to_others(code: Code, evidence: &Shown) -> Option<Shown> {
    if is_opening(code) {
        return None;
    }
    Some(withheld(code).map_or_else(|| evidence.clone(), Shown::from))
}

/// Whether it tells how somebody's secrets or server can be got at: whom it is not about is not told that it is so.
fn is_opening(code: Code) -> bool {
    matches!(
        code,
        Code::AuthMissing
            | Code::AuthOpen
            | Code::OriginUnchecked
            | Code::EnvReadable
            | Code::ConfigWritable
            | Code::SecretShared
            | Code::WorkspaceEscape
    )
}

/// What is said instead of the evidence to those whose instance it is not about; `None` where the evidence is about ports and their holders,
/// which everybody has to know.
fn withheld(code: Code) -> Option<&'static str> {
    match code {
        Code::PortDuplicate
        | Code::PortTaken
        | Code::PortDrift
        | Code::PortSilent
        | Code::PortStranger
        | Code::PortShadowed
        | Code::PortShared
        | Code::PortOutOfRange
        | Code::PortEphemeral
        | Code::PortCollisionAhead
        | Code::RangeNearlyFull
        | Code::BindPublic => None,
        Code::AuthMissing | Code::AuthOpen => Some("it answers without credentials"),
        Code::OriginUnchecked => Some("it lets in pages of other hosts"),
        Code::EnvReadable => Some("a file with secrets can be read by others; the owner is told which"),
        Code::ConfigWritable => Some("its configuration can be changed by others; the owner is told how"),
        Code::SecretShared => Some("another user's instance has the same credential"),
        Code::WorkspaceEscape => Some("its workspace lies elsewhere; the owner is told where"),
        Code::RunsAsRoot => Some("its process is root's"),
        Code::ConfigInvalid => Some("its configuration cannot be read; the owner is told why"),
        Code::StorageShared => Some("a database is open in more than one place; the owners are told which"),
        Code::DiskFilling => Some("a file system that instances write on is nearly full"),
        Code::LogUnbounded => Some("its log exceeds its limit and nothing rotates it"),
        Code::MdnsNameShared => Some("another server announces the same name; the owner is told which"),
        Code::RestartPending => Some("what it was started from has changed since; the owner is told what"),
        Code::KeyMissing => Some("its environment file is not complete; the owner is told what is missing"),
        Code::LimitsMissing => Some("no limit is in force"),
        Code::CertificateChanged => Some("it shows another certificate than before; the owner is told which"),
        Code::PidfileMismatch => Some("its PID file names another process"),
    }
}

/// The counts of what a stranger sees.
fn totals<'a>(rows: impl Iterator<Item = &'a Arc<Row>>, findings: &[Finding]) -> Totals {
    let mut totals = Totals::default();
    for row in rows {
        totals.ports_in_use += usize::from(row.port.is_some());
        if row.id.is_unmanaged() {
            continue;
        }
        totals.instances += 1;
        *totals.states.entry(row.state).or_default() += 1;
    }
    let mut ports: Vec<u16> = findings.iter().filter(|finding| finding.code.is_conflict()).filter_map(|finding| finding.port).collect();
    ports.sort_unstable();
    ports.dedup();
    totals.conflicts = ports.len();
    for level in [Level::Error, Level::Warning, Level::Note] {
        totals.findings.insert(level, findings.iter().filter(|finding| finding.level() == level).count());
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Notified, Outcome, Process, Stage, Underway, Verb};
    use crate::fixture;

    const SECRET: &str = "hunter2";

    fn caller(uid: u32, role: Role) -> Caller {
        Caller { uid: Uid(uid), name: Shown::new("somebody"), login: None, role, read_only: false }
    }

    fn announced(name: &str, texts: Vec<(Shown, Option<Shown>)>) -> Announced {
        let (kind, host) = ("_mcp._tcp.local.".into(), "x.local.".into());
        Announced { name: name.into(), kind, host, addresses: vec![], port: 8101, texts, says_more: false }
    }

    /// The fleet with a secret in every text that is not the table's.
    fn planted() -> Arc<Snapshot> {
        let mut snapshot = fixture::fleet();
        let secret = || Shown::from(SECRET);
        for row in &mut snapshot.rows {
            let row = Arc::make_mut(row);
            row.why = Some(secret());
            for process in &mut row.processes {
                *process = Arc::new(Process { command: secret(), cgroup: Reading::Known(secret()), ..(**process).clone() });
            }
            if let Some(probed) = &mut row.probed {
                *probed = Arc::new(Probed { why: Some(secret()), ..(**probed).clone() });
            }
            if let Some(declared) = &mut row.declared {
                let mut whole = (**declared).clone();
                whole.config = format!("/srv/{SECRET}/config.json").into();
                whole.log = format!("/srv/{SECRET}/log").into();
                *declared = Arc::new(whole);
            }
        }
        for code in
            [Code::ConfigInvalid, Code::StorageShared, Code::RestartPending, Code::KeyMissing, Code::PidfileMismatch, Code::MdnsNameShared]
        {
            let of = snapshot.rows[0].id.clone();
            snapshot.findings.push(Finding {
                code,
                instances: vec![of],
                port: None,
                processes: vec![],
                since: snapshot.taken.wall,
                evidence: secret(),
                remedies: vec![],
            });
        }
        snapshot.notices.push(secret());
        snapshot.notified = Some([Notified::nothing_yet(SECRET)].into());
        let texts = vec![(secret(), Some(secret()))];
        let of = snapshot.rows[0].id.clone();
        let announced = |of| Announcement { service: Arc::new(announced("bobs", texts.clone())), is_here: true, of };
        snapshot.announced = Some([announced(Some(of)), announced(None)].into());
        let outcome = Outcome { exit_code: 1, sentence: secret(), hints: vec![], log_lines: vec![secret()] };
        let (id, since) = (snapshot.rows[0].id.clone(), snapshot.taken.boot);
        snapshot.underway.push(Underway {
            verb: Verb::Start,
            id,
            by: Some(Uid::ROOT),
            since,
            stage: Stage::Ended(outcome),
            ended: Some(since),
        });
        Arc::new(snapshot)
    }

    #[test]
    fn who_sees_what() {
        let cases = [
            (0, Role::Admin, 1001, Sees::All),
            (1002, Role::Admin, 1001, Sees::All),
            (1001, Role::Viewer, 1001, Sees::All),
            (1001, Role::Stranger, 1001, Sees::All),
            (1002, Role::Viewer, 1001, Sees::Table),
            (1002, Role::Viewer, 0, Sees::Table),
            (1002, Role::Stranger, 1001, Sees::Nothing),
            (65_534, Role::Stranger, 0, Sees::Nothing),
        ];
        for (uid, role, of, expected) in cases {
            assert_eq!(sees(&caller(uid, role), Uid(of)), expected, "{uid} {role:?} {of}");
        }
    }

    #[test]
    fn a_viewers_picture_has_no_byte_of_what_is_others() {
        let planted = planted();
        assert!(format!("{planted:?}").contains(SECRET));
        let seen = seen_by(&caller(65_534, Role::Viewer), &planted);
        assert!(!format!("{seen:?}").contains(SECRET), "{seen:#?}");
        assert_eq!(seen.rows.len(), planted.rows.len());
        assert_eq!(seen.totals, planted.totals);
        assert_eq!(seen.announced.as_ref().map(|all| all.len()), Some(2), "the link hears that they are there");
        let codes = |snapshot: &Snapshot| snapshot.findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
        assert_eq!(codes(&seen), codes(&planted), "what is wrong is told, not why");
        assert!(Arc::ptr_eq(&seen_by(&caller(1, Role::Admin), &planted), &planted));
    }

    #[test]
    fn an_owner_sees_all_of_the_own_and_the_table_of_the_others() {
        let planted = planted();
        let own = planted.rows[0].uid.0;
        let seen = seen_by(&caller(own, Role::Viewer), &planted);
        for (row, whole) in seen.rows.iter().zip(&planted.rows) {
            assert_eq!(Arc::ptr_eq(row, whole), whole.uid.0 == own, "{}", row.id);
        }
        assert!(seen.findings.iter().any(|finding| finding.code == Code::ConfigInvalid && finding.evidence.as_str() == SECRET));
        assert_eq!(seen.underway.len(), planted.underway.len());
        let texts = |one: &Announcement| one.service.texts.len();
        assert_eq!(seen.announced.iter().flat_map(|all| all.iter().map(texts)).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn whom_it_is_not_about_is_not_told_what_is_open() {
        let mut snapshot = fixture::fleet();
        let (id, own) = (snapshot.rows[0].id.clone(), snapshot.rows[0].uid.0);
        Arc::make_mut(&mut snapshot.rows[0]).findings = Code::ALL.to_vec();
        snapshot.findings = Code::ALL.map(|code| Finding { code, instances: vec![id.clone()], ..snapshot.findings[0].clone() }).into();
        let snapshot = Arc::new(snapshot);
        let openings = |uid| {
            let seen = seen_by(&caller(uid, Role::Viewer), &snapshot);
            let of_row = seen.row(&id).unwrap().findings.iter().filter(|code| is_opening(**code)).count();
            let all = seen.findings.iter().filter(|finding| is_opening(finding.code)).count();
            assert!(seen.findings.iter().any(|finding| finding.code == Code::BindPublic));
            (of_row, all)
        };
        assert_eq!((openings(65_534), openings(own)), ((0, 0), (7, 7)));
    }

    #[test]
    fn a_stranger_sees_the_own_only() {
        let planted = planted();
        let own = planted.rows[0].uid;
        let seen = seen_by(&caller(own.0, Role::Stranger), &planted);
        assert!(!seen.rows.is_empty() && seen.rows.iter().all(|row| row.uid == own));
        assert_eq!(seen.totals.instances, seen.rows.iter().filter(|row| !row.id.is_unmanaged()).count());
        assert_eq!(seen.announced.as_ref().map(|all| all.len()), Some(1));
        let nobody = seen_by(&caller(65_534, Role::Stranger), &planted);
        assert_eq!((nobody.rows.len(), nobody.findings.len(), nobody.totals.instances), (0, 0, 0));
    }
}
