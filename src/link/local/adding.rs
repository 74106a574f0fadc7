//! Instances added through this door: placed by the configuration, made by `control`.
//!
//! It must never make anything itself.

use serde::{Deserialize, Serialize};

use super::Local;
use super::proposal::with_numbers;
use crate::control::Add;
use crate::discover::Plotter;
use crate::domain::{Added, InstanceId, Outcome, Shown, SupervisorKind};
use crate::error::{Error, Kind};
use crate::registry::By;

/// An instance that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adding {
    /// Who it is to be.
    pub id: InstanceId,
    /// The template; `default` where none is named.
    pub template: Option<String>,
    /// The account that it is to run as; its owner's, or what the template says, where none is named.
    pub run_as: Option<String>,
    /// Who is to run it; what the template says where nobody is named.
    pub supervisor: Option<SupervisorKind>,
    /// It is started when it is there.
    pub start: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
}

impl Local {
    /// Adds an instance; `dry_run` only says what would be done. `progress` is told each step in words.
    pub fn add(&self, adding: &Adding, progress: &mut dyn FnMut(&Shown)) -> Added {
        let plot = Plotter::default().plot(&self.config, &adding.id, adding.template.as_deref(), adding.run_as.as_deref());
        let plot = match plot {
            Ok(plot) => plot,
            Err(error) => return refused(&error),
        };
        let ports = &self.config.ports;
        let by = By::Strategy(with_numbers(ports.strategy, ports));
        let is_units = self.is_units(adding);
        if is_units && let Err(error) = self.check_unit(adding, &plot) {
            return refused(&error);
        }
        let start = adding.start && !is_units;
        let ask = Add { plot, by, start, dry_run: adding.dry_run, reason: adding.reason.clone() };
        let mut added = self.control.add(&self.caller, &ask, &self.giving(), progress);
        if is_units {
            added = self.add_unit(adding, &ask.plot, added, progress);
        }
        self.wake();
        added
    }
}

impl Local {
    /// Adds many, all of their ports in one transaction, and starts none. `ended` is told of each that has come to its end, by its place.
    pub fn add_many(&self, all: &[Adding], ended: &mut dyn FnMut(usize, &Added)) -> Vec<Added> {
        let mut plotter = Plotter::default();
        let by = By::Strategy(with_numbers(self.config.ports.strategy, &self.config.ports));
        let mut results: Vec<Option<Added>> = Vec::with_capacity(all.len());
        let (mut asks, mut places) = (Vec::new(), Vec::new());
        for (at, adding) in all.iter().enumerate() {
            let plot = plotter.plot(&self.config, &adding.id, adding.template.as_deref(), adding.run_as.as_deref());
            let alone = || {
                let told = "not added. Its template has systemd run it, and units are made one at a time";
                Error::new(Kind::Usage, told).hint(format!("berth add {}", adding.id))
            };
            let plot = plot.and_then(|plot| if self.is_units(adding) { Err(alone()) } else { Ok(plot) });
            results.push(plot.as_ref().err().map(refused));
            match plot {
                Ok(plot) => {
                    asks.push(Add { plot, by, start: false, dry_run: adding.dry_run, reason: adding.reason.clone() });
                    places.push(at);
                }
                Err(_) => results[at].iter().for_each(|added| ended(at, added)),
            }
        }
        let made = self.control.add_many(&self.caller, &asks, &self.giving(), &mut |at, added| ended(places[at], added));
        for (place, added) in places.iter().zip(made) {
            results[*place] = Some(added);
        }
        self.wake();
        results.into_iter().flatten().collect()
    }
}

/// What was refused before anything was known of it.
fn refused(error: &Error) -> Added {
    let hints = error.way_out().into_iter().map(Shown::new).collect();
    let outcome = Outcome { exit_code: error.exit_code(), sentence: Shown::new(&error.chain()), hints, log_lines: Vec::new() };
    Added { outcome, port: None, url: None, account: None, config: None, steps: Vec::new() }
}
