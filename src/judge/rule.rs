//! What a rule is, what it may look at, and all of them in a row.
//!
//! A rule must never look at another rule's findings: what two of them need is among the facts.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::census::Census;
use super::join::{Joined, Subject, Whose};
use super::port_taken::Taken;
use super::state::START_TIMEOUT;
use super::unmanaged::Stranger;
use super::{
    Input, auth_missing, bind_public, certificate_changed, config_invalid, config_writable, disk_filling, env_readable, key_missing,
    limits_missing, log_unbounded, mdns_name_shared, origin_unchecked, pidfile_mismatch, port_collision_ahead, port_drift, port_duplicate,
    port_ephemeral, port_out_of_range, port_shadowed, port_shared, port_silent, port_stranger, port_taken, range_nearly_full,
    restart_pending, runs_as_root, secret_shared, storage_shared, workspace_escape,
};
use crate::domain::{Allotment, Announcement, Code, Finding, InstanceId, Listener, ProcessKey, Reading, Uid, words};

/// What rules judge by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// What was given.
    pub input: &'a Input<'a>,
    /// The processes.
    pub census: &'a Census<'a>,
    /// Whose each process and listener is.
    pub joined: &'a Joined<'a>,
    /// The foreign listeners on instances' ports.
    pub taken: &'a Taken,
    /// The listeners in the range that belong to nobody.
    pub strangers: &'a [Stranger],
    /// What is announced on the network, and whose it is.
    pub announced: &'a [Announcement],
}

/// One way in which something can be wrong.
pub(super) trait Rule {
    /// Adds what it finds.
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>);
}

/// Every rule.
const RULES: &[&dyn Rule] = &[
    &port_duplicate::PortDuplicate,
    &port_taken::PortTaken,
    &port_shadowed::PortShadowed,
    &port_shared::PortShared,
    &port_stranger::PortStranger,
    &port_drift::PortDrift,
    &port_silent::PortSilent,
    &port_out_of_range::PortOutOfRange,
    &port_ephemeral::PortEphemeral,
    &port_collision_ahead::PortCollisionAhead,
    &range_nearly_full::RangeNearlyFull,
    &config_invalid::ConfigInvalid,
    &restart_pending::RestartPending,
    &key_missing::KeyMissing,
    &pidfile_mismatch::PidfileMismatch,
    &mdns_name_shared::MdnsNameShared,
    &storage_shared::StorageShared,
    &disk_filling::DiskFilling,
    &log_unbounded::LogUnbounded,
    &limits_missing::LimitsMissing,
    &bind_public::BindPublic,
    &auth_missing::AuthMissing,
    &origin_unchecked::OriginUnchecked,
    &env_readable::EnvReadable,
    &config_writable::ConfigWritable,
    &secret_shared::SecretShared,
    &workspace_escape::WorkspaceEscape,
    &runs_as_root::RunsAsRoot,
    &certificate_changed::CertificateChanged,
];

/// Everything that is wrong, worst first, then what stands longest.
pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        rule.check(facts, &mut findings);
    }
    let accepted = facts.input.accepted;
    if !accepted.is_empty() {
        findings.retain(|finding| !accepted.iter().any(|code| code.word() == finding.code.word()));
    }
    carry_over(&mut findings, facts.input.previous.map_or(&[], |previous| &previous.findings));
    findings.sort_by(|one, two| {
        let key = |finding: &Finding| (finding.level(), finding.since, finding.code, finding.port);
        key(one).cmp(&key(two)).then_with(|| one.instances.cmp(&two.instances))
    });
    findings
}

/// A finding that stood before stands since then.
fn carry_over(findings: &mut [Finding], earlier: &[Finding]) {
    let key = |finding: &Finding| (finding.code, finding.port, finding.instances.first().cloned());
    let known: HashMap<(Code, Option<u16>, Option<InstanceId>), &Finding> = earlier.iter().map(|finding| (key(finding), finding)).collect();
    for finding in findings {
        if let Some(same) = known.get(&key(finding)).filter(|same| same.is_same(finding)) {
            finding.since = same.since;
        }
    }
}

