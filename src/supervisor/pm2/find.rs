//! Which PM2 daemons run, from what the kernel tells: who listens on sockets of PM2's names, and which processes call themselves its daemon.
//!
//! It must never start one, open anything of a user's, or believe a PID file: what is found here is only where to knock.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::domain::{Gid, ProcessKey, Uid};
use crate::hand::process_facts;

/// The sockets of a daemon, below its home.
pub const RPC: &str = "rpc.sock";
/// Where it tells what happens.
pub const BUS: &str = "pub.sock";

/// How often it is looked who listens: what an app does is told by its daemon.
pub const EVERY: Duration = Duration::from_secs(2);

/// At most one part in so many of the time goes into looking.
const SHARE: u32 = 500;

/// How many sockets of these names are looked at.
const MOST: usize = 4096;

/// How many daemons an account may have: one for each of its homes.
const MOST_OF_ONE: usize = 8;

/// `__SO_ACCEPTCON`: it listens, proc_net(5).
const LISTENS: &str = "00010000";

/// Where a daemon is, and whose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The account that it runs as.
    pub uid: Uid,
    /// Its PM2_HOME.
    pub home: PathBuf,
}

/// A process that calls itself PM2's daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct God {
    /// Which.
    pub key: ProcessKey,
    /// Its real uid.
    pub uid: Uid,
    /// Its real group.
    pub gid: Gid,
    /// What it calls itself.
    pub title: String,
    /// It is stopped, and answers nobody.
    pub is_stopped: bool,
}

/// What is looked at again and again.
#[derive(Debug, Default)]
pub struct Finder {
    /// The homes in which both sockets were listened on, and by which inodes.
    homes: BTreeSet<(PathBuf, u64)>,
    gods: Vec<God>,
    /// How long the last look took.
    took: Duration,
}

impl Finder {
    /// The daemons that there are now. Processes are looked through only where other sockets are listened on than before.
    pub fn look(&mut self) -> Vec<(Place, God)> {
        let begun = Instant::now();
        let homes = homes(&fs::read_to_string("/proc/net/unix").unwrap_or_default());
        if homes != self.homes {
            self.gods = if homes.is_empty() { Vec::new() } else { gods() };
            self.homes = homes;
        }
        let own = nix::unistd::geteuid().as_raw();
        let mut found = pair(&self.homes, &self.gods);
        // Only root may come to another account's sockets.
        found.retain(|(place, _)| own == 0 || place.uid.0 == own);
        self.took = begun.elapsed();
        found
    }

    /// How long until the next look.
    pub fn pause(&self) -> Duration {
        EVERY.max(self.took * SHARE)
    }
}

/// The directories in which both sockets are listened on, from /proc/net/unix.
fn homes(text: &str) -> BTreeSet<(PathBuf, u64)> {
    let listening = |name: &str| -> BTreeSet<(PathBuf, u64)> {
        let of = |line: &str| {
            // Num RefCount Protocol Flags Type St Inode Path; numbers are padded, and a path may have blanks.
            let mut words = [""; 7];
            let mut rest = line;
            for word in &mut words {
                (*word, rest) = rest.trim_start().split_once(' ')?;
            }
            let path = Path::new(rest);
            let is_meant = words[3] == LISTENS && path.is_absolute() && path.file_name()? == name;
            Some((path.parent()?.to_owned(), words[6].parse().ok()?)).filter(|_| is_meant)
        };
        text.lines().filter(|line| line.ends_with(name)).filter_map(of).take(MOST).collect()
    };
    let buses: BTreeSet<PathBuf> = listening(BUS).into_iter().map(|(home, _)| home).collect();
    listening(RPC).into_iter().filter(|(home, _)| buses.contains(home)).collect()
}

/// Every process that calls itself PM2's daemon and lives among those that berth sees.
fn gods() -> Vec<God> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(god).collect()
}

/// The process, if it calls itself so.
pub fn god(pid: i32) -> Option<God> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    if !name.starts_with(b"PM2 v") {
        return None;
    }
    let title = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let title: Vec<u8> = title.into_iter().take_while(|byte| *byte != 0).collect();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let facts = process_facts(pid).ok()?;
    let title = String::from_utf8_lossy(&title).into_owned();
    let (uid, gid) = seen_as(&status)?;
    title.starts_with("PM2 v").then_some(God { key: facts.key, uid, gid, title, is_stopped: matches!(facts.state, 'T' | 't') })
}

/// Its real uid and group, proc_pid_status(5); `None` where it lives in a pid namespace of its own, in which its pids mean others.
fn seen_as(status: &str) -> Option<(Uid, Gid)> {
    let words = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::split_whitespace);
    if words("NSpid:").is_some_and(|pids| pids.count() > 1) {
        return None;
    }
    let first = |name: &str| words(name)?.next()?.parse::<u32>().ok();
    Some((Uid(first("Uid:")?), Gid(first("Gid:")?)))
}

