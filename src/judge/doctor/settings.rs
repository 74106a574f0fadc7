//! The checks of what is written: the configuration and the environment file.
//!
//! It must never tell a value of an environment file: names only.

use super::{Given, berth, check, shell, tell, with};
use crate::domain::{Check, Place, Shown, Sight, Step, Topic, Verdict, words};

/// Whether the configuration is read and valid.
pub(super) fn configuration(given: &Given<'_>) -> Check {
    let declared = given.declared;
    let path = Shown::from_bytes(declared.config.as_os_str().as_encoded_bytes());
    let own = declared.unit.is_none();
    let place = given.checkup.places.as_ref().ok().and_then(|places| places.config.as_ref()).filter(|_| own);
    if let Some(barred) = place.and_then(|place| barred(given, place)) {
        return barred;
    }
    // Of the environment file its own check tells.
    match declared.fault.as_ref().filter(|fault| env_path(given).as_ref() != Some(&fault.file)) {
        Some(fault) if fault.denied => check(Topic::Configuration, Verdict::Unknown, &format!("{path} may not be read by this account")),
        Some(fault) => {
            let at = [fault.line, fault.column].into_iter().flatten().map(|number| format!(":{number}")).collect::<String>();
            let sentence = format!("{}{at} cannot be used: {}", fault.file, fault.reason);
            let steps = vec![tell(&format!("mend {}", fault.file)), berth(&["start", &given.id()], "starts it then")];
            with(Topic::Configuration, Verdict::Bad, &sentence, steps)
        }
        None => check(Topic::Configuration, Verdict::Good, &format!("{path} is read and valid")),
    }
}

fn env_path(given: &Given<'_>) -> Option<Shown> {
    given.declared.env_file.as_ref().map(|file| Shown::from_bytes(file.path.as_os_str().as_encoded_bytes()))
}

/// What keeps the account from its own configuration.
fn barred(given: &Given<'_>, place: &Place) -> Option<Check> {
    let (path, account) = (&place.path, &given.checkup.account);
    let sentence = match &place.sight {
        Sight::Barred(directory) => format!("{account} may not go through {directory}, and so cannot read {path}"),
        Sight::There(access) if !access.may_read => format!("{account} may not read {path} (mode {:04o})", access.mode),
        Sight::Absent(part, _) => format!("{part} is not there"),
        Sight::There(_) | Sight::Unclear(_) => return None,
    };
    Some(with(Topic::Configuration, given.bad(), &sentence, vec![rights(path)]))
}

/// The command that shows who may go where along a path, namei(1).
pub(super) fn rights(path: &Shown) -> Step {
    shell(&["namei", "-l", path.as_str()], "shows whose each part is, and who may go through it")
}

/// Whether the environment file is read, valid and filled in; nothing where there is none.
pub(super) fn environment(given: &Given<'_>) -> Option<Check> {
    let file = given.declared.env_file.as_ref()?;
    let path = Shown::from_bytes(file.path.as_os_str().as_encoded_bytes());
    let edit = tell(&format!("mend {path}"));
    let restart = berth(&["restart", &given.id()], "reads it again");
    let fault = given.declared.fault.as_ref().filter(|fault| fault.file == path && !fault.denied);
    let told = fault.map(|fault| (fault.line.map(|line| format!("line {line}: ")).unwrap_or_default(), &fault.reason));
    if let Some((line, reason)) = told {
        let sentence = format!("{path} cannot be used: {line}{reason}");
        return Some(with(Topic::Environment, given.bad(), &sentence, vec![edit, restart]));
    }
    if let Some(why) = &given.checkup.env_fault {
        let sentence = format!("{path} cannot be used: {why}");
        return Some(with(Topic::Environment, given.bad(), &sentence, vec![edit, restart]));
    }
    let names = |names: &[Shown]| words::list(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut faults = Vec::new();
    if !file.untouched.is_empty() {
        let its = if file.untouched.len() == 1 { "its placeholder" } else { "their placeholders" };
        faults.push(format!("leaves {} at {its}", names(&file.untouched)));
    }
    if !file.missing.is_empty() {
        faults.push(format!("lacks {}, which its example names", names(&file.missing)));
    }
    if given.checkup.places.is_err() && faults.is_empty() {
        return Some(check(Topic::Environment, Verdict::Unknown, &format!("whether {path} can be used was not looked at")));
    }
    if faults.is_empty() {
        let count = file.names.len();
        let variables = if count == 1 { "variable" } else { "variables" };
        return Some(check(Topic::Environment, Verdict::Good, &format!("{path} is read: {count} {variables}")));
    }
    Some(with(Topic::Environment, Verdict::Suspect, &format!("{path} {}", faults.join(" and ")), vec![edit, restart]))
}
