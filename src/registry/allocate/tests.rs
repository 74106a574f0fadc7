//! What is given to whom, with a kernel that says what a test wants.

use std::collections::HashSet;
use std::io;

use super::*;
use crate::domain::PortRange;

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

fn want(name: &str, by: By) -> Want {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Want { id: id(name), uid: Uid(1001), host, configured: None, listening: Vec::new(), by, anew: false, usable: false }
}

fn rules() -> Rules {
    let range = PortRange { first: 8080, last: 8099 };
    let reserved = vec![PortRange { first: 8082, last: 8082 }];
    Rules {
        limits: Limits { range, reserved, ephemeral: Some(PortRange { first: 8090, last: 60_999 }), kept_free: Vec::new() },
        quarantine: Duration::from_secs(3600),
        configured: Vec::new(),
        on_behalf: Shown::new("root"),
        now: "2026-11-21T12:00:00Z".parse().unwrap(),
    }
}

/// A registry of its own, and the ports that the kernel says are in use, at the addresses that are named.
struct Host {
    tree: tempfile::TempDir,
    used: HashSet<Endpoint>,
    rules: Rules,
}

impl Host {
    fn new() -> Self {
        Self { tree: tempfile::tempdir().unwrap(), used: HashSet::new(), rules: rules() }
    }

    fn registry(&self) -> Registry {
        Registry::patient(self.tree.path(), Duration::from_secs(600))
    }

    fn listen(&mut self, address: &str, port: u16) {
        self.used.insert(Endpoint::new(address.parse().unwrap(), port));
    }

    fn give(&self, wants: &[Want]) -> Vec<Given> {
        let mut probe = |endpoint: &Endpoint| {
            let taken = self.used.iter().any(|used| used.overlaps(endpoint));
            if taken { Err(io::Error::from_raw_os_error(libc::EADDRINUSE)) } else { Ok(()) }
        };
        let (given, notices) = self.registry().allocate(wants, &self.rules, &mut probe).unwrap();
        assert!(notices.is_empty(), "{notices:?}");
        given
    }

    fn one(&self, want: Want) -> (Option<u16>, String) {
        let given = self.give(&[want]).remove(0);
        (given.port, given.why.map(|why| why.to_string()).unwrap_or_default())
    }
}

const LOWEST: By = By::Strategy(Strategy::Registry);

#[test]
fn the_lowest_free_one_is_given_and_kept() {
    let mut host = Host::new();
    host.listen("127.0.0.1", 8080);
    let wants = ["amy", "bob", "carol"].map(|name| want(name, LOWEST));
    let ports: Vec<Option<u16>> = host.give(&wants).iter().map(|given| given.port).collect();
    assert_eq!(ports, [Some(8081), Some(8083), Some(8084)]);
    let again = host.give(&wants);
    assert!(again.iter().all(|given| given.kept));
    let book = host.registry().read().unwrap().0;
    let held: Vec<String> =
        book.assigned().map(|(port, holding)| format!("{port} {} {} {}", holding.id, holding.strategy, holding.by)).collect();
    assert_eq!(held, ["8081 amy registry root", "8083 bob registry root", "8084 carol registry root"]);
}

#[test]
fn a_listener_anywhere_keeps_a_port_from_being_chosen() {
    for address in ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "10.0.0.5", "2001:db8::5"] {
        let mut host = Host::new();
        host.listen(address, 8080);
        assert_eq!(host.one(want("amy", LOWEST)).0, Some(8081), "{address}");
    }
}

#[test]
fn what_was_named_may_be_anothers_on_an_address_that_no_name_stands_for() {
    for (address, expected) in [("10.0.0.5", Some(8085)), ("127.0.0.1", None), ("0.0.0.0", None), ("::1", None), ("::", None)] {
        let mut host = Host::new();
        host.listen(address, 8085);
        assert_eq!(host.one(want("amy", By::Name(8085))).0, expected, "{address}");
    }
}

