//! What the records say of every instance of a roster, read anew only where something changed.
//!
//! It must never ask /proc: whether a claimed process still runs is the sample's to say.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::domain::{Claim, Declared, InstanceId, ProcessKey, Roster, Shown, SupervisorKind};

use super::record::Record;
use super::records::{Edition, Records};

/// The records as they were last read.
#[derive(Debug, Default)]
pub struct Cache {
    directory_changed: Option<SystemTime>,
    known: HashMap<InstanceId, Option<Box<Record>>>,
    /// Which edition of each is known.
    editions: HashMap<InstanceId, Option<Edition>>,
    denied: bool,
    /// Those whose record is there and could not be read, for want of descriptors or because the disk fails.
    unread: HashSet<InstanceId>,
    /// Those whose process has ended, with that process: their keeper is about to write, or was killed.
    restless: HashMap<InstanceId, Option<ProcessKey>>,
    /// What was told last, of which roster, while no record has to be asked for anything new: it is told again.
    told: Option<(Arc<Roster>, Arc<[Claim]>)>,
}

/// How old the directory's change must be for the next one to bear another time: the kernel's clock for files ticks every few
/// milliseconds.
const TICK: Duration = Duration::from_millis(50);

/// A claim for each process instance.
///
/// A new record changes the directory, and so does an order; a keeper's lines do not. So after that only records that are not settled
/// and whose run has not fully begun, and those that [`forget`] named, are looked at again, and read where they changed: a keeper
/// appends at the beginning and at the end of its server's life. Where no record has to be looked at, it is the very list of before.
pub fn read(records: &Records, boot: &str, cache: &Mutex<Cache>, roster: &Arc<Roster>) -> Arc<[Claim]> {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let is_changed = cache.look_at_directory(records);
    if !is_changed && let Some((_, told)) = cache.told.as_ref().filter(|(of, _)| Arc::ptr_eq(of, roster)) {
        return Arc::clone(told);
    }
    let mut is_quiet = true;
    // Listed after that: what comes later changes the directory once more. Most instances of a host that berth has just come to have none.
    let names = if is_changed { records.names().ok() } else { None };
    let mut claims = Vec::with_capacity(roster.instances.len());
    for declared in roster.instances.iter().filter(|declared| declared.supervisor == SupervisorKind::Process) {
        let is_there = names.as_ref().is_none_or(|names| names.contains(&Records::name(&declared.id)));
        cache.look(records, boot, &declared.id, is_changed, is_there);
        is_quiet &= cache.is_quiet(&declared.id);
        // What could not be read is no record that says nothing: whoever runs without listening is known by it alone.
        let denied = cache.denied || cache.unread.contains(&declared.id);
        let record = cache.known.get_mut(&declared.id).and_then(Option::as_deref_mut);
        let record = record.map(|record| share_settings(record, declared));
        claims.push(claim_of(&declared.id, record, denied));
    }
    let claims: Arc<[Claim]> = claims.into();
    cache.told = is_quiet.then(|| (Arc::clone(roster), Arc::clone(&claims)));
    claims
}

impl Cache {
    /// Whether any record may be another than the known one.
    fn look_at_directory(&mut self, records: &Records) -> bool {
        let changed = match fs::metadata(records.directory()) {
            Ok(facts) => {
                self.denied = false;
                facts.modified().ok()
            }
            Err(error) => {
                self.denied = error.kind() == std::io::ErrorKind::PermissionDenied;
                None
            }
        };
        let is_changed = changed != self.directory_changed;
        // What changes it once more within the same tick would not show.
        self.directory_changed = changed.filter(|at| at.elapsed().is_ok_and(|age| age >= TICK));
        is_changed
    }

    /// Whether nothing is written of this one but in a new record, or when its process ends.
    fn is_quiet(&self, id: &InstanceId) -> bool {
        let Some(last) = self.known.get(id).filter(|_| !self.denied) else { return false };
        last.as_ref()
            .is_none_or(|record| record.settled || (record.exit.is_none() && record.main.is_some() && !self.restless.contains_key(id)))
    }

