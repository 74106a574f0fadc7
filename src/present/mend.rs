//! What can be done about a finding or a crash, one thing each: what berth does when asked, and the command for what it does not.
//!
//! It must never name a command that berth does not have, nor one that removes anything.

use super::advice;
use super::command::{self, Program};
use crate::domain::{Asked, Code, Finding, InstanceId, Remedy, Row, Shown, Snapshot, Uid, Verb, words};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// In a few words: "restart carol".
    pub label: String,
    /// By whom and how.
    pub how: How,
}

/// How it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// berth does it, when it was confirmed.
    Ask(Verb, InstanceId),
    /// By reading the log.
    Log(InstanceId),
    /// By a command that somebody else has to give.
    Command {
        /// The line for a shell.
        command: String,
        /// Why berth does not do it.
        why: &'static str,
    },
    /// There is no one command for it.
    Tell(String),
}

impl Mend {
    /// The line for a shell that does the same; `None` where there is none.
    pub fn command(&self, program: &Program) -> Option<String> {
        match &self.how {
            How::Ask(verb, id) => command::of(program, *verb, &[id], ""),
            How::Log(id) => Some(program.about(Verb::Logs.word(), id)),
            How::Command { command, .. } => Some(command.clone()),
            How::Tell(_) => None,
        }
    }
}

/// Who would give the commands, and how he calls berth.
#[derive(Clone, Copy, Debug)]
pub struct Giver<'console> {
    /// Whose commands they are.
    pub uid: Uid,
    /// The berth that is about the same fleet.
    pub program: &'console Program,
}

/// Why berth does not edit.
const EDITS_NOTHING: &str = "what it should say only its owner knows";

/// Why berth does not end a stranger.
const ENDS_NO_STRANGER: &str = "it is no instance, so berth does not end it";

/// Why berth makes no room.
const REMOVES_NOTHING: &str = "what may go only you know; the command tells what is large";

/// Why berth loads no rules.
const LOADS_NOTHING: &str = "rules are loaded by whoever has read them";

/// Why berth changes no rights.
const OWNS_NOTHING: &str = "who needs them only their owner knows";

/// What can be done about a finding, in the order of its remedies.
pub fn of_finding(finding: &Finding, snapshot: &Snapshot, giver: Giver<'_>) -> Vec<Mend> {
    let Some(id) = advice::subject(finding, snapshot) else { return Vec::new() };
    let row = snapshot.row(id).map(AsRef::as_ref);
    finding.remedies.iter().filter_map(|remedy| one(*remedy, finding, id, row, snapshot, giver)).collect()
}

/// What can be done after a crash.
pub fn of_crash(id: &InstanceId) -> Vec<Mend> {
    let mend = |label, how| Mend { label, how };
    vec![mend(format!("read {id}'s log"), How::Log(id.clone())), mend(format!("start {id} again"), How::Ask(Verb::Start, id.clone()))]
}

