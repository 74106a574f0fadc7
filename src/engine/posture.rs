//! Looks at instances' files, a few at a time: who else may read or change them, and where workspaces really are; and at what the host is
//! like around them.
//!
//! It must never read a file's content, nor look at one that did not change more often than now and then.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{Config, Values, fill};
use crate::discover::Accounts;
use crate::domain::{Audit, Declared, Escape, Guard, InstanceId, Posture, Postures, Roster, SupervisorKind, Surroundings, Uid};
use crate::hand::{Identity, Reader};
use crate::sample::fenced_ports;
use crate::supervisor::process::identity_of;

/// How many are looked at in one look because they came or changed.
const MOST_NEW: usize = 25;

/// How many are looked at once more: what a directory's rights are nobody tells.
const AGAIN: usize = 2;

/// How often the host is looked at: accounts and firewall change by hand, and rarely.
const HOST_EVERY: Duration = Duration::from_secs(30);

/// What each let in.
type Answers = HashMap<InstanceId, Arc<Audit>>;

/// What servers let in, as far as they were asked for that.
#[derive(Clone, Debug, Default)]
pub struct Audits(Arc<Mutex<Arc<Answers>>>);

impl Audits {
    /// Hangs up what was answered.
    pub fn put(&self, audits: Answers) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(audits);
    }

    fn newest(&self) -> Arc<Answers> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What was seen, and of whom.
pub struct PostureWatch {
    config: Arc<Config>,
    reader: Arc<Reader>,
    accounts: Accounts,
    audits: Audits,
    seen: HashMap<InstanceId, Arc<Declared>>,
    postures: Postures,
    next: usize,
    /// Whose instances have all been looked at.
    known: Option<Arc<Roster>>,
    host_asked: Option<Duration>,
}

impl PostureWatch {
    /// A watch that has seen nothing yet.
    pub fn new(config: Arc<Config>, reader: Arc<Reader>) -> Self {
        Self {
            config,
            reader,
            accounts: Accounts::default(),
            audits: Audits::default(),
            seen: HashMap::new(),
            postures: Postures::default(),
            next: 0,
            known: None,
            host_asked: None,
        }
    }

    /// Takes what servers let in from there.
    pub fn hear(&mut self, audits: &Audits) {
        self.audits = audits.clone();
    }

    /// What was seen last.
    pub fn seen(&self) -> &Postures {
        &self.postures
    }

    /// Takes over what servers let in. True when that is something else.
    pub fn take_audits(&mut self) -> bool {
        let audits = self.audits.newest();
        let changed = !Arc::ptr_eq(&audits, &self.postures.audits);
        self.postures.audits = audits;
        changed
    }

    /// Looks at some: those that changed since, and a few others. True when the result changed. `now` is on the boot clock.
    pub fn look(&mut self, roster: &Arc<Roster>, now: Duration) -> bool {
        let all = &roster.instances;
        let mut changed = self.look_around(now);
        let mut due: Vec<Arc<Declared>> = Vec::new();
        // Nobody is gone through while everybody is as before.
        if !self.known.as_ref().is_some_and(|known| Arc::ptr_eq(known, roster)) {
            changed |= self.tidy(roster);
            let is_due = |declared: &&Arc<Declared>| self.seen.get(&declared.id).is_none_or(|seen| !Arc::ptr_eq(seen, declared));
            due.extend(all.iter().filter(is_due).take(MOST_NEW).cloned());
            self.known = due.is_empty().then(|| Arc::clone(roster));
        }
        if due.is_empty() && !all.is_empty() {
            for _ in 0..AGAIN.min(all.len()) {
                self.next = (self.next + 1) % all.len();
                due.push(Arc::clone(&all[self.next]));
            }
        }
        for declared in due {
            changed |= self.look_at(&declared);
        }
        changed
    }

    /// Looks at them all, once.
    pub fn look_through(&mut self, roster: &Arc<Roster>, now: Duration) {
        self.tidy(roster);
        self.look_around(now);
        for declared in &roster.instances {
            self.look_at(declared);
        }
    }

    /// Forgets who is no more.
    fn tidy(&mut self, roster: &Roster) -> bool {
        if self.seen.len() <= roster.instances.len() {
            return false;
        }
        let before = self.postures.files.len();
        let is_left = |id: &InstanceId| roster.instances.binary_search_by(|one| one.id.cmp(id)).is_ok();
        self.seen.retain(|id, _| is_left(id));
        self.postures.files.retain(|id, _| is_left(id));
        self.postures.files.len() != before
    }

