//! What helps against what is too open: addresses, credentials, files, accounts.
//!
//! It must never name a value, nor advise root to change something in a user's tree as root.

use crate::domain::{Code, Finding, Remedy, Row, Shown, Uid};
use crate::present::quote;

use super::{Program, shown_path};

/// The remedy in a sentence; `None` where there is nothing to say that helps here.
pub(super) fn remedy(remedy: Remedy, finding: &Finding, row: &Row, program: &Program) -> Option<String> {
    let declared = row.declared.as_ref()?;
    let restart = program.about("restart", &row.id);
    let config = shown_path(&declared.config);
    match remedy {
        Remedy::ListenLocally if declared.host.is_some_and(|host| !host.is_loopback()) => {
            Some(format!("set its address in {config} to 127.0.0.1, then {restart}"))
        }
        Remedy::ListenLocally => Some("have its server listen on 127.0.0.1: it does not heed the address of its configuration".to_owned()),
        Remedy::Fence => {
            let command = program.line(["deploy", "nftables", "--out", "/etc/berth"]);
            Some(format!("{command}    rules that keep strangers from every port"))
        }
        Remedy::RequireKey => Some(format!("have its server ask for a key or a token, name it in probe_key_env, then {restart}")),
        Remedy::CheckOrigin => {
            Some("have its server refuse what has an Origin that is not its own (403): its SDK's allowed origins".to_owned())
        }
        Remedy::CloseFiles => close_files(row, Uid::ROOT).or_else(|| Some(format!("take from others what they may do with {config}"))),
        Remedy::RenewSecret => {
            let names = finding.evidence.as_str().rsplit_once(": ").map_or("it", |(_, names)| names);
            Some(format!("give each of them its own, and withdraw the old one: {names}"))
        }
        Remedy::MoveWorkspace => Some(format!("set workspace in {config} to a directory of its own, then {restart}")),
        Remedy::RunAsUser => Some(format!("set run_as in its template to an account of its own, give that its files, then {restart}")),
        _ => None,
    }
}

/// The command that takes from others what they may do with the files of an instance, given as the one whose they are.
pub(in crate::present) fn close_files(row: &Row, caller: Uid) -> Option<String> {
    let declared = row.declared.as_ref()?;
    let is_secret = row.findings.contains(&Code::EnvReadable);
    let mut paths: Vec<Shown> = vec![shown_path(&declared.config)];
    paths.extend(declared.env_file.as_ref().filter(|file| file.path != declared.config).map(|file| shown_path(&file.path)));
    paths.extend(declared.config.parent().filter(|_| row.findings.contains(&Code::ConfigWritable)).map(shown_path));
    let is_real = |path: &Shown| !path.as_str().is_empty() && path.as_str().chars().all(|one| one.is_ascii_graphic() || one == ' ');
    if !paths.iter().all(is_real) {
        return None;
    }
    let mode = if is_secret { "go-rwx" } else { "go-w" };
    // What is root's or the administrator's is root's to change; a user's is the user's.
    let is_users = declared.account.as_ref().filter(|_| declared.uid != caller && !declared.uid.is_root());
    let words: Vec<&str> = ["chmod", mode].into_iter().chain(paths.iter().map(Shown::as_str)).collect();
    let line = quote::line(words);
    Some(match is_users {
        Some(account) => format!("sudo -u {} {line}", quote::shell(account.as_str())),
        None => line,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::Declared;
    use crate::present::fleet;

    fn row(change: impl FnOnce(&mut Row, &mut Declared)) -> Row {
        let mut row = (**fleet::fleet().row(&fleet::id("alice")).unwrap()).clone();
        let mut declared = (**row.declared.as_ref().unwrap()).clone();
        change(&mut row, &mut declared);
        row.declared = Some(Arc::new(declared));
        row
    }

    #[test]
    fn files_are_closed_by_whose_they_are() {
        let path = "/opt/mcp-server/users/alice/config";
        let secret = row(|row, _| row.findings = vec![Code::EnvReadable]);
        assert_eq!(close_files(&secret, Uid::ROOT).unwrap(), format!("sudo -u alice chmod go-rwx {path}/config.json"));
        assert_eq!(close_files(&secret, Uid(1001)).unwrap(), format!("chmod go-rwx {path}/config.json"));
        let open = row(|row, _| row.findings = vec![Code::ConfigWritable]);
        assert_eq!(close_files(&open, Uid(1001)).unwrap(), format!("chmod go-w {path}/config.json {path}"));
        let odd = row(|_, declared| declared.config = "/x\u{1b}[2J".into());
        assert_eq!(close_files(&odd, Uid::ROOT), None);
    }

    #[test]
    fn each_remedy_has_its_sentence() {
        let finding = Finding {
            code: Code::SecretShared,
            instances: vec![fleet::id("alice")],
            evidence: "the instances of alice and bob use the same credential: API_KEY".into(),
            ..fleet::fleet().findings[0].clone()
        };
        let row = row(|_, declared| declared.host = "0.0.0.0".parse().ok());
        for (one, word) in [
            (Remedy::ListenLocally, "127.0.0.1, then berth restart alice"),
            (Remedy::Fence, "berth deploy nftables --out /etc/berth"),
            (Remedy::RequireKey, "probe_key_env"),
            (Remedy::CheckOrigin, "403"),
            (Remedy::CloseFiles, "chmod go-w"),
            (Remedy::RenewSecret, "the old one: API_KEY"),
            (Remedy::MoveWorkspace, "set workspace in /opt"),
            (Remedy::RunAsUser, "run_as"),
        ] {
            let told = remedy(one, &finding, &row, &Program::default()).unwrap();
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(remedy(Remedy::Restart, &finding, &row, &Program::default()), None);
    }
}
