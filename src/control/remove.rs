//! Removing an instance: stopped, its port kept from others for a while, and no configuration any more that anything finds.
//!
//! The configuration goes last: a command that was cut off finds the instance again and goes on. It must never take away what another
//! instance uses, nor what only the user's own file says is its: a workspace outside of the layout stays.

use std::time::Duration;

use jiff::SignedDuration;

use super::act::{Control, Progress, RECENT, check_target, done, no_such, outcome_of, unrecorded};
use super::add::{identity, may_change, refused};
use super::assign::{Giving, PATIENCE, rules};
use crate::domain::{Caller, Declared, InstanceId, Order, Outcome, Plot, Row, Shown, Snapshot, Spot, Target, Verb};
use crate::error::{Error, Kind, Result};
use crate::failpoint::cut;
use crate::hand::{Answer, Job, Taking};

/// How long a workspace may take to be cleared away.
const CLEARING: Duration = Duration::from_secs(3600);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Remove {
    /// Who is to go.
    pub id: InstanceId,
    /// Where it is by the layout; `None` where that cannot be told any more, its account being gone, say.
    pub plot: Option<Plot>,
    /// Its files go, too.
    pub purge: bool,
    /// What was running when it was confirmed.
    pub target: Target,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
}

impl Control {
    /// Removes an instance and says what came of it.
    pub fn remove(&self, caller: &Caller, ask: &Remove, giving: &Giving<'_>, progress: Progress<'_>) -> Outcome {
        self.try_remove(caller, ask, giving, progress).unwrap_or_else(|error| outcome_of(&error))
    }

    fn try_remove(&self, caller: &Caller, ask: &Remove, giving: &Giving<'_>, progress: Progress<'_>) -> Result<Outcome> {
        may_change(caller, ask.plot.as_ref(), ask.dry_run, "removed")?;
        let snapshot = self.eyes.look_for(&ask.id, RECENT);
        let declared = snapshot.row(&ask.id).and_then(|row| row.declared.clone());
        let Some(declared) = declared else { return self.remove_what_is_left(caller, ask, giving) };
        let plot = laid_out(ask, &declared)?;
        if ask.dry_run {
            let row = snapshot.row(&ask.id);
            let stop = if row.is_some_and(|row| row.state.is_up()) { "stopped; " } else { "" };
            let port = giving.registry.read()?.0.port_of(&ask.id).or(declared.port);
            let port = port.map(|port| format!("its port {port} kept from others for a while; ")).unwrap_or_default();
            let files = files_told(ask.purge, plot, &declared, &snapshot, "would be");
            return Ok(done(format!("would be {stop}{port}{files}")));
        }
        // Before it is stopped: an instance that is neither here nor gone is worse than one that stays.
        giving.registry.require_room().map_err(|error| refused("not removed", &error))?;
        let by_name = self.lock_by_name(&ask.id, "not removed")?;
        let _held = self.lock(caller, &declared, Verb::Stop, "removed")?;
        // Looked again behind the locks, at the files too: whoever had them before may have done the same, or given it another port.
        let snapshot = self.eyes.look();
        let row = snapshot.row(&ask.id);
        let Some((row, declared)) = row.and_then(|row| Some((row, row.declared.clone()?))) else {
            drop(by_name);
            return self.remove_what_is_left(caller, ask, giving);
        };
        let plot = laid_out(ask, &declared)?;
        let order = Order { verb: Verb::Stop, id: ask.id.clone(), target: ask.target, reason: ask.reason.clone(), timeout: None };
        check_target(&order, row)?;
        let which = if ask.purge { "remove and purge" } else { "remove" };
        let recorded = self.audit.intend_deed(caller, which, &ask.id, ask.reason.clone(), Some(row.state));
        let entry =
            recorded.map_err(|error| unrecorded("not removed", error).hint("is the disk full? nothing was changed; stop still works"))?;
        cut("remove-recorded");
        let outcome = self
            .take_away(caller, (ask, plot), giving, &order, &snapshot, row, &declared, progress)
            .unwrap_or_else(|error| outcome_of(&error));
        self.supervisor.forget(&ask.id);
        cut("remove-done");
        // The deed is done; that its result could not be recorded must not hide it.
        drop(self.audit.conclude(entry, &outcome));
        Ok(outcome)
    }

