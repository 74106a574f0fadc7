//! Services in a roster: alone, and as one with what a configuration declares.

use std::time::Duration;

use super::*;
use crate::domain::{Gid, Limits, Restart, SupervisorKind, Twin, Uid};
use crate::supervisor::testing::Idle;

fn service(id: ManagedId, name: &str, account: &str) -> Managed {
    Managed {
        id,
        kind: SupervisorKind::Systemd,
        name: name.into(),
        account: account.to_owned(),
        is_users: false,
        definition: "/etc/systemd/system/mcp@.service".into(),
        command: vec!["node".to_owned()],
        directory: "/srv".into(),
        host: None,
        port: Some(8101),
        start_timeout: Duration::from_secs(90),
        stop_timeout: Duration::from_secs(20),
        restart: Restart::OnFailure,
        limits: Limits::default(),
        logs: Vec::new(),
    }
}

fn named(owner: &str) -> ManagedId {
    ManagedId::Named(InstanceId::of_owner(owner).unwrap())
}

fn rostered(services: Vec<Managed>, declared: Vec<Declared>) -> (Roster, Services) {
    let mut services =
        Services::of(Arc::new(Idle { finds: Some(Arc::new(Finds { services, faults: Vec::new() })), ..Idle::of(SupervisorKind::Systemd) }));
    let mut roster = Roster { instances: declared.into_iter().map(Arc::new).collect(), ..Roster::default() };
    assert!(services.look());
    services.put_into(&mut roster, &mut Accounts::default());
    (roster, services)
}

#[test]
fn a_service_is_an_instance_and_its_account_owns_it_where_its_name_says_nobody() {
    let (roster, _) = rostered(
        vec![
            service(named("zoe"), "mcp@zoe.service", "0"),
            service(ManagedId::OfAccount("mcp-files".into()), "mcp-files.service", "root"),
            service(named("nob"), "mcp@nob.service", "there-is-no-such-account"),
            service(named("zoe"), "tools@zoe.service", "0"),
        ],
        Vec::new(),
    );
    let rows: Vec<_> = roster.instances.iter().map(|one| (one.id.to_string(), one.uid, one.port)).collect();
    assert_eq!(rows, [("root/mcp-files".to_owned(), Uid(0), Some(8101)), ("zoe".to_owned(), Uid(0), Some(8101))]);
    let reasons: Vec<&str> = roster.faults.iter().map(|fault| fault.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["it runs as there-is-no-such-account, and there is no such account", "it is zoe once more; mcp@zoe.service came first and counts"]
    );
    assert!(roster.instances.iter().all(|one| one.unit.as_ref().is_some_and(|unit| unit.is_bare)));
}

#[test]
fn with_a_configuration_of_the_same_name_it_is_one_row_that_its_supervisor_owns() {
    let (alone, _) = rostered(vec![service(named("amy"), "x@amy.service", "0")], Vec::new());
    let configured = |id: &str| Declared {
        id: InstanceId::of_owner(id).unwrap(),
        supervisor: SupervisorKind::Process,
        unit: None,
        uid: Uid(77),
        gid: Gid(77),
        config: format!("/opt/{id}.json").into(),
        port: Some(8200),
        log: "/opt/x.log".into(),
        ..(*alone.instances[0]).clone()
    };
    let (roster, mut services) =
        rostered(vec![service(named("bob"), "mcp@bob.service", "0")], vec![configured("abe"), configured("bob"), configured("cyd")]);
    let seen: Vec<_> = roster.instances.iter().map(|one| (one.id.to_string(), one.supervisor, one.port)).collect();
    let process = |id: &str| (id.to_owned(), SupervisorKind::Process, Some(8200));
    assert_eq!(seen, [process("abe"), ("bob".to_owned(), SupervisorKind::Systemd, Some(8200)), process("cyd")]);
    let bob = Arc::clone(&roster.instances[1]);
    assert_eq!((bob.uid, bob.config.to_str(), bob.log.to_str()), (Uid(0), Some("/opt/bob.json"), Some("")));
    assert!(bob.unit.as_ref().is_some_and(|unit| !unit.is_bare && unit.name.as_str() == "mcp@bob.service"));
    // Looked at again with the same it is the very same.
    let twin = Arc::clone(&services.made[&bob.id].twin.clone().unwrap());
    let mut again = Roster { instances: vec![twin], ..Roster::default() };
    assert!(!services.look());
    services.put_into(&mut again, &mut Accounts::default());
    assert!(Arc::ptr_eq(&again.instances[0], &bob));
}

#[test]
fn a_service_of_another_name_is_the_instance_that_it_was_seen_to_be_or_whose_configuration_it_names() {
    let of_account = |name: &str, command: &str| Managed {
        command: command.split(' ').map(str::to_owned).collect(),
        ..service(ManagedId::OfAccount(name.into()), &format!("{name}.service"), "0")
    };
    let (alone, _) = rostered(vec![service(named("amy"), "x@amy.service", "0")], Vec::new());
    let configured = |id: &str, uid: u32| Declared {
        id: InstanceId::parse(id).unwrap(),
        supervisor: SupervisorKind::Process,
        unit: None,
        uid: Uid(uid),
        config: format!("/opt/{id}.json").into(),
        port: Some(8200),
        ..(*alone.instances[0]).clone()
    };
    let twins = Twins::default();
    let seen = |service: &str, id: &str, port: u16| {
        let kind = SupervisorKind::Systemd;
        twins.keep(&[Twin { kind, service: service.into(), id: InstanceId::parse(id).unwrap(), port: Some(port) }]);
    };
    seen("seen.service", "bob", 8200);
    seen("moved.service", "cyd", 8199);
    seen("others.service", "dan", 8200);
    seen("gone.service", "nobody", 8200);
    let services = vec![
        of_account("named", "node --config=/opt/amy.json"),
        of_account("again", "node --config /opt/amy.json"),
        of_account("seen", "node"),
        of_account("moved", "node"),
        of_account("others", "node --env-file /opt/dan.json"),
        of_account("gone", "node /opt/bob.json"),
        Managed { command: vec!["--config=/opt/eve.json".into()], ..service(named("zoe"), "mcp@zoe.service", "0") },
    ];
    let finds = Finds { services, faults: Vec::new() };
    let idle = Idle { finds: Some(Arc::new(finds)), ..Idle::of(SupervisorKind::Systemd) };
    let mut services = Services::of(Arc::new(idle)).with(twins.clone());
    let declared = [("amy", 0), ("bob", 0), ("cyd", 0), ("dan", 77), ("eve", 0)].map(|(id, uid)| Arc::new(configured(id, uid)));
    let mut roster = Roster { instances: declared.to_vec(), ..Roster::default() };
    assert!(services.look() && !services.look());
    services.put_into(&mut roster, &mut Accounts::default());
    let rows: Vec<String> =
        roster.instances.iter().map(|one| format!("{} {}", one.id, one.unit.as_ref().map_or("-", |unit| unit.name.as_str()))).collect();
    let expected = [
        "amy named.service",
        "bob seen.service",
        "cyd -",
        "dan -",
        "eve -",
        "root/again again.service",
        "root/gone gone.service",
        "root/moved moved.service",
        "root/others others.service",
        "zoe mcp@zoe.service",
    ];
    assert_eq!(rows, expected);
    assert!(roster.faults.is_empty(), "{:?}", roster.faults);
    // Who is seen later makes it look again.
    seen("moved.service", "cyd", 8200);
    assert!(services.have_news() && services.look());
}
