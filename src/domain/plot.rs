//! Where an instance is to be that is not there yet: whose it will be, and which files will make it one.
//!
//! Worked out from the configuration alone. It must never say what is there already.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Gid, InstanceId, Outcome, Shown, Uid};

/// A path in two parts: the administrator's, opened as it is, and the rest, in which no link is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The administrator's part.
    pub root: PathBuf,
    /// The rest; empty where all is the administrator's.
    pub beneath: PathBuf,
}

impl Spot {
    /// Both together.
    pub fn path(&self) -> PathBuf {
        if self.beneath.as_os_str().is_empty() { self.root.clone() } else { self.root.join(&self.beneath) }
    }

    /// The directory in which it lies; `None` for the administrator's own.
    pub fn parent(&self) -> Option<Self> {
        let parent = self.beneath.parent()?;
        Some(Self { root: self.root.clone(), beneath: parent.to_owned() })
    }
}

/// What the file is that declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A `config.json`.
    Json,
    /// An environment file.
    Env {
        /// The variable of its port.
        port_key: String,
        /// The variable of its address.
        host_key: String,
        /// Beside it, what it is to be made from, by name: the first that there is.
        examples: Vec<PathBuf>,
    },
}

/// All that is known of an instance before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// Who it is to be.
    pub id: InstanceId,
    /// The account that it is to run as.
    pub uid: Uid,
    /// That account's primary group.
    pub gid: Gid,
    /// All of that account's groups, looked up once: of thousands each one's anew takes longer than all else.
    pub groups: Vec<Gid>,
    /// That account's name.
    pub account: Option<Shown>,
    /// The file that is to declare it.
    pub config: Spot,
    /// How that file is written.
    pub form: Form,
    /// The address that it is to listen on.
    pub host: IpAddr,
    /// Its workspace.
    pub workspace: Spot,
    /// Its log.
    pub log: Spot,
    /// Its PID file.
    pub pid_file: Spot,
}

impl Plot {
    /// The directories that it needs, its workspace among them, each once.
    pub fn needs(&self) -> Vec<Spot> {
        let mut all: Vec<Spot> = Vec::new();
        let parents = [&self.config, &self.log, &self.pid_file].into_iter().filter_map(Spot::parent);
        for spot in parents.chain([self.workspace.clone()]) {
            if !all.iter().any(|known| known.path() == spot.path()) {
                all.push(spot);
            }
        }
        all
    }

    /// The directories that may be empty when it has gone, the deepest first; the administrator's own are none of them.
    pub fn may_be_emptied(&self) -> Vec<Spot> {
        let mut all: Vec<Spot> = Vec::new();
        for file in [&self.config, &self.log, &self.pid_file, &self.workspace] {
            let mut at = file.parent();
            while let Some(spot) = at.filter(|spot| !spot.beneath.as_os_str().is_empty()) {
                at = spot.parent();
                if !all.contains(&spot) {
                    all.push(spot);
                }
            }
        }
        all.sort_by_key(|spot| std::cmp::Reverse(spot.beneath.components().count()));
        all
    }

    /// The file's path for the eye.
    pub fn shown_config(&self) -> Shown {
        shown(&self.config.path())
    }
}

fn shown(path: &Path) -> Shown {
    Shown::new(&path.to_string_lossy())
}

/// What came of adding an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// What came of it, in words.
    pub outcome: Outcome,
    /// Its port.
    pub port: Option<u16>,
    /// Where clients reach it.
    pub url: Option<String>,
    /// The account that it runs as.
    pub account: Option<Shown>,
    /// The file that declares it.
    pub config: Option<Shown>,
    /// What is done, or would be, one thing a line.
    pub steps: Vec<Shown>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_a_path_and_its_parent_stays_within() {
        let spot = |beneath: &str| Spot { root: "/srv/users".into(), beneath: beneath.into() };
        assert_eq!(spot("amy/config.json").path(), Path::new("/srv/users/amy/config.json"));
        assert_eq!(spot("amy/config.json").parent(), Some(spot("amy")));
        let spots = |beneath: &str| spot(beneath);
        let plot = Plot {
            id: InstanceId::of_owner("amy").unwrap(),
            uid: Uid(1),
            gid: Gid(1),
            groups: vec![Gid(1)],
            account: None,
            config: spots("amy/config/config.json"),
            form: Form::Json,
            host: [127, 0, 0, 1].into(),
            workspace: spots("amy/workspace"),
            log: spots("amy/logs/server.log"),
            pid_file: spots("amy/server.pid"),
        };
        assert_eq!(plot.may_be_emptied(), [spot("amy/config"), spot("amy/logs"), spot("amy")]);
        assert_eq!(plot.needs(), [spot("amy/config"), spot("amy/logs"), spot("amy"), spot("amy/workspace")]);
        assert_eq!((spot("amy").parent(), spot("").parent(), spot("").path()), (Some(spot("")), None, "/srv/users".into()));
    }
}