    #[allow(clippy::too_many_arguments, reason = "one step of the pipeline with what the steps before it found out")]
    fn take_away(
        &self,
        caller: &Caller,
        (ask, plot): (&Remove, &Plot),
        giving: &Giving<'_>,
        order: &Order,
        snapshot: &Snapshot,
        row: &Row,
        declared: &Declared,
        progress: Progress<'_>,
    ) -> Result<Outcome> {
        let stopped = self.stop(caller, order, row, declared, progress)?;
        if !stopped.is_done() {
            return Ok(stopped);
        }
        cut("remove-stopped");
        let rules = rules(giving, caller, snapshot);
        let (port, notices) = giving.registry.retire(&ask.id, declared.uid, declared.port, &rules)?;
        // Whoever is called so next is another one. Where that cannot be kept, his certificate is told as changed, and that is all.
        drop(self.forget_certificates(&ask.id));
        cut("remove-released");
        if ask.purge {
            progress(&Shown::from("clearing its files away"));
            let (trees, logs, pids) = own_files(plot, snapshot);
            let below = |spots: &[Spot]| spots.iter().map(Into::into).collect();
            let purge = Taking::Purge { trees: below(&trees), logs: below(&logs), files: below(&pids), emptied: Vec::new() };
            self.have_taken(plot, purge, CLEARING)?;
            cut("remove-cleared");
        }
        let config = (&plot.config).into();
        let taking = if ask.purge {
            Taking::Purge { trees: Vec::new(), logs: Vec::new(), files: vec![config], emptied: Vec::new() }
        } else {
            Taking::Aside(config)
        };
        self.drop_port(plot);
        let called = self.have_taken(plot, taking, PATIENCE)?;
        cut("remove-taken");
        if ask.purge {
            self.clear_emptied(plot);
        }
        let until = SignedDuration::try_from(giving.quarantine).ok().and_then(|length| rules.now.checked_add(length).ok());
        let until = until.filter(|until| *until > rules.now).map(|until| format!(" until {}", until.strftime("%Y-%m-%dT%H:%MZ")));
        let port = match (port, until) {
            (Some(port), Some(until)) => format!("; its port {port} is given to nobody else{until}"),
            (Some(port), None) => format!("; its port {port} is free"),
            (None, _) => String::new(),
        };
        let files = match called {
            Some(name) => {
                let kept = plot.config.path().with_file_name(name);
                format!("; its files are kept, its configuration as {}", kept.display())
            }
            None => format!("; {}", files_told(ask.purge, plot, declared, snapshot, "were")),
        };
        let mut outcome = done(format!("was removed{port}{files}"));
        outcome.hints.extend(notices);
        Ok(outcome)
    }

    /// What is done where no configuration declares it any more: what the registry still has is released, what was cut off is gone on with.
    fn remove_what_is_left(&self, caller: &Caller, ask: &Remove, giving: &Giving<'_>) -> Result<Outcome> {
        let (book, _) = giving.registry.read()?;
        let was_here = book.released().any(|(_, released)| released.id == ask.id);
        let port = book.port_of(&ask.id);
        if port.is_none() && !was_here {
            return Err(no_such());
        }
        // What a removal kept may be purged by a later one.
        let kept = ask.plot.as_ref().filter(|_| ask.purge);
        if ask.dry_run || (port.is_none() && kept.is_none()) {
            let port = port.map(|port| format!("would be released: port {port}, which is all that is left of it"));
            let kept = kept.map_or("", |_| "; what was kept of it would be deleted");
            return Ok(done(format!("{}{kept}", port.as_deref().unwrap_or("is removed already"))));
        }
        let _by_name = self.lock_by_name(&ask.id, "not removed")?;
        let which = if kept.is_some() { "remove and purge" } else { "remove" };
        let recorded = self.audit.intend_deed(caller, which, &ask.id, ask.reason.clone(), None);
        let entry = recorded.map_err(|error| unrecorded("not removed", error))?;
        let outcome = self.take_what_is_left(caller, ask, port, kept, giving).unwrap_or_else(|error| outcome_of(&error));
        drop(self.audit.conclude(entry, &outcome));
        Ok(outcome)
    }

    fn take_what_is_left(
        &self,
        caller: &Caller,
        ask: &Remove,
        port: Option<u16>,
        kept: Option<&Plot>,
        giving: &Giving<'_>,
    ) -> Result<Outcome> {
        let snapshot = self.eyes.look();
        let mut outcome = match port {
            Some(port) => {
                let (_, notices) = giving.registry.release(&ask.id, &rules(giving, caller, &snapshot))?;
                let told = "which was all that was left of it, was released";
                Outcome { hints: notices, ..done(format!("was removed; its port {port}, {told}")) }
            }
            None => done("is removed already".to_owned()),
        };
        if let Some(plot) = kept {
            let (trees, logs, mut files) = own_files(plot, &snapshot);
            files.extend(set_aside(&plot.config));
            let below = |spots: &[Spot]| spots.iter().map(Into::into).collect();
            let purge = Taking::Purge { trees: below(&trees), logs: below(&logs), files: below(&files), emptied: Vec::new() };
            self.have_taken(plot, purge, CLEARING)?;
            self.clear_emptied(plot);
            outcome.sentence = Shown::new(&format!("{}; what was kept of it was deleted", outcome.sentence));
        }
        Ok(outcome)
    }

