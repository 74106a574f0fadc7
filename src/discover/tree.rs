//! Walking a pattern: which files there are, and whose.
//!
//! It must never follow a link below the administrator's part of the path, and never read a file's content.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::config::{Part, Pattern, Template};
use crate::domain::{ConfigFault, Gid, InstanceId, Shown, Uid};
use crate::hand::{FileFacts, Foreseen, Identity, Reader};

use super::account::{Account, Accounts};
use super::declare::reason;

/// A configuration file that was found.
pub struct Place {
    /// Of which instance.
    pub id: InstanceId,
    /// Under which account it runs.
    pub account: Account,
    /// Its path below the pattern's root.
    pub beneath: PathBuf,
    /// What it is. Where it could not be looked at, everything is zero and `trouble` says why.
    pub facts: FileFacts,
    /// Why it cannot be looked at.
    pub trouble: Option<std::io::Error>,
}

/// How many instances one owner may have below one pattern: the owner makes them, and everybody else's are not to drown in them.
const MOST_OF_ONE: usize = 1000;

/// Endings of files that show what a configuration looks like.
pub const EXAMPLES: [&str; 4] = ["example", "sample", "dist", "template"];

/// Endings that editors, package managers and people give to a copy.
const COPIES: [&str; 16] = [
    "bak",
    "backup",
    "old",
    "orig",
    "save",
    "tmp",
    "swp",
    "swo",
    "swn",
    "rpmnew",
    "rpmsave",
    "rpmorig",
    "dpkg-old",
    "dpkg-new",
    "dpkg-dist",
    "ucf-dist",
];

/// Whether a file's name is that of an example.
pub fn is_an_example(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| EXAMPLES.contains(&ending))
}

/// Whether a file's name is that of an example, of a copy, or of what an editor keeps beside a file.
pub fn is_a_copy(name: &str) -> bool {
    // vim: `x~`, emacs: `.#x` (its lock) and `#x#` (its unsaved text).
    if name.ends_with(['~', '#']) || name.starts_with('#') || name.starts_with(".#") {
        return true;
    }
    // A copy may have a number or a date behind its ending: `x.bak.2`, `x.bak-2026-11-21`.
    let is_number = |text: &str| text.chars().all(|character| character.is_ascii_digit() || matches!(character, '-' | '_'));
    let mut endings = name.rsplit('.').take(name.matches('.').count()).skip_while(|ending| is_number(ending));
    let Some(ending) = endings.next() else { return false };
    let ending = ending.to_ascii_lowercase();
    let is_copy = |word: &str| ending.strip_prefix(word).is_some_and(is_number);
    EXAMPLES.contains(&ending.as_str()) || COPIES.into_iter().any(is_copy)
}

/// Who berth is: it reads the administrator's part of a path.
pub fn own() -> Identity {
    Identity::of(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), None)
}

fn fault(path: &Path, reason: &str) -> ConfigFault {
    ConfigFault { file: Shown::new(&path.to_string_lossy()), line: None, column: None, reason: Shown::new(reason), denied: false }
}

/// Whether nothing is there, rather than something that may not be looked at.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR))
}

/// Whether what a listing does not call a directory gets a row after all: a link, so that its fault is told, or a directory on a
/// file system that tells no types (readdir(3), `DT_UNKNOWN`).
fn is_worth_entering(reader: &Reader, root: &Path, name: &Path) -> bool {
    reader.stat(&own(), root, name).is_ok_and(|facts| !facts.is_regular)
}

/// What was found below one entry of a pattern's root.
#[derive(Default)]
pub struct Look {
    /// The files.
    pub places: Vec<Place>,
    /// What cannot be made a place.
    pub faults: Vec<ConfigFault>,
    /// The directories in which such files could lie, below the root: those on the way to them tell of changes.
    pub ways: Vec<PathBuf>,
    /// Who may look there.
    pub who: Option<Identity>,
}

/// Walks one pattern.
pub struct Walk<'a> {
    /// Looks as the user.
    pub reader: &'a Reader,
    /// What is looked for.
    pub pattern: &'a Pattern,
    /// Of what is found.
    pub template: &'a Template,
    /// Whose it is.
    pub accounts: &'a mut Accounts,
}

