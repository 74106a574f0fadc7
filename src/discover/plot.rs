//! Where an instance that is not there yet would be found: the walk of a pattern the other way round.
//!
//! It must never place one where no `[[discover]]` finds it again, nor under another account than it would be found to be of.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::account::{Account, Accounts};
use super::tree::{EXAMPLES, is_a_copy};
use crate::config::{Config, DEFAULT_TEMPLATE, Discover, Pattern, Source, Supervisor, Template, Values, fill};
use crate::domain::{Form, Gid, InstanceId, Plot, Shown, Spot};
use crate::error::{Error, Kind, Result};

/// Places instances; the accounts are looked up once.
#[derive(Debug, Default)]
pub struct Plotter {
    accounts: Accounts,
}

impl Plotter {
    /// Where this one is to be. `template` is `default` where none is named; `run_as` is the account that it is to run as.
    ///
    /// # Errors
    /// When there is no such template or account, or nothing would find it there.
    pub fn plot(&mut self, config: &Config, id: &InstanceId, template: Option<&str>, run_as: Option<&str>) -> Result<Plot> {
        let name = template.unwrap_or(DEFAULT_TEMPLATE);
        let template = self.template(config, name)?;
        let account = account(&mut self.accounts, id, template, run_as)?;
        let (entry, beneath) = place(config, id, name, &account)?;
        plot_at(config, id, template, &account, entry, beneath)
    }

    /// Where one is that this entry finds.
    ///
    /// # Errors
    /// As [`Plotter::plot`].
    pub fn plot_in(&mut self, config: &Config, id: &InstanceId, entry: &Discover, run_as: Option<&str>) -> Result<Plot> {
        let template = self.template(config, &entry.template)?;
        let account = account(&mut self.accounts, id, template, run_as)?;
        let beneath = beneath(entry, id).ok_or_else(|| not_found(id, &entry.template))?;
        plot_at(config, id, template, &account, entry, beneath)
    }

    fn template<'a>(&self, config: &'a Config, name: &str) -> Result<&'a Template> {
        let template = config.templates.get(name).ok_or_else(|| {
            let advice = crate::config::advice(name, config.templates.keys().map(String::as_str).collect::<Vec<_>>());
            Error::new(Kind::Usage, format!("not added. There is no template {}{advice}", Shown::new(name)))
        })?;
        if matches!(template.supervisor, Supervisor::Process | Supervisor::Systemd) {
            return Ok(template);
        }
        let told = format!(
            "not added. [template.{}] has another supervisor than \"process\" or \"systemd\", for which nothing is made",
            Shown::new(name)
        );
        Err(Error::new(Kind::Usage, told))
    }
}

fn plot_at(config: &Config, id: &InstanceId, template: &Template, account: &Account, entry: &Discover, beneath: PathBuf) -> Result<Plot> {
    let (Source::Config(pattern) | Source::Env { pattern, .. }) = &entry.source else { return Err(not_found(id, &entry.template)) };
    let path = pattern.root().join(&beneath);
    let shown = path.to_string_lossy().into_owned();
    let mut values = values(id, account, template);
    values.config = Some(Cow::Borrowed(&shown));
    let base = match &entry.source {
        Source::Env { .. } => path.parent().unwrap_or(pattern.root()).to_string_lossy().into_owned(),
        _ => filled("base", &config.layout.base, &values)?,
    };
    values.base = Some(Cow::Owned(base.clone()));
    let base = if matches!(entry.source, Source::Env { .. }) { base } else { config.layout.base.clone() };
    let spot = |key: &str, text: &str, values: &Values<'_>| -> Result<Spot> { spot(key, text, &base, values) };
    let workspace = spot("workspace", &config.layout.workspace, &values)?;
    values.workspace = Some(Cow::Owned(workspace.path().to_string_lossy().into_owned()));
    let config_spot = Spot { root: pattern.root().to_owned(), beneath };
    let (log, pid) = (spot("log", &config.layout.log, &values)?, spot("pid", &config.layout.pid, &values)?);
    let form = match &entry.source {
        Source::Env { port_key, .. } => env_form(port_key.as_deref(), &config_spot),
        _ => Form::Json,
    };
    Ok(Plot {
        id: id.clone(),
        uid: account.uid,
        gid: account.gid,
        groups: account.identity.groups().iter().copied().map(Gid).collect(),
        account: account.shown(),
        config: config_spot,
        form,
        host: template.host,
        workspace,
        log,
        pid_file: pid,
    })
}

/// Where below its pattern's root an entry finds an instance; `None` where it looks for none of that name.
fn beneath(entry: &Discover, id: &InstanceId) -> Option<PathBuf> {
    let (Source::Config(pattern) | Source::Env { pattern, .. }) = &entry.source else { return None };
    let name = if pattern.captures_names() { Some(id.name()) } else { None };
    if name.is_none() && !id.is_default() {
        return None;
    }
    let beneath = pattern.place(id.owner(), name)?;
    let file = beneath.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_passed_over = is_a_copy(&file) || pattern.parts().len() == 1 && EXAMPLES.contains(&id.owner());
    (!is_passed_over).then_some(beneath)
}

fn values<'a>(id: &'a InstanceId, account: &Account, template: &Template) -> Values<'a> {
    Values { user: Some(id.owner()), name: Some(id.name()), uid: Some(account.uid), host: Some(template.host), ..Values::default() }
}

fn filled(key: &str, text: &str, values: &Values<'_>) -> Result<String> {
    fill(text, values).map_err(|error| {
        let told = format!("not added. [layout] {key} cannot be filled before the instance is there");
        Error::new(Kind::Usage, told).because(error.chain())
    })
}

