//! A daemon's fleet, or several daemons', for the console and for the commands that can be asked of one.
//!
//! It must never do by itself what the daemon would not: what is not asked of daemons is refused in words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::door::{Desk, Opening};
use crate::config::{Config, Strategy};
use crate::domain::{
    Added, Event, EventQuery, Fence, InstanceId, MOST_HOSTS, NamedHost, Order, Outcome, Proposal, Shown, Snapshot, Standing, Target, Task,
    Verb, Whereabouts, named,
};
use crate::error::{Error, Kind, Result};
use crate::link::remote::Remote;
use crate::link::{Adding, Asked, Door, LogLines, LogQuery, Removing};

/// How long the first picture may take.
const FIRST: Duration = Duration::from_secs(30);

/// How long a daemon may be gone again before there is one.
const LOST: Duration = Duration::from_secs(3);

/// It.
pub struct AttachedDesk {
    door: Arc<dyn Door>,
    /// That of one host, which does what no console needs.
    one: Option<Arc<Remote>>,
    config: Arc<Config>,
    hosts: Vec<NamedHost>,
}

impl AttachedDesk {
    /// What is behind this door: the daemon here, or those of other hosts.
    pub fn new(door: Arc<dyn Door>, config: Arc<Config>, hosts: Vec<NamedHost>) -> Self {
        Self { door, one: None, config, hosts }
    }

    /// What is behind the door of one host, for a command: it is as if it were run there.
    pub fn of_one(remote: Arc<Remote>, config: Arc<Config>, hosts: Vec<NamedHost>) -> Self {
        let door = Arc::clone(&remote) as Arc<dyn Door>;
        Self { door, one: Some(remote), config, hosts }
    }
}

/// The hosts that are asked for: by `--host`; for the console without it those of the configuration. None for this host as ever.
///
/// # Errors
/// Of kind `Usage` when a word is neither an address nor the name of a configured host.
pub fn hosts_of(opening: &Opening, config: &Config) -> Result<Vec<NamedHost>> {
    if opening.hosts.is_empty() {
        return Ok(if opening.stays_open() { config.hosts.clone() } else { Vec::new() });
    }
    if opening.hosts.len() > MOST_HOSTS {
        return Err(Error::new(Kind::Usage, format!("there are more than {MOST_HOSTS} --host")));
    }
    let mut all = Vec::new();
    for word in &opening.hosts {
        if let Some(host) = config.hosts.iter().find(|host| host.name == *word) {
            all.push((Some(host.name.clone()), host.at.clone()));
            continue;
        }
        let at = Whereabouts::parse(word).map_err(|why| {
            let error = Error::new(Kind::Usage, format!("--host {} {why}", Shown::within(word, 200)));
            match config.hosts.as_slice() {
                [] => error,
                known => error.hint(format!(
                    "the configuration names {}",
                    known.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
                )),
            }
        })?;
        all.push((None, at));
    }
    let hosts = named(all);
    for (at, host) in hosts.iter().enumerate() {
        if hosts.iter().take(at).any(|other| other.name == host.name || other.at == host.at) {
            return Err(Error::new(Kind::Usage, format!("--host {} is named twice", Shown::new(&host.name))));
        }
    }
    Ok(hosts)
}

/// What is asked of no daemon.
fn not_here() -> Error {
    Error::failed("this is not asked of a daemon")
}

fn not_done() -> Outcome {
    Outcome { exit_code: not_here().exit_code(), sentence: Shown::new(&not_here().chain()), hints: Vec::new(), log_lines: Vec::new() }
}

fn not_added() -> Added {
    Added { outcome: not_done(), port: None, url: None, account: None, config: None, steps: Vec::new() }
}