#[test]
fn what_was_named_is_given_or_nothing() {
    let mut host = Host::new();
    host.rules.configured = vec![(id("zoe"), Uid(1009), 8086)];
    host.give(&[want("bob", By::Name(8083))]);
    let cases = [
        (8079, "is outside the range 8080-8099"),
        (8082, "is reserved"),
        (8083, "is bob's"),
        (8086, "stands in zoe's configuration"),
        (8090, "is among the kernel's for outgoing connections"),
    ];
    for (port, why) in cases {
        assert_eq!(host.one(want("amy", By::Name(port))), (None, why.to_owned()), "{port}");
    }
    assert_eq!(host.one(want("amy", By::Name(8085))), (Some(8085), String::new()));
    // To another one, by name: the old one is released.
    let moved = host.give(&[want("amy", By::Name(8084))]).remove(0);
    assert_eq!((moved.port, moved.released), (Some(8084), Some(8085)));
}

#[test]
fn a_collision_is_recorded() {
    let host = Host::new();
    let by = By::Strategy(Strategy::Uid { modulus: 1000 });
    let wants = [(1000, "ann"), (2000, "ben")].map(|(uid, name)| Want { uid: Uid(uid), ..want(name, by) });
    let given = host.give(&wants);
    assert_eq!((given[0].port, given[1].port, given[1].wish), (Some(8080), Some(8081), Some(8080)));
    let book = host.registry().read().unwrap().0;
    let ben = book.holding(8081).unwrap();
    assert_eq!((ben.wish, ben.why.as_ref().unwrap().as_str(), ben.uid), (Some(8080), "8080 is ann's", Uid(2000)));
    assert_eq!(book.holding(8080).unwrap().why, None);
}

#[test]
fn a_released_port_is_given_to_nobody_else_for_its_time() {
    let mut host = Host::new();
    host.give(&[want("amy", LOWEST)]);
    assert_eq!(host.registry().release(&id("amy"), &host.rules).unwrap(), (Some(8080), Vec::new()));
    assert_eq!(host.registry().release(&id("amy"), &host.rules).unwrap().0, None);
    let (port, why) = host.one(want("bob", By::Name(8080)));
    assert!(port.is_none() && why.starts_with("was amy's and is given to nobody until "), "{why}");
    assert_eq!(host.one(want("bob", LOWEST)).0, Some(8081));
    // Whose it was can have it back.
    assert_eq!(host.one(want("amy", By::Name(8080))).0, Some(8080));
    host.registry().release(&id("amy"), &host.rules).unwrap();
    host.rules.now = "2026-11-21T13:00:00Z".parse().unwrap();
    assert_eq!(host.one(want("carol", LOWEST)).0, Some(8080));
    assert_eq!(host.registry().read().unwrap().0.released().count(), 0);
}

#[test]
fn who_gives_a_port_up_is_given_another_one() {
    let host = Host::new();
    host.give(&[want("amy", LOWEST), want("bob", LOWEST)]);
    let anew = Want { anew: true, ..want("amy", LOWEST) };
    let given = host.give(&[anew]).remove(0);
    assert_eq!((given.port, given.released, given.kept), (Some(8083), Some(8080), false));
    // In the same breath nobody else is given what was given up.
    let anew = Want { anew: true, ..want("bob", LOWEST) };
    let ports: Vec<Option<u16>> = host.give(&[anew, want("carol", LOWEST)]).iter().map(|given| given.port).collect();
    assert_eq!(ports, [Some(8084), Some(8085)]);
}

#[test]
fn who_cannot_have_his_port_any_more_is_given_another_one_when_he_asks() {
    let mut host = Host::new();
    host.give(&[want("amy", LOWEST)]);
    let asks = || Want { usable: true, ..want("amy", LOWEST) };
    assert!(host.give(&[asks()])[0].kept);
    host.listen("127.0.0.1", 8080);
    assert!(host.give(&[Want { listening: vec![8080], ..asks() }])[0].kept, "it listens there itself");
    let probe = &mut |endpoint: &Endpoint| match endpoint.port {
        8080 => Err(io::Error::from_raw_os_error(libc::EADDRINUSE)),
        _ => Ok(()),
    };
    let would = host.registry().would_give(&asks(), &host.rules, probe).unwrap().0;
    assert_eq!(host.registry().read().unwrap().0.port_of(&id("amy")), Some(8080), "only asked");
    let given = host.give(&[asks()]).remove(0);
    assert_eq!((given.port, given.released, given.kept), (Some(8081), Some(8080), false));
    assert_eq!(would, given);
}

