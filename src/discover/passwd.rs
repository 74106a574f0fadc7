//! /etc/passwd and /etc/group read whole, once: a thousand lookups by the C library read them a thousand times.
//!
//! It must never answer where the C library would ask somebody else first: nsswitch.conf(5) decides.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Uid, User};

/// Which file it is and when it was changed.
type Stamp = Option<(u64, u64, i64, i64)>;

/// The files that say who there is.
const FILES: [&str; 3] = ["nsswitch.conf", "passwd", "group"];

/// The first uid that is given to people, login.defs(5).
const FIRST_PERSON: u32 = 1000;

/// The uid that stands for nobody.
const NOBODY: u32 = 65_534;

/// What the files say.
#[derive(Debug, Default)]
pub struct Local {
    stamps: [Stamp; 3],
    by_name: HashMap<String, User>,
    by_uid: HashMap<u32, String>,
    /// The further groups of each member; `None` when others than the file have a say.
    groups: Option<HashMap<String, Vec<u32>>>,
    is_all: bool,
}

impl Local {
    /// Reads them. What cannot be read says nothing.
    pub fn read(etc: &Path) -> Self {
        let mut local = Self { stamps: FILES.map(|name| stamp(&etc.join(name))), ..Self::default() };
        let text = |name: &str| std::fs::read_to_string(etc.join(name)).ok();
        let switch = text("nsswitch.conf").unwrap_or_default();
        let sources = sources(&switch, "passwd");
        let Some(passwd) = text("passwd").filter(|passwd| sources.first() == Some(&"files") && !has_compat_lines(passwd)) else {
            return local;
        };
        // systemd adds accounts of services that it runs itself, which own no instance's files: nss-systemd(8).
        local.is_all = sources.iter().all(|source| matches!(*source, "files" | "systemd"));
        for user in passwd.lines().filter_map(user) {
            // The first of several counts, as for getpwnam(3).
            local.by_uid.entry(user.uid.as_raw()).or_insert_with(|| user.name.clone());
            local.by_name.entry(user.name.clone()).or_insert(user);
        }
        let only_here = |database: &str| self::sources(&switch, database).iter().all(|source| matches!(*source, "files" | "systemd"));
        let says_initgroups = switch.lines().any(|line| line.trim_start().starts_with("initgroups:"));
        let is_all = if says_initgroups { only_here("initgroups") } else { only_here("group") };
        local.groups = text("group").filter(|group| is_all && !has_compat_lines(group)).map(|group| members(&group));
        local
    }

    /// Whether the files are others than those that were read.
    pub fn has_changed(&self, etc: &Path) -> bool {
        self.stamps != FILES.map(|name| stamp(&etc.join(name)))
    }

    /// The account of a name.
    pub fn named(&self, name: &str) -> Option<User> {
        self.by_name.get(name).cloned()
    }

    /// The account of a uid.
    pub fn of_uid(&self, uid: u32) -> Option<User> {
        self.by_uid.get(&uid).and_then(|name| self.named(name))
    }

    /// The further groups of an account; `None` when the file is not the only one to say.
    pub fn groups_of(&self, name: &str) -> Option<&[u32]> {
        self.groups.as_ref().map(|groups| groups.get(name).map_or(&[][..], Vec::as_slice))
    }

    /// The uids of people: those that login.defs(5) gives to them, with a shell that lets them in.
    pub fn people(&self) -> impl Iterator<Item = u32> {
        let is_a_shell = |shell: &Path| !shell.ends_with("nologin") && !shell.ends_with("false");
        let people = self.by_name.values().filter(move |user| is_a_shell(&user.shell));
        people.map(|user| user.uid.as_raw()).filter(|uid| (FIRST_PERSON..NOBODY).contains(uid) || *uid > NOBODY)
    }

    /// Whether who is not in the files is nowhere.
    pub fn is_all(&self) -> bool {
        self.is_all
    }
}

fn stamp(path: &Path) -> Stamp {
    std::fs::metadata(path).ok().map(|facts| (facts.ino(), facts.size(), facts.ctime(), facts.ctime_nsec()))
}

/// Where a database is looked up, in order, without the actions in brackets. What is not named is looked up in the files.
fn sources<'a>(switch: &'a str, database: &str) -> Vec<&'a str> {
    let line = switch.lines().find_map(|line| line.trim_start().strip_prefix(database)?.trim_start().strip_prefix(':'));
    let line = line.unwrap_or("files").split('#').next().unwrap_or_default();
    let mut sources = Vec::new();
    let mut in_brackets = false;
    for word in line.split_whitespace() {
        in_brackets |= word.starts_with('[');
        if !in_brackets {
            sources.push(word);
        }
        in_brackets &= !word.ends_with(']');
    }
    sources
}

/// Lines that begin with + or - send the reader elsewhere, nsswitch.conf(5) "compat".
fn has_compat_lines(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(['+', '-']))
}

/// One line of passwd(5).
fn user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields[..] else { return None };
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    Some(User {
        name: name.to_owned(),
        passwd: std::ffi::CString::default(),
        uid: Uid::from_raw(uid.parse().ok()?),
        gid: Gid::from_raw(gid.parse().ok()?),
        gecos: std::ffi::CString::default(),
        dir: home.into(),
        shell: shell.into(),
    })
}

/// Who is in which groups, by group(5).
fn members(text: &str) -> HashMap<String, Vec<u32>> {
    let mut members: HashMap<String, Vec<u32>> = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(_), Some(_), Some(gid), Some(names)) = (fields.next(), fields.next(), fields.next(), fields.next()) else { continue };
        let Ok(gid) = gid.parse() else { continue };
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            members.entry(name.to_owned()).or_default().push(gid);
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_database_is_looked_up() {
        let switch = "# passwd: nis\npasswd:  files systemd\ngroup: files [ NOTFOUND=return SUCCESS=merge ] ldap # x\nshadow: files\n";
        assert_eq!(sources(switch, "passwd"), ["files", "systemd"]);
        assert_eq!(sources(switch, "group"), ["files", "ldap"]);
        assert_eq!(sources(switch, "initgroups"), ["files"]);
        assert_eq!(sources("", "passwd"), ["files"]);
    }

    #[test]
    fn where_others_are_asked_first_nothing_is_said() {
        for (switch, passwd) in [("passwd: sss files\n", "abe:x:7:7:::\n"), ("passwd: files\n", "abe:x:7:7:::\n+::::::\n")] {
            let etc = tempfile::tempdir().unwrap();
            std::fs::write(etc.path().join("nsswitch.conf"), switch).unwrap();
            std::fs::write(etc.path().join("passwd"), passwd).unwrap();
            let local = Local::read(etc.path());
            assert!(local.named("abe").is_none() && !local.is_all() && local.groups_of("abe").is_none(), "{switch}");
        }
    }
}