    fn look_around(&mut self, now: Duration) -> bool {
        let mut changed = false;
        if self.host_asked.is_none_or(|asked| now.saturating_sub(asked) >= HOST_EVERY) {
            self.host_asked = Some(now);
            self.accounts.refresh(std::time::Instant::now());
            let around = Surroundings { people: self.accounts.people(), fenced: fenced_ports() };
            changed |= around != self.postures.around;
            self.postures.around = around;
        }
        changed
    }

    fn look_at(&mut self, declared: &Arc<Declared>) -> bool {
        self.seen.insert(declared.id.clone(), Arc::clone(declared));
        // Its further groups were looked up once: a name service is not asked for every file.
        let known = declared.account.as_ref().and_then(|name| self.accounts.named(name.as_str()));
        let known = known.filter(|account| (account.uid, account.gid) == (declared.uid, declared.gid));
        let who = known.map_or_else(|| identity_of(declared), |account| account.identity);
        // Who is not root can look as nobody but himself.
        let posture = if nix::unistd::geteuid().is_root() || who.is_self() { self.posture(declared, &who) } else { Posture::default() };
        let before = self.postures.files.get(&declared.id).map(|posture| &**posture);
        if before.unwrap_or(&Posture::default()) == &posture {
            return false;
        }
        if posture == Posture::default() {
            self.postures.files.remove(&declared.id);
        } else {
            self.postures.files.insert(declared.id.clone(), Arc::new(posture));
        }
        true
    }

    fn posture(&mut self, declared: &Declared, who: &Identity) -> Posture {
        let mut own = vec![declared.uid];
        // Under a service account a user's directory is often the user's all the same.
        own.extend(self.accounts.named(declared.id.owner()).map(|account| account.uid));
        let guard = |path: &Path| Guard::of(&self.reader.way(who, path).ok()?, &own);
        let env_path = declared.env_file.as_ref().map(|file| &file.path);
        Posture {
            // What stands for a container's or an app's is its supervisor's own, a socket or a directory: who may use that is its affair.
            config: matches!(declared.supervisor, SupervisorKind::Process | SupervisorKind::Systemd)
                .then(|| guard(&declared.config))
                .flatten()
                .filter(|_| env_path != Some(&declared.config)),
            env_file: env_path.and_then(|path| guard(path)),
            escape: self.escape(declared, who, &own),
        }
    }

    fn escape(&self, declared: &Declared, who: &Identity, own: &[Uid]) -> Option<Escape> {
        let workspace = declared.workspace.as_deref()?;
        let real = self.reader.real(who, workspace).ok()?;
        let homes: Vec<PathBuf> = self.homes(declared, own).iter().filter_map(|home| self.reader.real(who, home).ok()).collect();
        Escape::of(workspace, &real, &homes)
    }

    /// The directories that are its owner's, the likeliest first: the one below the administrator's part of its configuration's path, where the
    /// layout has its workspace, and its account's home, if that is nobody else's.
    fn homes(&self, declared: &Declared, own: &[Uid]) -> Vec<PathBuf> {
        let mut homes = Vec::new();
        let beneath = declared.config.strip_prefix(&declared.config_root).ok();
        if let Some(first) = beneath.filter(|beneath| beneath.components().count() > 1).and_then(|beneath| beneath.components().next()) {
            homes.push(declared.config_root.join(first));
        }
        homes.extend(self.of_layout(declared).and_then(|workspace| workspace.parent().map(Path::to_owned)));
        let is_own = declared.account.as_ref().is_some_and(|account| account.as_str() == declared.id.owner()) && own.len() > 1;
        homes.extend(Some(declared.home.clone()).filter(|home| is_own && home.components().count() > 1));
        homes
    }

    /// Where the layout has its workspace, if that is a place of its own.
    fn of_layout(&self, declared: &Declared) -> Option<PathBuf> {
        let layout = &self.config.layout;
        let config = declared.config.to_string_lossy();
        let mut values = Values {
            user: Some(declared.id.owner()),
            name: Some(declared.id.name()),
            uid: Some(declared.uid),
            port: declared.port,
            host: declared.host,
            config: Some(Cow::Borrowed(&config)),
            ..Values::default()
        };
        let is_env = declared.env_file.as_ref().is_some_and(|file| file.path == declared.config);
        let base = if is_env { declared.config.parent()?.to_string_lossy().into_owned() } else { fill(&layout.base, &values).ok()? };
        values.base = Some(Cow::Owned(base));
        let path = PathBuf::from(fill(&layout.workspace, &values).ok()?);
        let is_its = layout.workspace.contains("{user}") || layout.workspace.contains("{config}");
        Some(path).filter(|_| is_its)
    }
}