impl Desk for AttachedDesk {
    fn look(&self) -> Result<Arc<Snapshot>> {
        let pictures = self.door.watch();
        let begun = Instant::now();
        loop {
            let picture = Arc::clone(&pictures.borrow());
            let is_whole = picture.hosts.iter().all(|part| !part.is_reached() || part.picture.sequence > 0);
            if picture.sequence > 0 && (is_whole || begun.elapsed() > FIRST) {
                return Ok(picture);
            }
            // It was there a moment ago: what it says now is why there is no picture.
            let lost = self.door.standing().and_then(|standing| match &*standing.borrow() {
                Standing::Lost { why, .. } => Some(why.to_string()),
                _ => None,
            });
            if let Some(why) = lost.filter(|_| begun.elapsed() > LOST) {
                return Err(Error::new(Kind::Timeout, format!("the daemon does not say what there is: {why}")));
            }
            if begun.elapsed() > FIRST {
                return Err(Error::new(Kind::Timeout, "the daemon does not say what there is"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        Ok(self.door.watch())
    }

    fn log(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines> {
        // Whose log may be read stands in the picture.
        self.look()?;
        self.door.history(id, query)
    }

    fn door(&self) -> Arc<dyn Door> {
        Arc::clone(&self.door)
    }

    fn config(&self) -> Option<&Config> {
        Some(&self.config)
    }

    fn hosts(&self) -> &[NamedHost] {
        &self.hosts
    }

    fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        self.one.as_ref().ok_or_else(not_here)?.events(query)
    }

    fn add(&self, adding: &Adding) -> Added {
        let added = self.one.as_ref().and_then(|one| one.add(std::slice::from_ref(adding)).pop());
        added.unwrap_or_else(not_added)
    }

    fn add_many(&self, all: &[Adding], ended: &mut dyn FnMut(usize, &Added)) -> Vec<Added> {
        let added = self.one.as_ref().map_or_else(|| all.iter().map(|_| not_added()).collect(), |one| one.add(all));
        added.iter().enumerate().for_each(|(at, one)| ended(at, one));
        added
    }

    fn remove(&self, removing: &Removing) -> Outcome {
        self.one.as_ref().map_or_else(not_done, |one| one.remove(removing))
    }

    fn adopt(&self, id: &InstanceId, dry_run: bool, reason: Option<String>) -> Outcome {
        let task = Task::Adopt(id.clone());
        if dry_run { self.door.foresee_task(&task) } else { self.door.carry_out_task(&task, reason, &mut |_| ()) }
    }

    fn assign(&self, id: &InstanceId, asked: Asked, dry_run: bool, reason: Option<String>) -> Outcome {
        let order = Order { verb: Verb::Assign(asked), id: id.clone(), target: Target::Whatever, reason, timeout: None };
        if dry_run { self.door.foresee(&order).1 } else { self.door.carry_out(order, &mut |_| ()) }
    }

    fn fence(&self) -> Result<Fence> {
        Err(not_here())
    }

    fn propose(&self, strategy: Strategy) -> Result<Proposal> {
        self.door.propose(strategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str], stays: bool) -> Result<Vec<String>> {
        let text = "[[host]]\nname = \"web1\"\naddress = \"ssh://admin@10.0.0.1\"\n[[host]]\nname = \"here\"\naddress = \"local\"\n";
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("berth.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load_alone(&file).unwrap();
        let opening = Opening {
            hosts: words.iter().map(|word| (*word).to_owned()).collect(),
            attach: if stays { super::super::Attach::Where } else { super::super::Attach::Never },
            ..Opening::default()
        };
        hosts_of(&opening, &config).map(|all| all.iter().map(|host| format!("{}={}", host.name, host.at)).collect())
    }

    #[test]
    fn hosts_are_named_on_the_command_line_or_by_the_configuration() {
        assert_eq!(asked(&[], true).unwrap(), ["web1=ssh://admin@10.0.0.1", "here=local"]);
        assert!(asked(&[], false).unwrap().is_empty(), "a command is about this host");
        assert_eq!(asked(&["web1"], false).unwrap(), ["web1=ssh://admin@10.0.0.1"]);
        assert_eq!(asked(&["ssh://b@web2:22", "here"], true).unwrap(), ["web2=ssh://b@web2:22", "here=local"]);
    }

    #[test]
    fn what_is_no_host_is_named_and_refused() {
        for (words, part) in [
            (vec!["ssh://-oProxyCommand=touch x"], "--host ssh://-oProxyCommand=touch x has a host that begins with a dash"),
            (vec!["web3"], "--host web3 is not ssh://"),
            (vec!["ssh://web1", "web1"], "--host"),
            (vec!["web1", "web1"], "named twice"),
            (vec!["ssh://a\u{1b}[2Jb"], "a\u{241b}[2Jb has a host"),
        ] {
            let error = asked(&words, true).map(drop).err();
            match error {
                Some(error) => assert!(error.kind() == Kind::Usage && error.chain().contains(part), "{words:?}: {}", error.chain()),
                // Two ways to one host may be two accounts of it.
                None => assert_eq!(words.len(), 2),
            }
        }
    }
}
