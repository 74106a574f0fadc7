//! Giving an instance a port: the registry, the one number in the user's file, and a restart.
//!
//! The file is changed inside of the registry's transaction: what cannot be written in both is written in neither. It must never write a
//! user's file itself (a hand does, as the user), nor move an instance that can stay.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::act::{Control, Progress, RECENT, check_target, done, no_such, outcome_of, unrecorded};
use super::add::refused;
use super::left::LeftOver;
use super::restore::Unasked;
use super::start;
use crate::domain::{Asked, Caller, Declared, InstanceId, Order, Outcome, Row, Shown, Snapshot, Target, Verb, Wish};
use crate::error::{Context, Error, Kind, Result};
use crate::failpoint::cut;
use crate::hand::{Answer, Job, Replacement, content_digest};
use crate::provision::{Edit, env_port, json_port};
use crate::registry::{By, Given, Limits, Registry, Rules, Want};
use crate::sample::try_bind;
use crate::supervisor::process::identity_of;

/// The longest configuration that is changed, bytes.
const LONGEST: usize = 256 * 1024;

/// How long the hand may take: it writes one small file.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Assign {
    /// Who is to get a port.
    pub id: InstanceId,
    /// Which.
    pub by: By,
    /// What ran when it was confirmed.
    pub target: Target,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// Its port was taken when this was ordered of it, and `auto` moves it: it is started whether it ran or not.
    pub starting: Option<Verb>,
    /// Nobody asks for that start.
    pub unasked: Option<Unasked>,
    /// How long that may take; as its template says where it is `None`.
    pub timeout: Option<Duration>,
}

impl Assign {
    /// What was ordered.
    fn verb(&self) -> Verb {
        self.starting.unwrap_or(Verb::Assign(self.asked()))
    }

    /// "not assigned", "not started"
    fn not(&self) -> String {
        format!("not {}", self.verb().done())
    }

    fn asked(&self) -> Asked {
        match self.by {
            By::Name(port) => Asked::Port(port),
            By::Strategy(_) => Asked::Auto,
        }
    }
}

/// From what it is given.
pub struct Giving<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// What is never given.
    pub limits: Limits,
    /// How long a released port is kept.
    pub quarantine: Duration,
}

/// A file's one change.
pub(super) struct Change {
    pub(super) edit: Edit,
    pub(super) digest: u64,
    after: u64,
}

impl Control {
    /// What giving it a port would do, and the port that it would have: to take exactly this one, it is named.
    pub fn would_assign(&self, caller: &Caller, ask: &Assign, giving: &Giving<'_>) -> (Option<u16>, Outcome) {
        let mut chosen = None;
        let told = self.try_assign(caller, &Assign { dry_run: true, ..ask.clone() }, giving, &mut chosen, &mut |_| ());
        (chosen, told.unwrap_or_else(|error| outcome_of(&error)))
    }

    /// Gives an instance a port and says what came of it.
    pub fn assign(&self, caller: &Caller, ask: &Assign, giving: &Giving<'_>, progress: Progress<'_>) -> Outcome {
        self.try_assign(caller, ask, giving, &mut None, progress).unwrap_or_else(|error| outcome_of(&error))
    }