/// Which home is whose: each daemon says its home in its title, of which the end may be cut off.
fn pair(homes: &BTreeSet<(PathBuf, u64)>, gods: &[God]) -> Vec<(Place, God)> {
    let mut found: Vec<(Place, God)> = Vec::new();
    for god in gods {
        let Some((_, said)) = god.title.split_once("God Daemon (") else { continue };
        let is_its = |home: &Path| {
            let home = home.to_string_lossy();
            said.strip_suffix(')').map_or_else(|| home.starts_with(said), |said| said.trim_end_matches('/') == home)
        };
        for (home, _) in homes.iter().filter(|(home, _)| is_its(home)) {
            let place = Place { uid: god.uid, home: home.clone() };
            // Two that were started at once have one home; which of them listens is seen when it is asked.
            let of_one = found.iter().filter(|(known, _)| known.uid == god.uid).count();
            if of_one < MOST_OF_ONE && !found.iter().any(|(known, _)| *known == place) {
                found.push((place, god.clone()));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n\
        000000000af8186b: 00000002 00000000 00010000 0001 01 16486872 /home/amy/.pm2/rpc.sock\n\
        000000000af8186c: 00000002 00000000 00010000 0001 01 16486873 /home/amy/.pm2/pub.sock\n\
        000000000af8186d: 00000003 00000000 00000000 0001 03 16486874 /home/amy/.pm2/rpc.sock\n\
        000000000af8186e: 00000002 00000000 00010000 0001 01    86875 /srv/a b/rpc.sock\n\
        000000000af8186f: 00000002 00000000 00010000 0001 01    86876 /srv/a b/pub.sock\n\
        000000000af81870: 00000002 00000000 00010000 0001 01 16486877 /opt/other/rpc.sock\n\
        000000000af81871: 00000002 00000000 00010000 0001 01 16486878 @/abstract/rpc.sock\n\
        000000000af81872: 00000003 00000000 00000000 0001 03 16486879\n\
        rpc.sock\n pub.sock";

    fn of(title: &str, uid: u32) -> God {
        God { key: ProcessKey { pid: 7, start_time: 1 }, uid: Uid(uid), gid: Gid(uid), title: title.into(), is_stopped: false }
    }

    #[test]
    fn a_home_is_where_both_sockets_are_listened_on() {
        let found: Vec<(PathBuf, u64)> = homes(TABLE).into_iter().collect();
        assert_eq!(found, [("/home/amy/.pm2".into(), 16_486_872), ("/srv/a b".into(), 86_875)]);
        assert!(homes("").is_empty());
    }

    #[test]
    fn whose_a_home_is_says_the_title_also_where_its_end_is_cut_off() {
        let homes = homes(TABLE);
        let whose =
            |gods: &[God]| -> Vec<(u32, PathBuf)> { pair(&homes, gods).into_iter().map(|(place, _)| (place.uid.0, place.home)).collect() };
        assert_eq!(whose(&[of("PM2 v6.0.14: God Daemon (/home/amy/.pm2)", 1)]), [(1, "/home/amy/.pm2".into())]);
        assert_eq!(whose(&[of("PM2 v6.0.14: God Daemon (/home/amy/.p", 1)]), [(1, "/home/amy/.pm2".into())]);
        assert_eq!(whose(&[of("PM2 v6.0.14: God Daemon (/srv/a b/)", 2)]), [(2, "/srv/a b".into())]);
        assert!(whose(&[of("PM2 v6.0.14: God Daemon (/home/bob/.pm2)", 3), of("PM2 vim", 3)]).is_empty());
        // Whoever claims another's home is asked as himself, and is nobody there.
        assert_eq!(whose(&[of("PM2 v1: God Daemon (/home/amy/.pm2)", 1), of("PM2 v1: God Daemon (/home/amy/.pm2)", 9)]).len(), 2);
    }

    #[test]
    fn who_lives_in_another_pid_namespace_is_not_asked() {
        let status = "Name:\tPM2 v6\nUid:\t1001\t1001\t1001\t1001\nGid:\t1002\t1002\t1002\t1002\nNSpid:\t4711\n";
        assert_eq!(seen_as(status), Some((Uid(1001), Gid(1002))));
        assert_eq!(seen_as(&status.replace("4711\n", "4711\t12\n")), None);
        assert_eq!(seen_as("Name:\tx\n"), None);
    }

    #[test]
    fn a_process_of_another_name_is_none() {
        assert_eq!(god(std::process::id().try_into().unwrap()), None);
    }
}
