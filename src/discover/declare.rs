//! One found file made into a declared instance, its templates filled in.
//!
//! It must never fail: what cannot be used becomes a fault on the instance's own row.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, Template, Values, fill};
use crate::domain::{ConfigFault, Declared, Launch, Salt, Shown, SupervisorKind};
use crate::hand::Reader;

use super::programs::Programs;
use super::server_config::{self, ServerConfig};
use super::settings::settings;
use super::tree::Place;

/// The longest configuration, bytes.
const LONGEST: usize = 256 * 1024;

/// What declaring needs beside the file.
pub struct Context<'a> {
    /// The whole configuration.
    pub config: &'a Config,
    /// How such instances are run.
    pub template: &'a Template,
    /// Reads as the user.
    pub reader: &'a Reader,
    /// The programs that were seen.
    pub programs: &'a mut Programs,
    /// This boot's id.
    pub boot: &'a str,
}

/// Declares the instance of a file.
pub fn declare(context: &mut Context<'_>, root: &Path, place: &Place) -> Declared {
    let (config, template) = (context.config, context.template);
    let path = root.join(&place.beneath);
    let (text, (server, fault)) = content(place, root, context.reader);
    let mut fault = fault.map(|fault| ConfigFault {
        file: Shown::new(&path.to_string_lossy()),
        line: fault.line,
        column: fault.column,
        reason: Shown::new(&fault.reason),
    });
    let host = server.host.unwrap_or(template.host);
    let shown_path = path.to_string_lossy().into_owned();
    let mut values = Values {
        user: Some(place.id.owner()),
        name: Some(place.id.name()),
        uid: Some(place.account.uid),
        port: server.port,
        host: Some(host),
        config: Some(Cow::Borrowed(&shown_path)),
        ..Values::default()
    };
    let mut problem = None;
    let mut filled = |text: &str, values: &Values<'_>| {
        fill(text, values).unwrap_or_else(|error| {
            problem.get_or_insert(error.chain());
            String::new()
        })
    };
    let base = filled(&config.layout.base, &values);
    values.base = Some(Cow::Owned(base));
    let workspace = server.workspace.clone().unwrap_or_else(|| filled(&config.layout.workspace, &values));
    values.workspace = Some(Cow::Owned(workspace.clone()));
    let log = PathBuf::from(filled(&config.layout.log, &values));
    let pid_file = PathBuf::from(filled(&config.layout.pid, &values));
    let launch = server.port.filter(|_| fault.is_none()).map(|_| Launch {
        command: template.command.iter().map(|word| filled(word, &values)).collect(),
        directory: PathBuf::from(filled(&template.directory, &values)),
        environment: template.environment.iter().map(|(name, value)| (name.clone(), filled(value, &values))).collect(),
        start_timeout: template.start_timeout,
        stop_timeout: template.stop_timeout,
        restart: template.restart,
    });
    if fault.is_none()
        && let Some(problem) = problem
    {
        fault = Some(ConfigFault { file: Shown::new(&path.to_string_lossy()), line: None, column: None, reason: Shown::new(&problem) });
    }
    let launch = launch.filter(|_| fault.is_none());
    let settings = launch.as_ref().map(|launch| {
        let programs = context.programs.of(context.reader, &place.account.identity, launch, &path);
        settings(config, template, place, &text, Salt::new(context.boot, &place.id.to_string()), programs)
    });
    Declared {
        id: place.id.clone(),
        uid: place.account.uid,
        gid: place.account.gid,
        account: place.account.shown(),
        home: place.account.home.clone(),
        supervisor: SupervisorKind::Process,
        config: path,
        config_root: root.to_owned(),
        host: server.host,
        port: server.port,
        server_name: server.server_name.as_deref().map(Shown::new),
        workspace: Some(PathBuf::from(workspace)),
        log,
        pid_file,
        limits: template.limits(),
        log_max: template.log_max,
        log_keep: template.log_keep,
        settings: Arc::new(settings.unwrap_or_default()),
        launch,
        fault,
    }
}

/// The text, and what it says.
fn content(place: &Place, root: &Path, reader: &Reader) -> (String, (ServerConfig, Option<server_config::Fault>)) {
    let refuse = |reason: String| {
        let fault = server_config::Fault { line: None, column: None, reason };
        (String::new(), (ServerConfig::default(), Some(fault)))
    };
    if let Some(error) = &place.trouble {
        return refuse(reason(error));
    }
    match reader.read(&place.account.identity, root, &place.beneath, LONGEST) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => {
                let read = server_config::read(&text);
                (text, read)
            }
            Err(_) => refuse("it is not UTF-8 text".to_owned()),
        },
        Err(error) => refuse(reason(&error)),
    }
}

/// What an error of the reader means for the person who has to mend it.
pub fn reason(error: &io::Error) -> String {
    match (error.raw_os_error(), error.kind()) {
        (Some(libc::ELOOP), _) => "a symbolic link is in its path; links are not followed in a user's tree".to_owned(),
        (Some(libc::EACCES | libc::EPERM), _) => "may not be read by this caller".to_owned(),
        (_, io::ErrorKind::TimedOut) => "its file system does not answer".to_owned(),
        (_, io::ErrorKind::FileTooLarge) => format!("it is larger than {} KiB", LONGEST / 1024),
        _ => error.to_string(),
    }
}
