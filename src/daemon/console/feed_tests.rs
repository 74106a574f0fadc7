//! The feed, read by consoles: what each is told, and what is not told to it.
//!
//! It must never need a host.

use super::*;
use crate::daemon::fake::Plain;
use crate::domain::{Moment, PortRange, Reading, Row};
use crate::link::remote::{Assembled, Gap};
use crate::link::wire::Change;
use crate::present::fleet;

fn admin() -> Caller {
    Caller { role: Role::Admin, ..nobody() }
}

fn change(event: &Bytes) -> Change {
    let text = std::str::from_utf8(event).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap()
}

/// A console: what it has, and the number of it.
struct Console {
    caller: Caller,
    assembled: Assembled,
    number: Option<u64>,
}

impl Console {
    fn new(caller: Caller) -> Self {
        let taken = Moment { boot: std::time::Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
        let nothing = Snapshot::nothing_yet(PortRange { first: 1, last: 2 }, taken);
        Self { caller, assembled: Assembled::after(nothing), number: None }
    }

    /// Reads along: how many rows came, and the event.
    fn read(&mut self, feed: &Feed, newest: &Arc<Snapshot>) -> (usize, Bytes) {
        let (number, event) = feed.since(&Plain::default(), &self.caller, newest, self.number);
        self.number = Some(number);
        let event = event.unwrap();
        let change = change(&event);
        let rows = change.rows.len();
        self.assembled.take(change).unwrap();
        (rows, event)
    }

    fn rows(&self) -> Vec<Row> {
        self.assembled.picture().rows.iter().map(|row| (**row).clone()).collect()
    }
}

fn after(snapshot: &Arc<Snapshot>, edit: impl FnOnce(&mut Snapshot)) -> Arc<Snapshot> {
    let mut next = (**snapshot).clone();
    next.taken.boot += std::time::Duration::from_secs(1);
    edit(&mut next);
    Arc::new(next)
}

#[test]
fn a_console_has_the_picture_and_is_told_only_what_changed() {
    let (feed, first) = (Feed::default(), Arc::new(fleet::fleet()));
    let mut console = Console::new(admin());
    assert_eq!(console.read(&feed, &first).0, first.rows.len());
    let picture = console.assembled.picture();
    assert_eq!((&picture.findings, &picture.totals, picture.taken), (&first.findings, &first.totals, first.taken));
    assert_eq!((&picture.listeners, &picture.underway, &picture.notices), (&first.listeners, &first.underway, &first.notices));
    let ids = |rows: &[Arc<Row>]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    let (mut told, mut all) = (ids(&picture.rows), ids(&first.rows));
    told.sort();
    all.sort();
    assert_eq!(told, all);
    assert!(feed.since(&Plain::default(), &console.caller, &first, console.number).1.is_none(), "it is the same");

    let trembled = after(&first, |next| {
        let row = Arc::make_mut(&mut next.rows[0]);
        row.memory_bytes = Reading::Known(row.memory_bytes.known().unwrap_or(1 << 30) + 1);
        row.processes.clear();
        row.processes.extend(first.rows[0].processes.iter().cloned());
    });
    assert_eq!(console.read(&feed, &trembled).0, 0);
    let changed = after(&trembled, |next| {
        Arc::make_mut(&mut next.rows[2]).restarts += 1;
        next.rows.remove(3);
    });
    assert_eq!(console.read(&feed, &changed).0, 1);
    assert_eq!(console.rows().len(), first.rows.len() - 1);
    let told = console.assembled.picture().row(&changed.rows[2].id).unwrap().clone();
    assert_eq!((told.restarts, told.declared.is_some()), (changed.rows[2].restarts, changed.rows[2].declared.is_some()));
}

#[test]
fn who_is_slow_is_told_all_that_changed_and_who_missed_something_the_whole() {
    let (feed, first) = (Feed::default(), Arc::new(fleet::fleet()));
    let (mut quick, mut slow) = (Console::new(admin()), Console::new(admin()));
    let event = quick.read(&feed, &first).1;
    assert_eq!(slow.read(&feed, &first).1.as_ptr(), event.as_ptr(), "made once for both");
    let second = after(&first, |next| Arc::make_mut(&mut next.rows[1]).restarts += 1);
    let third = after(&second, |next| Arc::make_mut(&mut next.rows[2]).restarts += 1);
    assert_eq!((quick.read(&feed, &second).0, quick.read(&feed, &third).0), (1, 1));
    assert_eq!(slow.read(&feed, &third).0, 2);
    assert_eq!(slow.rows(), quick.rows());
    // A gap: the change is of a picture that this one has not.
    let fourth = after(&third, |next| Arc::make_mut(&mut next.rows[1]).restarts += 1);
    let (_, event) = feed.since(&Plain::default(), &admin(), &fourth, quick.number);
    let mut late = Console::new(admin());
    late.read(&feed, &first);
    assert_eq!(late.assembled.take(change(&event.unwrap())), Err(Gap));
    late.number = None;
    assert_eq!(late.read(&feed, &fourth).0, fourth.rows.len(), "the whole mends it");
    // So does it where more has gone than is remembered.
    let mut inner = feed.0.lock().unwrap();
    inner.whole.forgotten = inner.number;
    drop(inner);
    let fifth = after(&fourth, |_| ());
    let (_, event) = feed.since(&Plain::default(), &admin(), &fifth, Some(1));
    assert_eq!(change(&event.unwrap()).from, None);
}

#[test]
fn each_sees_what_is_for_it() {
    let mut snapshot = fleet::fleet();
    let row = Arc::make_mut(&mut snapshot.rows[5]);
    (row.state, row.why) = (crate::domain::State::Unknown, Some(Shown::from("hunter2")));
    let (own, feed, snapshot) = (row.uid, Feed::default(), Arc::new(snapshot));
    let told = |caller: &Caller| String::from_utf8(feed.since(&Plain::default(), caller, &snapshot, None).1.unwrap().to_vec()).unwrap();
    let owner = Caller { uid: own, ..nobody() };
    let stranger = Caller { role: Role::Stranger, ..owner.clone() };
    assert!(!told(&nobody()).contains("hunter2"));
    assert!(told(&owner).contains("hunter2") && told(&admin()).contains("hunter2"));
    let rows = |caller: &Caller| change(&feed.since(&Plain::default(), caller, &snapshot, None).1.unwrap()).rows.len();
    assert_eq!((rows(&nobody()), rows(&owner)), (snapshot.rows.len(), snapshot.rows.len()));
    assert_eq!(rows(&stranger), snapshot.rows.iter().filter(|row| row.uid == own).count());
}

#[test]
fn no_value_of_an_environment_is_told() {
    let mut snapshot = fleet::fleet();
    for row in &mut snapshot.rows {
        let row = Arc::make_mut(row);
        let Some(declared) = &mut row.declared else { continue };
        let declared = Arc::make_mut(declared);
        let Some(launch) = &mut declared.launch else { continue };
        launch.environment = std::iter::once(("MCP_API_KEY".to_owned(), "hunter2".to_owned())).collect();
    }
    let event = Feed::default().since(&Plain::default(), &admin(), &Arc::new(snapshot), None).1.unwrap();
    assert!(!String::from_utf8(event.to_vec()).unwrap().contains("hunter2"), "not even to an admin");
}

#[test]
fn what_is_another_s_by_now_is_gone_for_whose_it_was() {
    let (feed, first) = (Feed::default(), Arc::new(fleet::fleet()));
    let (id, own) = (first.rows[5].id.clone(), first.rows[5].uid);
    let owner = Caller { uid: own, ..nobody() };
    let callers = [Caller { role: Role::Stranger, ..owner.clone() }, owner, nobody(), admin()];
    let mut consoles = callers.map(Console::new);
    for console in &mut consoles {
        console.read(&feed, &first);
    }
    let next = after(&first, |next| Arc::make_mut(&mut next.rows[5]).uid = Uid(own.0 + 1000));
    let told = consoles.each_mut().map(|console| {
        console.read(&feed, &next);
        let row = console.assembled.picture().row(&id);
        row.map(|row| (row.uid.0 == own.0 + 1000, row.declared.is_some()))
    });
    // The table says nothing of what it was declared as.
    let is_declared = first.rows[5].declared.is_some();
    assert_eq!(told, [None, Some((true, false)), Some((true, false)), Some((true, is_declared))]);
}

#[test]
fn of_a_list_only_what_changed_is_told_to_who_has_the_rest() {
    let (feed, first) = (Feed::default(), Arc::new(fleet::fleet()));
    assert!(first.findings.len() > 1);
    let (mut quick, mut slow) = (Console::new(admin()), Console::new(admin()));
    quick.read(&feed, &first);
    slow.read(&feed, &first);
    let second = after(&first, |next| drop(next.findings.remove(1)));
    let splice = |event: &Bytes| change(event).findings_splice.map(|splice| (splice.first, splice.last, splice.new.len()));
    let event = quick.read(&feed, &second).1;
    assert_eq!((splice(&event), change(&event).findings.is_none()), (Some((1, first.findings.len() - 2, 0)), true));
    let third = after(&second, |next| next.findings.push(first.findings[1].clone()));
    assert_eq!(splice(&quick.read(&feed, &third).1), Some((second.findings.len(), 0, 1)));
    // Who has the list from before both is told the whole of it.
    let event = slow.read(&feed, &third).1;
    assert_eq!((splice(&event), change(&event).findings), (None, Some(third.findings.clone())));
    for console in [&quick, &slow] {
        assert_eq!(console.assembled.picture().findings, third.findings);
    }
    let fewer = after(&third, |next| {
        let listeners = next.listeners.as_ref().known().unwrap();
        next.listeners = Reading::Known(listeners.iter().skip(1).cloned().collect());
    });
    let event = quick.read(&feed, &fewer).1;
    assert!(change(&event).listeners_splice.is_some());
    assert_eq!(quick.assembled.picture().listeners, fewer.listeners);
    // A splice of another list is a gap.
    let mut other = change(&event);
    (other.from, other.findings_splice) = (quick.number, Some(crate::link::wire::Splice { first: 99, last: 0, new: Vec::new() }));
    assert_eq!(quick.assembled.take(other), Err(Gap));
}

#[test]
fn who_saw_as_somebody_else_is_told_the_whole() {
    let (feed, first) = (Feed::default(), Arc::new(fleet::fleet()));
    let mut owner = Console::new(Caller { uid: first.rows[5].uid, ..nobody() });
    owner.read(&feed, &first);
    let without = after(&first, |next| next.rows.retain(|row| row.uid != owner.caller.uid));
    let event = owner.read(&feed, &without).1;
    assert_eq!(change(&event).from, None, "it belongs to others than before");
    let again = after(&without, |next| next.rows = first.rows.clone());
    assert_eq!(change(&owner.read(&feed, &again).1).from, None);
    assert_eq!(owner.rows().len(), first.rows.len());
}
