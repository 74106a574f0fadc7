//! What was looked up about one instance that does not work, and what follows from it: a page of checks, each with its verdict and the next step.
//!
//! It must never hold a secret: of an environment file, names and line numbers are all that is told.

use serde::{Deserialize, Serialize};

use super::{InstanceId, LogLine, Reading, Shown};

/// What an account may do with something that is there; the kernel was asked as that account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// It is a directory.
    pub is_directory: bool,
    /// It is a regular file.
    pub is_regular: bool,
    /// How many names it has.
    pub links: u32,
    /// Its owner.
    pub uid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// The account may read it.
    pub may_read: bool,
    /// The account may write to it, or make files in it.
    pub may_write: bool,
    /// The account may execute it, or go through it.
    pub may_execute: bool,
    /// Bytes that are left for the account on its file system.
    pub room: u64,
    /// The file system has no entry left for another file.
    pub is_out_of_files: bool,
}

/// How a path looks to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It is there.
    There(Access),
    /// The first part that is not there, and what the account may do with the directory that it would lie in.
    Absent(Shown, Access),
    /// The account may not go through this directory, so that it sees nothing of what lies below.
    Barred(Shown),
    /// It could not be looked at, and why.
    Unclear(Shown),
}

/// A path that an instance needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path.
    pub path: Shown,
    /// How its account sees it.
    pub sight: Sight,
}

/// The program that it is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// As the template names it.
    pub word: Shown,
    /// Where it was found; where it was not, the places that were looked at, the likeliest first.
    pub places: Vec<Place>,
}

/// The paths of an instance, as its account sees them; `None` where it has no such path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The configuration file.
    pub config: Option<Place>,
    /// The environment file.
    pub env_file: Option<Place>,
    /// The program.
    pub program: Option<Sought>,
    /// The working directory.
    pub directory: Option<Place>,
    /// The workspace.
    pub workspace: Option<Place>,
    /// The log file.
    pub log: Option<Place>,
}

/// All that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// The account that the instance runs as.
    pub account: Shown,
    /// Its paths; or why nobody could look as that account.
    pub places: Result<Places, Shown>,
    /// Why its environment file cannot be used.
    pub env_fault: Option<Shown>,
    /// Who keeps it from binding its port, in a sentence.
    pub obstacle: Option<Shown>,
    /// Who stopped it last and when, where that is why it does not run; gone where nobody did.
    pub stopped: Reading<Shown>,
    /// The last lines of its log; or why they are not shown.
    pub log: Result<Vec<LogLine>, Shown>,
}

/// What a check is about, in the order of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// The configuration is read and valid.
    Configuration,
    /// The environment file is read, valid and filled in.
    Environment,
    /// The program is there and can be executed.
    Command,
    /// The working directory is there.
    Directory,
    /// The workspace is there and can be written to.
    Workspace,
    /// The log can be written to.
    Log,
    /// There is room on the disks.
    Disk,
    /// The port is free, or the instance's own.
    Port,
    /// It runs; or how it ended.
    Process,
    /// It answers.
    Answer,
}

impl Topic {
    /// The word in JSON and on the page.
    pub fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Environment => "environment",
            Self::Command => "command",
            Self::Directory => "directory",
            Self::Workspace => "workspace",
            Self::Log => "log",
            Self::Disk => "disk",
            Self::Port => "port",
            Self::Process => "process",
            Self::Answer => "answer",
        }
    }
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It is why the instance does not work.
    Bad,
    /// It may be why.
    Suspect,
    /// It shows that the instance does not work, and not why.
    Symptom,
    /// It could not be looked at, or there was nothing to look at.
    Unknown,
}

impl Verdict {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Bad => "failed",
            Self::Suspect => "suspect",
            Self::Symptom => "symptom",
            Self::Unknown => "unknown",
        }
    }

    /// How near it comes to a cause, the nearest first; `None` where nothing is wrong.
    fn rank(self) -> Option<u8> {
        match self {
            Self::Bad => Some(0),
            Self::Suspect => Some(1),
            Self::Symptom => Some(2),
            Self::Good | Self::Unknown => None,
        }
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// In words.
    Tell(Shown),
    /// A call of berth with these words, and what it does.
    Berth(Vec<String>, #[serde(deserialize_with = "super::carried::fixed")] super::carried::Fixed),
    /// A command with these words, and what it does.
    Shell(Vec<String>, #[serde(deserialize_with = "super::carried::fixed")] super::carried::Fixed),
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// About what.
    pub topic: Topic,
    /// What it came to.
    pub verdict: Verdict,
    /// In one sentence, without a full stop.
    pub sentence: Shown,
    /// Lines of the log that say it.
    pub quotes: Vec<Shown>,
    /// What to do next.
    pub steps: Vec<Step>,
}

/// The page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// About whom.
    pub id: InstanceId,
    /// In the order of a start.
    pub checks: Vec<Check>,
    /// It runs and answers, or was not asked yet: what is amiss all the same does not keep it from working now.
    pub is_well: bool,
}

impl Diagnosis {
    /// The check that names the cause; of several that are equally sure, the one that comes first in a start.
    pub fn cause(&self) -> Option<&Check> {
        self.checks.iter().filter(|check| check.verdict.rank().is_some()).min_by_key(|check| check.verdict.rank())
    }
}