    /// Reads one record, if there is something new in it. `is_there`: there may be one.
    fn look(&mut self, records: &Records, boot: &str, id: &InstanceId, is_changed: bool, is_there: bool) {
        let last = self.known.get(id);
        let settled = last.is_some_and(|record| record.as_ref().is_none_or(|record| record.settled));
        let main = last.and_then(Option::as_deref).filter(|record| record.exit.is_none()).and_then(|record| record.main);
        if settled || self.restless.get(id).is_some_and(|ended| main.is_some() && main != *ended) {
            self.restless.remove(id);
        }
        // What runs is written of when it ends; between an end and the next try its keeper may write at any time.
        if (!is_changed && self.is_quiet(id)) || self.denied {
            return;
        }
        let Self { known, editions, denied, unread, .. } = self;
        let is_known = known.contains_key(id);
        let edition = if is_there { records.edition(id) } else { Ok(None) };
        let read = edition.and_then(|edition| {
            // What is written between the two looks makes the next edition another one: nothing is missed.
            if !is_known || editions.get(id) != Some(&edition) {
                let record = if edition.is_some() { records.read(id, boot)? } else { None };
                known.insert(id.clone(), record.map(Box::new));
                editions.insert(id.clone(), edition);
            }
            Ok(())
        });
        match read {
            Ok(()) => {
                unread.remove(id);
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => *denied = true,
            Err(_) => {
                // What was known may be of an earlier run. Without it the next look asks again.
                known.remove(id);
                editions.remove(id);
                unread.insert(id.clone());
            }
        }
    }
}

/// Makes the next look at this instance read its record again.
pub fn forget(cache: &Mutex<Cache>, id: &InstanceId) {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let main = cache.known.remove(id).flatten().and_then(|record| record.main);
    cache.restless.insert(id.clone(), main);
    cache.told = None;
}

/// What was recorded and still holds becomes the same as what is declared: whether anything differs is one look at two addresses
/// from then on.
fn share_settings<'a>(record: &'a mut Record, declared: &Declared) -> &'a Record {
    if let Some(recorded) = &mut record.started_with
        && !Arc::ptr_eq(recorded, &declared.settings)
        && recorded.says_the_same(&declared.settings)
    {
        *recorded = Arc::clone(&declared.settings);
    }
    record
}