    /// Directories that have nothing in them any more. Those that lie in the administrator's own directory go after those in them.
    fn clear_emptied(&self, plot: &Plot) {
        let (top, deeper): (Vec<Spot>, Vec<Spot>) =
            plot.may_be_emptied().into_iter().partition(|spot| spot.beneath.components().count() == 1);
        for emptied in [deeper, top] {
            let emptied = emptied.iter().map(Into::into).collect();
            let purge = Taking::Purge { trees: Vec::new(), logs: Vec::new(), files: Vec::new(), emptied };
            // An empty directory that stays is in nobody's way.
            drop(self.have_taken(plot, purge, PATIENCE));
        }
    }

    /// Has the user's hand do it; what a file is called now.
    fn have_taken(&self, plot: &Plot, taking: Taking, patience: Duration) -> Result<Option<String>> {
        match self.zygote.ask(&identity(plot), Job::Take(taking), patience)? {
            Answer::Called(name) => Ok(Some(name)),
            Answer::Done | Answer::Survivors(_) => Ok(None),
            Answer::Refused { errno, doing } => Err(not_taken(plot, errno, &doing)),
        }
    }
}

/// Where it is by the layout, if it is there.
fn laid_out<'a>(ask: &'a Remove, declared: &Declared) -> Result<&'a Plot> {
    let is_there = |plot: &&Plot| plot.config.path() == declared.config && plot.uid == declared.uid;
    ask.plot.as_ref().filter(is_there).ok_or_else(|| {
        let file = Shown::new(&declared.config.to_string_lossy());
        Error::failed(format!("not removed. {file} declares it, which is not where the layout has it"))
    })
}

/// "its workspace, logs and configuration were deleted", and what was not.
fn files_told(purge: bool, plot: &Plot, declared: &Declared, snapshot: &Snapshot, were: &str) -> String {
    if !purge {
        return format!("its files {were} kept, its configuration under another name");
    }
    let (trees, logs, _) = own_files(plot, snapshot);
    let mut kept = Vec::new();
    if trees.is_empty() {
        kept.push(format!("{}, which another instance uses", plot.workspace.path().display()));
    }
    if let Some(other) = declared.workspace.as_ref().filter(|workspace| **workspace != plot.workspace.path()) {
        kept.push(format!("{}, which is not where the layout has its workspace", Shown::new(&other.to_string_lossy())));
    }
    if logs.is_empty() {
        kept.push(format!("{}, to which another instance writes", plot.log.path().display()));
    }
    let kept = if kept.is_empty() { String::new() } else { format!(", but not {}", kept.join(", nor ")) };
    format!("its workspace, logs and configuration {were} deleted{kept}")
}

/// Its workspace, its log and its PID file, each only where no other instance has anything in it.
fn own_files(plot: &Plot, snapshot: &Snapshot) -> (Vec<Spot>, Vec<Spot>, Vec<Spot>) {
    let others: Vec<&Declared> = snapshot.rows.iter().filter(|row| row.id != plot.id).filter_map(|row| row.declared.as_deref()).collect();
    let is_own = |spot: &&Spot| {
        let path = spot.path();
        let in_it = |other: &&Declared| {
            let workspace = other.workspace.as_ref().is_some_and(|workspace| workspace.starts_with(&path));
            workspace || [&other.config, &other.log, &other.pid_file].into_iter().any(|file| file.starts_with(&path))
        };
        // Without a name of the instance's in it, it is everybody's.
        !spot.beneath.as_os_str().is_empty() && !others.iter().any(in_it)
    };
    let own = |spot: &Spot| Some(spot).filter(is_own).into_iter().cloned().collect();
    (own(&plot.workspace), own(&plot.log), own(&plot.pid_file))
}

/// What the configurations are called that removals have kept, by `hand::take`.
fn set_aside(config: &Spot) -> impl Iterator<Item = Spot> {
    (0..10).map(|number| {
        let mut beneath = config.beneath.clone().into_os_string();
        beneath.push(if number == 0 { ".old".to_owned() } else { format!(".old-{number}") });
        Spot { beneath: beneath.into(), ..config.clone() }
    })
}

/// Why something was not taken away, and the way out.
fn not_taken(plot: &Plot, errno: i32, path: &str) -> Error {
    let account = plot.account.as_ref().map_or_else(|| format!("uid {}", plot.uid), ToString::to_string);
    let path = if path.is_empty() { plot.shown_config() } else { Shown::new(path) };
    let (kind, why) = match errno {
        libc::EPERM | libc::EACCES | libc::EROFS => (Kind::NotPermitted, format!("{account} may not take it away")),
        libc::EXDEV => (Kind::Failed, "another file system is mounted in it".to_owned()),
        libc::ELOOP => (Kind::Failed, "there is a link on the way to it, or it is too deep".to_owned()),
        other => (Kind::Failed, std::io::Error::from_raw_os_error(other).to_string()),
    };
    let told = format!("not removed to its end. It is stopped and its port released, but {path} is still there: {why}");
    Error::new(kind, told).hint("the same command goes on when that is mended")
}

#[cfg(test)]
#[path = "remove_tests.rs"]
mod tests;
