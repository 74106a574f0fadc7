//! The worst thing in one sentence, and what helps against a finding.
//!
//! It must never name a command that berth does not have.

#[path = "advice_posture.rs"]
mod posture;
#[path = "advice_storage.rs"]
mod storage;

use std::path::Path;
use std::sync::Arc;

use super::command::Program;
use super::free_ports::Occupied;
use super::{meaning, wording};
use crate::domain::{Code, Finding, InstanceId, Level, Remedy, Row, Shown, Snapshot, State, straying, words};

/// For how many instances that should move a port is named.
const MOST_TOLD: usize = 100;

/// The worst thing in one sentence, for the line below the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// How bad.
    pub level: Level,
    /// The sentence, without sign and key.
    pub sentence: Shown,
    /// The finding that it is, for the key that mends it; `None` when it is about a crash.
    pub finding: Option<usize>,
    /// The instance that crashed, when it is about a crash.
    pub crashed: Option<InstanceId>,
}

/// The banner; `None` when all is well. An error comes first, then a crash, then a warning; notes make no banner.
pub fn banner(snapshot: &Snapshot) -> Option<Banner> {
    let of_finding = |level: Level, is_wanted: &dyn Fn(Code) -> bool| {
        let worst = snapshot.findings.iter().position(|finding| finding.level() == level && is_wanted(finding.code))?;
        // Of a dispute the finding that says who should move.
        let is_verdict = |finding: &Finding| finding.code == Code::PortDuplicate && finding.port == snapshot.findings[worst].port;
        let finding = snapshot.findings.iter().position(is_verdict).unwrap_or(worst);
        Some(Banner { level, sentence: snapshot.findings[finding].evidence.clone(), finding: Some(finding), crashed: None })
    };
    let of_crash = || {
        let crashed = |row: &&Arc<Row>| matches!(row.state, State::Crashed | State::CrashLoop);
        let newest = snapshot.rows.iter().filter(crashed).max_by_key(|row| row.exit.map(|exit| exit.at))?;
        let how = newest.exit.map(|last| format!(": {}", wording::last_exit(&last, snapshot.taken.wall))).unwrap_or_default();
        let sentence = Shown::new(&format!("{} crashed{how}", words::instance(&newest.id)));
        Some(Banner { level: Level::Error, sentence, finding: None, crashed: Some(newest.id.clone()) })
    };
    // What is too open stood so yesterday, too: what does not work comes before it.
    let of_work = |level| of_finding(level, &|code| !code.is_posture());
    let of_all = |level| of_finding(level, &|_| true);
    of_work(Level::Error)
        .or_else(of_crash)
        .or_else(|| of_all(Level::Error))
        .or_else(|| of_work(Level::Warning))
        .or_else(|| of_all(Level::Warning))
}

/// One thing to do about a finding, and the command that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// "mend it", "see it".
    pub label: &'static str,
    /// What to do or type.
    pub text: String,
}

/// What helps against a finding: how to mend it, then where to see more.
pub fn advice(finding: &Finding, snapshot: &Snapshot, program: &Program) -> Vec<Advice> {
    let mut advice: Vec<Advice> = Vec::new();
    if finding.code.is_posture() {
        advice.push(Advice { label: "because", text: meaning::because(finding.code).to_owned() });
    }
    for remedy in &finding.remedies {
        if let Some(text) = sentence(*remedy, finding, snapshot, program) {
            advice.push(Advice { label: "mend it", text });
        }
    }
    if let Some(id) = subject(finding, snapshot) {
        advice.push(Advice { label: "see it", text: program.about("show", id) });
    }
    advice
}

/// A remedy in a sentence with the command in it; `None` where there is nothing to say that helps here.
pub(super) fn sentence(remedy: Remedy, finding: &Finding, snapshot: &Snapshot, program: &Program) -> Option<String> {
    let id = subject(finding, snapshot)?;
    let row = snapshot.row(id);
    let config = row.and_then(|row| file(finding, row));
    match remedy {
        Remedy::RenameService => Some(super::announced::rename(id, program)),
        Remedy::FreeSpace | Remedy::LimitLog | Remedy::MoveDatabase => storage::remedy(remedy, finding, row?, snapshot, program),
        Remedy::ListenLocally
        | Remedy::Fence
        | Remedy::RequireKey
        | Remedy::CheckOrigin
        | Remedy::CloseFiles
        | Remedy::RenewSecret
        | Remedy::MoveWorkspace
        | Remedy::RunAsUser => posture::remedy(remedy, finding, row?, program),
        Remedy::Reassign => {
            let what = if free_for(finding, snapshot).is_some() { "the next free one" } else { "a free one" };
            Some(format!("{}    {what}, and a restart", assign(finding, id, snapshot, program)))
        }
        // The reassignment says which file already.
        Remedy::EditConfig if finding.remedies.contains(&Remedy::Reassign) => None,
        Remedy::EditConfig => Some(format!("edit {}", config?)),
        Remedy::AdoptPort => Some(format!("{}    the one that it has", give(id, strays_to(finding, snapshot)?, program))),
        Remedy::KeepPort => Some(format!("{}    its file goes back to it, and a restart", give(id, finding.port?, program))),
        Remedy::Restart => Some(program.about("restart", id)),
        Remedy::Trust => Some(format!("{}    if it was renewed; ask its owner otherwise", program.about("trust", id))),
        Remedy::ReadLog => Some(program.about("logs", id)),
        Remedy::StopHolder => {
            let holder = holder(finding, snapshot);
            let pids: Vec<String> = finding.processes.iter().map(|key| key.pid.to_string()).collect();
            match holder {
                Some(holder) => Some(program.about("stop", &holder.id)),
                None if pids.is_empty() => None,
                None => Some(format!("end it if it should not be there: kill {}", pids.join(" "))),
            }
        }
    }
}