#[test]
fn what_fails_afterwards_gives_nothing() {
    let host = Host::new();
    let fails = |_: &[Given]| Err(crate::error::Error::failed("the file could not be changed"));
    let error = host.registry().allocate_then(&[want("amy", LOWEST)], &host.rules, &mut |_| Ok(()), fails).unwrap_err();
    assert_eq!(error.chain(), "the file could not be changed");
    assert_eq!(host.registry().read().unwrap().0.assigned().len(), 0);
}

#[test]
fn what_runs_keeps_what_it_listens_on() {
    let mut host = Host::new();
    host.listen("127.0.0.1", 8085);
    let running = Want { configured: Some(8085), listening: vec![8085], ..want("amy", LOWEST) };
    assert_eq!(host.one(running).0, Some(8085));
    // Somebody else's is not.
    let squatted = Want { configured: Some(8085), ..want("bob", LOWEST) };
    assert_eq!(host.one(squatted), (Some(8080), "is amy's".to_owned()));
}

#[test]
fn a_file_of_a_user_decides_nothing_once_he_has_a_port() {
    let mut host = Host::new();
    host.rules.configured = vec![(id("amy"), Uid(1001), 8080)];
    assert_eq!(host.one(want("bob", LOWEST)).0, Some(8081));
    assert_eq!(host.one(Want { configured: Some(8080), ..want("amy", LOWEST) }).0, Some(8080));
    host.rules.configured = vec![(id("amy"), Uid(1001), 8083)];
    assert_eq!(host.one(want("carol", LOWEST)).0, Some(8083));
}

#[test]
fn when_the_range_is_full_that_is_told_and_the_others_have_theirs() {
    let host = Host::new();
    let wants: Vec<Want> = (0..12).map(|at| want(&format!("u{at}"), LOWEST)).collect();
    // Ten ports, one of them reserved.
    let given: Vec<Option<u16>> = host.give(&wants).iter().map(|given| given.port).collect();
    assert_eq!((given.iter().flatten().count(), &given[9..]), (9, &[None, None, None][..]));
}

#[test]
fn a_kernel_that_cannot_be_asked_gives_nothing() {
    let host = Host::new();
    let mut probe = |_: &Endpoint| Err(io::Error::from_raw_os_error(libc::EMFILE));
    let error = host.registry().allocate(&[want("amy", LOWEST)], &host.rules, &mut probe).unwrap_err();
    assert!(error.chain().starts_with("cannot ask the kernel for 127.0.0.1:8080: "), "{}", error.chain());
    assert_eq!(host.registry().read().unwrap().0.assigned().len(), 0);
    let mut no_six = |endpoint: &Endpoint| match endpoint.address {
        IpAddr::V4(_) => Ok(()),
        IpAddr::V6(_) => Err(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL)),
    };
    let (given, _) = host.registry().allocate(&[want("amy", LOWEST)], &host.rules, &mut no_six).unwrap();
    assert_eq!(given[0].port, Some(8080));
}

#[test]
fn who_goes_leaves_his_port_in_quarantine_whoever_gave_it() {
    let mut host = Host::new();
    host.one(want("amy", By::Name(8080)));
    let retire = |host: &Host, who: &str, port| host.registry().retire(&id(who), Uid(1), port, &host.rules).unwrap().0;
    assert_eq!(retire(&host, "amy", Some(8085)), Some(8080));
    assert_eq!(retire(&host, "amy", None), None);
    // Only its own file said it; what is another one's stays that one's.
    assert_eq!(retire(&host, "bob", Some(8081)), Some(8081));
    host.one(want("cat", By::Name(8083)));
    assert_eq!(retire(&host, "dan", Some(8083)), None);
    let given = host.one(want("eve", LOWEST));
    assert_eq!(given.0, Some(8084), "{given:?}");
    assert_eq!(host.one(Want { configured: Some(8080), ..want("amy", LOWEST) }).0, Some(8080), "what was its own it may have again");
    host.rules.now = "2026-11-21T14:00:00Z".parse().unwrap();
    assert_eq!(host.one(want("flo", LOWEST)).0, Some(8081));
}

