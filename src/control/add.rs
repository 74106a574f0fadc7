//! Adding an instance: a port, its directories and its configuration, and a start.
//!
//! The file is made inside of the registry's transaction. Whatever is there already is taken as it is, so that a command that was cut off
//! goes on when it is given again. It must never make a user's file itself (a hand does), nor overwrite one.

use super::act::{Control, Progress, done, outcome_of, unrecorded};
use super::assign::{Giving, PATIENCE, rules};
use super::port_file::port_spot;
use super::start;
use crate::domain::{Added, Caller, Declared, Form, Order, Outcome, Plot, Role, Row, Shown, Snapshot, Spot, State, Target, Verb};
use crate::error::{Error, Kind, Result};
use crate::failpoint::cut;
use crate::hand::{Answer, Asked, Identity, Job, LONGEST_MADE, Making, Note, Taking, content_digest};
use crate::present::client;
use crate::provision::{env_text, json_text, port_text};
use crate::registry::{Book, By, Given, Want};
use crate::sample::try_bind;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Add {
    /// Where it is to be.
    pub plot: Plot,
    /// By what its port is chosen.
    pub by: By,
    /// It is started when it is there.
    pub start: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
}

impl Control {
    /// Adds an instance and says what came of it.
    pub fn add(&self, caller: &Caller, ask: &Add, giving: &Giving<'_>, progress: Progress<'_>) -> Added {
        let (account, config) = (ask.plot.account.clone(), Some(ask.plot.shown_config()));
        let mut added = Added { outcome: done(String::new()), port: None, url: None, account, config, steps: Vec::new() };
        added.outcome = self.try_add(caller, ask, giving, &mut added, progress).unwrap_or_else(|error| outcome_of(&error));
        added
    }

    fn try_add(&self, caller: &Caller, ask: &Add, giving: &Giving<'_>, added: &mut Added, progress: Progress<'_>) -> Result<Outcome> {
        let plot = &ask.plot;
        may_change(caller, Some(plot), ask.dry_run, "added")?;
        if ask.dry_run {
            return self.would_add(caller, ask, giving, added);
        }
        giving.registry.require_room().map_err(|error| refused("not added", &error))?;
        let _held = self.lock_by_name(&plot.id, "not added")?;
        // Behind the lock: whoever had it before may have done the same.
        let snapshot = self.eyes.look();
        let there = there_already(snapshot.row(&plot.id).map(AsRef::as_ref), plot)?;
        let found = there.map_or(State::Stopped, |(row, _)| row.state);
        let recorded = self.audit.intend_deed(caller, "add", &plot.id, ask.reason.clone(), Some(found));
        let entry = recorded.map_err(|error| unrecorded("not added", error))?;
        cut("add-recorded");
        let outcome = self.make_it(caller, ask, giving, &snapshot, there, added, progress).unwrap_or_else(|error| outcome_of(&error));
        cut("add-done");
        // The deed is done; that its result could not be recorded must not hide it.
        drop(self.audit.conclude(entry, &outcome));
        Ok(outcome)
    }

    fn would_add(&self, caller: &Caller, ask: &Add, giving: &Giving<'_>, added: &mut Added) -> Result<Outcome> {
        let plot = &ask.plot;
        let snapshot = self.eyes.look();
        let there = there_already(snapshot.row(&plot.id).map(AsRef::as_ref), plot)?;
        let Some(want) = Self::want(ask, &giving.registry.read()?.0, there)? else {
            let (port, up) = (there.and_then(|(_, declared)| declared.port), there.is_some_and(|(row, _)| row.state.is_up()));
            self.tell(added, plot, port, there);
            let start = if ask.start && !up { "; it would be started" } else { "" };
            return Ok(done(format!("is there already{}{start}", with_port(port))));
        };
        let (given, notice) = giving.registry.would_give(&want, &rules(giving, caller, &snapshot), &mut try_bind)?;
        let port = port_of(&given, &want)?;
        self.tell(added, plot, Some(port), there);
        added.steps.push(Shown::new(&format!("port {port}{}", why(&given))));
        if there.is_none() {
            let text = self.text(plot, port)?;
            let account = plot.account.clone().unwrap_or_else(|| Shown::new(&format!("uid {}", plot.uid)));
            let missing = plot.needs().into_iter().filter(|spot| !self.is_there(plot, spot));
            added.steps.extend(missing.map(|spot| Shown::new(&format!("directory {}, {account}'s own, 0700", spot.path().display()))));
            added.steps.push(Shown::new(&format!("file {}, {account}'s own, 0600, {} bytes", plot.shown_config(), text.len())));
        }
        if ask.start {
            added.steps.push(Shown::from("a start"));
        }
        let mut outcome = done(format!("would have port {port}{}", why(&given)));
        outcome.hints.extend(notice);
        Ok(outcome)
    }

