//! Managers that answer, that do not, that end, and that talk nonsense: each is its own, and none is in another's way.

use std::time::Duration;

use super::super::fake::{FakeManager, Told};
use super::super::job::{End, Job, What};
use super::*;
use crate::patience::until_so;

const LONG: Duration = Duration::from_secs(60);

/// What says that somebody listens there, and the thread.
type Held = (watch::Sender<Option<u32>>, mpsc::UnboundedSender<Work>);

/// Someone who talks to the manager below this directory, as this process.
fn talking(root: &std::path::Path, deadline: Duration) -> (Arc<Watch>, Held) {
    let (uid, gid) = (Uid(geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()));
    let way = Way::Door(Door::of(uid, gid, None, &Reader::start().unwrap()).below(root));
    let (there, listens) = watch::channel(Some(1));
    let place = Place { way, patterns: Arc::new(["mcp@*.service".to_owned()]), most: 3, there: Some(listens), deadline };
    let (watch, work) = Watch::and_work(place, Memory::of_user(root, uid), Ears::default());
    let works = serve().unwrap();
    assert!(works.send(Box::pin(work)).is_ok());
    (Arc::new(watch), (there, works))
}

fn fake(root: &std::path::Path, told: Told) -> FakeManager {
    FakeManager::below(root, geteuid().as_raw(), told)
}

fn units(names: &[&str]) -> Told {
    Told { units: names.iter().map(|name| ((*name).to_owned(), false)).collect(), pid: std::process::id(), ..Told::default() }
}

fn came(watch: &Watch, what: What) -> End {
    let (job, end) = Job::new(what, "mcp@a.service", LONG);
    assert!(watch.carry_out(job));
    end.recv_timeout(LONG).unwrap()
}

#[test]
fn a_users_units_are_listed_and_obey_and_are_believed_about_him_alone() {
    let root = tempfile::tempdir().unwrap();
    let fake = fake(root.path(), units(&["mcp@a.service", "ssh.service", "mcp@.service"]));
    let (watch, _there) = talking(root.path(), LONG);
    let state = watch.first_state(LONG);
    assert_eq!(state.units.keys().collect::<Vec<_>>(), ["mcp@a.service", "ssh.service"]);
    let End::Told(result, before, after) = came(&watch, What::Start) else { panic!("it was not told") };
    assert_eq!((result.as_str(), before.main, after.active_state.as_str()), ("done", None, "active"));
    let facts = Arc::clone(&watch.state().units["mcp@a.service"]);
    assert_eq!(facts.main.map(|key| key.pid), Some(std::process::id().cast_signed()), "a process of its own account");
    assert_eq!((facts.managed.account.clone(), facts.group.clone()), (geteuid().to_string(), None), "nobody else's group or account");
    // Nobody asks at intervals: it is told.
    fake.change("mcp@a.service", false);
    assert!(until_so(|| watch.state().units["mcp@a.service"].active_state == "inactive"));
    // Somebody else's process is not its own, whatever it says.
    fake.told.lock().unwrap().pid = 1;
    if !geteuid().is_root() {
        fake.change("mcp@a.service", true);
        assert!(until_so(|| watch.state().units["mcp@a.service"].active_state == "active"));
        assert_eq!(watch.state().units["mcp@a.service"].main, None);
    }
}

