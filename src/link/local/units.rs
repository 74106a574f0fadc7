//! Instances that systemd runs: their units made, enabled and taken away again.
//!
//! It must never overwrite a unit that is not berth's, nor leave one enabled that has no part of its own.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Local;
use super::adding::Adding;
use crate::config::{DEFAULT_TEMPLATE, Source, Supervisor};
use crate::control::Deed;
use crate::deploy::{MARK, Run, own_part, put, template};
use crate::discover::run_of;
use crate::domain::{Added, InstanceId, Order, Outcome, Plot, Shown, SupervisorKind, Target, Verb};
use crate::error::{Context, Error, Kind, Result};
use crate::supervisor::unit_files::{self, FOLDER, Names};

/// The file of an instance's own part.
const OWN: &str = "berth.conf";

/// How long systemd may take until it tells of what it has just been given.
const FOUND_WITHIN: Duration = Duration::from_secs(20);

impl Local {
    /// Whether an instance is to be systemd's: by what was asked, else by its template.
    pub(super) fn is_units(&self, adding: &Adding) -> bool {
        let template = adding.template.as_deref().unwrap_or(DEFAULT_TEMPLATE);
        let by_template = self.config.templates.get(template).is_some_and(|template| template.supervisor == Supervisor::Systemd);
        adding.supervisor.map_or(by_template, |kind| kind == SupervisorKind::Systemd)
    }

    /// Why it cannot be systemd's, before anything is made of it.
    pub(super) fn check_unit(&self, adding: &Adding, plot: &Plot) -> Result<()> {
        self.names(&plot.id)?;
        // The port stands in for the one that it will have.
        let run = run_of(&self.config, plot, adding.template.as_deref(), 1)?;
        own_part(&Run { uid: plot.uid, gid: plot.gid, launch: &run.launch, limits: run.limits, writable: &run.writable })?;
        let snapshot = self.control.look();
        let row = snapshot.row(&plot.id);
        if row.is_some_and(|row| row.state.is_up() && row.supervisor != SupervisorKind::Systemd) {
            let told = "not added. It runs already, and not by systemd";
            return Err(Error::failed(told).hint(format!("berth stop {}    ends it; the same command goes on then", plot.id)));
        }
        Ok(())
    }

    /// Makes the unit of an instance that was just added, and starts that where it is wanted.
    pub(super) fn add_unit(&self, adding: &Adding, plot: &Plot, mut added: Added, progress: &mut dyn FnMut(&Shown)) -> Added {
        let Some(port) = added.port.filter(|_| added.outcome.is_done()) else { return added };
        let outcome = self.try_add_unit(adding, plot, port, &mut added, progress).unwrap_or_else(|error| outcome_of(&error));
        added.outcome.sentence = Shown::new(&format!("{}; {}", added.outcome.sentence, outcome.sentence));
        added.outcome.exit_code = outcome.exit_code;
        added.outcome.log_lines = outcome.log_lines;
        added.outcome.hints = outcome.hints;
        added
    }