fn claim_of(id: &InstanceId, record: Option<&Record>, denied: bool) -> Claim {
    let Some(record) = record else { return Claim::nothing(id.clone(), denied) };
    Claim {
        id: id.clone(),
        keeper: record.keeper,
        main: record.main,
        others: Arc::default(),
        publisher: None,
        wished_up: Some(!record.stop_asked),
        stop_asked_at: record.stop_asked_at,
        exit: record.exit,
        exits: Arc::clone(&record.exits),
        started_at: record.started_at,
        restarts: record.restarts,
        ended_outside: record.ended_outside,
        again: record.again,
        started_with: record.started_with.clone(),
        unlimited: record.unlimited.as_deref().map(Shown::new),
        denied,
        service: None,
        published: Arc::default(),
        engine: None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use jiff::Timestamp;

    use super::super::record::Event;
    use super::super::records::append;
    use super::*;
    use crate::fixture;

    fn asked(records: &Records, id: &InstanceId) -> File {
        let first = Event::Asked {
            boot: "b".to_owned(),
            by: "root".to_owned(),
            at: Timestamp::now(),
            restarts: 0,
            before: None,
            before_over_memory: None,
            settings: None,
            uid: None,
        };
        records.begin(id, &first).unwrap()
    }

    fn exited(code: i32) -> Event {
        Event::Exited { code: Some(code), signal: None, asked_outside: false, over_memory: None, at: Timestamp::now() }
    }

    fn started(main: i32) -> Event {
        Event::Started { keeper: (10, 1), main: (main, 2), at: Timestamp::now(), unlimited: None }
    }

    #[test]
    fn what_anybody_writes_is_seen_when_it_has_to_be() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::below(directory.path());
        let id = InstanceId::of_owner("alice").unwrap();
        let cache = Mutex::<Cache>::default();
        let look = || {
            let mut cache = cache.lock().unwrap();
            // The directory has not changed for long.
            std::thread::sleep(TICK + TICK / 5);
            let is_changed = cache.look_at_directory(&records);
            cache.look(&records, "b", &id, is_changed, true);
            cache.known.get(&id).cloned().flatten()
        };
        assert_eq!(look(), None);
        let mut file = asked(&records, &id);
        assert_eq!(look().and_then(|record| record.main), None);
        append(&mut file, &started(11)).unwrap();
        assert_eq!(look().and_then(|record| record.main.map(|main| main.pid)), Some(11), "it was about to begin");
        append(&mut file, &exited(3)).unwrap();
        assert_eq!(look().and_then(|record| record.exit), None, "nobody has told of an end, and nothing is read");
        forget(&cache, &id);
        assert!(look().is_some_and(|record| record.exit.is_some()));
        append(&mut file, &started(12)).unwrap();
        assert_eq!(look().and_then(|record| record.main.map(|main| main.pid)), Some(12), "after an end its keeper may write at any time");
        append(&mut file, &exited(3)).unwrap();
        append(&mut file, &Event::Empty { told: false, killed: false, at: Timestamp::now() }).unwrap();
        forget(&cache, &id);
        assert!(look().is_some_and(|record| record.settled && !record.stop_asked));
        records.add(&id, &Event::StopAsked { by: "anna".to_owned(), at: Timestamp::now() }).unwrap();
        assert!(look().is_some_and(|record| record.stop_asked), "an order from another console, after everything was written");
        drop(asked(&records, &id));
        assert!(look().is_some_and(|record| !record.settled), "another console began anew");
    }

    #[test]
    fn where_nothing_has_to_be_looked_at_it_is_the_list_of_before() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::below(directory.path());
        let instances: Vec<Arc<Declared>> = fixture::fleet().rows.iter().filter_map(|row| row.declared.clone()).collect();
        let id = instances.iter().find(|declared| declared.supervisor == SupervisorKind::Process).unwrap().id.clone();
        let roster = Arc::new(Roster { instances, ..Roster::default() });
        let mut file = asked(&records, &id);
        let rest = || {
            let long_ago = SystemTime::now() - Duration::from_secs(60);
            File::open(records.directory()).unwrap().set_modified(long_ago).unwrap();
        };
        let (cache, other) = (Mutex::<Cache>::default(), Arc::new(Roster::clone(&roster)));
        let mut before = read(&records, "b", &cache, &roster);
        let mut is_same = |roster| {
            let now = read(&records, "b", &cache, roster);
            let is_same = Arc::ptr_eq(&now, &before);
            before = now;
            is_same
        };
        rest();
        assert!((0..3).all(|_| !is_same(&roster)), "it is about to begin, and its keeper may write at any time");
        append(&mut file, &started(11)).unwrap();
        assert!(!is_same(&roster) && is_same(&roster));
        assert!(!is_same(&other) && is_same(&other) && !is_same(&roster), "another roster");
        forget(&cache, &id);
        assert!(!is_same(&roster) && !is_same(&roster), "its process has ended");
        append(&mut file, &exited(0)).unwrap();
        append(&mut file, &Event::Empty { told: false, killed: false, at: Timestamp::now() }).unwrap();
        assert!(!is_same(&roster) && is_same(&roster), "all is written");
        records.add(&id, &Event::StopAsked { by: "anna".to_owned(), at: Timestamp::now() }).unwrap();
        assert!(!is_same(&roster), "an order changes the directory");
    }

    #[test]
    fn who_has_no_record_is_known_without_asking_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::below(directory.path());
        assert!(records.names().unwrap().is_empty(), "there is no directory");
        let id = InstanceId::of_owner("alice").unwrap();
        drop(asked(&records, &id));
        assert_eq!(records.names().unwrap(), [Records::name(&id)].into());
        let mut cache = Cache::default();
        cache.look(&records, "b", &id, true, false);
        assert_eq!(cache.known.get(&id), Some(&None), "as it was listed");
        cache.look(&records, "b", &id, true, true);
        assert!(cache.known.get(&id).is_some_and(Option::is_some), "as it is listed now");
    }

    #[test]
    fn a_record_that_cannot_be_read_is_none_that_says_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::below(directory.path());
        let id = InstanceId::of_owner("alice").unwrap();
        let path = records.directory().join(Records::name(&id));
        append(&mut asked(&records, &id), &started(11)).unwrap();
        let mut cache = Cache::default();
        let mut look = |is_changed| {
            cache.look(&records, "b", &id, is_changed, true);
            (cache.unread.contains(&id), cache.known.get(&id).cloned().flatten().and_then(|record| record.main).map(|main| main.pid))
        };
        assert_eq!(look(true), (false, Some(11)));
        let aside = directory.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(look(true), (true, None), "the kernel refuses to read it");
        assert_eq!(look(false), (true, None), "asked again, though nothing changed");
        fs::remove_dir(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
        assert_eq!(look(false), (false, Some(11)));
        // One byte of it broken costs a line and not the record.
        let mut text = fs::read(&path).unwrap();
        text[3] = 0xff;
        fs::write(&path, text).unwrap();
        assert_eq!(look(true), (false, Some(11)));
    }

    #[test]
    fn two_changes_within_a_tick_are_two() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::below(directory.path());
        let id = InstanceId::of_owner("alice").unwrap();
        drop(asked(&records, &id));
        let mut cache = Cache::default();
        assert!(cache.look_at_directory(&records));
        assert!(cache.look_at_directory(&records), "it has changed just now, and may do so again");
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        File::open(records.directory()).unwrap().set_modified(long_ago).unwrap();
        assert!(cache.look_at_directory(&records));
        assert!(!cache.look_at_directory(&records));
    }
}