    #[allow(clippy::too_many_arguments, reason = "one step of the pipeline with what the steps before it found out")]
    fn make_it(
        &self,
        caller: &Caller,
        ask: &Add,
        giving: &Giving<'_>,
        snapshot: &Snapshot,
        there: Option<(&Row, &Declared)>,
        added: &mut Added,
        progress: Progress<'_>,
    ) -> Result<Outcome> {
        let plot = &ask.plot;
        let mut outcome = match Self::want(ask, &giving.registry.read()?.0, there)? {
            None => {
                let port = there.and_then(|(_, declared)| declared.port);
                self.tell(added, plot, port, there);
                done(format!("is there already{}", with_port(port)))
            }
            Some(want) => {
                progress(&Shown::from("looking for a port"));
                let mut made = None;
                let rules = rules(giving, caller, snapshot);
                let written = giving.registry.allocate_then(std::slice::from_ref(&want), &rules, &mut try_bind, |given| {
                    let port = port_of(given.first().ok_or_else(|| Error::failed("not added"))?, &want)?;
                    cut("add-given");
                    if there.is_none() {
                        progress(&Shown::from("making its files"));
                        made = Some(self.make(plot, port)?);
                    }
                    cut("add-made");
                    Ok(())
                });
                let (given, notices) = match written {
                    Ok(written) => written,
                    Err(error) => return Err(self.unmade(plot, made, error)),
                };
                cut("add-registered");
                let given = given.into_iter().next().ok_or_else(|| Error::failed("not added"))?;
                let port = port_of(&given, &want)?;
                self.tell(added, plot, Some(port), there);
                added.steps.push(Shown::new(&format!("port {port}{}", why(&given))));
                if made.is_some() {
                    added.steps.push(Shown::new(&format!("file {}", plot.shown_config())));
                }
                let file = if made.is_some() { format!("; {} was written", plot.shown_config()) } else { String::new() };
                let mut outcome = done(format!("has port {port}{}{file}", why(&given)));
                if let Some((_, declared)) = there {
                    outcome.hints.extend(self.keep_port(declared, port).told());
                }
                outcome.hints.extend(notices);
                outcome
            }
        };
        if ask.start {
            let started = self.start_added(caller, ask, progress).unwrap_or_else(|error| outcome_of(&error));
            outcome.sentence = Shown::new(&format!("{}; {}", outcome.sentence, started.sentence));
            outcome.exit_code = started.exit_code;
            outcome.log_lines = started.log_lines;
            outcome.hints.splice(0..0, started.hints);
        } else {
            let hint = format!("berth start {}    starts it", plot.id);
            outcome.hints.extend((!there.is_some_and(|(row, _)| row.state.is_up())).then(|| Shown::new(&hint)));
        }
        Ok(outcome)
    }

    /// Who wants which port; `None` where the registry has one for it that its file says, too.
    pub(super) fn want(ask: &Add, book: &Book, there: Option<(&Row, &Declared)>) -> Result<Option<Want>> {
        let plot = &ask.plot;
        let registered = book.port_of(&plot.id);
        let want = |by, configured, listening| Want {
            id: plot.id.clone(),
            uid: plot.uid,
            host: there.and_then(|(_, declared)| declared.host).unwrap_or(plot.host),
            configured,
            listening,
            by,
            anew: false,
            usable: true,
        };
        let Some((row, declared)) = there else {
            // Who comes back is given the port that clients know, if that is nobody else's by now.
            let own = book.released().filter(|(_, released)| released.id == plot.id).max_by_key(|(_, released)| released.at);
            return Ok(Some(want(ask.by, own.map(|(port, _)| port), Vec::new())));
        };
        let listening = row.listening.iter().map(|(endpoint, _)| endpoint.port).collect();
        match (registered, declared.port) {
            (Some(port), Some(configured)) if port == configured => Ok(None),
            (Some(port), configured) => {
                let says = configured.map_or_else(|| "no port".to_owned(), |configured| configured.to_string());
                Err(Error::failed(format!(
                    "not added. It is there already: port {port} is its own, but {} says {says}",
                    plot.shown_config()
                ))
                .hint(format!("berth assign {} --port auto    has both say the same", plot.id)))
            }
            // Its file was there before: what that says becomes its own, if it can have it.
            (None, Some(configured)) => Ok(Some(want(By::Name(configured), Some(configured), listening))),
            (None, None) => Err(Error::failed(format!("not added. {} is there already and names no port", plot.shown_config()))),
        }
    }