    fn try_add_unit(
        &self,
        adding: &Adding,
        plot: &Plot,
        port: u16,
        added: &mut Added,
        progress: &mut dyn FnMut(&Shown),
    ) -> Result<Outcome> {
        let run = run_of(&self.config, plot, adding.template.as_deref(), port)?;
        let run = Run { uid: plot.uid, gid: plot.gid, launch: &run.launch, limits: run.limits, writable: &run.writable };
        let (names, own) = (self.names(&plot.id)?, own_part(&run)?);
        let files = [(Path::new(FOLDER).join(&names.template), template()), (names.folder().join(OWN), own.clone())];
        if adding.dry_run {
            for (path, text) in &files {
                added.steps.push(Shown::new(&format!("file {}:", path.display())));
                added.steps.extend(text.lines().map(|line| Shown::new(&format!("  {line}"))));
            }
            return Ok(done(format!("{} would be made and enabled", names.unit)));
        }
        progress(&Shown::from("making its unit"));
        let deed = Deed { verb: "add unit", not: "added", id: &plot.id, reason: adding.reason.clone() };
        let made = self.control.recorded(&self.caller, &deed, || {
            put(Path::new(FOLDER), &names.template, &template())?;
            let folder = names.folder();
            let doing = || format!("cannot make {}", folder.display());
            DirBuilder::new().recursive(true).mode(0o755).create(&folder).while_doing(doing)?;
            put(&folder, OWN, &own)?;
            unit_files::enable(&names.unit)?;
            Ok(done(format!("{} is made and enabled", names.unit)))
        });
        added.steps.extend(files.iter().map(|(path, _)| Shown::new(&format!("file {}", path.display()))));
        if !made.is_done() {
            return Ok(made);
        }
        let begun = Instant::now();
        while self.control.look().row(&plot.id).is_none_or(|row| row.supervisor != SupervisorKind::Systemd) {
            if begun.elapsed() > FOUND_WITHIN {
                let told = format!("{}, but systemd does not tell of it", made.sentence);
                return Err(Error::new(Kind::Timeout, told).hint(format!("systemctl status '{}'", names.unit)));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        if !adding.start {
            return Ok(Outcome { hints: vec![Shown::new(&format!("berth start {}    starts it", plot.id))], ..made });
        }
        let order =
            Order { verb: Verb::Start, id: plot.id.clone(), target: Target::Whatever, reason: adding.reason.clone(), timeout: None };
        let started = self.hands().carry_out(&order, progress);
        Ok(Outcome { sentence: Shown::new(&format!("{}; {}", made.sentence, started.sentence)), ..started })
    }

    /// How its unit is called. The administrator's own template of that name stays as it is.
    fn names(&self, id: &InstanceId) -> Result<Names> {
        let patterns = self.config.discover.iter().filter_map(|entry| match &entry.source {
            Source::Systemd(pattern) => Some(pattern.clone()),
            _ => None,
        });
        let found = unit_files::names(&patterns.collect::<Vec<_>>(), id);
        if found.is_empty() {
            let why =
                if id.is_default() { "no [[discover]] looks for such a unit" } else { "a unit's instance has its owner's name alone" };
            let hint = "[[discover]] systemd = \"mcp@*.service\"    finds the units of the template mcp@.service";
            return Err(Error::new(Kind::Usage, format!("not added. Nothing would find its unit: {why}")).hint(hint));
        }
        let is_free = |names: &&Names| match fs::read_to_string(Path::new(FOLDER).join(&names.template)) {
            Ok(text) => text.starts_with(MARK),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        let free = found.iter().find(is_free).cloned();
        free.ok_or_else(|| {
            let taken = found.first().map(|names| names.template.clone()).unwrap_or_default();
            Error::failed(format!("not added. {FOLDER}/{taken} is there, and is not berth's"))
        })
    }

    /// The unit of an instance that berth has made.
    pub(super) fn own_unit(&self, id: &InstanceId) -> Option<String> {
        let snapshot = self.control.look();
        // A user's own unit of the same name is the user's.
        let unit = snapshot.row(id)?.declared.as_ref()?.unit.as_ref().filter(|unit| !unit.is_users)?.name.to_string();
        let text = fs::read_to_string(unit_files::own_folder(&unit).join(OWN)).ok()?;
        text.starts_with(MARK).then_some(unit)
    }

    /// Takes a unit away that berth has made; nothing of it runs any more.
    pub(super) fn remove_unit(&self, id: &InstanceId, unit: &str, reason: Option<String>) -> Outcome {
        let deed = Deed { verb: "remove unit", not: "removed", id, reason };
        self.control.recorded(&self.caller, &deed, || {
            let folder = unit_files::own_folder(unit);
            let doing = || format!("cannot remove {}", folder.display());
            unit_files::disable(unit)?;
            fs::remove_file(folder.join(OWN)).while_doing(doing)?;
            // What the administrator has put beside it stays.
            let _ = fs::remove_dir(&folder);
            unit_files::reload()?;
            Ok(done(format!("{unit} is disabled")))
        })
    }
}

fn done(sentence: String) -> Outcome {
    Outcome { exit_code: 0, sentence: Shown::new(&sentence), hints: Vec::new(), log_lines: Vec::new() }
}

fn outcome_of(error: &Error) -> Outcome {
    let hints = error.way_out().into_iter().map(Shown::new).collect();
    Outcome { exit_code: error.exit_code(), sentence: Shown::new(&error.chain()), hints, log_lines: Vec::new() }
}
