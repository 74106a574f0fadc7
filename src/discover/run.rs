//! What an instance would be run with that is not there yet: its template filled in.
//!
//! It must never read the user's file: what is made from this is written as root.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::config::{Config, DEFAULT_TEMPLATE, Values, fill};
use crate::domain::{Form, Launch, Limits, Plot};
use crate::error::{Error, Kind, Result};

/// It.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// How it is started.
    pub launch: Launch,
    /// What it may use.
    pub limits: Limits,
    /// Where it writes.
    pub writable: Vec<PathBuf>,
}

/// What an instance of a template is run with on this port.
///
/// # Errors
/// When the template cannot be filled, or has variables in a file of the user's, which root would read.
pub fn run_of(config: &Config, plot: &Plot, template: Option<&str>, port: u16) -> Result<Run> {
    let name = template.unwrap_or(DEFAULT_TEMPLATE);
    let template = config.templates.get(name).ok_or_else(|| Error::new(Kind::Usage, "not added. There is no such template"))?;
    if matches!(plot.form, Form::Env { .. }) || template.env_file.is_some() {
        let told = "not added. Its variables stand in an environment file, which systemd would read as root in a user's place";
        return Err(Error::new(Kind::Usage, told).hint("without --supervisor systemd the server is started with it, as its account"));
    }
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut values = Values {
        user: Some(plot.id.owner()),
        name: Some(plot.id.name()),
        uid: Some(plot.uid),
        port: Some(port),
        host: Some(plot.host),
        config: Some(Cow::Owned(text(plot.config.path()))),
        workspace: Some(Cow::Owned(text(plot.workspace.path()))),
        ..Values::default()
    };
    let base = fill(&config.layout.base, &values)?;
    values.base = Some(Cow::Owned(base));
    let command: Result<Vec<String>> = template.command.iter().map(|word| fill(word, &values)).collect();
    let environment: Result<Vec<(String, String)>> =
        template.environment.iter().map(|(name, value)| Ok((name.clone(), fill(value, &values)?))).collect();
    let launch = Launch {
        command: command?,
        directory: fill(&template.directory, &values)?.into(),
        environment: environment?.into_iter().collect(),
        start_timeout: template.start_timeout,
        stop_timeout: template.stop_timeout,
        restart: template.restart,
    };
    let mut writable = vec![plot.workspace.path()];
    writable.extend(plot.log.parent().map(|folder| folder.path()));
    Ok(Run { launch, limits: template.limits(), writable })
}