    fn try_assign(
        &self,
        caller: &Caller,
        ask: &Assign,
        giving: &Giving<'_>,
        chosen: &mut Option<u16>,
        progress: Progress<'_>,
    ) -> Result<Outcome> {
        let snapshot = self.eyes.look_for(&ask.id, RECENT);
        let row = snapshot.row(&ask.id).ok_or_else(no_such)?;
        // Only to say what would be done changes nothing.
        let asking = Caller { read_only: caller.read_only && !ask.dry_run, ..caller.clone() };
        let verb = ask.verb();
        if let Some(why) = self.why_not(&asking, verb, row) {
            return Err(Error::new(Kind::NotPermitted, format!("{}: {why}", ask.not())));
        }
        let Some(declared) = row.declared.clone() else { return Err(no_such()) };
        if ask.dry_run {
            let (given, notice) =
                giving.registry.would_give(&want(ask, row, &declared), &rules(giving, caller, &snapshot), &mut try_bind)?;
            let port = port_of(&given, ask)?;
            *chosen = Some(port);
            let change = self.change(&declared, port)?;
            let mut outcome = done(told(&declared, port, &given, change.as_ref(), row, "would be"));
            outcome.hints.extend(notice);
            return Ok(outcome);
        }
        giving.registry.require_room().map_err(|error| refused(&ask.not(), &error))?;
        // Its configuration will be another file, which somebody else might lock before this is done.
        let _by_name = self.lock_by_name(&ask.id, &ask.not())?;
        let _held = self.lock(caller, &declared, Verb::Restart, verb.done())?;
        // Looked behind the locks, at the files too: whoever had them before may have given another port.
        let snapshot = self.eyes.look();
        let row = snapshot.row(&ask.id).ok_or_else(no_such)?;
        let declared = row.declared.clone().ok_or_else(no_such)?;
        if let Some(why) = self.why_not(caller, verb, row) {
            return Err(Error::new(Kind::NotPermitted, format!("{}: {why}", ask.not())));
        }
        let order = Order { verb, id: ask.id.clone(), target: ask.target, reason: ask.reason.clone(), timeout: None };
        check_target(&order, row)?;
        self.require_due(ask.unasked, row, &declared)?;
        let left = self.left_over(&ask.id);
        let recorded = self.audit.intend(caller, &order, Some(row.state));
        let entry = recorded.map_err(|error| unrecorded(&ask.not(), error))?;
        cut("assign-recorded");
        let given = self.require_same_account(ask.unasked, &declared);
        let given = given.and_then(|()| self.give(caller, (ask, &left), giving, &snapshot, row, &declared, progress));
        let mut outcome = given.unwrap_or_else(|error| outcome_of(&error));
        outcome.hints.extend(left.iter().map(LeftOver::told));
        cut("assign-done");
        // The deed is done; that its result could not be recorded must not hide it.
        drop(self.audit.conclude(entry, &outcome));
        Ok(outcome)
    }

    #[allow(clippy::too_many_arguments, reason = "one step of the pipeline with what the steps before it found out")]
    fn give(
        &self,
        caller: &Caller,
        (ask, left): (&Assign, &[LeftOver]),
        giving: &Giving<'_>,
        snapshot: &Snapshot,
        row: &Row,
        declared: &Declared,
        progress: Progress<'_>,
    ) -> Result<Outcome> {
        let mut changed = None;
        progress(&Shown::from("looking for a port"));
        let written =
            giving.registry.allocate_then(&[want(ask, row, declared)], &rules(giving, caller, snapshot), &mut try_bind, |given| {
                let port = port_of(given.first().ok_or_else(|| Error::failed("not assigned"))?, ask)?;
                if let Some(change) = self.change(declared, port)? {
                    self.write(declared, &change.edit, change.digest)?;
                    changed = Some(change);
                }
                cut("assign-written");
                Ok(())
            });
        let (given, notices) = match written {
            Ok(written) => written,
            Err(error) => {
                // The file was changed, and the registry could not be: the file goes back to what it was.
                let Some(change) = changed else { return Err(error) };
                let back = Edit { old: change.edit.new.clone(), new: change.edit.old.clone(), ..change.edit };
                let said = format!("change line {} of {} back to {} yourself", back.line, declared.config.display(), back.new);
                return Err(if self.write(declared, &back, change.after).is_ok() { error } else { error.hint(said) });
            }
        };
        cut("assign-registered");
        let given = given.into_iter().next().ok_or_else(|| Error::failed("not assigned"))?;
        let port = port_of(&given, ask)?;
        let sentence = told(declared, port, &given, changed.as_ref(), row, "was");
        let kept = self.keep_port(declared, port);
        let listens = row.listening.iter().any(|(endpoint, _)| endpoint.port == port);
        // What was cut off behind the file is gone on with.
        let is_gone_on_with = !left.is_empty();
        let is_to_move = if ask.starting.is_some() {
            true
        } else if row.state.is_up() {
            changed.is_some() || is_gone_on_with && !row.listening.is_empty() && !listens
        } else {
            let is_wished = row.wish == Some(Wish::Up) && (changed.is_some() || is_gone_on_with);
            is_wished || left.iter().any(|one| self.had_stopped(one, declared))
        };
        let mut outcome = if changed.is_none() && !is_to_move {
            let mut outcome = done(sentence);
            if row.state.is_up() && !listens {
                outcome.hints.push(Shown::new(&format!("berth restart {}    what runs listens elsewhere", ask.id)));
            } else if !row.state.is_up() && row.wish == Some(Wish::Up) {
                outcome.hints.push(Shown::new(&format!("berth start {}    it is not running", ask.id)));
            }
            outcome
        } else if is_to_move {
            let mut moved =
                self.move_over(caller, ask, row, declared, changed.is_some(), progress).unwrap_or_else(|error| outcome_of(&error));
            moved.sentence = Shown::new(&format!("{sentence}; {}", moved.sentence));
            moved
        } else {
            let mut outcome = done(sentence);
            outcome.hints.push(Shown::new(&format!("berth start {}    it is not running", ask.id)));
            outcome
        };
        outcome.hints.extend(notices);
        // That the file says another port than before is what was asked for.
        outcome.hints.extend(if changed.is_some() { kept.told_as_changed() } else { kept.told() });
        Ok(outcome)
    }

