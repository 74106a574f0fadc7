//! Compares each picture with the one before it, beside the engine: one that is slow misses pictures, not changes.
//!
//! It must never keep the chronicle while another process does, nor take what it sees at its beginning for news.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::flood::Flood;
use super::{Line, begin, draft};
use crate::control::Control;
use crate::domain::{Event, EventKind, EventQuery, Level, Shown, Snapshot, Stands};
use crate::supervisor::process::InstanceLock;

/// How long it takes until everything was found, read and judged once.
const SETTLES: Duration = Duration::from_secs(4);

/// How often the place is asked for that another process has.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// How often it is asked what of what was held back is to be written.
const RELEASE_EVERY: Duration = Duration::from_secs(5);

/// How many events are looked through for which ends were told.
const LOOKED_THROUGH: usize = 20_000;

/// Under which name the configuration is remembered.
const REMEMBERED: &str = "configuration";

/// How many changed keys are named.
const NAMED: usize = 8;

/// The comparing side.
pub struct Watcher {
    control: Arc<Control>,
    line: Line,
    state: PathBuf,
    settings: Vec<(String, String)>,
    flood: Flood,
    before: Option<Arc<Snapshot>>,
    place: Option<InstanceLock>,
    asked: Option<Instant>,
    /// When the first picture came that is not compared yet; `None` once it is compared.
    settling: Option<Instant>,
    /// What stands, as it was told of.
    standing: BTreeSet<Stands>,
    /// What is to be written of that yet.
    unsaid: BTreeMap<Stands, bool>,
}

impl Watcher {
    /// One that has seen nothing.
    pub fn new(control: Arc<Control>, line: Line, state: PathBuf, settings: Vec<(String, String)>) -> Self {
        Self {
            control,
            line,
            state,
            settings,
            flood: Flood::default(),
            before: None,
            place: None,
            asked: None,
            settling: None,
            standing: BTreeSet::new(),
            unsaid: BTreeMap::new(),
        }
    }

    /// Goes on for as long as there are pictures.
    pub fn run(mut self, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
        loop {
            // What is held back is to be written though nothing more happens.
            let waited = runtime.block_on(async {
                if self.flood.holds() {
                    tokio::time::timeout(RELEASE_EVERY, snapshots.changed()).await
                } else {
                    Ok(snapshots.changed().await)
                }
            });
            match waited {
                Ok(Err(_)) => return,
                Ok(Ok(())) => {
                    let picture = Arc::clone(&snapshots.borrow_and_update());
                    if picture.sequence > 0 && self.has_place() {
                        self.picture(&picture);
                    }
                }
                Err(_) => {}
            }
            if self.flood.holds() {
                self.flood.release(Instant::now()).into_iter().for_each(|event| self.line.put(event));
            }
        }
    }

