//! What is wrong: a code, a level, about whom, the evidence in words and what can be done.
//!
//! The codes are a contract with scripts: none may be renamed. It must never hold text that is not `Shown`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InstanceId, ProcessKey, Shown};

/// How bad a finding is; the worst comes first in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Somebody's server does not do what it should, or a secret is open.
    Error,
    /// It will, or somebody should look.
    Warning,
    /// Good to know.
    Note,
}

impl Level {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What kind of finding it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Code {
    /// Two instances are configured with one port on overlapping addresses.
    PortDuplicate,
    /// A process that is not the instance's listens on the instance's port.
    PortTaken,
    /// The instance listens, but not on its port.
    PortDrift,
    /// The instance runs and, after the grace time, listens on nothing.
    PortSilent,
    /// Something listens in the range and belongs to no instance.
    PortStranger,
    /// The configuration can't be read.
    ConfigInvalid,
    /// Another owner's process listens on the same port at another address or family, and so gets what is meant for it.
    PortShadowed,
    /// Several processes that are no one tree share the port by SO_REUSEPORT.
    PortShared,
    /// A port that berth assigns lies outside the range.
    PortOutOfRange,
    /// The range overlaps the kernel's ephemeral ports and they are not reserved there.
    PortEphemeral,
    /// The configured formula gives two known users the same port.
    PortCollisionAhead,
    /// 90 % of the range is assigned or taken.
    RangeNearlyFull,
    /// Two instances hold the same database file open, or one holds it on a network file system.
    StorageShared,
    /// The file system of an instance's log or workspace is nearly full.
    DiskFilling,
    /// The log exceeds its limit and nothing rotates it.
    LogUnbounded,
    /// Two servers announce one name on the network and hide each other.
    MdnsNameShared,
    /// The configuration, environment file or program is newer than the running process.
    RestartPending,
    /// An environment file lacks, or leaves at its placeholder, a key that its example names.
    KeyMissing,
    /// No memory or CPU limit is in force.
    LimitsMissing,
    /// The PID file names a process that is not the instance.
    PidfileMismatch,
    /// It listens on a public or wildcard address.
    BindPublic,
    /// It answers MCP requests without credentials.
    AuthMissing,
    /// The same, and others than its owner reach it: one code in JSON, another level.
    AuthOpen,
    /// It accepts a foreign Origin.
    OriginUnchecked,
    /// A file with secrets can be read by others.
    EnvReadable,
    /// Its configuration, or the directory of it, can be changed by others.
    ConfigWritable,
    /// Two users' instances use the same credential.
    SecretShared,
    /// The configured workspace lies outside the user's directory.
    WorkspaceEscape,
    /// Its process has uid 0.
    RunsAsRoot,
    /// It shows another certificate than the one that it is known by.
    CertificateChanged,
}

impl Code {
    /// Every one; of two with one word the graver first.
    pub const ALL: [Self; 30] = [
        Self::PortDuplicate,
        Self::PortTaken,
        Self::PortShadowed,
        Self::PortShared,
        Self::PortDrift,
        Self::PortSilent,
        Self::PortStranger,
        Self::PortOutOfRange,
        Self::PortEphemeral,
        Self::PortCollisionAhead,
        Self::RangeNearlyFull,
        Self::ConfigInvalid,
        Self::StorageShared,
        Self::DiskFilling,
        Self::LogUnbounded,
        Self::MdnsNameShared,
        Self::RestartPending,
        Self::KeyMissing,
        Self::LimitsMissing,
        Self::PidfileMismatch,
        Self::BindPublic,
        Self::AuthOpen,
        Self::AuthMissing,
        Self::OriginUnchecked,
        Self::EnvReadable,
        Self::ConfigWritable,
        Self::SecretShared,
        Self::WorkspaceEscape,
        Self::RunsAsRoot,
        Self::CertificateChanged,
    ];

