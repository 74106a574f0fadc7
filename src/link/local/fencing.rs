//! Who may connect to whose port: the fleet and the registry as they are now, and the accounts that the configuration names.
//!
//! It must never leave out an account that it cannot find: a permission that was written and does not hold is to be told.

use nix::unistd::{Group, User};

use super::Local;
use crate::config::{Config, Firewall};
use crate::deploy::fence;
use crate::discover::Accounts;
use crate::domain::{Allowed, Fence, Gid, Shown, Uid};
use crate::error::{Context, Error, Kind, Result};

impl Local {
    /// Who may connect to which port.
    ///
    /// # Errors
    /// `Kind::NotPermitted` when whose the ports are may not be seen, `Kind::Usage` when the configuration names an account that is not there.
    pub fn fence(&self) -> Result<Fence> {
        self.registry.require_own()?;
        let allowed = allowed(&self.config)?;
        // Read once: of thousands each one's name anew would take the C library as many readings.
        let mut accounts = Accounts::default();
        fence(&self.glance(), allowed, &mut |name| accounts.named(name).map(|account| account.uid))
    }
}

/// Who may connect beside an owner. A process shows only one of its groups as its own, so that a group's further members are named one by one.
fn allowed(config: &Config) -> Result<Allowed> {
    let Firewall { allow, addresses } = &config.firewall;
    let mut allowed = Allowed { addresses: addresses.iter().copied().collect(), ..Allowed::default() };
    let missing = |what: &str, name: &str| {
        let place = config.origins.of_key("firewall.allow").map(|origin| format!("{origin}: ")).unwrap_or_default();
        Error::new(Kind::Usage, format!("{place}allow in [firewall] names {}: there is no such {what}", Shown::new(name)))
    };
    for name in allow {
        let Some(plain) = name.strip_prefix('%') else {
            let user = user(name)?.ok_or_else(|| missing("account", name))?;
            allowed.users.entry(user).or_insert_with(|| Shown::new(name));
            continue;
        };
        let group = Group::from_name(plain).while_doing(|| format!("cannot look up the group {}", Shown::new(plain)))?;
        let group = group.ok_or_else(|| missing("group", name))?;
        allowed.groups.insert(Gid(group.gid.as_raw()), Shown::new(name));
        for member in &group.mem {
            // A group may name who was deleted.
            if let Some(uid) = user(member)? {
                allowed.users.entry(uid).or_insert_with(|| Shown::new(&format!("{member} of {name}")));
            }
        }
    }
    Ok(allowed)
}

fn user(name: &str) -> Result<Option<Uid>> {
    let user = User::from_name(name).while_doing(|| format!("cannot look up the account {}", Shown::new(name)))?;
    Ok(user.map(|user| Uid(user.uid.as_raw())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(allow: &[&str]) -> Result<Allowed> {
        let mut config = Config::defaults().unwrap();
        config.firewall.allow = allow.iter().map(|name| (*name).to_owned()).collect();
        allowed(&config)
    }

    #[test]
    fn accounts_and_groups_are_numbers() {
        let root = of(&["root", "%root"]).unwrap();
        assert!(root.users.contains_key(&Uid(0)) && root.groups.contains_key(&Gid(0)));
        assert_eq!(of(&[]).unwrap(), Allowed::default());
    }

    #[test]
    fn who_is_not_there_is_told() {
        for (name, what) in [("no-such-account-here", "account"), ("%no-such-group-here", "group")] {
            let error = of(&[name]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert_eq!(error.to_string(), format!("default: allow in [firewall] names {name}: there is no such {what}"));
        }
    }
}