#[test]
fn the_port_that_runs_is_adopted_wherever_it_lies() {
    let host = Host::new();
    host.one(want("amy", By::Name(8080)));
    let adopt = |who: &str, port, fails: bool| {
        let then = || if fails { Err(Error::failed("the file")) } else { Ok(()) };
        host.registry().adopt_then(&id(who), Uid(1), port, &host.rules, then).map(|(before, _)| before)
    };
    assert_eq!(adopt("amy", 3000, true).unwrap_err().chain(), "the file");
    assert_eq!(host.registry().read().unwrap().0.port_of(&id("amy")), Some(8080));
    assert_eq!(adopt("amy", 3000, false).unwrap(), Some(8080));
    assert_eq!(adopt("amy", 3000, false).unwrap(), Some(3000));
    assert_eq!(adopt("bob", 3000, false).unwrap_err().chain(), "3000 is amy's");
    assert_eq!(host.registry().read().unwrap().0.port_of(&id("amy")), Some(3000));
}

#[test]
fn a_port_that_is_kept_from_others_is_not_had_by_listening_on_it() {
    let mut host = Host::new();
    host.one(want("amy", By::Name(8080)));
    host.registry().release(&id("amy"), &host.rules).unwrap();
    host.rules.configured = [("man", 8081), ("lp", 8085), ("news", 8085)].map(|(who, port)| (id(who), Uid(1), port)).into();
    let adopt = |who: &str, port| {
        let foreseen = host.registry().would_adopt(&id(who), port, &host.rules).map_err(|error| error.chain());
        let told = host.registry().adopt_then(&id(who), Uid(1), port, &host.rules, || Ok(())).map_err(|error| error.chain());
        assert_eq!(foreseen.is_ok(), told.is_ok(), "{foreseen:?} and {told:?}");
        told.map(drop)
    };
    // Another one's by its file, in quarantine, reserved.
    assert!(adopt("lp", 8081).unwrap_err().contains("man"));
    assert!(adopt("lp", 8080).unwrap_err().contains("amy"));
    assert_eq!(adopt("lp", 8082).unwrap_err(), format!("8082 {}", Obstacle::Reserved));
    // Two files say the same: who is on it has it, and then nobody else.
    adopt("lp", 8085).unwrap();
    assert_eq!(adopt("news", 8085).unwrap_err(), "8085 is lp's");
    adopt("amy", 8080).unwrap();
    adopt("ann", 40_000).unwrap();
}

#[test]
fn who_goes_leaves_nothing_of_what_another_ones_file_says() {
    let mut host = Host::new();
    host.one(want("amy", By::Name(8080)));
    host.rules.configured = [("games", 8085), ("lp", 8085)].map(|(who, port)| (id(who), Uid(1), port)).into();
    assert_eq!(host.registry().retire(&id("games"), Uid(1), Some(8085), &host.rules).unwrap().0, None);
    host.rules.configured.remove(0);
    assert_eq!(host.one(want("lp", By::Name(8085))).0, Some(8085));
}

#[test]
fn beside_a_registry_that_may_not_be_read_nobody_is_given_anything() {
    let host = Host::new();
    let beside = host.registry().beside(Some("/var/lib/berth".into()));
    let mut probe = |_: &Endpoint| Ok(());
    let refused = [
        beside.require_room().unwrap_err(),
        beside.would_give(&want("amy", LOWEST), &host.rules, &mut probe).unwrap_err(),
        beside.would_give_all(&[want("amy", LOWEST)], &host.rules, &mut probe).unwrap_err(),
        beside.would_adopt(&id("amy"), 8080, &host.rules).unwrap_err(),
        beside.would_reserve(8080, &host.rules).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(
            (error.exit_code(), error.to_string().contains("/var/lib/berth"), error.way_out().is_some()),
            (3, true, true),
            "{error}"
        );
    }
    assert!(beside.read().is_ok() && host.registry().beside(None).require_room().is_ok());
}
