//! Whose account an instance runs under, looked up once and kept.
//!
//! It must never take a name from a configuration that a user wrote: the administrator's template, the directory's name and the
//! file's owner decide.

use std::collections::HashMap;
use std::path::PathBuf;

use nix::unistd::User;

use crate::domain::{Gid, Shown, Uid};
use crate::hand::Identity;

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

/// The accounts that were asked for.
#[derive(Debug, Default)]
pub struct Accounts {
    by_name: HashMap<String, Option<Account>>,
    by_uid: HashMap<u32, Account>,
}

fn account(user: User) -> Account {
    let (uid, gid) = (Uid(user.uid.as_raw()), Gid(user.gid.as_raw()));
    Account { uid, gid, identity: Identity::of(uid, gid, Some(&user.name)), name: Some(user.name), home: user.dir }
}

impl Accounts {
    /// The account of a name.
    pub fn named(&mut self, name: &str) -> Option<Account> {
        if let Some(known) = self.by_name.get(name) {
            return known.clone();
        }
        let found = User::from_name(name).ok().flatten().map(account);
        // An account that is made later must be found: only what is there is kept.
        if found.is_some() {
            self.by_name.insert(name.to_owned(), found.clone());
        }
        found
    }

    /// The account of a uid; one without a name has the group of the same number.
    pub fn of_uid(&mut self, uid: u32) -> Account {
        self.by_uid
            .entry(uid)
            .or_insert_with(|| match User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten() {
                Some(user) => account(user),
                None => Account {
                    uid: Uid(uid),
                    gid: Gid(uid),
                    name: None,
                    home: PathBuf::from("/"),
                    identity: Identity::of(Uid(uid), Gid(uid), None),
                },
            })
            .clone()
    }
}
