//! Services that supervisors have by themselves, made instances: alone, or one with the configuration of the same name.
//!
//! It must never make two rows of one: whoever runs it owns it, since what is killed under a supervisor only comes again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::{
    ConfigFault, Declared, Finds, InstanceId, Launch, Managed, ManagedId, Roster, Shown, SupervisorKind, Unit, Variables, named_configs,
};
use crate::supervisor::Supervisor;

use super::account::{Account, Accounts};
use super::twins::Twins;

/// The services, and what was made of each.
#[derive(Default)]
pub struct Services {
    supervisor: Option<Arc<dyn Supervisor>>,
    finds: Option<Arc<Finds>>,
    made: HashMap<InstanceId, Made>,
    twins: Twins,
    /// How many of those were known at the last look.
    twins_known: u64,
}

/// What an instance was made of, and it.
struct Made {
    service: Managed,
    uid: u32,
    twin: Option<Arc<Declared>>,
    declared: Arc<Declared>,
}

impl Services {
    /// Those of this supervisor.
    pub fn of(supervisor: Arc<dyn Supervisor>) -> Self {
        Self { supervisor: Some(supervisor), ..Self::default() }
    }

    /// The same, of which some were seen to be configured instances.
    pub fn with(self, twins: Twins) -> Self {
        Self { twins, ..self }
    }

    /// Whether there are others than at the last look.
    pub fn have_news(&self) -> bool {
        if self.twins.serial() != self.twins_known {
            return true;
        }
        let finds = self.supervisor.as_ref().and_then(|supervisor| supervisor.finds());
        match (&finds, &self.finds) {
            (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
            (None, None) => false,
            _ => true,
        }
    }

    /// Takes over what there is by now. True when that is something else.
    pub fn look(&mut self) -> bool {
        let has_news = self.have_news();
        if has_news {
            self.twins_known = self.twins.serial();
            self.finds = self.supervisor.as_ref().and_then(|supervisor| supervisor.finds());
        }
        has_news
    }

    /// Puts them into a roster, which stays ordered by id.
    pub fn put_into(&mut self, roster: &mut Roster, accounts: &mut Accounts) {
        let Some(finds) = self.finds.clone() else { return };
        roster.faults.extend(finds.faults.iter().cloned());
        let mut taken: BTreeMap<InstanceId, &Managed> = BTreeMap::new();
        let kin = Kin::of(roster, &finds);
        for service in &finds.services {
            let mut fault = |reason: String| roster.faults.push(fault(service, &reason));
            let account = match account(accounts, &service.account) {
                Some(account) => account,
                None => {
                    fault(format!("it runs as {}, and there is no such account", Shown::new(&service.account)));
                    continue;
                }
            };
            let id = match &service.id {
                ManagedId::Named(id) => id.clone(),
                ManagedId::OfAccount(name) => {
                    let owner = account.name.clone().unwrap_or_else(|| account.uid.to_string());
                    match InstanceId::new(&owner, name) {
                        Ok(id) => id,
                        Err(wrong) => {
                            fault(format!("{}/{} is no name for an instance: {wrong}", Shown::new(&owner), Shown::new(name)));
                            continue;
                        }
                    }
                }
            };
            let id = kin.of_service(service, &id, &account, &self.twins).filter(|twin| !taken.contains_key(*twin)).cloned().unwrap_or(id);
            if let Some(first) = taken.get(&id) {
                fault(format!("it is {id} once more; {} came first and counts", first.name));
                continue;
            }
            taken.insert(id.clone(), service);
            let place = roster.instances.binary_search_by(|declared| declared.id.cmp(&id));
            let twin = place.ok().map(|index| Arc::clone(&roster.instances[index]));
            // Whoever runs it as another account does not run it for this one.
            if let Some(other) = twin.as_ref().filter(|twin| service.is_users && twin.uid != account.uid) {
                fault(format!("it is called as {id}, which is to run as uid {} and not as its own", other.uid));
                continue;
            }
            let declared = self.made_of(id, service, &account, twin);
            match place {
                Ok(index) => roster.instances[index] = declared,
                Err(index) => roster.instances.insert(index, declared),
            }
        }
        self.made.retain(|id, _| taken.contains_key(id));
    }

    /// The very one of before where it is made of the same.
    fn made_of(&mut self, id: InstanceId, service: &Managed, account: &Account, twin: Option<Arc<Declared>>) -> Arc<Declared> {
        let is_same = |made: &&Made| {
            let same_twin = match (&made.twin, &twin) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (None, None) => true,
                _ => false,
            };
            same_twin && made.service == *service && made.uid == account.uid.0
        };
        if let Some(made) = self.made.get(&id).filter(is_same) {
            return Arc::clone(&made.declared);
        }
        let declared = Arc::new(declare(id.clone(), service, account, twin.as_deref()));
        let made = Made { service: service.clone(), uid: account.uid.0, twin, declared: Arc::clone(&declared) };
        self.made.insert(id, made);
        declared
    }
}