    /// The code in JSON and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::PortDuplicate => "port-duplicate",
            Self::PortTaken => "port-taken",
            Self::PortDrift => "port-drift",
            Self::PortSilent => "port-silent",
            Self::PortStranger => "port-stranger",
            Self::ConfigInvalid => "config-invalid",
            Self::PortShadowed => "port-shadowed",
            Self::PortShared => "port-shared",
            Self::PortOutOfRange => "port-out-of-range",
            Self::PortEphemeral => "port-ephemeral",
            Self::PortCollisionAhead => "port-collision-ahead",
            Self::RangeNearlyFull => "range-nearly-full",
            Self::StorageShared => "storage-shared",
            Self::DiskFilling => "disk-filling",
            Self::LogUnbounded => "log-unbounded",
            Self::MdnsNameShared => "mdns-name-shared",
            Self::RestartPending => "restart-pending",
            Self::KeyMissing => "key-missing",
            Self::LimitsMissing => "limits-missing",
            Self::PidfileMismatch => "pidfile-mismatch",
            Self::BindPublic => "bind-public",
            Self::AuthMissing | Self::AuthOpen => "auth-missing",
            Self::OriginUnchecked => "origin-unchecked",
            Self::EnvReadable => "env-readable",
            Self::ConfigWritable => "config-writable",
            Self::SecretShared => "secret-shared",
            Self::WorkspaceEscape => "workspace-escape",
            Self::RunsAsRoot => "runs-as-root",
            Self::CertificateChanged => "certificate-changed",
        }
    }

    /// Its level.
    pub fn level(self) -> Level {
        match self {
            Self::PortDuplicate
            | Self::PortTaken
            | Self::ConfigInvalid
            | Self::PortShadowed
            | Self::StorageShared
            | Self::AuthOpen
            | Self::EnvReadable
            | Self::WorkspaceEscape => Level::Error,
            Self::PortDrift
            | Self::PortSilent
            | Self::PortStranger
            | Self::PortShared
            | Self::PortOutOfRange
            | Self::PortEphemeral
            | Self::RangeNearlyFull
            | Self::DiskFilling
            | Self::LogUnbounded
            | Self::MdnsNameShared
            | Self::KeyMissing
            | Self::PidfileMismatch
            | Self::BindPublic
            | Self::AuthMissing
            | Self::OriginUnchecked
            | Self::ConfigWritable
            | Self::SecretShared
            | Self::RunsAsRoot
            | Self::CertificateChanged => Level::Warning,
            Self::PortCollisionAhead | Self::RestartPending | Self::LimitsMissing => Level::Note,
        }
    }

    /// Whether it is about what is too open, rather than about what does not work.
    pub fn is_posture(self) -> bool {
        matches!(
            self,
            Self::BindPublic
                | Self::AuthMissing
                | Self::AuthOpen
                | Self::OriginUnchecked
                | Self::EnvReadable
                | Self::ConfigWritable
                | Self::SecretShared
                | Self::WorkspaceEscape
                | Self::RunsAsRoot
        )
    }

    /// Whether it is about one of the header's "conflicts", which are ports.
    pub fn is_conflict(self) -> bool {
        matches!(self, Self::PortDuplicate | Self::PortTaken | Self::PortShadowed)
    }
}

/// What berth, or the reader, can do about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Remedy {
    /// Give the instance another port.
    Reassign,
    /// Have the port that the instance really has be the one that it is assigned.
    AdoptPort,
    /// Bring the instance back to the port that it is assigned.
    KeepPort,
    /// End the process that is in the way.
    StopHolder,
    /// Restart the instance.
    Restart,
    /// Look at the log.
    ReadLog,
    /// Mend the configuration file.
    EditConfig,
    /// Make room on the file system.
    FreeSpace,
    /// Have the log kept within its limit.
    LimitLog,
    /// Give the instance a database of its own, on a disk of the host.
    MoveDatabase,
    /// Have it announce a name of its own.
    RenameService,
    /// Have it listen on this host only.
    ListenLocally,
    /// Have the packet filter keep strangers from it.
    Fence,
    /// Have it ask for credentials.
    RequireKey,
    /// Have it refuse a foreign Origin.
    CheckOrigin,
    /// Take from others what they may do with its files.
    CloseFiles,
    /// Give it a credential of its own.
    RenewSecret,
    /// Have its workspace lie in its own directory.
    MoveWorkspace,
    /// Have it run as an account of its own.
    RunAsUser,
    /// Have it be known by the certificate that it shows.
    Trust,
}

impl Remedy {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reassign => "reassign",
            Self::AdoptPort => "adopt-port",
            Self::KeepPort => "keep-port",
            Self::StopHolder => "stop-holder",
            Self::Restart => "restart",
            Self::ReadLog => "read-log",
            Self::EditConfig => "edit-config",
            Self::FreeSpace => "free-space",
            Self::LimitLog => "limit-log",
            Self::MoveDatabase => "move-database",
            Self::RenameService => "rename-service",
            Self::ListenLocally => "listen-locally",
            Self::Fence => "fence",
            Self::RequireKey => "require-key",
            Self::CheckOrigin => "check-origin",
            Self::CloseFiles => "close-files",
            Self::RenewSecret => "renew-secret",
            Self::MoveWorkspace => "move-workspace",
            Self::RunAsUser => "run-as-user",
            Self::Trust => "trust",
        }
    }
}

/// One thing that is wrong, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// The instances it is about, ordered; none when it is about the host.
    pub instances: Vec<InstanceId>,
    /// The port it is about.
    pub port: Option<u16>,
    /// The processes in the way.
    pub processes: Vec<ProcessKey>,
    /// Since when it holds, as far as berth saw it.
    pub since: Timestamp,
    /// The evidence in one sentence without a full stop.
    pub evidence: Shown,
    /// What can be done.
    pub remedies: Vec<Remedy>,
}

impl Finding {
    /// Its level.
    pub fn level(&self) -> Level {
        self.code.level()
    }

    /// Whether both are the same finding at two moments.
    pub fn is_same(&self, other: &Finding) -> bool {
        self.code == other.code && self.port == other.port && self.instances == other.instances
    }
}
