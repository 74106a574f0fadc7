//! The daemon's socket, driven by real accounts: who may what, who sees what, and what stands in the trail.
//!
//! It must never take the daemon's word for who asked: each request is made by a thread with that account's uid.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use serde_json::Value;

use super::host::Host;
use crate::accounts::Account;
use crate::api::{Answered, Events, ask, get, until};
use crate::parts;

/// What nobody but its owner and admins may ever read.
pub(super) const PLANTED: &str = "hunter2";

/// Nobody, by uid and gid.
pub(super) const NOBODY: u32 = 65_534;

pub(super) struct Served(Child, pub(super) PathBuf);

impl Served {
    pub(super) fn on(host: &Host) -> Self {
        let socket = host.beside("run").join("berth.sock");
        let served = Self(host.berth.meanwhile(&["serve"]), socket);
        until("the daemon answers", || std::os::unix::net::UnixStream::connect(&served.1).is_ok());
        until("it has looked", || get(&served.1, "/health")["status"] == "ok");
        served
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Does something in a thread that has this uid and gid, and no other groups. The system calls themselves change one thread; the C library's
/// functions change all.
pub(super) fn as_user<T: Send>(uid: u32, gid: u32, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            // SAFETY: plain numbers; this thread ends with the work.
            let changed = unsafe {
                libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()) == 0
                    && libc::syscall(libc::SYS_setresgid, gid, gid, gid) == 0
                    && libc::syscall(libc::SYS_setresuid, uid, uid, uid) == 0
            };
            assert!(changed, "{}", std::io::Error::last_os_error());
            work()
        });
        thread.join().unwrap()
    })
}

/// An admin by its group, an owner, another user; and what the configuration says of them.
pub(super) fn host() -> (Host, Account) {
    let admin = Account::make();
    let host = Host::new(&["print \"hunter2-log\\n\"; sleep 1 while 1;", "print \"bob's\\n\"; sleep 1 while 1;"]);
    let text = fs::read_to_string(&host.berth.config).unwrap();
    let text = text.replace("server.pl\"]", "server.pl\", \"--token=hunter2-argument\"]");
    let text = text.replace("PORT = \"{port}\" }", "PORT = \"{port}\", PLANTED = \"hunter2-environment\" }");
    assert_eq!(text.matches(PLANTED).count(), 2);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let (admin_name, alice, bob, socket) = (&admin.name, &alice.name, &bob.name, host.beside("run").join("berth.sock"));
    let text = format!(
        "{text}\n[access]\nadmins = [\"root\", \"%{admin_name}\"]\nviewers = [\"{alice}\", \"{bob}\"]\n\
         owners_may = [\"start\", \"restart\", \"logs\"]\n[daemon]\nsocket = \"{}\"\n",
        socket.display()
    );
    fs::write(&host.berth.config, text).unwrap();
    (host, admin)
}

fn by(who: (u32, u32), socket: &Path, method: &str, path: &str) -> Answered {
    as_user(who.0, who.1, || ask(socket, method, path, ""))
}

#[test]
fn a17_who_may_what_over_the_real_socket() {
    let Some(()) = parts::root() else { return };
    let (host, admin) = host();
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let served = Served::on(&host);
    let socket = &served.1;
    let of = |account: &Account| (account.uid, account.gid);
    let callers = [
        ("root", (0, 0), "admin"),
        ("admin", of(&admin), "admin"),
        ("owner", of(alice), "viewer"),
        ("other", of(bob), "viewer"),
        ("nobody", (NOBODY, NOBODY), "stranger"),
    ];
    let path = |what: &str| format!("/v1/instances/{}{what}", alice.name);
    // In this order: what is refused must leave it as it is.
    let requests = [
        ("GET", "", [200, 200, 200, 200, 404]),
        ("POST", "/start", [200, 200, 200, 403, 404]),
        ("POST", "/restart", [200, 200, 200, 403, 404]),
        ("GET", "/logs", [200, 200, 200, 403, 404]),
        ("POST", "/stop", [200, 200, 403, 403, 404]),
    ];
    for (index, (name, who, role)) in callers.iter().enumerate() {
        let me = by(*who, socket, "GET", "/v1/me").json();
        assert_eq!((me["uid"].as_u64(), me["role"].as_str()), (Some(who.0.into()), Some(*role)), "{name}: {me:#}");
        for (method, what, expected) in &requests {
            let before = host.berth.instance(&alice.name)["pid"].clone();
            let answered = by(*who, socket, method, &path(what));
            assert_eq!(answered.status, expected[index], "{name} {method} {what}: {}", answered.text);
            let error = &answered.json()["error"];
            match expected[index] {
                403 => assert_eq!((&error["exit_code"], &error["kind"]), (&3.into(), &"not-permitted".into())),
                404 => assert_eq!(error["exit_code"], 4),
                _ => assert!(error.is_null(), "{error}"),
            }
            if *method == "POST" && expected[index] != 200 {
                assert_eq!(host.berth.instance(&alice.name)["pid"], before, "{name} {what}");
            }
        }
        if index == 2 {
            assert_eq!(by((0, 0), socket, "POST", &path("/stop")).status, 200);
        }
    }
    trail_tells(&host, &admin);
    sees_nothing_of_others(&host, &admin, socket);
}

