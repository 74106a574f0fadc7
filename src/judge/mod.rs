//! Judges what was sampled: whose each process and listener is, what every instance is doing, and what is wrong.
//!
//! Pure: the same input gives the same snapshot. It must never read a clock, do I/O, or import anything of this project but `domain` and `error`.

mod adopt;
mod announced;
mod auth_missing;
mod bind_public;
mod census;
mod certificate_changed;
mod config_invalid;
mod config_writable;
mod disk_filling;
mod doctor;
mod env_readable;
mod follow;
mod join;
mod key_missing;
mod limits_missing;
mod log_unbounded;
mod mdns_name_shared;
mod origin_unchecked;
mod pidfile_mismatch;
mod port_collision_ahead;
mod port_drift;
mod port_duplicate;
mod port_ephemeral;
mod port_out_of_range;
mod port_shadowed;
mod port_shared;
mod port_silent;
mod port_stranger;
mod port_taken;
#[cfg(test)]
mod probed_tests;
#[cfg(test)]
mod published_tests;
mod range_nearly_full;
mod rates;
mod restart_pending;
mod rows;
mod rule;
mod runs_as_root;
mod secret_shared;
mod service;
mod state;
mod storage_shared;
#[cfg(test)]
mod testing;
mod totals;
mod twins;
mod unmanaged;
mod workspace_escape;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::{
    Allotments, Announcements, Claim, Code, InstanceId, PidFiles, PortPlan, PortRange, Postures, Probes, Reading, Roster, Row, Sample,
    Shown, Snapshot, Storage, Uid, Underway,
};

pub use doctor::diagnose;
pub use follow::follow;
pub use twins::twins;

/// Everything that a judgement rests on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What is declared, ordered by id.
    pub roster: &'a Roster,
    /// What the supervisors claim. An instance without a claim is one of which nothing is known to berth.
    pub claims: &'a [Claim],
    /// The snapshot before this one.
    pub previous: Option<&'a Snapshot>,
    /// What the kernel told.
    pub sample: &'a Sample,
    /// What is being done, and what was just done.
    pub underway: &'a [Underway],
    /// The managed range.
    pub range: PortRange,
    /// How ports are given, and what the kernel gives away of them.
    pub ports: &'a PortPlan,
    /// Who has which port by the registry; `Denied` where that cannot be read.
    pub allotments: &'a Reading<Arc<Allotments>>,
    /// Why that cannot be read, or what is to be known of it, in a sentence.
    pub registry_notice: Option<&'a Shown>,
    /// The host's name.
    pub host: &'a Shown,
    /// The zone in which times are told in sentences.
    pub zone: &'a TimeZone,
    /// The PID files that did not name their instance.
    pub pid_files: &'a PidFiles,
    /// What was counted on the disks.
    pub storage: &'a Storage,
    /// What probing told.
    pub probes: &'a Probes,
    /// What servers announce on the network.
    pub announced: &'a Announcements,
    /// What was seen of files, firewall and users, and what servers let in.
    pub postures: &'a Postures,
    /// What the administrator knows and accepts: it is no finding.
    pub accepted: &'a [Code],
    /// With whose eyes was sampled: its own processes are seen by every uid, whatever hides the others.
    pub viewer: Uid,
}

/// The picture that follows from the input.
pub fn judge(input: &Input<'_>) -> Snapshot {
    let earlier = Earlier::of(input.previous);
    let census = census::Census::new(input.sample);
    let joined = join::join(input, &census);
    let taken = port_taken::Taken::new(&joined);
    let strangers = unmanaged::strangers(input, &joined, &taken);
    let announced = announced::announced(input, &joined);
    let known = announced.as_deref().unwrap_or_default();
    let facts = rule::Facts { input, census: &census, joined: &joined, taken: &taken, strangers: &strangers, announced: known };

    let findings = rule::findings(&facts);
    let rates = rates::Rates::new(input);
    let rows = rows::rows(&facts, &rates, &findings, &earlier);
    let totals = totals::totals(input, &rows, &findings);
    Snapshot {
        host: input.host.clone(),
        taken: input.sample.taken,
        range: input.range,
        reserved: input.ports.reserved.clone(),
        allotments: input.allotments.clone(),
        ephemeral: input.ports.ephemeral,
        rows,
        findings,
        totals,
        host_reading: input.sample.host.clone(),
        file_systems: input.storage.file_systems.clone(),
        listeners: input.sample.listeners.clone(),
        announced,
        underway: input.underway.to_vec(),
        notified: input.previous.and_then(|previous| previous.notified.clone()),
        notices: notices(input),
        sequence: input.previous.map_or(1, |previous| previous.sequence + 1),
        cpu_baseline: rates.baseline(),
        hosts: Default::default(),
    }
}

/// The rows of the snapshot before, by id.
#[derive(Debug, Default)]
struct Earlier<'a>(HashMap<&'a InstanceId, &'a Arc<Row>>);

impl<'a> Earlier<'a> {
    fn of(previous: Option<&'a Snapshot>) -> Self {
        Self(previous.iter().flat_map(|snapshot| snapshot.rows.iter()).map(|row| (&row.id, row)).collect())
    }

    fn row(&self, id: &InstanceId) -> Option<&'a Arc<Row>> {
        self.0.get(id).copied()
    }
}

/// What could not be read, or was looked for in vain, in sentences.
fn notices(input: &Input<'_>) -> Vec<Shown> {
    let mut notices = Vec::new();
    if !matches!(input.sample.listeners, Reading::Known(_)) {
        notices.push(Shown::new("the kernel does not tell which ports are listened on: ports, conflicts and most states are unknown"));
    }
    if !input.sample.sees_all {
        notices.push(Shown::new("processes of other users are hidden here (hidepid): what they use is unknown"));
    }
    notices.extend(input.registry_notice.cloned());
    let unread = input.roster.instances.iter().filter(|declared| declared.is_unread()).count();
    if unread > 0 {
        let all = input.roster.instances.len();
        notices.push(Shown::new(&format!(
            "the files of {unread} of {all} instances may not be read by this account: what they do is known only where it shows, and a \
             port that is shown as free may be one of theirs"
        )));
    }
    notices.extend(input.storage.notices.iter().chain(&input.announced.notices).cloned());
    notices.extend(metadata(input));
    for fault in &input.roster.faults {
        notices.push(Shown::new(&format!("{}: {}", config_invalid::place(fault), fault.reason)));
    }
    if input.roster.instances.is_empty() && !input.roster.looked_for.is_empty() {
        notices.push(Shown::from("no instance is configured"));
        notices.extend(input.roster.looked_for.iter().map(|pattern| Shown::new(&format!("looked for {pattern}"))));
    }
    notices
}

/// What is wrong with the metadata that servers advertise, where no finding tells it.
fn metadata<'a>(input: &'a Input<'_>) -> impl Iterator<Item = Shown> + 'a {
    let audits = &input.postures.audits;
    let asked = input.roster.instances.iter().filter(|_| !audits.is_empty());
    asked.filter_map(|declared| {
        let audit = audits.get(&declared.id).filter(|audit| audit.takes_foreign_origin != Some(true))?;
        Some(Shown::new(&format!("{}: metadata-missing: {}", declared.id, audit.metadata.as_ref()?)))
    })
}

#[cfg(test)]
mod tests;