/// A path of the layout. What stands before its first placeholder is the administrator's.
fn spot(key: &str, text: &str, base: &str, values: &Values<'_>) -> Result<Spot> {
    let path = PathBuf::from(filled(key, text, values)?);
    if !path.is_absolute() {
        return Err(Error::new(
            Kind::Usage,
            format!("not added. [layout] {key} is no absolute path: {}", Shown::new(&path.to_string_lossy())),
        ));
    }
    // Doubled braces are none, but a part that ends before one is only shorter.
    let text = text.replace("{base}", base);
    let literal =
        if text.contains('{') { text.split('{').next().and_then(|text| text.rsplit_once('/')).map_or("", |(root, _)| root) } else { &text };
    let root = if literal.is_empty() { Path::new("/") } else { Path::new(literal) };
    let beneath = path.strip_prefix(root).map(Path::to_owned).unwrap_or_default();
    Ok(Spot { root: root.to_owned(), beneath })
}

/// The account, which must be the one that the file will be found to be of.
fn account(accounts: &mut Accounts, id: &InstanceId, template: &Template, run_as: Option<&str>) -> Result<Account> {
    let owner = id.owner();
    let no_such = |name: &str, hint: String| Error::failed(format!("not added. There is no account {}", Shown::new(name))).hint(hint);
    let mut named = |name: &str| -> Option<Account> { accounts.named(name).or_else(|| name.parse().ok().map(|uid| accounts.of_uid(uid))) };
    let own = named(owner).filter(|account| account.name.as_deref() == Some(owner));
    let by_template = match &template.run_as {
        Some(name) => Some(named(name).ok_or_else(|| no_such(name, "run_as of the template names it: berth config".to_owned()))?),
        None => None,
    };
    let asked = match run_as {
        Some(name) => {
            let known = named(name).filter(|account| account.name.is_some());
            Some(known.ok_or_else(|| no_such(name, "--run-as names an account of this host".to_owned()))?)
        }
        None => None,
    };
    // What decides when the file is found: the template, else the owner's own account, else the file's owner.
    let decided = by_template.or(own);
    let account = match (decided, asked) {
        (Some(decided), Some(asked)) if decided.uid != asked.uid => {
            let called = |account: &Account| account.shown().unwrap_or_else(|| Shown::new(&account.uid.to_string()));
            let name = called(&decided);
            let why = if template.run_as.is_some() { "run_as of its template says so" } else { "it is the owner's own" };
            let told = format!("not added. It would run as {name}, not as {}: {why}", called(&asked));
            return Err(Error::new(Kind::Usage, told).hint("set run_as in a [template.NAME] and name that with --template"));
        }
        (Some(decided), _) => decided,
        (None, Some(asked)) => asked,
        (None, None) => {
            return Err(no_such(
                owner,
                format!("berth add {id} --run-as ACCOUNT    has it run as another one; or make the account: useradd {owner}"),
            ));
        }
    };
    if account.uid.is_root() && owner != "root" && template.run_as.is_none() {
        let told = "not added. It would run as root, and only a template's run_as may say that";
        return Err(Error::new(Kind::Usage, told).hint("name another account with --run-as"));
    }
    Ok(account)
}

/// The entry that would find it, and where below the pattern's root. The layout's own path goes before other entries.
fn place<'a>(config: &'a Config, id: &InstanceId, template: &str, account: &Account) -> Result<(&'a Discover, PathBuf)> {
    let mut found: Vec<(&Discover, PathBuf, &Pattern)> = Vec::new();
    for entry in config.discover.iter().filter(|entry| entry.template == template) {
        let (Source::Config(pattern) | Source::Env { pattern, .. }) = &entry.source else { continue };
        found.extend(beneath(entry, id).map(|beneath| (entry, beneath, pattern)));
    }
    let name = template;
    let template = config.templates.get(name);
    let own = template.and_then(|template| {
        let mut values = values(id, account, template);
        let base = fill(&config.layout.base, &values).ok()?;
        values.base = Some(Cow::Owned(base));
        fill(&config.layout.config, &values).ok().map(PathBuf::from)
    });
    let own = found.iter().position(|(_, beneath, pattern)| own.as_ref() == Some(&pattern.root().join(beneath))).unwrap_or(0);
    if own < found.len() {
        let (entry, beneath, _) = found.swap_remove(own);
        return Ok((entry, beneath));
    }
    Err(not_found(id, name))
}

fn not_found(id: &InstanceId, template: &str) -> Error {
    let what = if id.is_default() {
        format!("no [[discover]] of the template {} looks for a file of {}'s", Shown::new(template), id.owner())
    } else {
        format!("no [[discover]] looks for instances by name: {} has room for one", id.owner())
    };
    let hint = "a [[discover]] with config = \"/srv/mcp/*/*/config.json\" takes the second * for the instance's name";
    let error = Error::new(Kind::Usage, format!("not added. Nothing would find it: {what}"));
    if id.is_default() { error.hint("berth config    shows where is looked") } else { error.hint(hint) }
}

/// Variables as they are read where nothing else is said: `PORT`, and the address in the same name with HOST for PORT.
fn env_form(port_key: Option<&str>, config: &Spot) -> Form {
    let port_key = port_key.unwrap_or("PORT").to_owned();
    let host_key = port_key.strip_suffix("PORT").map_or_else(|| "HOST".to_owned(), |stem| format!("{stem}HOST"));
    let directory = config.beneath.parent().map(Path::to_owned).unwrap_or_default();
    let examples = EXAMPLES.into_iter().map(|ending| directory.join(format!(".env.{ending}"))).collect();
    Form::Env { port_key, host_key, examples }
}

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
