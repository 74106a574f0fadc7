//! Instances removed and adopted through this door: found by the configuration, done by `control`.
//!
//! It must never do either itself.

use super::Local;
use crate::config::Source;
use crate::control::{Adopt, Remove};
use crate::discover::Plotter;
use crate::domain::{InstanceId, Outcome, Plot, Shown, Target};
use crate::error::{Error, Result};

/// An instance that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removing {
    /// Who.
    pub id: InstanceId,
    /// Its files go, too.
    pub purge: bool,
    /// What was running when it was confirmed.
    pub target: Target,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
}

impl Local {
    /// Removes an instance; `dry_run` only says what would be done. `progress` is told each step in words.
    pub fn remove(&self, removing: &Removing, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        let plot = match self.plot_of(&removing.id) {
            Ok(plot) => plot,
            Err(error) => return outcome_of(&error),
        };
        let Removing { id, purge, target, dry_run, reason } = removing.clone();
        let unit = self.own_unit(&id);
        let ask = Remove { id, plot, purge, target, dry_run, reason };
        let mut outcome = self.control.remove(&self.caller, &ask, &self.giving(), progress);
        if let Some(unit) = unit.filter(|_| outcome.is_done()) {
            let told = if dry_run { None } else { Some(self.remove_unit(&ask.id, &unit, ask.reason.clone())) };
            let words = told.as_ref().map_or_else(|| format!("{unit} would be disabled"), |told| told.sentence.to_string());
            outcome.sentence = Shown::new(&format!("{}; {words}", outcome.sentence));
            if let Some(told) = told.filter(|told| !told.is_done()) {
                (outcome.exit_code, outcome.hints) = (told.exit_code, told.hints);
            }
        }
        self.wake();
        outcome
    }

    /// Has an instance that runs keep the port that it is on; `dry_run` only says what would be done.
    pub fn adopt(&self, id: &InstanceId, dry_run: bool, reason: Option<String>, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        let ask = Adopt { id: id.clone(), dry_run, reason };
        let outcome = self.control.adopt(&self.caller, &ask, &self.giving(), progress);
        self.wake();
        outcome
    }

    /// Where an instance is by the entry that finds it; one that is not there, where it would be made.
    fn plot_of(&self, id: &InstanceId) -> Result<Option<Plot>> {
        let snapshot = self.control.look();
        let row = snapshot.row(id);
        let Some(declared) = row.and_then(|row| row.declared.as_deref()) else {
            if row.is_some() {
                let told = "not removed. It is no instance: no configuration declares it";
                return Err(Error::failed(told).hint("berth ports    says what listens there"));
            }
            // It may be one that was removed half way; or there never was one, and there is nothing to be found of it.
            let mut templates = std::iter::once(None).chain(self.config.discover.iter().map(|entry| Some(entry.template.as_str())));
            return Ok(templates.find_map(|template| Plotter::default().plot(&self.config, id, template, None).ok()));
        };
        let entry = self.config.discover.iter().find(|entry| {
            let (Source::Config(pattern) | Source::Env { pattern, .. }) = &entry.source else { return false };
            let name = pattern.captures_names().then(|| id.name());
            pattern.place(id.owner(), name).is_some_and(|beneath| pattern.root().join(beneath) == declared.config)
        });
        let entry = entry.ok_or_else(|| Error::failed("not removed. Which [[discover]] finds it cannot be told"))?;
        let account = declared.account.as_ref().map(|name| name.as_str());
        Plotter::default().plot_in(&self.config, id, entry, account).map(Some)
    }
}

fn outcome_of(error: &Error) -> Outcome {
    let hints = error.way_out().into_iter().map(Shown::new).collect();
    let sentence = error.chain().replace("not added.", "not removed.");
    Outcome { exit_code: error.exit_code(), sentence: Shown::new(&sentence), hints, log_lines: Vec::new() }
}
