//! Looks up what may keep an instance from working: its files with the rights of its account, its port, its log.
//!
//! It must never change anything, never answer with root's rights for the account's, and never tell a value of an environment file.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::{
    Caller, Checkup, Declared, Deed, EnvFile, EventQuery, InstanceId, Launch, LogLine, Place, Places, Reading, Row, Shown, Sight, Sought,
    State, Uid, Verb, read_env, words,
};
use crate::hand::{Identity, Reader};
use crate::logs::{Journal, Opener, last_lines};
use crate::supervisor::process::{PROGRAM_PATH, identity_of};

use super::act::Control;
use super::port;

/// How many of the log's last lines are looked through.
const LINES: usize = 80;

/// How many entries of the trail are looked through.
const LAST: usize = 20;

/// The largest environment file, bytes.
const LONGEST: usize = 256 * 1024;

impl Control {
    /// Looks all of it up. `None` for what is no instance.
    /// `name` names a uid.
    pub fn checkup(&self, caller: &Caller, row: &Row, name: impl FnMut(Uid) -> Shown) -> Option<Checkup> {
        let declared = row.declared.as_deref()?;
        let who = identity_of(declared);
        let account = declared.account.clone().unwrap_or_else(|| Shown::new(&format!("uid {}", declared.uid)));
        // Who is not root can look as nobody but himself.
        let may_be_it = nix::unistd::geteuid().is_root() || who.is_self();
        let places = match may_be_it {
            true => Ok(places(&self.reader, &who, declared)),
            false => Err(Shown::new(&format!("only root and {account} can look with the rights of {account}"))),
        };
        let env_file = declared.env_file.as_ref().filter(|_| may_be_it);
        let log = match self.why_not(caller, Verb::Logs, row) {
            Some(why) => Err(why),
            None => log(&self.reader, &who, declared),
        };
        Some(Checkup {
            account,
            places,
            env_fault: env_file.and_then(|file| env_fault(&self.reader, &who, file)),
            obstacle: (!row.state.is_up()).then(|| port::obstacle(declared)).flatten().map(|text| Shown::new(&text)),
            stopped: if row.state == State::Stopped { self.stopped(&row.id, name) } else { Reading::Gone },
            log,
        })
    }

    /// Who stopped it last, where nothing was asked of it since. Who is not root may not see what root did.
    fn stopped(&self, id: &InstanceId, name: impl FnMut(Uid) -> Shown) -> Reading<Shown> {
        let query = EventQuery { last: LAST, since: None, user: None, id: Some(id.clone()) };
        let acts = [Verb::Start, Verb::Stop, Verb::Restart].map(Verb::word);
        let is_act = |deed: &&Deed| acts.contains(&deed.verb.as_str()) && deed.result.as_ref().is_some_and(|result| result.done);
        let deeds = self.audit.deeds(&query, name);
        match deeds.as_ref().ok().and_then(|deeds| deeds.iter().rev().find(is_act)) {
            Some(deed) if deed.verb.as_str() == Verb::Stop.word() => {
                let at = words::clock(deed.asked_at, Timestamp::now(), &TimeZone::system());
                Reading::Known(Shown::new(&format!("stopped by {}, {at}", deed.by)))
            }
            _ if deeds.is_err() || !nix::unistd::geteuid().is_root() => Reading::Denied,
            _ => Reading::Gone,
        }
    }
}

fn places(reader: &Reader, who: &Identity, declared: &Declared) -> Places {
    let place = |path: &Path| Place { path: shown(path), sight: reader.sight(who, path) };
    let given = |path: &Path| (!path.as_os_str().is_empty()).then(|| place(path));
    let launch = declared.launch.as_ref();
    Places {
        config: given(&declared.config),
        env_file: declared.env_file.as_ref().map(|file| place(&file.path)),
        program: launch.and_then(|launch| program(launch, place)),
        directory: launch.and_then(|launch| given(&launch.directory)),
        workspace: declared.workspace.as_deref().and_then(given),
        log: given(&declared.log),
    }
}

/// Where the program is, as the server's own search finds it: execvp(3) by the server's PATH.
fn program(launch: &Launch, place: impl Fn(&Path) -> Place) -> Option<Sought> {
    let word = launch.command.first()?;
    let candidates: Vec<PathBuf> = if word.contains('/') {
        vec![launch.directory.join(word)]
    } else {
        let path = launch.environment.get("PATH").unwrap_or(PROGRAM_PATH);
        path.split(':').filter(|directory| !directory.is_empty()).map(|directory| Path::new(directory).join(word)).collect()
    };
    let seen: Vec<Place> = candidates.iter().map(|candidate| place(candidate)).collect();
    let is_program = |place: &&Place| matches!(&place.sight, Sight::There(access) if access.is_regular && access.may_execute);
    let is_there = |place: &&Place| matches!(&place.sight, Sight::There(_));
    let found = seen.iter().find(is_program).or_else(|| seen.iter().find(is_there)).cloned();
    Some(Sought { word: Shown::new(word), places: found.map_or(seen, |place| vec![place]) })
}

/// Why an environment file cannot be used. What it says is not kept.
fn env_fault(reader: &Reader, who: &Identity, file: &EnvFile) -> Option<Shown> {
    let beneath = file.path.strip_prefix(&file.root).unwrap_or(&file.path);
    match reader.read(who, &file.root, beneath, LONGEST) {
        Err(error) => Some(Shown::new(&error.to_string())),
        Ok(bytes) => read_env(&bytes).1.map(|fault| Shown::new(&format!("line {}: {}", fault.line, fault.reason))),
    }
}

fn log(reader: &Reader, who: &Identity, declared: &Declared) -> Result<Vec<LogLine>, Shown> {
    let (root, beneath) = crate::logs::place(declared);
    // What is kept in memory is there for as long as this is.
    let journal = declared.journal().map(|(unit, user)| Journal::last(unit.as_str(), user, LINES));
    let opened = match &journal {
        Some(journal) => journal.open(),
        None => reader.open(who, &root, &beneath),
    };
    match opened.and_then(|file| last_lines(&file, LINES)) {
        Ok(lines) => Ok(lines),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Shown::new(&error.to_string())),
    }
}

fn shown(path: &Path) -> Shown {
    Shown::from_bytes(path.as_os_str().as_encoded_bytes())
}