impl Walk<'_> {
    /// The entries of the root below which something may be found; `None` when the root is not there or cannot be listed.
    pub fn entries(&self, faults: &mut Vec<ConfigFault>) -> Option<Vec<String>> {
        let root = self.pattern.root();
        let (first, rest) = self.pattern.parts().split_first()?;
        let entries = match self.reader.list(&own(), root, Path::new("")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                faults.push(fault(root, &format!("the directory cannot be listed: {error}")));
                return None;
            }
        };
        let mut names = Vec::with_capacity(entries.len());
        for (name, is_directory) in entries {
            let may_be =
                if rest.is_empty() { !is_directory } else { is_directory || is_worth_entering(self.reader, root, Path::new(&name)) };
            match name.to_str() {
                _ if !may_be => {}
                Some(name) => names.extend(first.capture(name).map(|_| name.to_owned())),
                None => faults.push(fault(&root.join(&name), "its name is no plain text; rename it")),
            }
        }
        Some(names)
    }

    /// What there is below one entry of the root.
    pub fn look(&mut self, name: &str) -> Look {
        let mut look = Look::default();
        let root = self.pattern.root();
        let Some((first, rest)) = self.pattern.parts().split_first() else { return look };
        let Some(owner) = first.capture(name) else { return look };
        if rest.is_empty() && (is_a_copy(name) || EXAMPLES.contains(&owner)) {
            return look;
        }
        if let Err(why) = InstanceId::of_owner(owner) {
            // A plain file among users' directories is nobody's.
            let is_there = match self.reader.stat(&own(), root, Path::new(name)) {
                Ok(facts) => facts.is_regular == rest.is_empty(),
                Err(error) => !is_absent(&error),
            };
            if is_there {
                look.faults.push(fault(&root.join(name), &format!("its name cannot be an owner's: {why}; rename it")));
            }
            return look;
        }
        self.below(rest, owner, Path::new(name), &mut look);
        if rest.is_empty() {
            // A directory that is called like a file is none.
            look.places.retain(|place| !place.facts.is_directory);
        }
        look
    }

    /// What [`Walk::look`] will ask for first, where that can be told without a look.
    pub fn foresee(&mut self, name: &str) -> Option<Foreseen> {
        let (first, rest) = self.pattern.parts().split_first()?;
        let owner = first.capture(name)?;
        let mut beneath = PathBuf::from(name);
        for part in rest {
            match part {
                Part::Literal(text) => beneath.push(text),
                Part::Star { .. } => return None,
            }
        }
        let account = self.account_by_name(InstanceId::of_owner(owner).ok()?.owner())?;
        wrong_account(&account, owner, self.template).is_none().then(|| (account.identity, self.pattern.root().to_owned(), beneath))
    }

    fn below(&mut self, rest: &[Part], owner: &str, beneath: &Path, look: &mut Look) {
        let root = self.pattern.root();
        let mut path = beneath.to_owned();
        for (index, part) in rest.iter().enumerate() {
            match part {
                Part::Literal(text) => path.push(text),
                Part::Star { .. } => {
                    let account = self.account_of(owner, &path);
                    look.ways.push(path.clone());
                    look.who = Some(account.identity.clone());
                    let entries = match self.reader.list(&account.identity, root, &path) {
                        Ok(entries) => entries,
                        Err(error) => {
                            if !is_absent(&error) {
                                let reason = format!("the directory cannot be listed: {}", reason(&error));
                                look.faults.push(fault(&root.join(&path), &reason));
                            }
                            return;
                        }
                    };
                    self.second_level(&rest[index..], owner, &path, entries, look);
                    return;
                }
            }
        }
        look.ways.extend(path.parent().filter(|parent| !parent.as_os_str().is_empty()).map(Path::to_owned));
        if let Ok(id) = InstanceId::of_owner(owner) {
            self.place(id, path, look);
        }
    }

    /// The instances of one owner: `parts` begins with the second `*`.
    fn second_level(&mut self, parts: &[Part], owner: &str, path: &Path, mut entries: Vec<(OsString, bool)>, look: &mut Look) {
        let Some((star, after)) = parts.split_first() else { return };
        let before = look.places.len() + look.faults.len();
        // Of too many always the same are looked at.
        entries.sort_unstable();
        for (name, is_directory) in entries {
            let is_wanted = |text: &&str| if after.is_empty() { !is_directory && !is_a_copy(text) } else { is_directory };
            let Some(text) = name.to_str().filter(is_wanted) else { continue };
            let Some(captured) = star.capture(text) else { continue };
            if look.places.len() + look.faults.len() >= before + MOST_OF_ONE {
                let reason = format!("{owner} has more than {MOST_OF_ONE} configurations here; the others are not looked at");
                look.faults.push(fault(&self.pattern.root().join(path), &reason));
                return;
            }
            let mut file = path.join(text);
            file.extend(after.iter().filter_map(|part| match part {
                Part::Literal(text) => Some(text.as_str()),
                Part::Star { .. } => None,
            }));
            match InstanceId::new(owner, captured) {
                Ok(id) => {
                    if !after.is_empty() {
                        look.ways.extend(file.parent().map(Path::to_owned));
                    }
                    self.place(id, file, look);
                }
                Err(why) => {
                    let reason = format!("its name cannot be an instance's: {why}; rename it");
                    look.faults.push(fault(&self.pattern.root().join(path).join(text), &reason));
                }
            }
        }
    }

    /// The account: the template's `run_as`, else the one called like the owner, else the file's owner.
    fn account_of(&mut self, owner: &str, beneath: &Path) -> Account {
        if let Some(account) = self.account_by_name(owner) {
            return account;
        }
        let first = beneath.components().next().map(|first| PathBuf::from(first.as_os_str())).unwrap_or_default();
        let facts = |path: &Path| self.reader.stat(&own(), self.pattern.root(), path);
        let uid = facts(beneath).or_else(|_| facts(&first)).map_or_else(|_| own().uid().0, |facts| facts.uid);
        self.accounts.of_uid(uid)
    }

    /// The account where no file has to be asked for it.
    fn account_by_name(&mut self, owner: &str) -> Option<Account> {
        if let Some(name) = &self.template.run_as {
            if let Some(account) = self.accounts.named(name) {
                return Some(account);
            }
            if let Ok(uid) = name.parse() {
                return Some(self.accounts.of_uid(uid));
            }
        }
        self.accounts.named(owner)
    }

    fn place(&mut self, id: InstanceId, beneath: PathBuf, look: &mut Look) {
        let account = self.account_of(id.owner(), &beneath);
        let root = self.pattern.root();
        look.who.get_or_insert_with(|| account.identity.clone());
        if let Some(why) = wrong_account(&account, id.owner(), self.template) {
            // Only where there is a file at all: a directory without one is no instance.
            if !self.reader.stat(&own(), root, &beneath).is_err_and(|error| is_absent(&error)) {
                let trouble = Some(std::io::Error::other(why));
                look.places.push(Place { id, account, beneath, facts: FileFacts::default(), trouble });
            }
            return;
        }
        match self.reader.stat_ahead(&account.identity, root, &beneath) {
            Ok(facts) => look.places.push(Place { id, account, beneath, facts, trouble: None }),
            // A directory without the file is no instance; what may not be looked at is one.
            Err(error) if is_absent(&error) => {}
            Err(error) => look.places.push(Place { id, account, beneath, facts: FileFacts::default(), trouble: Some(error) }),
        }
    }
}