    fn start_added(&self, caller: &Caller, ask: &Add, progress: Progress<'_>) -> Result<Outcome> {
        let plot = &ask.plot;
        self.supervisor.forget(&plot.id);
        // A whole look: its file is new.
        let snapshot = self.eyes.look();
        let lost = || Error::failed("not started. It was made, but is not found").hint("berth check    says what is wrong");
        let row = snapshot.row(&plot.id).ok_or_else(lost)?;
        let declared = row.declared.clone().ok_or_else(lost)?;
        let (verb, target) = (Verb::Start, Target::Whatever);
        if let Some(why) = self.why_not(caller, verb, row) {
            let fault = declared.fault.as_ref().map(|fault| format!(": {}", fault.reason)).unwrap_or_default();
            return Err(Error::failed(format!("not started: {why}{fault}")));
        }
        let order = Order { verb, id: plot.id.clone(), target, reason: ask.reason.clone(), timeout: None };
        let _held = self.lock(caller, &declared, verb, "started")?;
        start::start(self, caller, &order, &snapshot, row, &declared, false, progress)
    }

    pub(super) fn tell(&self, added: &mut Added, plot: &Plot, port: Option<u16>, there: Option<(&Row, &Declared)>) {
        added.port = port;
        let host = there.and_then(|(_, declared)| declared.host).unwrap_or(plot.host);
        added.url = port.map(|port| client::url_at(Some(host), port));
    }

    fn is_there(&self, plot: &Plot, spot: &Spot) -> bool {
        self.reader.stat(&identity(plot), &spot.root, &spot.beneath).is_ok()
    }

    /// What is to stand in its file.
    fn text(&self, plot: &Plot, port: u16) -> Result<String> {
        let text = match &plot.form {
            Form::Json => json_text(&plot.id, port, plot.host, &plot.workspace.path())?,
            Form::Env { port_key, host_key, examples } => {
                let read = |beneath: &std::path::PathBuf| self.reader.read(&identity(plot), &plot.config.root, beneath, LONGEST_MADE).ok();
                let example = examples.iter().find_map(read).and_then(|bytes| String::from_utf8(bytes).ok());
                let values = [(port_key.as_str(), port.to_string()), (host_key.as_str(), plot.host.to_string())];
                env_text(example.as_deref(), &values)?
            }
        };
        if text.len() > LONGEST_MADE {
            return Err(Error::failed(format!("not added. Its file would be longer than {} KiB", LONGEST_MADE / 1024)));
        }
        Ok(text)
    }

    /// Has the user's hand make it; what the file holds, as it is known again.
    pub(super) fn make(&self, plot: &Plot, port: u16) -> Result<u64> {
        let (digest, asked) = self.begin_to_make(plot, port)?;
        made(plot, asked).map(|()| digest)
    }

    /// Asks the user's hand to make it, and does not wait; what the file will hold, and whom to hear.
    pub(super) fn begin_to_make(&self, plot: &Plot, port: u16) -> Result<(u64, Asked)> {
        let text = self.text(plot, port)?;
        let digest = content_digest(text.as_bytes());
        let directories = plot.needs().iter().map(Into::into).collect();
        let note = port_spot(plot).map(|spot| Note { place: (&spot).into(), text: port_text(port) });
        let making = Making { directories, file: Some(((&plot.config).into(), text)), note };
        Ok((digest, self.zygote.begin(&identity(plot), Job::Make(making), PATIENCE)?))
    }

    /// The file was made, and the registry could not be written: the file goes.
    fn unmade(&self, plot: &Plot, made: Option<u64>, error: Error) -> Error {
        let Some(digest) = made else { return error };
        let taking = Taking::Made { file: (&plot.config).into(), digest };
        match self.zygote.ask(&identity(plot), Job::Take(taking), PATIENCE) {
            Ok(Answer::Done) => {
                self.drop_port(plot);
                error
            }
            _ => error.hint(format!("remove {} yourself, or give the same command again", plot.shown_config())),
        }
    }
}

/// Waits until a hand has made it.
pub(super) fn made(plot: &Plot, asked: Asked) -> Result<()> {
    answered(plot, asked.answer()?)
}

/// What the hand answered.
pub(super) fn answered(plot: &Plot, answer: Answer) -> Result<()> {
    match answer {
        Answer::Refused { errno, doing } => Err(not_made(plot, errno, &doing)),
        Answer::Done | Answer::Called(_) | Answer::Survivors(_) => Ok(()),
    }
}

/// Nothing was done.
pub(super) fn refused(not: &str, error: &Error) -> Error {
    let told = Error::new(error.kind(), format!("{not}. {}", error.chain()));
    error.way_out().map(str::to_owned).into_iter().fold(told, Error::hint)
}