/// The command that gives an instance another port.
pub(super) fn assign(finding: &Finding, id: &InstanceId, snapshot: &Snapshot, program: &Program) -> String {
    let port = free_for(finding, snapshot).map_or_else(|| "auto".to_owned(), |port| port.to_string());
    program.call("assign", id, &["--port", &port])
}

/// The command that gives it this one.
pub(super) fn give(id: &InstanceId, port: u16, program: &Program) -> String {
    program.call("assign", id, &["--port", &port.to_string()])
}

/// The port that an instance which drifted really has, or has as soon as it is started.
pub(super) fn strays_to(finding: &Finding, snapshot: &Snapshot) -> Option<u16> {
    let row = snapshot.row(finding.instances.first()?)?;
    let listening: Vec<u16> = row.listening.iter().map(|(endpoint, _)| endpoint.port).collect();
    straying(finding.port?, row.declared.as_ref().and_then(|declared| declared.port), &listening, snapshot.own(&row.id).range)
}

/// The port that an instance should move to: another one for each that should move, in the order of the findings.
pub(super) fn free_for(finding: &Finding, snapshot: &Snapshot) -> Option<u16> {
    let (own, whose) = (snapshot.own_of(finding), subject(finding, snapshot)?);
    let mut occupied = Occupied::of(own)?;
    let mut told: Vec<&InstanceId> = Vec::new();
    let moves = |one: &&Finding| one.port.is_some() && one.remedies.contains(&Remedy::Reassign);
    for one in snapshot.findings.iter().filter(moves) {
        let Some(id) = subject(one, snapshot) else { continue };
        if id == whose {
            break;
        }
        if !told.contains(&id) && std::ptr::eq(own, snapshot.own_of(one)) {
            // Of so many nobody types the commands one by one; berth chooses when it is asked.
            if told.len() == MOST_TOLD {
                return None;
            }
            told.push(id);
            occupied.take_next(one.port?);
        }
    }
    occupied.next_free(finding.port?)
}

/// Whom a remedy is about: of a duplicate the last one that does not hold the port; never the one that the registry gave it to.
pub(super) fn subject<'finding>(finding: &'finding Finding, snapshot: &Snapshot) -> Option<&'finding InstanceId> {
    if finding.code != Code::PortDuplicate {
        return finding.instances.first();
    }
    let is_holder =
        |id: &InstanceId| snapshot.row(id).is_some_and(|row| row.processes.iter().any(|one| finding.processes.contains(&one.key)));
    let own = snapshot.own_of(finding);
    let was_given = |id: &InstanceId| finding.port.is_some_and(|port| own.allotted().is_some_and(|all| all.is_of(port, id)));
    let others = || finding.instances.iter().rev().filter(|id| !was_given(id));
    others().find(|id| !is_holder(id)).or_else(|| others().next()).or_else(|| finding.instances.last())
}

/// The file that is to be changed.
pub(super) fn file(finding: &Finding, row: &Row) -> Option<Shown> {
    let declared = row.declared.as_ref()?;
    Some(match (finding.code, &declared.fault, &declared.env_file) {
        (Code::ConfigInvalid, Some(fault), _) => fault.file.clone(),
        (Code::KeyMissing, _, Some(file)) => shown_path(&file.path),
        (Code::EnvReadable, _, Some(file)) if declared.credentials.iter().all(|one| one.in_env_file) => shown_path(&file.path),
        _ => shown_path(&declared.config),
    })
}

pub(super) use posture::close_files;

/// The other instance whose process is in the way.
pub(super) fn holder<'snapshot>(finding: &Finding, snapshot: &'snapshot Snapshot) -> Option<&'snapshot Arc<Row>> {
    let subject = subject(finding, snapshot);
    let holds = |row: &&Arc<Row>| {
        !row.id.is_unmanaged() && Some(&row.id) != subject && row.processes.iter().any(|process| finding.processes.contains(&process.key))
    };
    snapshot.rows.iter().find(holds)
}

