//! Whose account an instance runs under, looked up once and kept until /etc changes.
//!
//! It must never take a name from a configuration that a user wrote: the administrator's template, the directory's name and the
//! file's owner decide.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::User;

use crate::domain::{Gid, Shown, Uid};
use crate::hand::Identity;

use super::passwd::Local;

/// How long a directory service's answer holds. It tells no changes; the files in /etc do.
const HOLDS: Duration = Duration::from_secs(60);

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its uid.
    pub uid: Uid,
    /// Its primary group.
    pub gid: Gid,
    /// Its name; `None` where only the number is known.
    pub name: Option<String>,
    /// Its home.
    pub home: PathBuf,
    /// What reads its files. Its groups are looked up once: a directory service is not asked for every file.
    pub identity: Identity,
}

impl Account {
    /// Its name for the eye.
    pub fn shown(&self) -> Option<Shown> {
        self.name.as_deref().map(Shown::new)
    }
}

/// An answer, and until when it holds: without end when it came from the files.
#[derive(Debug)]
struct Answer {
    account: Option<Account>,
    until: Option<Instant>,
}

/// The accounts that were asked for, those that there are not among them.
#[derive(Debug)]
pub struct Accounts {
    etc: PathBuf,
    local: Local,
    by_name: HashMap<String, Answer>,
    by_uid: HashMap<u32, Answer>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self::below(Path::new("/etc"))
    }
}

impl Accounts {
    /// The accounts by the files of this directory.
    pub fn below(etc: &Path) -> Self {
        Self { etc: etc.to_owned(), local: Local::read(etc), by_name: HashMap::new(), by_uid: HashMap::new() }
    }

    /// Forgets what does not hold any more. True when the files have changed: every account may be another.
    pub fn refresh(&mut self, now: Instant) -> bool {
        let changed = self.local.has_changed(&self.etc);
        if changed {
            self.local = Local::read(&self.etc);
            self.by_name.clear();
            self.by_uid.clear();
        } else {
            let holds = |answer: &Answer| answer.until.is_none_or(|until| until > now);
            self.by_name.retain(|_, answer| holds(answer));
            self.by_uid.retain(|_, answer| holds(answer));
        }
        changed
    }

    /// The account of a name.
    pub fn named(&mut self, name: &str) -> Option<Account> {
        if let Some(known) = self.by_name.get(name) {
            return known.account.clone();
        }
        let local = self.local.named(name).map(|user| self.account(user));
        let answer = if local.is_some() || self.local.is_all() {
            Answer { account: local, until: None }
        } else {
            let account = User::from_name(name).ok().flatten().map(|user| self.account(user));
            Answer { account, until: Some(Instant::now() + HOLDS) }
        };
        self.by_name.entry(name.to_owned()).or_insert(answer).account.clone()
    }

    /// The accounts by which people may log in; `None` where the files are not the only ones to say.
    pub fn people(&self) -> Option<BTreeSet<Uid>> {
        self.local.is_all().then(|| self.local.people().map(Uid).collect())
    }

    /// The account of a uid; one without a name has the group of the same number.
    pub fn of_uid(&mut self, uid: u32) -> Account {
        if let Some(account) = self.by_uid.get(&uid).and_then(|answer| answer.account.clone()) {
            return account;
        }
        let local = self.local.of_uid(uid).map(|user| self.account(user));
        let (found, until) = if local.is_some() || self.local.is_all() {
            (local, None)
        } else {
            let found = User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten().map(|user| self.account(user));
            (found, Some(Instant::now() + HOLDS))
        };
        let account = found.unwrap_or_else(|| Account {
            uid: Uid(uid),
            gid: Gid(uid),
            name: None,
            home: PathBuf::from("/"),
            identity: Identity::of(Uid(uid), Gid(uid), None),
        });
        self.by_uid.insert(uid, Answer { account: Some(account.clone()), until });
        account
    }

    fn account(&self, user: User) -> Account {
        let (uid, gid) = (Uid(user.uid.as_raw()), Gid(user.gid.as_raw()));
        let identity = match self.local.groups_of(&user.name) {
            Some(groups) => Identity::with_groups(uid, gid, groups),
            None => Identity::of(uid, gid, Some(&user.name)),
        };
        Account { uid, gid, identity, name: Some(user.name), home: user.dir }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etc(switch: &str) -> tempfile::TempDir {
        let etc = tempfile::tempdir().unwrap();
        std::fs::write(etc.path().join("nsswitch.conf"), switch).unwrap();
        std::fs::write(etc.path().join("passwd"), "abe:x:71001:71001:Abe:/home/abe:/bin/sh\nbroken\nsvc:x:71009:71002::/srv:/x\n").unwrap();
        std::fs::write(etc.path().join("group"), "abe:x:71001:\nteam:x:71050:svc,abe\nsvc:x:71002:svc\n").unwrap();
        etc
    }

    #[test]
    fn accounts_are_read_from_the_files_and_strangers_are_not_there() {
        let etc = etc("passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\n");
        let mut accounts = Accounts::below(etc.path());
        let svc = accounts.named("svc").unwrap();
        assert_eq!((svc.uid, svc.gid, svc.home), (Uid(71_009), Gid(71_002), PathBuf::from("/srv")));
        assert_eq!(svc.identity.groups(), [71_002, 71_050]);
        assert!(accounts.named("broken").is_none() && accounts.named("nobody-here").is_none());
        assert_eq!(accounts.of_uid(71_001).name.as_deref(), Some("abe"));
        assert_eq!((accounts.of_uid(71_777).name, accounts.of_uid(71_777).gid), (None, Gid(71_777)));
    }

    #[test]
    fn an_account_that_is_made_later_is_found() {
        let etc = etc("passwd: files\ngroup: files\n");
        let mut accounts = Accounts::below(etc.path());
        assert!(accounts.named("zoe").is_none() && !accounts.refresh(Instant::now()));
        assert!(accounts.named("zoe").is_none());
        let path = etc.path().join("passwd");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text + "zoe:x:71003:71003::/home/zoe:/bin/sh\n").unwrap();
        assert!(accounts.refresh(Instant::now()));
        assert_eq!(accounts.named("zoe").unwrap().uid, Uid(71_003));
    }

    #[test]
    fn a_directory_service_is_asked_again_after_a_while() {
        let etc = etc("passwd: files ldap\n");
        let mut accounts = Accounts::below(etc.path());
        assert!(accounts.named("no-such-account-here").is_none());
        assert!(accounts.by_name["no-such-account-here"].until.is_some());
        assert!(!accounts.refresh(Instant::now()));
        assert_eq!(accounts.by_name.len(), 1);
        accounts.refresh(Instant::now() + HOLDS + Duration::from_secs(1));
        assert!(accounts.by_name.is_empty());
    }
}