/// Who may: an admin, who is root or the account itself; where that is not known, root.
pub(super) fn may_change(caller: &Caller, plot: Option<&Plot>, dry_run: bool, done: &str) -> Result<()> {
    let not = |why: &str| Err(Error::new(Kind::NotPermitted, format!("not {done}: {why}")));
    if caller.read_only && !dry_run {
        return not("this session is read-only");
    }
    if caller.role != Role::Admin {
        return not("instances are added and removed by admins ([access] admins)");
    }
    let own = plot.is_some_and(|plot| plot.uid == caller.uid);
    if !caller.uid.is_root() && !own && !dry_run {
        let account = plot.and_then(|plot| plot.account.as_ref()).map_or("another user", |name| name.as_str());
        return not(&format!("only root can act as {account}: sudo berth"));
    }
    Ok(())
}

/// The row, where it is there already, and what declares it.
pub(super) fn there_already<'a>(row: Option<&'a Row>, plot: &Plot) -> Result<Option<(&'a Row, &'a Declared)>> {
    let Some(row) = row else { return Ok(None) };
    let Some(declared) = row.declared.as_deref() else { return Ok(None) };
    let already = |what: String| Error::failed(format!("not added. It is there already: {what}"));
    let file = Shown::new(&declared.config.to_string_lossy());
    if declared.config != plot.config.path() {
        return Err(already(format!("{file} declares it")).hint(format!("berth show {}", plot.id)));
    }
    if declared.uid != plot.uid {
        let whose = declared.account.as_ref().map_or_else(|| declared.uid.to_string(), ToString::to_string);
        return Err(already(format!("it runs as {whose}")));
    }
    match &declared.fault {
        Some(fault) => {
            let line = fault.line.map(|line| format!(" line {line}")).unwrap_or_default();
            Err(already(format!("{file} cannot be used: {}", fault.reason))
                .hint(format!("mend {}{line}, then give the same command again", fault.file)))
        }
        None => Ok(Some((row, declared))),
    }
}

pub(super) fn identity(plot: &Plot) -> Identity {
    let groups: Vec<u32> = plot.groups.iter().map(|group| group.0).collect();
    Identity::with_groups(plot.uid, plot.gid, &groups)
}

pub(super) fn with_port(port: Option<u16>) -> String {
    port.map(|port| format!(" with port {port}")).unwrap_or_default()
}

/// " (8080 is in use)", where it was not given what was wished for it.
pub(super) fn why(given: &Given) -> String {
    given.why.as_ref().map(|why| format!(" ({} {why})", given.wish.unwrap_or_default())).unwrap_or_default()
}

/// The port that was given, or why none was.
pub(super) fn port_of(given: &Given, want: &Want) -> Result<u16> {
    given.port.ok_or_else(|| {
        let why = match (&given.why, want.by) {
            (Some(why), By::Name(port)) => format!("Its file says {port}, which {why}"),
            _ => "No port of the range is left for it".to_owned(),
        };
        let hint = match want.by {
            By::Name(_) => format!("berth assign {} --port auto    gives it another one; if it runs there, berth adopt {0}", want.id),
            By::Strategy(_) => "berth ports --free    lists those that nobody has; [ports] range says how many there are".to_owned(),
        };
        Error::new(Kind::Busy, format!("not added. {why}")).hint(hint)
    })
}

/// Why nothing was made, and the way out.
fn not_made(plot: &Plot, errno: i32, path: &str) -> Error {
    let account = plot.account.as_ref().map_or_else(|| format!("uid {}", plot.uid), ToString::to_string);
    let path = if path.is_empty() { plot.shown_config() } else { Shown::new(path) };
    let (kind, why, hint) = match errno {
        libc::EEXIST => {
            (Kind::Failed, "it is there already".to_owned(), "nothing is overwritten: look at what is there, and move it away".to_owned())
        }
        libc::ELOOP | libc::EXDEV => {
            (Kind::Failed, "there is a link on the way to it".to_owned(), "links are not followed in a user's tree".to_owned())
        }
        libc::EPERM | libc::EACCES | libc::EROFS => (
            Kind::NotPermitted,
            format!("{account} may not write there"),
            "the directory must be root's alone, or the account's own".to_owned(),
        ),
        libc::ENOTDIR => (Kind::Failed, "something on the way to it is no directory".to_owned(), "move it away".to_owned()),
        libc::ENOSPC | libc::EDQUOT => (Kind::Failed, "the disk is full".to_owned(), "make room; the same command goes on then".to_owned()),
        other => {
            (Kind::Failed, std::io::Error::from_raw_os_error(other).to_string(), "the same command goes on when that is mended".to_owned())
        }
    };
    Error::new(kind, format!("not added. {path} was not made: {why}")).hint(hint)
}