/// Why nothing may run under the account that was found: `run_as` names none, or it would be root without anybody having said so.
fn wrong_account(account: &Account, owner: &str, template: &Template) -> Option<String> {
    match &template.run_as {
        Some(name) if account.name.as_deref() != Some(name.as_str()) && account.uid.to_string() != *name => {
            Some(format!("run_as names the account \"{name}\", which does not exist"))
        }
        None if account.uid.is_root() && owner != "root" => {
            Some(format!("it belongs to root and there is no account called {owner}: make the account, or set run_as in the template"))
        }
        // Whose account was deleted left files behind; the next account that is made may get the uid and with it the server.
        None if account.name.is_none() => {
            Some(format!("it belongs to uid {}, which is no account's: give it to one, or set run_as in the template", account.uid))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_copies_and_editors_files_are_no_configurations() {
        let copies = [
            ".env.example",
            ".env.sample",
            ".env.dist",
            ".env.template",
            ".env.user1.bak",
            ".env.user1.BAK",
            ".env.user1.bak2",
            ".env.user1.bak.3",
            ".env.user1.bak-2026-11-21",
            ".env.user1~",
            ".env.user1.~1~",
            ".env.user1.swp",
            ".env.user1.swo",
            ".env.user1.orig",
            ".env.user1.old",
            ".env.user1.save",
            ".env.user1.tmp",
            ".env.user1.dpkg-old",
            ".env.user1.rpmsave",
            ".#.env.user1",
            "#.env.user1#",
            "config.json.bak",
            "config.json~",
        ];
        for name in copies {
            assert!(is_a_copy(name), "{name}");
        }
        let unfinished = crate::hand::beside(".env.user1".as_ref());
        assert!(is_a_copy(unfinished.to_str().unwrap()), "what a hand has not finished: {}", unfinished.display());
        let names = [
            ".env.user1",
            ".env.1001",
            ".env.user1.2",
            ".env.john.doe",
            ".env.baker",
            ".env.older",
            ".env.oldman",
            ".env.distler",
            "config.json",
            "sample.json",
            "example",
            "user1.env",
            ".env.templates",
            ".env.a-1",
        ];
        for name in names {
            assert!(!is_a_copy(name), "{name}");
        }
    }
}
