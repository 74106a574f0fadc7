//! One found file made into a declared instance, its templates filled in.
//!
//! It must never fail: what cannot be used becomes a fault on the instance's own row. It must never keep a variable's value.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, Source, Template, Values, fill};
use crate::domain::{
    Assignment, ConfigFault, Credential, Declared, EnvFile, Launch, Part, Probing, Salt, Sealed, Settings, Shown, SupervisorKind,
};
use crate::hand::Reader;

use super::credentials;
use super::env;
use super::example::Examples;
use super::https;
use super::programs::Programs;
use super::server_config::{self, ServerConfig};
use super::settings;
use super::tree::Place;

/// The longest configuration, bytes.
pub const LONGEST: usize = 256 * 1024;

/// What a file is declared by.
pub struct Context<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What the pattern that found it looks at.
    pub source: &'a Source,
    /// The template of what it finds.
    pub template: &'a Template,
    /// The administrator's part of the pattern.
    pub root: &'a Path,
    /// What opens it.
    pub reader: &'a Reader,
    /// The programs that were seen.
    pub programs: &'a mut Programs,
    /// What the template says, the same for all.
    pub template_part: &'a Arc<Part>,
    /// How its template has it asked whether it is well.
    pub probing: &'a Arc<Probing>,
    /// The examples that lie beside environment files.
    pub examples: &'a mut Examples,
    /// By what credentials are compared.
    pub sealed: &'a Sealed,
    /// This boot's id.
    pub boot: &'a str,
}

/// What a file says.
#[derive(Default)]
struct Content {
    server: ServerConfig,
    /// Of a configuration.
    text: String,
    /// Of an environment file.
    assignments: Vec<Assignment>,
    fault: Option<server_config::Fault>,
    /// The fault is that this caller may not read it.
    denied: bool,
}