    /// Has it serve on the port that its file says now.
    fn move_over(
        &self,
        caller: &Caller,
        ask: &Assign,
        row: &Row,
        declared: &Declared,
        is_replaced: bool,
        progress: Progress<'_>,
    ) -> Result<Outcome> {
        let (verb, target) = (ask.starting.unwrap_or(Verb::Restart), Target::Whatever);
        let order = Order { verb, id: ask.id.clone(), target, reason: ask.reason.clone(), timeout: ask.timeout };
        if row.state.is_up() {
            let stopped = self.stop(caller, &order, row, declared, progress)?;
            if !stopped.is_done() {
                return Ok(stopped);
            }
        }
        cut("assign-stopped");
        // A whole look: its file has changed.
        self.supervisor.forget(&ask.id);
        let snapshot = self.eyes.look();
        let gone = || Error::new(Kind::NoSuchInstance, "it has just gone");
        let row = snapshot.row(&ask.id).ok_or_else(gone)?;
        let declared = row.declared.clone().ok_or_else(gone)?;
        // A file that was changed has another inode now: whoever comes from here on is to meet this lock.
        let _held = if is_replaced { self.lock_what_was_written(&declared, verb.done())? } else { None };
        let started = start::start(self, caller, &order, &snapshot, row, &declared, verb == Verb::Restart, progress);
        cut("assign-started");
        started
    }

    /// What is to change in its file; `None` when that says the port already.
    pub(super) fn change(&self, declared: &Declared, port: u16) -> Result<Option<Change>> {
        // A unit's own file is not berth's to write.
        if declared.unit.as_ref().is_some_and(|unit| unit.is_bare) {
            return Ok(None);
        }
        let is_env = declared.env_file.as_ref().is_some_and(|file| file.path == declared.config);
        let is_said = declared.port == Some(port);
        if is_said && is_env {
            return Ok(None);
        }
        let doing = || format!("not assigned. {} cannot be read", declared.config.display());
        let beneath = declared.config.strip_prefix(&declared.config_root).unwrap_or(&declared.config);
        let bytes = self.reader.read(&identity_of(declared), &declared.config_root, beneath, LONGEST).while_doing(doing)?;
        let text = std::str::from_utf8(&bytes).while_doing(doing)?;
        let edit = match (&declared.env_file, declared.port) {
            (Some(file), Some(now)) if file.path == declared.config => {
                env_port(text, file.port_name.as_ref().map(Shown::as_str), now, port)?
            }
            (Some(file), None) if file.path == declared.config => {
                return Err(Error::failed("not assigned. Its environment file names no port"));
            }
            // Read although the look says that it is so: its user may have changed it since.
            _ => match json_port(text, port) {
                Ok(edit) if edit.old == edit.new => return Ok(None),
                Err(_) if is_said => return Ok(None),
                other => other?,
            },
        };
        let after = edit.applied(text).ok_or_else(|| Error::failed("not assigned. Its file cannot be changed"))?;
        Ok(Some(Change { edit, digest: content_digest(&bytes), after: content_digest(after.as_bytes()) }))
    }