fn one(remedy: Remedy, finding: &Finding, id: &InstanceId, row: Option<&Row>, snapshot: &Snapshot, giver: Giver<'_>) -> Option<Mend> {
    // Whose the row is counts on its own host.
    let caller = snapshot.part(id).map_or(giver.uid, |part| part.caller.uid);
    let mend = |label: String, how| Some(Mend { label, how });
    let give = |id: &InstanceId, asked| How::Ask(Verb::Assign(asked), id.clone());
    let command = |command: String, why| How::Command { command, why };
    let told = || advice::sentence(remedy, finding, snapshot, giver.program).map(How::Tell);
    match remedy {
        Remedy::Reassign => {
            let free = advice::free_for(finding, snapshot);
            let port = free.map_or_else(|| "another port".to_owned(), |port| format!("the free port {port}"));
            mend(format!("give {id} {port}"), give(id, free.map_or(Asked::Auto, Asked::Port)))
        }
        Remedy::AdoptPort => {
            let port = advice::strays_to(finding, snapshot)?;
            mend(format!("have {port} be {} port", words::possessive(&id.to_string())), give(id, Asked::Port(port)))
        }
        Remedy::KeepPort => {
            let port = finding.port?;
            mend(format!("bring {id} back to {port}"), give(id, Asked::Port(port)))
        }
        // The reassignment edits it already.
        Remedy::EditConfig if finding.remedies.contains(&Remedy::Reassign) => None,
        Remedy::EditConfig => {
            let what = if finding.code == Code::KeyMissing { "environment file" } else { "configuration" };
            let how = row.and_then(|row| edit(finding, row, caller)).map(|edit| command(edit, EDITS_NOTHING)).or_else(told)?;
            mend(format!("mend {id}'s {what}"), how)
        }
        Remedy::Restart => mend(format!("restart {id}"), How::Ask(Verb::Restart, id.clone())),
        Remedy::ReadLog => mend(format!("read {id}'s log"), How::Log(id.clone())),
        Remedy::StopHolder => match advice::holder(finding, snapshot) {
            Some(holder) => mend(format!("stop {}, which is in the way", holder.id), How::Ask(Verb::Stop, holder.id.clone())),
            None if finding.processes.is_empty() => None,
            None => {
                let pids: Vec<String> = finding.processes.iter().map(|key| key.pid.to_string()).collect();
                mend("end it, if it should not be there".to_owned(), command(format!("kill {}", pids.join(" ")), ENDS_NO_STRANGER))
            }
        },
        Remedy::FreeSpace => {
            let sentence = advice::sentence(remedy, finding, snapshot, giver.program)?;
            let how = match sentence.split_once(": ") {
                Some((_, line)) => command(line.to_owned(), REMOVES_NOTHING),
                None => How::Tell(sentence),
            };
            mend("make room".to_owned(), how)
        }
        Remedy::LimitLog => {
            let restart = row.is_some_and(|row| {
                row.declared.as_ref().is_some_and(|declared| declared.log_max.is_some())
                    && row.disk.as_ref().is_none_or(|told| told.uncuttable.is_none())
            });
            if restart {
                return mend(format!("restart {id}: its log is then kept within its limit"), How::Ask(Verb::Restart, id.clone()));
            }
            mend("have its log kept within a limit".to_owned(), told()?)
        }
        Remedy::MoveDatabase => mend("move its database".to_owned(), told()?),
        Remedy::RenameService => mend("have each announce a name of its own".to_owned(), told()?),
        Remedy::ListenLocally => mend(format!("have {id} listen on this host only"), told()?),
        Remedy::Fence => {
            let line = giver.program.line(["deploy", "nftables", "--out", "/etc/berth"]);
            mend("keep strangers from every port".to_owned(), command(line, LOADS_NOTHING))
        }
        Remedy::RequireKey => mend(format!("have {id} ask for credentials"), told()?),
        Remedy::CheckOrigin => mend(format!("have {id} refuse a foreign Origin"), told()?),
        Remedy::CloseFiles => {
            let how = advice::close_files(row?, caller).map(|line| command(line, OWNS_NOTHING)).or_else(told)?;
            mend(format!("close {id}'s files to others"), how)
        }
        Remedy::RenewSecret => mend("give each a credential of its own".to_owned(), told()?),
        Remedy::MoveWorkspace => mend(format!("move {id}'s workspace"), told()?),
        Remedy::Trust => {
            let shown = row?.probed.as_ref()?.certificate.as_deref()?;
            mend(format!("accept the certificate {} of {id}", shown.print.short()), How::Ask(Verb::Trust(shown.print), id.clone()))
        }
        Remedy::RunAsUser => mend(format!("run {id} as an account of its own"), told()?),
    }
}

/// The command that opens the file that is to be changed, as the one whose it is: root's editor has no business in a user's tree.
fn edit(finding: &Finding, row: &Row, caller: Uid) -> Option<String> {
    let file = quoted(&advice::file(finding, row)?)?;
    if row.uid == caller {
        return Some(format!("${{EDITOR:-vi}} {file}"));
    }
    let account = if row.user.as_str() == row.uid.to_string() { format!("'#{}'", row.uid) } else { quoted(&row.user)? };
    Some(format!("sudo -u {account} ${{EDITOR:-vi}} {file}"))
}