/// Of the trail: whose, of which login, which verb, the code, the result.
type Line = (u32, Option<u32>, String, u8, String);

/// Who wanted what, and what came of it.
fn trail_tells(host: &Host, admin: &Account) {
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let trail = rusqlite::Connection::open(host.berth.state.join("events.db")).unwrap();
    let mut statement = trail.prepare("SELECT uid, login_uid, verb, exit_code, result FROM actions WHERE instance = ?1").unwrap();
    let all: Vec<Line> = statement
        .query_map([&alice.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let count = |is: &dyn Fn(&Line) -> bool| all.iter().filter(|line| is(line)).count();
    assert_eq!(count(&|line| line.0 == bob.uid && line.3 == 3 && line.4.starts_with("refused: ")), 3, "{all:#?}");
    assert_eq!(count(&|line| line.0 == alice.uid && line.2 == "stop" && line.3 == 3), 1, "{all:#?}");
    assert_eq!(count(&|line| line.0 == alice.uid && line.3 == 0), 2, "{all:#?}");
    assert_eq!(count(&|line| line.0 == 0 && line.1 == Some(admin.uid) && line.3 == 0), 3, "an admin acts as root: {all:#?}");
    let by = "SELECT DISTINCT name FROM actions WHERE instance = ?1 AND login_uid = ?2";
    let name: String = trail.query_row(by, (&alice.name, admin.uid), |row| row.get(0)).unwrap();
    assert_eq!(name, admin.name, "in the own name");
    assert_eq!(count(&|line| line.0 == NOBODY), 0, "what is not there for somebody is not asked for: {all:#?}");
}

/// Another user's answers, in all ways of asking, while alice's server runs and is restarted.
fn sees_nothing_of_others(host: &Host, admin: &Account, socket: &Path) {
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let (admin, bob) = ((admin.uid, admin.gid), (bob.uid, bob.gid));
    let path = format!("/v1/instances/{}", alice.name);
    assert_eq!(by(admin, socket, "POST", &format!("{path}/start")).status, 200);
    until("the log says it", || by(admin, socket, "GET", &format!("{path}/logs")).text.contains("hunter2-log"));
    // Who asks is who connected: what is read of it afterwards is the same, whoever reads.
    let mut events = as_user(bob.0, bob.1, || Events::of(socket, "/v1/stream"));
    let (name, first) = events.next().unwrap();
    assert_eq!((name.as_str(), first["instances"].as_array().map(Vec::len)), ("snapshot", Some(2)));
    // A broken configuration of hers is told, and not what stands in it.
    let config = host.tree(alice).join("config/config.json");
    let whole = fs::read_to_string(&config).unwrap();
    fs::write(&config, "{ \"port\": \"hunter2-configuration\" }").unwrap();
    events.until("her trouble", |_, value| value["findings"].to_string().contains("config-invalid"));
    consoles_see_nothing_of_others(host, bob, socket);
    let read = events.read;
    assert!(!read.contains(PLANTED) && !read.contains("/users/"), "{read}");
    for what in [
        "/v1/snapshot",
        &path,
        &format!("{path}/logs"),
        "/v1/me",
        &format!("/v1/ports/{}", alice.name),
        "/metrics",
        "/health",
        "/v1/events?lines=1000",
    ] {
        let answered = by(bob, socket, "GET", what);
        let own = host.base.display().to_string();
        assert!(!answered.text.contains(PLANTED), "{what}: {}", answered.text);
        assert!(!answered.text.contains(&format!("{own}/users/{}", alice.name)), "{what}: {}", answered.text);
    }
    for verb in ["start", "stop", "restart"] {
        assert!(!by(bob, socket, "POST", &format!("{path}/{verb}")).text.contains(PLANTED), "{verb}");
    }
    let nobodys: Value = by((NOBODY, NOBODY), socket, "GET", "/v1/snapshot").json();
    assert_eq!((nobodys["instances"].as_array().map(Vec::len), &nobodys["totals"]["instances"]), (Some(0), &0.into()));
    assert_eq!(by((NOBODY, NOBODY), socket, "GET", "/v1/events").json()["events"].as_array().map(Vec::len), Some(0));
    let start =
        |value: &Value| value["id"] == alice.name.as_str() && value["action"]["verb"] == "start" && value["action"]["reason"].is_null();
    let bobs = by(bob, socket, "GET", "/v1/events?lines=1000").json();
    assert!(bobs["events"].as_array().unwrap().iter().any(start), "who did what is no secret: {bobs:#}");
    until("an admin is told what is in the way", || {
        let text = by(admin, socket, "GET", "/v1/events?lines=1000").text;
        text.contains("config-invalid") && text.contains("config.json")
    });
    let told = by(admin, socket, "GET", "/v1/snapshot");
    assert!(told.text.contains("config.json"), "an admin is told what is wrong: {}", told.text);
    fs::write(&config, whole).unwrap();
}

/// The same by the form that consoles have: of her what stands in the table, of his own all.
fn consoles_see_nothing_of_others(host: &Host, bob: (u32, u32), socket: &Path) {
    let [alice, _] = &host.owners[..] else { panic!("two owners") };
    let mut console = as_user(bob.0, bob.1, || Events::of(socket, "/v1/stream?form=console"));
    let (name, first) = console.next().unwrap();
    let rows = first["rows"].as_array().unwrap().clone();
    assert_eq!((name.as_str(), rows.len()), ("snapshot", 2));
    let hers = rows.iter().find(|row| row["row"]["id"] == alice.name.as_str()).unwrap();
    let text = hers.to_string();
    assert!(!text.contains(PLANTED) && !text.contains("/users/") && hers["declared"] == serde_json::json!([]), "{text}");
    assert_eq!((&hers["row"]["processes"], &hers["row"]["why"]), (&serde_json::json!([]), &Value::Null));
    // What his own is started with is his to see; but for his own row there is nothing of it.
    let mut others = first.clone();
    others["rows"].as_array_mut().unwrap().retain(|row| row["row"]["id"] == alice.name.as_str());
    let others = others.to_string();
    assert!(!others.contains(PLANTED), "{others}");
    assert!(!console.read.contains("hunter2-configuration"));
    let call = |body: &str| as_user(bob.0, bob.1, || ask(socket, "POST", "/v1/console/call", body)).text;
    let order = |verb: &str| format!(r#"{{"verb":"{verb}","id":"{}","target":"Whatever","reason":null,"timeout":null}}"#, alice.name);
    let before = host.berth.instance(&alice.name)["pid"].clone();
    for body in [
        format!(r#"{{"Submit":{}}}"#, order("Stop")),
        format!(r#"{{"CarryOut":{}}}"#, order("Stop")),
        format!(r#"{{"Foresee":{}}}"#, order("Restart")),
        format!(r#"{{"Diagnose":"{}"}}"#, alice.name),
        r#"{"Propose":"Registry"}"#.to_owned(),
        r#"{"ForeseeTask":{"Reserve":8090}}"#.to_owned(),
        r#"{"CarryOutTask":[{"Reserve":8090},null]}"#.to_owned(),
    ] {
        let text = call(&body);
        assert!(text.contains("\"exit_code\":3") && !text.contains(PLANTED), "{body}: {text}");
    }
    assert_eq!(host.berth.instance(&alice.name)["pid"], before);
    let trail = call(r#"{"Trail":100}"#);
    assert!(trail.contains("only admins") && !trail.contains(PLANTED), "{trail}");
    // As `/v1/events` has it: of what others did neither why nor what was said of it.
    let told: Value = trail.lines().find_map(|line| serde_json::from_str(line).ok().filter(Value::is_object)).unwrap();
    let deeds = told["End"]["Trail"]["deeds"].as_array().unwrap().clone();
    let others: Vec<&Value> = deeds.iter().filter(|deed| deed["uid"] != bob.0).collect();
    assert!(!others.is_empty() && others.len() < deeds.len(), "{trail}");
    assert!(others.iter().all(|deed| deed["reason"].is_null() && deed["result"]["sentence"] == ""), "{trail}");
    let log = as_user(bob.0, bob.1, || ask(socket, "POST", "/v1/console/log", &format!("[\"{}\",null]", alice.name)));
    assert!(log.text.contains("Refused") && !log.text.contains(PLANTED), "{}", log.text);
}