#[test]
fn of_more_units_than_are_looked_at_a_user_has_the_first() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..9).map(|number| format!("mcp@{number}.service")).collect();
    let _fake = fake(root.path(), units(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let (watch, _there) = talking(root.path(), LONG);
    let state = watch.first_state(LONG);
    assert_eq!((state.units.len(), state.has_more), (3, true));
}

#[test]
fn f19_who_does_not_answer_is_lost_and_hinders_nobody_and_who_ends_is_not_knocked_at() {
    let (silent, lively) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let quiet = fake(silent.path(), Told { is_silent: true, ..Told::default() });
    let fake = fake(lively.path(), units(&["mcp@a.service"]));
    let (dumb, _listens) = talking(silent.path(), Duration::from_millis(100));
    let (watch, (there, _works)) = talking(lively.path(), LONG);
    assert_eq!(watch.first_state(LONG).units.len(), 1);
    assert!(until_so(|| dumb.state().lost.is_some()));
    assert_eq!(dumb.state().lost.as_ref().unwrap().1.as_str(), "it does not answer");
    assert!(matches!(came(&dumb, What::Start), End::Unasked(_)));
    // It comes to itself again.
    *quiet.told.lock().unwrap() = units(&["mcp@b.service"]);
    assert!(until_so(|| dumb.state().lost.is_none() && dumb.state().units.contains_key("mcp@b.service")));

    there.send_replace(None);
    fake.hang_up();
    assert!(until_so(|| watch.state().lost.is_some()));
    assert_eq!(watch.state().units.len(), 1, "what was known is not forgotten");
    fake.told.lock().unwrap().units.insert("mcp@c.service".to_owned(), true);
    assert!(watch.state().lost.is_some(), "nobody listens there");
    there.send_replace(Some(2));
    assert!(until_so(|| watch.state().lost.is_none() && watch.state().units.len() == 2));
}

#[test]
fn whatever_a_manager_says_nobody_fails_by_it() {
    // Pieces of messages, with lengths that are too long, too short and none.
    let head = |order: u8, kind: u8, fields: u32, body: u32| {
        let mut head = vec![order, kind, 0, 1];
        head.extend(body.to_le_bytes());
        head.extend(7_u32.to_le_bytes());
        head.extend(fields.to_le_bytes());
        head
    };
    let mut all = vec![b"\n".to_vec(), vec![0; 64], vec![255; 64], head(b'l', 4, 0, 0), head(b'l', 2, u32::MAX, 0), head(b'B', 4, 1, 1)];
    for seed in 1..60_u32 {
        let mut state = seed.wrapping_mul(2_654_435_761);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        let fields = next() % 64;
        let mut message = head(b'l', u8::try_from(next() % 6).unwrap(), fields, next() % 64);
        message.extend((0..256).map(|_| match next() % 4 {
            0 => b"ysogav(){}"[next() as usize % 10],
            1 => u8::try_from(next() % 10).unwrap(),
            _ => 0,
        }));
        all.push(message);
    }
    for nonsense in all {
        let root = tempfile::tempdir().unwrap();
        let _fake = fake(root.path(), Told { nonsense: Some(nonsense.clone()), ..Told::default() });
        let (watch, _there) = talking(root.path(), Duration::from_millis(50));
        assert!(until_so(|| watch.state().lost.is_some() || watch.has_ended()));
        assert!(!watch.has_ended(), "{nonsense:?}");
    }
}

#[test]
fn whatever_a_unit_is_said_to_be_nobody_fails_by_it() {
    use super::super::facts::{Properties, facts};
    use zbus::zvariant::serialized::{Context, Data};
    use zbus::zvariant::{LE, Value, to_bytes};

    let context = Context::new_dbus(LE, 0);
    let words: Vec<(&str, Vec<&str>, bool)> = vec![("/bin/node", vec!["node", "x"], false)];
    let told = std::collections::HashMap::from([
        ("ActiveState", Value::from("active")),
        ("MainPID", Value::from(4_711_u32)),
        ("ExecStart", Value::from(words)),
        ("InvocationID", Value::from(vec![1_u8, 2])),
        ("Job", Value::from((7_u32, "/a"))),
    ]);
    let whole = to_bytes(context, &told).unwrap().to_vec();
    let mut state = 2_463_534_242_u32;
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let at = state as usize % bytes.len();
            bytes[at] = b"\0\x01\x04\xff(){}avsoygx"[(state >> 16) as usize % 15];
        }
        if let Ok((read, _)) = Data::new(bytes, context).deserialize::<Properties>() {
            drop(facts("mcp@a.service", &read, &read, |_| None).of_user(Uid(7)));
        }
    }
}