/// A word for a shell; `None` where the text may not be what it stands for: what was made harmless is another name.
fn quoted(text: &Shown) -> Option<String> {
    let text = text.as_str();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+@:,=%".contains(character);
    if text.is_empty() || !text.chars().all(|character| character.is_ascii_graphic() || character == ' ') {
        return None;
    }
    Some(if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Declared, Process};
    use crate::present::fleet;

    fn giver(uid: Uid) -> Giver<'static> {
        static PLAIN: std::sync::LazyLock<Program> = std::sync::LazyLock::new(Program::default);
        Giver { uid, program: &PLAIN }
    }

    fn shown(finding: &Finding, snapshot: &Snapshot, caller: Uid) -> Vec<String> {
        of_finding(finding, snapshot, giver(caller)).into_iter().map(|mend| format!("{}: {:?}", mend.label, mend.how)).collect()
    }

    fn with(code: Code, remedies: &[Remedy]) -> Finding {
        Finding { code, instances: vec![fleet::id("alice")], remedies: remedies.to_vec(), ..fleet::fleet().findings[0].clone() }
    }

    #[test]
    fn what_the_fixture_needs() {
        let snapshot = fleet::fleet();
        let all: Vec<String> = snapshot.findings.iter().flat_map(|finding| shown(finding, &snapshot, Uid::ROOT)).collect();
        assert_eq!(
            all,
            [
                "give carol the free port 8110: Ask(Assign(Port(8110)), InstanceId(carol))",
                "mend hank's configuration: Command { command: \"sudo -u hank ${EDITOR:-vi} \
                 /opt/mcp-server/users/hank/config/config.json\", why: \"what it should say only its owner knows\" }",
                "end it, if it should not be there: Command { command: \"kill 4800\", why: \"it is no instance, so berth does not end it\" }",
            ]
        );
        let own = of_finding(&snapshot.findings[1], &snapshot, giver(Uid(1008)));
        assert_eq!(own[0].command(&Program::default()).as_deref(), Some("${EDITOR:-vi} /opt/mcp-server/users/hank/config/config.json"));
    }

    #[test]
    fn an_instance_in_the_way_is_stopped_by_berth() {
        let mut snapshot = fleet::fleet();
        let (mut finding, key) = (snapshot.findings[0].clone(), snapshot.rows[1].main.known().unwrap());
        (finding.processes, finding.remedies) = (vec![key], vec![Remedy::Reassign, Remedy::StopHolder]);
        let mends = of_finding(&finding, &snapshot, giver(Uid::ROOT));
        assert_eq!(mends[1].how, How::Ask(Verb::Stop, fleet::id("bob/tools")));
        assert_eq!(mends[1].command(&Program::default()).as_deref(), Some("berth stop bob/tools"));
        // Its own process is not in its way.
        let mut row = (*snapshot.rows[2]).clone();
        row.processes = vec![Arc::new(Process { key, ..(*snapshot.rows[1].processes[0]).clone() })];
        snapshot.rows[2] = Arc::new(row);
        snapshot.rows.remove(1);
        assert!(matches!(of_finding(&finding, &snapshot, giver(Uid::ROOT))[1].how, How::Command { .. }));
    }

    #[test]
    fn each_remedy_is_asked_told_or_a_command() {
        let snapshot = fleet::fleet();
        let cases = [
            (with(Code::PortSilent, &[Remedy::ReadLog, Remedy::Restart]), "Log(InstanceId(alice)) Ask(Restart, InstanceId(alice))"),
            (with(Code::DiskFilling, &[Remedy::FreeSpace]), "du -xh -d 3 /srv | sort -h | tail"),
            (with(Code::LogUnbounded, &[Remedy::LimitLog]), "Tell"),
            (with(Code::StorageShared, &[Remedy::MoveDatabase]), "Tell"),
        ];
        for (finding, expected) in cases {
            let all: Vec<String> =
                of_finding(&finding, &snapshot, giver(Uid::ROOT)).into_iter().map(|mend| format!("{:?}", mend.how)).collect();
            assert!(all.join(" ").contains(expected), "{all:?}");
        }
        let mut limited = snapshot;
        let mut row = (*limited.rows[0]).clone();
        row.declared = row.declared.map(|declared| Arc::new(Declared { log_max: Some(1 << 20), ..(*declared).clone() }));
        limited.rows[0] = Arc::new(row);
        let finding = with(Code::LogUnbounded, &[Remedy::LimitLog]);
        assert_eq!(of_finding(&finding, &limited, giver(Uid::ROOT))[0].how, How::Ask(Verb::Restart, fleet::id("alice")));
    }

    #[test]
    fn a_name_that_is_not_what_it_seems_is_in_no_command() {
        let cases = [("/a/b c", Some("'/a/b c'")), ("/it's", Some(r"'/it'\''s'")), ("/\u{1b}[2J", None), ("/größe", None), ("", None)];
        for (text, expected) in cases {
            assert_eq!(quoted(&Shown::new(text)).as_deref(), expected, "{text}");
        }
    }
}