    /// Whether it is this process that keeps the chronicle.
    fn has_place(&mut self) -> bool {
        if self.place.is_some() {
            return true;
        }
        if self.asked.is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return false;
        }
        self.asked = Some(Instant::now());
        let directory = self.state.join("locks");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        let open = || OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join("chronicle"));
        self.place = made.and_then(|()| open()).ok().and_then(|file| InstanceLock::take(file).ok());
        self.settling = self.place.as_ref().map(|_| Instant::now());
        self.before = None;
        self.place.is_some()
    }

    fn picture(&mut self, picture: &Arc<Snapshot>) {
        if let Some(begun) = self.settling {
            if begun.elapsed() < SETTLES {
                return;
            }
            self.settling = None;
            self.begin(picture);
        } else if let Some(before) = self.before.take() {
            for event in draft::between(&before, picture) {
                self.put(event);
            }
            if !are_same(&before, picture) {
                self.stands(picture);
            }
        }
        if !self.unsaid.is_empty() {
            let unsaid = std::mem::take(&mut self.unsaid).into_iter().collect();
            self.unsaid = self.line.note(unsaid).into_iter().collect();
        }
        self.before = Some(Arc::clone(picture));
    }

    /// Has written down what stands, as far as that is another than what was written.
    fn stands(&mut self, picture: &Snapshot) {
        let now: BTreeSet<Stands> = picture.findings.iter().map(|finding| draft::stands(finding, picture)).collect();
        let went = self.standing.difference(&now).map(|stands| (stands.clone(), false));
        let came = now.difference(&self.standing).map(|stands| (stands.clone(), true));
        let changes: Vec<_> = went.chain(came).collect();
        self.unsaid.extend(changes);
        self.standing = now;
    }

    fn put(&mut self, event: Event) {
        if let Some(event) = self.flood.admit(event, Instant::now()) {
            self.line.put(event);
        }
    }

    /// What is to be said of the time before this picture.
    fn begin(&mut self, picture: &Snapshot) {
        let all = EventQuery { last: LOOKED_THROUGH, since: None, user: None, id: None };
        // What cannot be read is begun anew by whoever writes.
        let known = self.control.happenings(&all).unwrap_or_default();
        let instances = picture.totals.instances;
        let plural = if instances == 1 { "" } else { "s" };
        let sentence = format!("berth keeps the events from now on (pid {}): {instances} instance{plural}", std::process::id());
        let began = Event::of_host(picture.taken.wall, EventKind::Began, Level::Note, &sentence);
        self.line.put(Event { brief: Some(began.sentence.clone()), ..began });
        if let Some(sentence) = self.changed_settings() {
            self.line.put(Event::of_host(Timestamp::now(), EventKind::Configuration, Level::Note, &sentence));
        }
        self.standing = self.control.standing().unwrap_or_default().into_iter().collect();
        for event in begin::missing(&self.standing, &known, picture) {
            self.line.put(event);
        }
        self.stands(picture);
    }

    /// What berth's own configuration says otherwise than when it was last begun with.
    fn changed_settings(&self) -> Option<String> {
        let now = serde_json::to_string(&self.settings).ok()?;
        let before = self.control.remember(REMEMBERED, &now).ok()??;
        let before: Vec<(String, String)> = serde_json::from_str(&before).ok()?;
        told_changes(&before, &self.settings)
    }
}

/// Whether two pictures have the same findings.
fn are_same(before: &Snapshot, after: &Snapshot) -> bool {
    before.findings.len() == after.findings.len() && before.findings.iter().zip(&after.findings).all(|(one, other)| one.is_same(other))
}

/// Whether a value is nothing for the journal: the path of a hook's address and the words of a command may be tokens.
fn may_hold_secrets(key: &str) -> bool {
    key.starts_with("notify") || key.ends_with(".command")
}

/// `ports.range "8080-9080" -> "8080-8090", access.admins ...`.
fn told_changes(before: &[(String, String)], now: &[(String, String)]) -> Option<String> {
    let value = |all: &[(String, String)], key: &str| all.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let none = || "nothing".to_owned();
    let mut changes: Vec<String> = Vec::new();
    for (key, new) in now {
        let old = value(before, key);
        if old.as_ref() == Some(new) {
            continue;
        }
        if may_hold_secrets(key) {
            changes.push(format!("{key} was changed"));
        } else {
            changes.push(format!("{key} {} -> {new}", old.unwrap_or_else(none)));
        }
    }
    let gone = before.iter().filter(|(key, _)| value(now, key).is_none());
    changes.extend(gone.map(|(key, old)| if may_hold_secrets(key) { format!("{key} is gone") } else { format!("{key} {old} -> nothing") }));
    let more = changes.len().saturating_sub(NAMED);
    changes.truncate(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let told = format!("berth's configuration was changed: {}{more}", changes.join(", "));
    (!changes.is_empty()).then(|| Shown::new(&told).as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_named() {
        let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
        let (before, now) = (of(&[("a", "1"), ("b", "2"), ("c", "3")]), of(&[("a", "1"), ("b", "5"), ("d", "4")]));
        assert_eq!(told_changes(&before, &now).unwrap(), "berth's configuration was changed: b 2 -> 5, d nothing -> 4, c 3 -> nothing");
        assert_eq!(told_changes(&before, &before), None);
        let (before, now) = (of(&[("notify[0].url", "one"), ("template.x.command", "two")]), of(&[("notify[0].url", "three")]));
        let told = told_changes(&before, &now).unwrap();
        assert_eq!(told, "berth's configuration was changed: notify[0].url was changed, template.x.command is gone");
        let many: Vec<(String, String)> = (0..20).map(|number| (number.to_string(), String::new())).collect();
        assert!(told_changes(&[], &many).unwrap().ends_with(", and 12 more"));
    }
}