fn shown_path(path: &Path) -> Shown {
    Shown::from_bytes(path.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Allotment, Allotments, EnvFile, Reading, Uid};
    use crate::present::fleet;

    #[test]
    fn the_banner_says_the_worst_thing() {
        let mut snapshot = fleet::fleet();
        let shown = |snapshot: &Snapshot| banner(snapshot).map(|banner| banner.sentence.to_string());
        assert_eq!(
            shown(&snapshot).as_deref(),
            Some("8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it")
        );
        snapshot.findings.retain(|finding| finding.level() != Level::Error);
        assert_eq!(shown(&snapshot).as_deref(), Some("carol's instance crashed: exited with code 1, 6 s ago"));
        snapshot.rows.retain(|row| row.state != State::Crashed);
        assert_eq!(
            shown(&snapshot).as_deref(),
            Some("8190 is listened on by pid 4800 (nc, bob), since 03:02:04; it belongs to no instance")
        );
        snapshot.findings.clear();
        assert_eq!(shown(&snapshot), None);
    }

    #[test]
    fn advice_names_commands_that_there_are() {
        let snapshot = fleet::fleet();
        let advice: Vec<String> = snapshot
            .findings
            .iter()
            .flat_map(|finding| advice(finding, &snapshot, &Program::default()))
            .map(|advice| format!("{}: {}", advice.label, advice.text))
            .collect();
        assert_eq!(
            advice,
            [
                "mend it: berth assign carol --port 8110    the next free one, and a restart",
                "see it: berth show carol",
                "mend it: edit /opt/mcp-server/users/hank/config/config.json",
                "see it: berth show hank",
                "mend it: end it if it should not be there: kill 4800",
                "see it: berth show bob/:8190",
            ]
        );
    }

    #[test]
    fn two_that_should_move_get_two_ports() {
        let mut snapshot = fleet::fleet();
        let taken = snapshot.findings.iter().find(|one| one.code == Code::PortTaken).unwrap().clone();
        let other = Finding { instances: vec![fleet::id("dave")], ..taken.clone() };
        snapshot.findings.push(other.clone());
        let told = |finding: &Finding| free_for(finding, &snapshot);
        assert_eq!((told(&taken), told(&other), told(&taken)), (Some(8110), Some(8111), Some(8110)));
        let twice = Finding { code: Code::PortShadowed, ..taken };
        assert_eq!(told(&twice), Some(8110), "of one it is the same in each of its findings");
    }

    #[test]
    fn the_file_that_is_to_be_edited_is_the_one_that_is_wrong() {
        let mut snapshot = fleet::fleet();
        let mut row = (*snapshot.rows[0]).clone();
        let mut declared = (**row.declared.as_ref().unwrap()).clone();
        declared.env_file = Some(EnvFile { path: "/opt/sdp-mcp/.env.alice".into(), ..EnvFile::default() });
        row.declared = Some(Arc::new(declared));
        let mut finding = snapshot.findings[0].clone();
        (finding.code, finding.instances, finding.remedies) = (Code::KeyMissing, vec![row.id.clone()], vec![Remedy::EditConfig]);
        snapshot.rows[0] = Arc::new(row);
        assert_eq!(advice(&finding, &snapshot, &Program::default())[0].text, "edit /opt/sdp-mcp/.env.alice");
    }

    #[test]
    fn of_a_duplicate_the_one_moves_that_has_it_not() {
        let mut snapshot = fleet::fleet();
        let (alice, dave) = (fleet::id("alice"), fleet::id("dave"));
        let holder = |id: &InstanceId, snapshot: &Snapshot| vec![snapshot.row(id).unwrap().main.known().unwrap()];
        let mut finding = Finding {
            code: Code::PortDuplicate,
            instances: vec![alice.clone(), dave.clone()],
            processes: holder(&alice, &snapshot),
            remedies: vec![Remedy::Reassign, Remedy::EditConfig],
            ..snapshot.findings[0].clone()
        };
        assert_eq!(subject(&finding, &snapshot), Some(&dave));
        finding.processes = holder(&dave, &snapshot);
        assert_eq!(subject(&finding, &snapshot), Some(&alice));
        finding.processes.clear();
        assert_eq!(subject(&finding, &snapshot), Some(&dave), "nobody has it");
        // Whoever has it: it is alice's.
        finding.processes = holder(&dave, &snapshot);
        let mut all = Allotments::default();
        let allotment =
            |id: &InstanceId| Allotment { id: id.clone(), uid: Uid(1), strategy: "static".into(), by: "root".into(), at: fleet::now() };
        all.assign(finding.port.unwrap(), allotment(&alice));
        snapshot.allotments = Reading::Known(Arc::new(all));
        assert_eq!(subject(&finding, &snapshot), Some(&dave));
        (snapshot.listeners, finding.processes) = (Reading::Denied, Vec::new());
        let program = Program::with(Some(Path::new("/srv/berth.toml")));
        assert_eq!(
            advice(&finding, &snapshot, &program).into_iter().map(|advice| advice.text).collect::<Vec<_>>(),
            [
                "berth --config /srv/berth.toml assign dave --port auto    a free one, and a restart",
                "berth --config /srv/berth.toml show dave",
            ]
        );
    }
}
