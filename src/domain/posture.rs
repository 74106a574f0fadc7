//! What is open that should be closed: who may read and change an instance's files, where its workspace really is, whose credentials it
//! uses, what its server lets in.
//!
//! It must never hold a credential, nor what one could be guessed by: a keyed hash, of which nobody has the key, is all there is of it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;

use serde::{Deserialize, Serialize};

use super::{Gid, InstanceId, Shown, Uid};

/// The shortest value that is compared: shorter ones are switches and words, which many have.
const SHORTEST: usize = 8;

/// The key by which credentials are compared. It is never shown nor written anywhere.
#[derive(Clone)]
pub struct Sealed([u8; 16]);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealed(***)")
    }
}

impl Sealed {
    /// The key of these random bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// What stands for a value; `None` for one that is too short to be a credential, or plainly none.
    pub fn mark(&self, value: &str) -> Option<u128> {
        let value = value.trim();
        let is_one = value.len() >= SHORTEST && value.chars().any(|character| character != '*' && character != 'x' && character != 'X');
        if !is_one || value.starts_with(['/', '.', '$', '<']) {
            return None;
        }
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(value.as_bytes());
        Some(hasher.finish128().as_u128())
    }
}

/// Whether a name of this kind stands for a credential itself, and not for a file of it, its kind or its length.
pub fn names_credential(name: &str) -> bool {
    const HELD: [&str; 11] =
        ["KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "CREDENTIAL", "CREDENTIALS"];
    const ABOUT: [&str; 20] = [
        "FILE",
        "PATH",
        "DIR",
        "URL",
        "URI",
        "NAME",
        "ID",
        "ENV",
        "TYPE",
        "HEADER",
        "LENGTH",
        "SIZE",
        "TTL",
        "EXPIRY",
        "ENDPOINT",
        "LIMIT",
        "ALGORITHM",
        "PREFIX",
        "KIND",
        "MODE",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    let words = words_of(last);
    words.iter().any(|word| HELD.contains(&word.as_str()))
        && !words.iter().any(|word| word == "PUBLIC")
        && !words.last().is_some_and(|word| ABOUT.contains(&word.as_str()))
}

/// The words of a name, in capitals: `apiKey`, `API_KEY` and `api-key` have the same.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in name.chars() {
        let is_joint = !character.is_ascii_alphanumeric();
        if is_joint || (was_small && character.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if !is_joint && let Some(word) = words.last_mut() {
            word.push(character.to_ascii_uppercase());
        }
        was_small = character.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value is an address with a password in it.
pub fn holds_password(value: &str) -> bool {
    let rest = value.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    rest.and_then(|rest| rest.rsplit_once('@')).and_then(|(who, _)| who.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

/// A variable or key that by its name holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its name.
    pub name: Shown,
    /// It stands in the environment file, not in the configuration.
    pub in_env_file: bool,
    /// What stands for its value; `None` where that can be nobody's credential.
    #[serde(skip)]
    pub mark: Option<u128>,
}

/// A file or directory that was met on the way to a file, the way's links resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Where.
    pub path: PathBuf,
    /// Whose.
    pub uid: u32,
    /// Of which group.
    pub gid: u32,
    /// The permission bits.
    pub mode: u32,
}

/// What others than its account and root may do with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// The file.
    pub path: Shown,
    /// Everybody may read it, the directories on the way included.
    pub read_by_all: bool,
    /// The members of this group may.
    pub read_by_group: Option<Gid>,
    /// What everybody may write to, so that they can change or replace it: the file, or a directory on the way.
    pub written_by_all: Option<Shown>,
    /// What the members of a group may write to: the file or its directory.
    pub written_by_group: Option<(Shown, Gid)>,
    /// What belongs to somebody else: the file or its directory.
    pub owned_by: Option<(Shown, Uid)>,
}

impl Guard {
    /// What follows from what was met on the way to a file of these accounts, the root first, the file last. `None` where nobody else may do
    /// anything.
    pub fn of(met: &[Met], own: &[Uid]) -> Option<Self> {
        const STICKY: u32 = 0o1000;
        let (file, above) = met.split_last()?;
        let shown = |met: &Met| Shown::from_bytes(met.path.as_os_str().as_encoded_bytes());
        // How many of the directories everybody may go through, from the root on; and who is in the file's group.
        let passed = above.iter().take_while(|directory| directory.mode & 0o001 != 0).count();
        let is_passed_by_group =
            |gid: u32| above.iter().all(|directory| directory.mode & 0o001 != 0 || (directory.gid == gid && directory.mode & 0o010 != 0));
        let is_reached = passed == above.len();
        // Where others may write to a directory with the sticky bit, each may take away only what is his own.
        let is_open = |directory: &Met| directory.mode & (0o002 | STICKY) == 0o002;
        let open = above.iter().take(passed).find(|directory| is_open(directory));
        let written_by_all = open.or(Some(file).filter(|file| is_reached && file.mode & 0o002 != 0)).map(shown);
        let near = above.last();
        let by_group = |met: &Met, kept: u32| met.mode & (0o020 | kept) == 0o020 && is_passed_by_group(met.gid);
        let written_by_group = near
            .filter(|directory| by_group(directory, STICKY))
            .or(Some(file).filter(|file| by_group(file, 0)))
            .map(|met| (shown(met), Gid(met.gid)));
        let is_foreign = |met: &&Met| met.uid != 0 && !own.contains(&Uid(met.uid));
        let guard = Self {
            path: shown(file),
            read_by_all: is_reached && file.mode & 0o004 != 0,
            read_by_group: Some(file.gid).filter(|gid| file.mode & 0o040 != 0 && is_passed_by_group(*gid)).map(Gid),
            written_by_all,
            written_by_group,
            owned_by: Some(file).filter(is_foreign).or(near.filter(is_foreign)).map(|met| (shown(met), Uid(met.uid))),
        };
        (guard != Self { path: guard.path.clone(), ..Self::default() }).then_some(guard)
    }
}

/// A workspace that lies elsewhere than in its owner's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escape {
    /// As it is configured.
    pub configured: Shown,
    /// Where that is, links resolved.
    pub real: Shown,
    /// The owner's directory.
    pub own: Shown,
}

impl Escape {
    /// What follows from where a workspace really is and from the directories that are its owner's, the likeliest first, links resolved in all.
    pub fn of(configured: &Path, real: &Path, own: &[PathBuf]) -> Option<Self> {
        let shown = |path: &Path| Shown::from_bytes(path.as_os_str().as_encoded_bytes());
        // Whole parts are compared: /users/alice is not in /users/al.
        let is_outside = own.iter().all(|own| !real.starts_with(own));
        let first = own.first().filter(|_| is_outside)?;
        Some(Self { configured: shown(configured), real: shown(real), own: shown(first) })
    }
}

/// What was seen of an instance's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posture {
    /// Of its configuration; `None` where nobody else may do anything with it.
    pub config: Option<Guard>,
    /// Of its environment file.
    pub env_file: Option<Guard>,
    /// Of its workspace.
    pub escape: Option<Escape>,
}