    /// Has the user's hand change the file.
    pub(super) fn write(&self, declared: &Declared, edit: &Edit, digest: u64) -> Result<()> {
        let beneath = declared.config.strip_prefix(&declared.config_root).unwrap_or(&declared.config).to_owned();
        let (root, at, old, new) = (declared.config_root.clone(), edit.at, edit.old.clone(), edit.new.clone());
        let job = Job::Replace(Replacement { root, beneath, digest, at, old, new });
        match self.zygote.ask(&identity_of(declared), job, PATIENCE)? {
            Answer::Done | Answer::Called(_) | Answer::Survivors(_) => Ok(()),
            Answer::Refused { errno, .. } => Err(unwritten(declared, edit, errno)),
        }
    }
}

/// Why a file was not changed, and the way out.
fn unwritten(declared: &Declared, edit: &Edit, errno: i32) -> Error {
    let (path, account) =
        (declared.config.display(), declared.account.as_ref().map_or_else(|| declared.uid.to_string(), ToString::to_string));
    let (kind, why) = match errno {
        libc::ESTALE => (Kind::Busy, "somebody has just changed it".to_owned()),
        libc::EMLINK => (Kind::Failed, "it has a second name (a hard link)".to_owned()),
        libc::ELOOP | libc::EXDEV => (Kind::Failed, "there is a link on the way to it".to_owned()),
        libc::EPERM | libc::EACCES | libc::EROFS => (Kind::NotPermitted, format!("{account} may not write it")),
        other => (Kind::Failed, std::io::Error::from_raw_os_error(other).to_string()),
    };
    let hint = format!(
        "nothing was changed; write {} for {} in line {} yourself, then berth restart {}",
        edit.new, edit.old, edit.line, declared.id
    );
    Error::new(kind, format!("not assigned. {path} was not changed: {why}")).hint(hint)
}

fn want(ask: &Assign, row: &Row, declared: &Declared) -> Want {
    Want {
        id: ask.id.clone(),
        uid: declared.uid,
        host: declared.host.unwrap_or([127, 0, 0, 1].into()),
        configured: declared.port,
        listening: row.listening.iter().map(|(endpoint, _)| endpoint.port).collect(),
        by: ask.by,
        anew: false,
        usable: true,
    }
}

pub(super) fn rules(giving: &Giving<'_>, caller: &Caller, snapshot: &Snapshot) -> Rules {
    let declared = snapshot.rows.iter().filter_map(|row| row.declared.as_ref());
    Rules {
        limits: giving.limits.clone(),
        quarantine: giving.quarantine,
        configured: declared.filter_map(|declared| Some((declared.id.clone(), declared.uid, declared.port?))).collect(),
        on_behalf: caller.name.clone(),
        now: Timestamp::now(),
    }
}

/// The port that was given, or why none was.
fn port_of(given: &Given, ask: &Assign) -> Result<u16> {
    given.port.ok_or_else(|| {
        let why = match (&given.why, given.wish) {
            (Some(why), Some(wish)) if matches!(ask.by, By::Name(_)) => format!("{wish} {why}"),
            _ => "no port of the range is left for it".to_owned(),
        };
        Error::new(Kind::Busy, format!("not assigned. {why}")).hint("berth ports --free    lists those that nobody has")
    })
}

/// "has 8085 instead of 8081 (8081 is in use); line 2 of /x/config.json was changed"
fn told(declared: &Declared, port: u16, given: &Given, change: Option<&Change>, row: &Row, was: &str) -> String {
    let would = was != "was";
    let verb = if would { "would have" } else { "has" };
    let instead = declared.port.filter(|old| *old != port).map(|old| format!(" instead of {old}")).unwrap_or_default();
    let why = given.why.as_ref().map(|why| format!(" ({} {why})", given.wish.unwrap_or_default())).unwrap_or_default();
    let file = change.map(|change| format!("; line {} of {} {was} changed", change.edit.line, shown(&declared.config))).unwrap_or_default();
    let restart = if would && change.is_some() && row.state.is_up() { "; it would be restarted" } else { "" };
    format!("{verb} port {port}{instead}{why}{file}{restart}")
}

fn shown(path: &Path) -> Shown {
    Shown::new(&path.to_string_lossy())
}
