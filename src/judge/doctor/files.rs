//! The checks of what lies on the disks: working directory, workspace, log, and the room that is left.
//!
//! It must never call a right there that the account does not have itself.

use super::says::Saying;
use super::settings::rights;
use super::{Given, check, shell, with};
use crate::domain::{Access, Check, Code, Place, Places, Shown, Sight, Step, Topic, Verdict, words};

/// Less than this is full: a server that cannot write a log line and a small file cannot work.
const FULL: u64 = 256 * 1024;

/// Less than this may be too little for what it has to write at once.
const SCARCE: u64 = 16 << 20;

/// Whether the server can be started in its working directory.
pub(super) fn directory(given: &Given<'_>, places: &Places) -> Option<Check> {
    let place = places.directory.as_ref()?;
    let needs = |access: &Access| access.is_directory && access.may_execute;
    Some(a_directory(given, Topic::Directory, "the working directory", place, needs, "go into"))
}

/// Whether it can write to its workspace.
pub(super) fn workspace(given: &Given<'_>, places: &Places) -> Option<Check> {
    let place = places.workspace.as_ref()?;
    let needs = |access: &Access| access.is_directory && access.may_execute && access.may_write;
    Some(a_directory(given, Topic::Workspace, "the workspace", place, needs, "write to"))
}

fn a_directory(given: &Given<'_>, topic: Topic, what: &str, place: &Place, needs: impl Fn(&Access) -> bool, verb: &str) -> Check {
    let (path, account) = (&place.path, &given.checkup.account);
    let sentence = match &place.sight {
        Sight::There(access) if needs(access) => return check(topic, Verdict::Good, &format!("{account} may {verb} {path}")),
        Sight::There(access) if !access.is_directory => format!("{what} {path} is no directory"),
        Sight::There(access) => format!("{account} may not {verb} {what} {path} (mode {:04o})", access.mode),
        Sight::Absent(part, _) if part == path => format!("{what} {path} is not there"),
        Sight::Absent(part, _) => format!("{what} {path} is not there: there is no {part}"),
        Sight::Barred(directory) => format!("{account} may not go through {directory}, and so does not reach {what} {path}"),
        Sight::Unclear(why) => return check(topic, Verdict::Unknown, &format!("{what} {path} could not be looked at: {why}")),
    };
    let steps = match &place.sight {
        Sight::Absent(..) => vec![made(given, path)],
        _ => vec![rights(path)],
    };
    with(topic, given.bad(), &sentence, steps)
}

/// The command that makes a directory as the account: root makes nothing in a user's tree.
fn made(given: &Given<'_>, path: &Shown) -> Step {
    let account = given.declared.account.as_ref().map_or_else(|| format!("#{}", given.declared.uid), ToString::to_string);
    shell(&["sudo", "-u", &account, "mkdir", "-p", path.as_str()], "makes it, if the account may")
}

/// Whether the log can be written to.
pub(super) fn log(given: &Given<'_>, places: &Places) -> Option<Check> {
    let place = places.log.as_ref()?;
    let (path, account) = (&place.path, &given.checkup.account);
    let sentence = match &place.sight {
        Sight::There(access) if access.is_regular && access.may_write && access.links == 1 => {
            return Some(check(Topic::Log, Verdict::Good, &format!("{account} may write to {path}")));
        }
        Sight::There(access) if !access.is_regular => format!("the log {path} is no plain file"),
        Sight::There(access) if !access.may_write => format!("{account} may not write to the log {path} (mode {:04o})", access.mode),
        Sight::There(_) => format!("the log {path} has a second name (hard link), and is not written to"),
        Sight::Absent(_, above) if above.is_directory && above.may_write && above.may_execute => {
            return Some(check(Topic::Log, Verdict::Good, &format!("{path} is not there yet; {account} may make it")));
        }
        Sight::Absent(part, _) => format!("the log {path} cannot be made: {account} may not make {part}"),
        Sight::Barred(directory) => format!("{account} may not go through {directory}, and so does not reach the log {path}"),
        Sight::Unclear(why) => return Some(check(Topic::Log, Verdict::Unknown, &format!("{path} could not be looked at: {why}"))),
    };
    Some(with(Topic::Log, given.bad(), &sentence, vec![rights(path)]))
}

/// Whether there is room for what it writes.
pub(super) fn disk(given: &Given<'_>, places: &Places) -> Option<Check> {
    let account = &given.checkup.account;
    let looked: Vec<(&Shown, &Access)> = [&places.log, &places.workspace].into_iter().flatten().filter_map(seen).collect();
    let steps = |path: &Shown| vec![shell(&["df", "-h", path.as_str()], "shows how full its file system is"), large(path)];
    for (path, access) in &looked {
        let left = match access {
            access if access.is_out_of_files => "no file can be made any more".to_owned(),
            access if access.room < FULL => format!("{} are left for {account}", words::size(access.room)),
            _ => continue,
        };
        return Some(with(Topic::Disk, given.bad(), &format!("the file system of {path} is full: {left}"), steps(path)));
    }
    if let Some(said) = given.said.filter(|said| said.what == Saying::DiskFull) {
        let sentence = "its log says that there was no room left on a disk";
        let told = with(Topic::Disk, Verdict::Bad, sentence, looked.first().map(|(path, _)| steps(path)).unwrap_or_default());
        return Some(Check { quotes: vec![said.line.clone()], ..told });
    }
    let least = looked.iter().min_by_key(|(_, access)| access.room)?;
    // That a disk fills is a finding of its own: as long as there is room it keeps nothing from working.
    let filling = given.snapshot.findings_of(&given.row.id).find(|finding| finding.code == Code::DiskFilling);
    let filling = filling.map(|finding| format!("; {}", finding.evidence)).unwrap_or_default();
    let verdict = if least.1.room < SCARCE { Verdict::Suspect } else { Verdict::Good };
    Some(check(Topic::Disk, verdict, &format!("{} are left for {account}{filling}", words::size(least.1.room))))
}

/// A path with what is known of its file system: of one that is not there, the directory above.
fn seen(place: &Place) -> Option<(&Shown, &Access)> {
    match &place.sight {
        Sight::There(access) | Sight::Absent(_, access) => Some((&place.path, access)),
        Sight::Barred(_) | Sight::Unclear(_) => None,
    }
}

fn large(path: &Shown) -> Step {
    let directory = path.as_str().rsplit_once('/').map_or("/", |(directory, _)| if directory.is_empty() { "/" } else { directory });
    shell(&["du", "-xh", "-d", "2", directory], "tells what is large there")
}