impl Posture {
    /// Its files that others may do something with.
    pub fn guards(&self) -> impl Iterator<Item = &Guard> {
        self.config.iter().chain(&self.env_file)
    }
}

/// What an instance's server let in when it was asked for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// It answered a page of another host's as it answers its own clients; `None` where that did not show.
    pub takes_foreign_origin: Option<bool>,
    /// What is wrong with the metadata that it advertises (RFC 9728).
    pub metadata: Option<Shown>,
}

/// What the host is like around the instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The accounts of people; `None` where not all of them are known.
    pub people: Option<BTreeSet<Uid>>,
    /// The ports from which berth's rules in the packet filter keep strangers, as the kernel holds them.
    pub fenced: BTreeSet<u16>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Postures {
    /// Of those with whose files something may be wrong.
    pub files: HashMap<InstanceId, Arc<Posture>>,
    /// Of those that were asked.
    pub audits: Arc<HashMap<InstanceId, Arc<Audit>>>,
    /// The host.
    pub around: Surroundings,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(parts: &[(&str, u32, u32, u32)]) -> Vec<Met> {
        parts.iter().map(|(path, uid, gid, mode)| Met { path: path.into(), uid: *uid, gid: *gid, mode: *mode }).collect()
    }

    /// The way to /u/alice/config.json of alice (1001), from the modes of /u, /u/alice and the file.
    fn of(users: u32, own: u32, file: u32) -> Option<Guard> {
        let parts = [("/", 0, 0, 0o755), ("/u", 0, 0, users), ("/u/alice", 1001, 1001, own), ("/u/alice/config.json", 1001, 1001, file)];
        Guard::of(&way(&parts), &[Uid(1001)])
    }

    #[test]
    fn only_what_can_be_reached_is_open() {
        assert_eq!(of(0o755, 0o700, 0o600), None);
        assert_eq!(of(0o755, 0o700, 0o666), None, "nobody gets there");
        assert_eq!(of(0o700, 0o777, 0o666), None, "nor there");
        assert!(of(0o755, 0o755, 0o604).unwrap().read_by_all);
        assert_eq!(of(0o755, 0o750, 0o640).unwrap().read_by_group, Some(Gid(1001)));
        assert_eq!(of(0o755, 0o700, 0o640), None);
        let written = |users, own, file| of(users, own, file).unwrap().written_by_all.map(|path| path.to_string());
        assert_eq!(written(0o755, 0o755, 0o602).as_deref(), Some("/u/alice/config.json"));
        assert_eq!(written(0o755, 0o777, 0o604).as_deref(), Some("/u/alice"));
        assert_eq!(written(0o777, 0o700, 0o600).as_deref(), Some("/u"), "who may rename her directory puts another in its place");
        assert_eq!(of(0o1777, 0o700, 0o600), None, "as in /tmp");
    }

    #[test]
    fn groups_and_owners_are_told() {
        assert_eq!(of(0o755, 0o770, 0o600).unwrap().written_by_group, Some(("/u/alice".into(), Gid(1001))));
        assert_eq!(of(0o755, 0o750, 0o660).unwrap().written_by_group, Some(("/u/alice/config.json".into(), Gid(1001))));
        let parts = [("/", 0, 0, 0o755), ("/u", 1002, 1002, 0o700), ("/u/c", 1001, 1001, 0o600)];
        assert_eq!(Guard::of(&way(&parts), &[Uid(1001)]).unwrap().owned_by, Some(("/u".into(), Uid(1002))));
        assert_eq!(Guard::of(&[], &[Uid(1)]), None);
    }

    #[test]
    fn a_workspace_lies_in_whole_parts() {
        let own = [PathBuf::from("/users/al"), PathBuf::from("/home/al")];
        let of = |real: &str| Escape::of(Path::new("/users/al/ws"), Path::new(real), &own).is_some();
        assert!(!of("/users/al/ws") && !of("/users/al") && !of("/home/al/x"));
        assert!(of("/users/alice/ws") && of("/users") && of("/etc"));
        assert!(Escape::of(Path::new("/x"), Path::new("/y"), &[]).is_none(), "nobody's directory is known");
    }

    #[test]
    fn names_tell_what_is_a_credential() {
        for name in
            ["API_KEY", "auth.apiKey", "MCP_TOKEN", "db.password", "DB_PWD", "client-secret", "SDP_REFRESH_TOKEN", "AWS_SECRET_ACCESS_KEY"]
        {
            assert!(names_credential(name), "{name}");
        }
        for name in [
            "author",
            "keyboard",
            "tokenizer",
            "MAX_TOKENS",
            "KEY_FILE",
            "publicKey",
            "auth.user",
            "secretName",
            "passive",
            "API_KEY_HEADER",
        ] {
            assert!(!names_credential(name), "{name}");
        }
        assert!(holds_password("postgres://me:pw@db/x") && !holds_password("https://h/a:b@c") && !holds_password("ssh://me@h"));
    }

    #[test]
    fn a_mark_shows_nothing_and_tells_equal_from_other() {
        let key = Sealed::new([7; 16]);
        assert_eq!(key.mark("hunter2-hunter2"), key.mark(" hunter2-hunter2\n"));
        assert_ne!(key.mark("hunter2-hunter2"), key.mark("hunter3-hunter3"));
        assert_ne!(key.mark("hunter2-hunter2"), Sealed::new([8; 16]).mark("hunter2-hunter2"));
        for none in ["", "true", "short", "xxxxxxxxxxxx", "/run/secrets/key", "${API_KEY_OF_ALL}", "<your token>"] {
            assert_eq!(key.mark(none), None, "{none}");
        }
        assert_eq!(format!("{key:?}"), "Sealed(***)");
    }
}