/// The configured instances that a service of another name may be.
struct Kin {
    configured: Vec<Arc<Declared>>,
    by_config: HashMap<PathBuf, usize>,
    by_id: HashMap<InstanceId, usize>,
}

impl Kin {
    /// Those that no service is by its name.
    fn of(roster: &Roster, finds: &Finds) -> Self {
        let mut kin = Self { configured: Vec::new(), by_config: HashMap::new(), by_id: HashMap::new() };
        let named: HashSet<&InstanceId> = finds
            .services
            .iter()
            .filter_map(|service| match &service.id {
                ManagedId::Named(id) => Some(id),
                ManagedId::OfAccount(_) => None,
            })
            .collect();
        let is_free = |declared: &&Arc<Declared>| declared.supervisor == SupervisorKind::Process && !named.contains(&declared.id);
        for declared in roster.instances.iter().filter(is_free) {
            kin.by_config.insert(declared.config.clone(), kin.configured.len());
            kin.by_id.insert(declared.id.clone(), kin.configured.len());
            kin.configured.push(Arc::clone(declared));
        }
        kin
    }

    /// The instance that a service is although it is called otherwise: its command names the configuration, or its processes were seen to
    /// be that instance's. It has to be of one account with it, and of one owner unless only the account owns the service.
    fn of_service(&self, service: &Managed, id: &InstanceId, account: &Account, twins: &Twins) -> Option<&InstanceId> {
        if self.configured.is_empty() || self.by_id.contains_key(id) {
            return None;
        }
        let is_owners = |declared: &Declared| {
            let by_account = matches!(service.id, ManagedId::OfAccount(_)) || account.name.as_deref() == Some(id.owner());
            declared.uid == account.uid && (by_account || declared.id.owner() == id.owner())
        };
        let words = service.command.iter().map(String::as_str);
        let mut named = named_configs(words).filter_map(|path| self.by_config.get(Path::new(path)));
        let seen = || {
            let (id, port) = twins.of(service.kind, service.name.as_str())?;
            self.by_id.get(&id).filter(|index| self.configured[**index].port == port)
        };
        let index = named.next().or_else(seen)?;
        Some(&self.configured[*index]).filter(|declared| is_owners(declared)).map(|declared| &declared.id)
    }
}

fn fault(service: &Managed, reason: &str) -> ConfigFault {
    ConfigFault { file: service.name.clone(), line: None, column: None, reason: Shown::new(reason), denied: false }
}

fn account(accounts: &mut Accounts, name: &str) -> Option<Account> {
    match name.parse() {
        Ok(uid) => Some(accounts.of_uid(uid)),
        Err(_) => accounts.named(name),
    }
}

/// How it runs is the service's to say; what it is configured with its configuration's.
fn declare(id: InstanceId, service: &Managed, account: &Account, twin: Option<&Declared>) -> Declared {
    let launch = Launch {
        command: service.command.clone(),
        directory: service.directory.clone(),
        environment: Variables::default(),
        start_timeout: service.start_timeout,
        stop_timeout: service.stop_timeout,
        restart: service.restart,
    };
    let root = || service.definition.parent().map(PathBuf::from).unwrap_or_default();
    Declared {
        id,
        uid: account.uid,
        gid: account.gid,
        account: account.shown(),
        home: account.home.clone(),
        supervisor: service.kind,
        unit: Some(Unit {
            name: service.name.clone(),
            further_logs: service.logs.get(1..).unwrap_or_default().to_vec(),
            is_users: service.is_users,
            is_bare: twin.is_none(),
        }),
        config: twin.map_or_else(|| service.definition.clone(), |twin| twin.config.clone()),
        config_root: twin.map_or_else(root, |twin| twin.config_root.clone()),
        host: twin.and_then(|twin| twin.host).or(service.host),
        port: twin.and_then(|twin| twin.port).or(service.port),
        // Its definition says the port, and is nobody's to change here.
        moves: false,
        env_file: twin.and_then(|twin| twin.env_file.clone()),
        server_name: twin.and_then(|twin| twin.server_name.clone()),
        workspace: twin.and_then(|twin| twin.workspace.clone()),
        log: service.logs.first().cloned().unwrap_or_default(),
        pid_file: PathBuf::new(),
        limits: service.limits,
        log_max: None,
        log_keep: 0,
        // What it was started with is nowhere recorded, so nothing can differ from it.
        settings: twin.map(|twin| Arc::clone(&twin.settings)).unwrap_or_default(),
        credentials: twin.map(|twin| twin.credentials.clone()).unwrap_or_default(),
        https: twin.is_some_and(|twin| twin.https),
        probing: twin.map(|twin| Arc::clone(&twin.probing)).unwrap_or_default(),
        launch: Some(launch),
        fault: twin.and_then(|twin| twin.fault.clone()),
    }
}

#[cfg(test)]
#[path = "managed_tests.rs"]
mod tests;
