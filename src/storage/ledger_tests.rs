//! The ledger against made-up counts. It must never need a file.

use super::super::files::Database;
use super::*;
use crate::fixture as fleet;

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.learn(&fleet::fleet(), Duration::ZERO);
    ledger
}

fn index(ledger: &Ledger, name: &str) -> usize {
    ledger.accounts.iter().position(|account| account.declared.id == fleet::id(name)).unwrap()
}

fn room(free: u64) -> Room {
    Room { mount: 0, device: 7, total: 1 << 30, taken: (1 << 30) - free, free }
}

fn log(length: u64) -> Reading<LogSeen> {
    let file = Some((7, 1, length));
    Reading::Known(LogSeen { file, on_disk: length, rotated: 0, rotated_at: None, is_blocked: false, room: room(1 << 29) })
}

fn told(ledger: &mut Ledger, name: &str, second: u64) -> Option<Arc<DiskUse>> {
    ledger.storage(Duration::from_secs(second), fleet::now()).uses.get(&fleet::id(name)).cloned()
}

#[test]
fn what_was_not_counted_is_not_told() {
    let mut ledger = ledger();
    assert!(told(&mut ledger, "alice", 0).is_none());
    let alice = index(&ledger, "alice");
    ledger.log_seen(alice, log(1000), Duration::from_secs(1), fleet::now());
    let use_ = told(&mut ledger, "alice", 1).unwrap();
    assert_eq!((use_.log_bytes, use_.workspace_bytes, use_.growth), (Reading::Known(1000), Reading::Unasked, None));
    assert_eq!(use_.bytes(), (Reading::Known(1000), false));
    ledger.workspace_counted(alice, Reading::Denied, Duration::from_secs(2));
    assert_eq!(told(&mut ledger, "alice", 2).unwrap().workspace_bytes, Reading::Denied);
    ledger.workspace_counted(alice, Reading::Known((500, room(1))), Duration::from_secs(3));
    assert_eq!(told(&mut ledger, "alice", 3).unwrap().bytes(), (Reading::Known(1500), true));
}

#[test]
fn growth_is_that_of_both() {
    let mut ledger = ledger();
    let alice = index(&ledger, "alice");
    for (second, bytes) in [(0, 1000), (10, 2000), (20, 3000)] {
        ledger.log_seen(alice, log(bytes), Duration::from_secs(second), fleet::now());
        ledger.workspace_counted(alice, Reading::Known((bytes * 2, room(1 << 29))), Duration::from_secs(second));
    }
    let use_ = told(&mut ledger, "alice", 20).unwrap();
    assert_eq!((use_.log_growth, use_.growth, use_.devices.as_slice()), (Some(100.0), Some(300.0), &[7][..]));
}

#[test]
fn numbers_that_stay_the_same_are_the_same_object() {
    let mut ledger = ledger();
    let alice = index(&ledger, "alice");
    ledger.log_seen(alice, log(1000), Duration::from_secs(1), fleet::now());
    let first = told(&mut ledger, "alice", 1).unwrap();
    let later = ledger.storage(Duration::from_secs(9), fleet::now() + Duration::from_secs(8)).uses[&fleet::id("alice")].clone();
    assert!(Arc::ptr_eq(&first, &later));
    let much_later = ledger.storage(Duration::from_secs(99), fleet::now() + Duration::from_secs(98)).uses[&fleet::id("alice")].clone();
    assert!(!Arc::ptr_eq(&first, &much_later));
}

#[test]
fn an_instance_that_goes_takes_its_numbers_along() {
    let mut ledger = ledger();
    let (alice, dave) = (index(&ledger, "alice"), index(&ledger, "dave"));
    ledger.log_seen(alice, log(1000), Duration::from_secs(1), fleet::now());
    ledger.log_seen(dave, log(2000), Duration::from_secs(1), fleet::now());
    let mut snapshot = fleet::fleet();
    snapshot.rows.retain(|row| row.id != fleet::id("alice"));
    ledger.learn(&snapshot, Duration::from_secs(2));
    assert!(told(&mut ledger, "alice", 3).is_none());
    assert_eq!(told(&mut ledger, "dave", 3).unwrap().log_bytes, Reading::Known(2000));
    ledger.learn(&fleet::fleet(), Duration::from_secs(4));
    assert!(told(&mut ledger, "alice", 5).is_none());
    assert_eq!(ledger.dues.len(), ledger.accounts.len());
}

#[test]
fn a_database_that_two_have_open_has_two_holders() {
    let mut ledger = ledger();
    let database = |name: &str| Database {
        file: (7, 42),
        mount: 0,
        path: name.into(),
        holder: ProcessKey { pid: i32::try_from(name.len()).unwrap(), start_time: 1 },
    };
    for (name, path) in [("dave", "/a/m.db"), ("alice", "/b/link.db")] {
        let at = index(&ledger, name);
        ledger.files_found(at, Found { databases: vec![database(path)], overwriter: None }, Duration::ZERO);
    }
    let databases = ledger.storage(Duration::ZERO, fleet::now()).databases;
    let holders: Vec<String> = databases[0].holders.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!((databases.len(), holders), (1, vec!["alice".to_owned(), "dave".to_owned()]));
}

#[test]
fn a_log_over_its_limit_is_long_since_it_was_first_seen_so() {
    let mut snapshot = fleet::fleet();
    for row in &mut snapshot.rows {
        let mut changed = (**row).clone();
        changed.declared = changed.declared.map(|declared| Arc::new(Declared { log_max: Some(1000), ..(*declared).clone() }));
        *row = Arc::new(changed);
    }
    let mut ledger = Ledger::default();
    ledger.learn(&snapshot, Duration::ZERO);
    let at = |second: u64| fleet::now() + Duration::from_secs(second);
    let cases = [(0, 1000, None), (5, 1100, None), (10, 1101, Some(10)), (15, 5000, Some(10)), (20, 10, None), (25, 2000, Some(25))];
    for (second, length, since) in cases {
        ledger.log_seen(0, log(length), Duration::from_secs(second), at(second));
        let told = ledger.storage(Duration::from_secs(second), at(second)).uses[&ledger.accounts[0].declared.id].clone();
        assert_eq!(told.long_since, since.map(at), "{second}");
    }
}