/// Declares the instance of a file.
pub fn declare(by: &mut Context<'_>, place: &Place) -> Declared {
    let (config, template, root) = (by.config, by.template, by.root);
    let path = root.join(&place.beneath);
    let Content { server, assignments, text, fault, denied } = content(by, place);
    let mut fault = fault.map(|fault| located(&path, fault, denied));
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
    // An environment file's directory is the root of its deployment, wherever the other trees lie.
    let base = match by.source {
        Source::Env { .. } => path.parent().unwrap_or(root).to_string_lossy().into_owned(),
        _ => filled(&config.layout.base, &values),
    };
    values.base = Some(Cow::Owned(base));
    let workspace = server.workspace.clone().unwrap_or_else(|| filled(&config.layout.workspace, &values));
    values.workspace = Some(Cow::Owned(workspace.clone()));
    let log = PathBuf::from(filled(&config.layout.log, &values));
    let pid_file = PathBuf::from(filled(&config.layout.pid, &values));
    let directory = PathBuf::from(filled(&template.directory, &values));
    let env_path = template.env_file.as_ref().map(|text| directory.join(filled(text, &values)));
    let launch = server.port.filter(|_| fault.is_none()).map(|_| Launch {
        command: template.command.iter().map(|word| filled(word, &values)).collect(),
        directory,
        environment: template.environment.iter().map(|(name, value)| (name.clone(), filled(value, &values))).collect(),
        start_timeout: template.start_timeout,
        stop_timeout: template.stop_timeout,
        restart: template.restart,
    });
    if fault.is_none()
        && let Some(problem) = problem
    {
        fault = Some(ConfigFault {
            file: Shown::new(&path.to_string_lossy()),
            line: None,
            column: None,
            reason: Shown::new(&problem),
            denied: false,
        });
    }
    let salt = Salt::new(by.boot, &place.id.to_string());
    let part = match by.source {
        Source::Env { .. } => settings::of_variables(&path, Some(&place.facts), &assignments, salt),
        _ => settings::of_text(&path, &place.facts, &text, salt),
    };
    // With an environment file and the template.
    let mut parts = Vec::with_capacity(if env_path.is_some() { 3 } else { 2 });
    parts.push(part.complete());
    let mut found = match by.source {
        Source::Env { .. } => credentials::of_variables(&assignments, by.sealed),
        _ => credentials::of_text(&text, by.sealed),
    };
    let mut said = https::of_variables(&assignments, template.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let env_file = match (env_path, by.source) {
        (Some(env_path), _) if env_path != path => {
            let (file, wrong, part, (more, beside)) = env_file(by, env_path, place, salt);
            found.extend(more);
            said = beside.or(said);
            fault = fault.or(wrong);
            parts.push(part.complete());
            Some(file)
        }
        (_, Source::Env { .. }) | (Some(_), _) => {
            let example = by.examples.beside(by.reader, &place.account.identity, root, &place.beneath);
            let port_name = match by.source {
                Source::Env { port_key, .. } => env::port_variable(&assignments, port_key.as_deref()).map(|one| Shown::new(&one.name)),
                _ => None,
            };
            let file = env::kept(path.clone(), root.to_owned(), &assignments, example.as_deref(), template);
            Some(EnvFile { port_name, ..file })
        }
        (None, _) => None,
    };
    let launch = launch.filter(|_| fault.is_none());
    let settings = launch.as_ref().map(|launch| {
        parts.push(Arc::clone(by.template_part));
        Settings { parts, programs: by.programs.of(by.reader, &place.account.identity, launch, &path) }
    });
    Declared {
        id: place.id.clone(),
        uid: place.account.uid,
        gid: place.account.gid,
        account: place.account.shown(),
        home: place.account.home.clone(),
        supervisor: SupervisorKind::Process,
        unit: None,
        config: path,
        config_root: root.to_owned(),
        host: server.host,
        port: server.port,
        moves: template.moves,
        env_file,
        server_name: server.server_name.as_deref().map(Shown::new),
        workspace: Some(PathBuf::from(workspace)),
        log,
        pid_file,
        limits: template.limits(),
        log_max: template.log_max,
        log_keep: template.log_keep,
        settings: Arc::new(settings.unwrap_or_default()),
        credentials: found.into_boxed_slice(),
        https: template.https.or(server.https).or(said).unwrap_or(false),
        probing: Arc::clone(by.probing),
        launch,
        fault,
    }
}

/// What an environment file says beside its names: the credentials in it, and whether it speaks TLS.
type Further = (Vec<Credential>, Option<bool>);

/// The environment file that the template names. That it is not there is a fault: the server would start without its credentials.
fn env_file(by: &mut Context<'_>, path: PathBuf, place: &Place, salt: Salt) -> (EnvFile, Option<ConfigFault>, Part, Further) {
    let who = &place.account.identity;
    let root = env::root_of(&path, by.root, by.template, by.config);
    let beneath = path.strip_prefix(&root).unwrap_or(&path).to_owned();
    let read = env::read(by.reader, who, &root, &beneath);
    let denied = read.as_ref().is_err_and(|error| is_denied(error, place));
    let (assignments, fault) = read.unwrap_or_else(|error| (Vec::new(), Some(unread(&error, place))));
    let fault = fault.map(|fault| located(&path, fault, denied));
    let facts = by.reader.stat(who, &root, &beneath).ok();
    let part = settings::of_variables(&path, facts.as_ref(), &assignments, salt);
    let example = by.examples.beside(by.reader, who, &root, &beneath);
    let found = (credentials::of_variables(&assignments, by.sealed), https::of_variables(&assignments, std::iter::empty()));
    (env::kept(path, root, &assignments, example.as_deref(), by.template), fault, part, found)
}

/// Why an environment file cannot be read. Such files are often root's alone, since systemd reads them as root; berth reads as the account.
fn unread(error: &io::Error, place: &Place) -> server_config::Fault {
    let is_its = is_refused(error) && nix::unistd::geteuid().is_root();
    let reason = match place.account.shown().filter(|_| is_its) {
        Some(account) => format!("{account}, which the server runs as, may not read it; make it {account}'s, or its group's to read"),
        None => reason(error),
    };
    server_config::Fault { line: None, column: None, reason }
}

/// Whether it is this caller alone who may not read it: what the account itself may not read is a fault, since its server may not either.
fn is_denied(error: &io::Error, place: &Place) -> bool {
    let viewer = nix::unistd::geteuid();
    is_refused(error) && !viewer.is_root() && viewer.as_raw() != place.account.uid.0
}

fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM))
}

fn located(file: &Path, fault: server_config::Fault, denied: bool) -> ConfigFault {
    let file = Shown::new(&file.to_string_lossy());
    ConfigFault { file, line: fault.line, column: fault.column, reason: Shown::new(&fault.reason), denied }
}

fn content(by: &Context<'_>, place: &Place) -> Content {
    let refuse = |reason: String| Content { fault: Some(server_config::Fault { line: None, column: None, reason }), ..Content::default() };
    let unopened = |error: &io::Error| Content { denied: is_denied(error, place), ..refuse(reason(error)) };
    if let Some(error) = &place.trouble {
        return unopened(error);
    }
    let who = &place.account.identity;
    if let Source::Env { port_key, .. } = by.source {
        let (assignments, fault) = match env::read(by.reader, who, by.root, &place.beneath) {
            Ok(read) => read,
            Err(error) => return Content { fault: Some(unread(&error, place)), denied: is_denied(&error, place), ..Content::default() },
        };
        let (server, wrong) = env::server(&assignments, port_key.as_deref());
        return Content { server, assignments, fault: fault.or(wrong), ..Content::default() };
    }
    match by.reader.read(who, by.root, &place.beneath, LONGEST) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => {
                let (server, fault) = server_config::read(&text);
                Content { server, text, fault, ..Content::default() }
            }
            Err(_) => refuse("it is not UTF-8 text".to_owned()),
        },
        Err(error) => unopened(&error),
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