impl<'a> Facts<'a> {
    /// The instances.
    pub(super) fn subjects(&self) -> &'a [Subject<'a>] {
        &self.joined.subjects
    }

    /// Now, on the wall.
    pub(super) fn now(&self) -> Timestamp {
        self.input.sample.taken.wall
    }

    /// A point in time, as it is told in a sentence.
    pub(super) fn clock(&self, at: Timestamp) -> String {
        words::clock(at, self.now(), self.input.zone)
    }

    /// An account's name, or its uid in words.
    pub(super) fn account(&self, uid: Uid) -> String {
        self.input.sample.accounts.get(&uid).map_or_else(|| format!("uid {uid}"), ToString::to_string)
    }

    /// Whether the main process has had the time that a start may take. Never where its start is not known.
    pub(super) fn is_past_grace(&self, subject: &Subject<'_>) -> bool {
        let Reading::Known(main) = subject.main else { return false };
        let timeout = subject.declared.launch.as_ref().map_or(START_TIMEOUT, |launch| launch.start_timeout);
        self.age(main) >= timeout
    }

    /// How long a process has run.
    fn age(&self, key: ProcessKey) -> Duration {
        self.input.sample.taken.boot.saturating_sub(self.census.started(key))
    }

    /// The listener with this index, and whose it is.
    pub(super) fn listener(&self, index: usize) -> (&'a Listener, Whose) {
        (&self.joined.listeners[index], self.joined.whose[index])
    }

    /// Who has a port by the registry.
    pub(super) fn assigned(&self, port: u16) -> Option<&'a Allotment> {
        self.input.allotments.as_ref().known()?.of(port)
    }

    /// Whether whose a listener is is an instance that could be stopped for the sake of another one on this port: not the one that the
    /// registry gave it to.
    pub(super) fn is_in_the_way(&self, port: u16, whose: Whose) -> bool {
        let Whose::Instance(owner) = whose else { return false };
        self.assigned(port).is_none_or(|allotment| allotment.id != self.subjects()[owner].declared.id)
    }

    /// Who holds a listener: "pid 4711 (python3, bob)", "bob's instance, pid 3307 (node, bob)".
    pub(super) fn holder(&self, index: usize) -> String {
        let (listener, whose) = self.listener(index);
        // The group that the socket was made in is no proof of who has it now, but nobody without rights could choose it.
        let group = listener.group.as_ref().map(|group| format!(", made in {group}")).unwrap_or_default();
        let process = match &listener.holders {
            Reading::Known(holders) if !holders.is_empty() => {
                let forked = |parent: i32| holders.iter().any(|other| other.key.pid == parent);
                let first = holders.iter().min_by_key(|holder| (forked(holder.parent), holder.key.start_time, holder.key.pid));
                first.map(|holder| words::process(holder.key.pid, &holder.name, &self.account(holder.uid))).unwrap_or_default()
            }
            Reading::Known(_) | Reading::Gone => {
                format!("a socket of {} that no process here has open{group}", self.account(listener.uid))
            }
            Reading::Denied => format!("a process of {} that may not be seen{group}", self.account(listener.uid)),
            Reading::Unasked => format!("a process of {}", self.account(listener.uid)),
        };
        match whose {
            Whose::Instance(owner) => format!("{}, {process}", words::instance(&self.subjects()[owner].declared.id)),
            Whose::OneOfSeveral | Whose::Nobody => process,
        }
    }

    /// The processes that hold a listener, as far as they may be seen.
    pub(super) fn holders(&self, index: usize) -> Vec<ProcessKey> {
        match &self.listener(index).0.holders {
            Reading::Known(holders) => holders.iter().map(|holder| holder.key).collect(),
            Reading::Denied | Reading::Gone | Reading::Unasked => Vec::new(),
        }
    }
}

/// Without repetition, in the order of first occurrence.
pub(super) fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}
