//! Walking a pattern: which files there are, and whose.
//!
//! It must never follow a link below the administrator's part of the path, and never read a file's content.

use std::path::{Path, PathBuf};

use crate::config::{Part, Pattern, Template};
use crate::domain::{ConfigFault, Gid, InstanceId, Shown, Uid};
use crate::hand::{FileFacts, Identity, Reader};

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
fn own() -> Identity {
    Identity::of(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), None)
}

fn fault(path: &Path, reason: &str) -> ConfigFault {
    ConfigFault { file: Shown::new(&path.to_string_lossy()), line: None, column: None, reason: Shown::new(reason) }
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

/// Everything that the pattern finds.
pub fn walk(reader: &Reader, pattern: &Pattern, accounts: &mut Accounts, template: &Template, faults: &mut Vec<ConfigFault>) -> Vec<Place> {
    let root = pattern.root();
    let Some((Part::Star { .. }, rest)) = pattern.parts().split_first() else { return Vec::new() };
    let entries = match reader.list(&own(), root, Path::new("")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            faults.push(fault(root, &format!("the directory cannot be listed: {error}")));
            return Vec::new();
        }
    };
    let mut places = Vec::new();
    for (name, is_directory) in entries {
        if is_directory && rest.is_empty() || !is_directory && !rest.is_empty() && !is_worth_entering(reader, root, Path::new(&name)) {
            continue;
        }
        let Some(name) = name.to_str() else {
            faults.push(fault(&root.join(&name), "its name is no plain text; rename it"));
            continue;
        };
        let Some(owner) = pattern.parts()[0].capture(name) else { continue };
        if rest.is_empty() && (is_a_copy(name) || EXAMPLES.contains(&owner)) {
            continue;
        }
        if let Err(why) = InstanceId::of_owner(owner) {
            faults.push(fault(&root.join(name), &format!("its name cannot be an owner's: {why}; rename it")));
            continue;
        }
        below(reader, root, rest, owner, Path::new(name), accounts, template, &mut places, faults);
    }
    places
}

#[allow(clippy::too_many_arguments, reason = "one walk, two levels deep; a struct would only rename the arguments")]
fn below(
    reader: &Reader,
    root: &Path,
    rest: &[Part],
    owner: &str,
    beneath: &Path,
    accounts: &mut Accounts,
    template: &Template,
    places: &mut Vec<Place>,
    faults: &mut Vec<ConfigFault>,
) {
    let mut path = beneath.to_owned();
    for (index, part) in rest.iter().enumerate() {
        match part {
            Part::Literal(text) => path.push(text),
            Part::Star { .. } => {
                let account = account_of(reader, root, owner, &path, accounts, template);
                let entries = match reader.list(&account.identity, root, &path) {
                    Ok(entries) => entries,
                    Err(error) => {
                        if !is_absent(&error) {
                            faults.push(fault(&root.join(&path), &format!("the directory cannot be listed: {}", reason(&error))));
                        }
                        return;
                    }
                };
                let last = index + 1 == rest.len();
                for (name, is_directory) in entries {
                    let Some(text) = name.to_str().filter(|text| is_directory != last && !(last && is_a_copy(text))) else { continue };
                    let Some(captured) = part.capture(text) else { continue };
                    let mut file = path.join(text);
                    file.extend(rest[index + 1..].iter().filter_map(|part| match part {
                        Part::Literal(text) => Some(text.as_str()),
                        Part::Star { .. } => None,
                    }));
                    match InstanceId::new(owner, captured) {
                        Ok(id) => places.extend(place(reader, root, id, file, accounts, template)),
                        Err(why) => {
                            faults.push(fault(&root.join(&path).join(text), &format!("its name cannot be an instance's: {why}; rename it")))
                        }
                    }
                }
                return;
            }
        }
    }
    if let Ok(id) = InstanceId::of_owner(owner) {
        places.extend(place(reader, root, id, path, accounts, template));
    }
}

/// The account: the template's `run_as`, else the one called like the owner, else the file's owner.
fn account_of(reader: &Reader, root: &Path, owner: &str, beneath: &Path, accounts: &mut Accounts, template: &Template) -> Account {
    if let Some(name) = &template.run_as {
        if let Some(account) = accounts.named(name) {
            return account;
        }
        if let Ok(uid) = name.parse() {
            return accounts.of_uid(uid);
        }
    }
    if let Some(account) = accounts.named(owner) {
        return account;
    }
    let first = beneath.components().next().map(|first| PathBuf::from(first.as_os_str())).unwrap_or_default();
    let uid =
        reader.stat(&own(), root, beneath).or_else(|_| reader.stat(&own(), root, &first)).map_or_else(|_| own().uid().0, |facts| facts.uid);
    accounts.of_uid(uid)
}

fn place(reader: &Reader, root: &Path, id: InstanceId, beneath: PathBuf, accounts: &mut Accounts, template: &Template) -> Option<Place> {
    let account = account_of(reader, root, id.owner(), &beneath, accounts, template);
    if let Some(why) = wrong_account(&account, id.owner(), template) {
        // Only where there is a file at all: a directory without one is no instance.
        if reader.stat(&own(), root, &beneath).is_err_and(|error| is_absent(&error)) {
            return None;
        }
        return Some(Place { id, account, beneath, facts: FileFacts::default(), trouble: Some(std::io::Error::other(why)) });
    }
    match reader.stat(&account.identity, root, &beneath) {
        Ok(facts) => Some(Place { id, account, beneath, facts, trouble: None }),
        // A directory without the file is no instance; what may not be looked at is one.
        Err(error) if is_absent(&error) => None,
        Err(error) => Some(Place { id, account, beneath, facts: FileFacts::default(), trouble: Some(error) }),
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
